//===- Pooling.cpp - Gradients of pools -----------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/ContractionOps.h"
#include "neuroplast/Dialect/Neuro/IR/IndexingOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/PoolingOps.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"

using namespace mlir;
using namespace neuroplast::neuro;

/// Batches and channels, the axes before those of windows, may be open.
static constexpr unsigned kFirstPlaceAxis = 2;

namespace {

/// The places of a tensor by the windows that they belong to: one at most, as
/// windows begin where the ones before end.
struct DisjointWindows {
  SmallVector<int64_t> covered; ///< of the tensor
  SmallVector<int64_t> split;   ///< windows and places within them by turns
  SmallVector<int64_t> single;  ///< the same with one place each
  SmallVector<int64_t> axes;    ///< of places within windows
  int64_t count = 1;            ///< of places in a window

  template <typename PoolOp>
  static std::optional<DisjointWindows> match(PoolOp op,
                                              ArrayRef<int64_t> results) {
    auto isAll = [](ArrayRef<int64_t> numbers, int64_t number) {
      return llvm::all_of(numbers, [&](int64_t n) { return n == number; });
    };
    if (op.getStrides() != op.getKernelShape() || op.getCeilMode() ||
        !isAll(op.getDilations(), 1) || !isAll(op.getPads(), 0) ||
        op.getAutoPad() != "NOTSET")
      return std::nullopt;
    DisjointWindows windows;
    for (auto *shape : {&windows.covered, &windows.split, &windows.single})
      shape->append({results[0], results[1]});
    for (auto [windowCount, size] :
         llvm::zip_equal(results.drop_front(2), op.getKernelShape())) {
      windows.covered.push_back(windowCount * size);
      windows.axes.push_back(static_cast<int64_t>(windows.split.size()) + 1);
      windows.split.append({windowCount, size});
      windows.single.append({windowCount, 1});
      windows.count *= size;
    }
    return windows;
  }
};

} // namespace

/// The gradient of a window goes to the first of its largest elements.
static Term giveToLargest(const DisjointWindows &windows, const Term &x,
                          const Term &y, const Term &g) {
  SmallVector<int64_t> shape(windows.split.size(), 1);
  for (int64_t axis : windows.axes)
    shape[axis] = windows.split[axis];
  TermBuilder &at = x.getBuilder();
  SmallVector<Attribute> numbers;
  for (int64_t i = 0; i < windows.count; ++i)
    numbers.push_back(at.builder.getFloatAttr(x.getType().getElementType(),
                                              static_cast<double>(i)));
  Term number(at, ConstantOp::create(at.builder, at.location,
                                     DenseElementsAttr::get(
                                         x.getType().clone(shape), numbers)));
  Term isLargest = x.fitTo(windows.covered)
                       .reshape(windows.split)
                       .isEqual(y.reshape(windows.single));
  Term first = isLargest.select(number, static_cast<double>(windows.count))
                   .min(windows.axes);
  return number.isEqual(first)
      .select(g.reshape(windows.single), 0)
      .reshape(windows.covered)
      .fitTo(x.getType().getShape());
}

LogicalResult MaxPoolOp::buildGradient(GradientScope &scope) {
  Term x = scope.getOperand(0), g = scope.getGradient();
  if (failed(scope.requireStaticSizes(kFirstPlaceAxis)))
    return failure();
  if (getStorageOrder() != 0)
    return emitOpError("with indices column by column has no gradient yet");
  if (auto windows = DisjointWindows::match(*this, g.getType().getShape())) {
    scope.give(0, giveToLargest(*windows, x, scope.getResult(), g));
    return success();
  }
  // The indices lead through the whole tensor: each maximum has its place
  // there, where the gradients of all its windows add up.
  auto &at = scope.getBuilder();
  Term zeros = g.zerosLike(x.flatten().get());
  Value sums = ScatterElementsOp::create(at.builder, at.location, zeros.get(),
                                         scope.getResult(1).flatten().get(),
                                         g.flatten().get(), 0, "add");
  scope.give(0, scope.wrap(sums).reshapeLike(x.get()));
  return success();
}

namespace {

/// Windows that may overlap and reach beyond a tensor. One of ones, moved over
/// a channel, sums up what it covers; a transposed one hands shares back.
/// Channels are batches here.
class SlidingWindows {
public:
  template <typename PoolOp>
  SlidingWindows(PoolOp op, const Term &x, const Term &y)
      : x(x), strides(op.getStrides()), dilations(op.getDilations()),
        declared(op.getPads()), pads(declared) {
    SmallVector<int64_t> window{1, 1};
    llvm::append_range(window, op.getKernelShape());
    ones = fill(window);
    // Where windows reach beyond what there is, and by how much, as rounding up
    // lets them.
    size_t axes = strides.size();
    for (size_t i = 0; i < axes; ++i) {
      int64_t extent = (op.getKernelShape()[i] - 1) * dilations[i] + 1;
      int64_t reach = (y.getType().getDimSize(i + 2) - 1) * strides[i] + extent;
      int64_t size = x.getType().getDimSize(i + 2) + pads[i];
      rest.push_back(std::max<int64_t>(size + pads[i + axes] - reach, 0));
      pads[i + axes] = std::max(pads[i + axes], reach - size);
    }
  }

  /// How many places each window has; paddings count if they are to, what
  /// rounding up adds does not.
  Term count(bool includePads) const {
    SmallVector<int64_t> area{1, 1}, beyond(pads);
    size_t axes = strides.size();
    for (size_t i = 0; i < axes; ++i) {
      int64_t padding = declared[i] + declared[i + axes];
      area.push_back(x.getType().getDimSize(i + 2) +
                     (includePads ? padding : 0));
      if (includePads) {
        beyond[i] = 0;
        beyond[i + axes] -= declared[i + axes];
      }
    }
    auto &at = x.getBuilder();
    return {at,
            ConvOp::create(at.builder, at.location, fill(area).get(),
                           ones.get(), Value(), strides, dilations, beyond)};
  }

  /// For each place the sum over all windows that have it.
  Term spread(const Term &shares) const {
    auto &at = x.getBuilder();
    Term sums(at, ConvTransposeOp::create(
                      at.builder, at.location,
                      shares.joinAxes(2).expandAxes(1).get(), ones.get(),
                      Value(), strides, dilations, pads, rest));
    return sums.reshapeLike(x.get());
  }

private:
  Term fill(ArrayRef<int64_t> shape) const {
    auto &at = x.getBuilder();
    return {at, ExpandOp::create(at.builder, at.location, x.number(1).get(),
                                 ValueRange(), shape)};
  }

  Term x, ones;
  SmallVector<int64_t> strides, dilations, declared, pads, rest;
};

} // namespace

LogicalResult AveragePoolOp::buildGradient(GradientScope &scope) {
  Term x = scope.getOperand(0), g = scope.getGradient();
  if (failed(scope.requireStaticSizes(kFirstPlaceAxis)))
    return failure();
  if (getAutoPad() == "SAME_UPPER" || getAutoPad() == "SAME_LOWER")
    return emitOpError("with automatic paddings has no gradient");
  if (auto windows = DisjointWindows::match(*this, g.getType().getShape())) {
    Term share = g / static_cast<double>(windows->count);
    scope.give(0, share.reshape(windows->single)
                      .broadcastTo(windows->split)
                      .reshape(windows->covered)
                      .fitTo(x.getType().getShape()));
    return success();
  }
  SlidingWindows windows(*this, x, g);
  scope.give(0, windows.spread(g / windows.count(getCountIncludePad())));
  return success();
}

LogicalResult LpPoolOp::buildGradient(GradientScope &scope) {
  Term x = scope.getOperand(0), y = scope.getResult(), g = scope.getGradient();
  if (failed(scope.requireStaticSizes(kFirstPlaceAxis)))
    return failure();
  if (getAutoPad() == "SAME_UPPER" || getAutoPad() == "SAME_LOWER")
    return emitOpError("with automatic paddings has no gradient");
  double power = static_cast<double>(getP()) - 1;
  Term share = g, part = x.sign();
  if (power > 0) {
    // Of windows full of zeros it is the subgradient that is zero.
    share = (y > 0).select(g / y.pow(y.number(power)), 0);
    part = part * x.abs().pow(x.number(power));
  }
  scope.give(0, part * SlidingWindows(*this, x, g).spread(share));
  return success();
}

LogicalResult MaxUnpoolOp::buildGradient(GradientScope &scope) {
  Term x = scope.getOperand(0), g = scope.getGradient();
  if (failed(scope.requireStaticSizes()))
    return failure();
  // The indices lead through what was pooled, which may end earlier.
  SmallVector<int64_t> pooled;
  for (int64_t axis = 0; axis < x.getRank(); ++axis) {
    auto [factor, summand] = getPooledSize(axis);
    pooled.push_back(factor * x.getType().getDimSize(axis) + summand);
  }
  scope.give(0, g.fitTo(pooled)
                    .flatten()
                    .gatherElements(scope.getOperand(1).flatten(), 0)
                    .reshapeLike(x.get()));
  return success();
}

LogicalResult Col2ImOp::buildGradient(GradientScope &scope) {
  Term x = scope.getOperand(0), g = scope.getGradient();
  if (failed(scope.requireStaticSizes()))
    return failure();
  // A window that has a one in a single place takes out what lies there: as
  // many as there are places, over channels that are batches.
  int64_t count = ShapedType::getNumElements(getBlockShape());
  SmallVector<int64_t> windows{count, 1};
  llvm::append_range(windows, getBlockShape());
  auto &at = scope.getBuilder();
  Term taken = scope.wrap(
      ConvOp::create(at.builder, at.location, g.joinAxes(2).expandAxes(1).get(),
                     g.identityMatrix(count).reshape(windows).get(), Value(),
                     getStrides(), getDilations(), getPads()));
  scope.give(0, taken.reshapeLike(x.get()));
  return success();
}
