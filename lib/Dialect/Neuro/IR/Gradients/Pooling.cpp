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
  auto &at = scope.getBuilder();
  int64_t rank = x.getRank(), axes = rank - 2;
  ArrayRef<int64_t> sizes = x.getType().getShape();
  // A window of ones, moved over a channel of ones, counts what it covers; a
  // transposed one hands shares back. Channels are batches here.
  SmallVector<int64_t> window{1, 1}, single{1, 1};
  llvm::append_range(window, getKernelShape());
  llvm::append_range(single, sizes.drop_front(2));
  Term one = g.number(1);
  Term ones = scope.wrap(ExpandOp::create(at.builder, at.location, one.get(),
                                          ValueRange(), window));
  // Where windows reach beyond what there is, and by how much, as rounding up
  // lets them.
  SmallVector<int64_t> pads(getPads()), rest;
  for (int64_t i = 0; i < axes; ++i) {
    int64_t extent = (getKernelShape()[i] - 1) * getDilations()[i] + 1;
    int64_t reach =
        (g.getType().getDimSize(i + 2) - 1) * getStrides()[i] + extent;
    int64_t size = sizes[i + 2] + pads[i];
    rest.push_back(std::max<int64_t>(size + pads[i + axes] - reach, 0));
    pads[i + axes] = std::max(pads[i + axes], reach - size);
  }
  Term count;
  if (getCountIncludePad()) {
    // Paddings count, what rounding up adds does not.
    SmallVector<int64_t> padded{1, 1}, none(2 * axes, 0);
    for (int64_t i = 0; i < axes; ++i) {
      padded.push_back(sizes[i + 2] + getPads()[i] + getPads()[i + axes]);
      none[i + axes] = pads[i + axes] - getPads()[i + axes];
    }
    Value area = ExpandOp::create(at.builder, at.location, one.get(),
                                  ValueRange(), padded);
    count =
        scope.wrap(ConvOp::create(at.builder, at.location, area, ones.get(),
                                  Value(), getStrides(), getDilations(), none));
  } else {
    Value area = ExpandOp::create(at.builder, at.location, one.get(),
                                  ValueRange(), single);
    count =
        scope.wrap(ConvOp::create(at.builder, at.location, area, ones.get(),
                                  Value(), getStrides(), getDilations(), pads));
  }
  Term shares = scope.wrap(ConvTransposeOp::create(
      at.builder, at.location, (g / count).joinAxes(2).expandAxes(1).get(),
      ones.get(), Value(), getStrides(), getDilations(), pads, rest));
  scope.give(0, shares.reshapeLike(x.get()));
  return success();
}
