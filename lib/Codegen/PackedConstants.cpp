//===- PackedConstants.cpp - Constants in another order -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PackedConstants.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "neuroplast/Codegen/DerivedParams.h"
#include "neuroplast/Conversion/Passes.h"
#include "neuroplast/Dialect/Neuro/IR/MappedFile.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace neuroplast;

PackedConstants::PackedConstants(ModuleOp module)
    : module(module), symbols(module) {
  for (auto param : module.getOps<neuro::ParamOp>())
    params[getParamBufferName(param.getSymName())] = param;
}

/// Strides of elements that lie row by row.
static SmallVector<int64_t> getStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t axis = static_cast<int64_t>(shape.size()) - 2; axis >= 0; --axis)
    strides[axis] = strides[axis + 1] * shape[axis + 1];
  return strides;
}

neuro::ParamOp PackedConstants::getParam(Value value) {
  auto tensor = value.getDefiningOp<bufferization::ToTensorOp>();
  auto global = tensor ? tensor.getBuffer().getDefiningOp<memref::GetGlobalOp>()
                       : memref::GetGlobalOp();
  return global ? params.lookup(global.getName()) : neuro::ParamOp();
}

std::optional<PackedConstants::View> PackedConstants::getView(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  Operation *op = value.getDefiningOp();
  if (!op || !type || !type.hasStaticShape())
    return std::nullopt;
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return View{"constant", dyn_cast<ElementsAttr>(constant.getValue()), 0,
                getStrides(type.getShape())};
  if (neuro::ParamOp param = getParam(value))
    return View{param.getSymName(), param.getValue(), 0,
                getStrides(type.getShape())};
  if (!isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp,
           tensor::ExtractSliceOp, linalg::TransposeOp>(op))
    return std::nullopt;
  std::optional<View> view = getView(op->getOperand(0));
  if (!view)
    return std::nullopt;
  ArrayRef<int64_t> from =
      cast<RankedTensorType>(op->getOperand(0).getType()).getShape();
  SmallVector<int64_t> old = std::move(view->strides);
  view->strides.clear();
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
    for (auto [stride, group] :
         llvm::zip_equal(old, expand.getReassociationIndices())) {
      SmallVector<int64_t> sizes;
      for (int64_t axis : group)
        sizes.push_back(type.getDimSize(axis));
      for (int64_t inner : getStrides(sizes))
        view->strides.push_back(stride * inner);
    }
  } else if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    for (const ReassociationIndices &group :
         collapse.getReassociationIndices()) {
      // Along a joined axis, elements have to be equally far apart.
      int64_t last = 0, reach = 0;
      for (int64_t axis : llvm::reverse(group)) {
        if (from[axis] == 1)
          continue;
        if (reach != 0 && old[axis] != reach)
          return std::nullopt;
        if (reach == 0)
          last = old[axis];
        reach = old[axis] * from[axis];
      }
      view->strides.push_back(last);
    }
  } else if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    llvm::SmallBitVector dropped = slice.getDroppedDims();
    for (size_t axis = 0; axis < old.size(); ++axis) {
      int64_t offset = slice.getStaticOffset(axis),
              step = slice.getStaticStride(axis);
      if (ShapedType::isDynamic(offset) || ShapedType::isDynamic(step))
        return std::nullopt;
      view->offset += offset * old[axis];
      if (!dropped[axis])
        view->strides.push_back(step * old[axis]);
    }
  } else {
    for (int64_t axis : cast<linalg::TransposeOp>(op).getPermutation())
      view->strides.push_back(old[axis]);
  }
  return view;
}

namespace {

/// One of the loops over a packed tensor.
struct Loop {
  int64_t size = 0;   ///< how often it goes around
  int64_t stride = 0; ///< in the source, in elements
  /// If it goes through a block: the loop over the blocks, and how many places
  /// all of them hold.
  std::optional<size_t> blocks;
  int64_t places = 0;
};

} // namespace

/// Writes the elements of `bytes` each that the loops, outermost first, come to
/// in `source`, one behind the other. What fills up last blocks stays as it is.
template <size_t bytes>
static void copyElements(ArrayRef<Loop> loops, const char *source,
                         char *target) {
  struct Element {
    char data[bytes]; // need not be aligned
  };
  const Loop &inner = loops.back();
  SmallVector<int64_t> index(loops.size(), 0);
  // How often a loop goes around here.
  auto getExtent = [&](const Loop &loop) {
    if (!loop.blocks)
      return loop.size;
    return std::min(loop.size, loop.places - index[*loop.blocks] * loop.size);
  };
  for (auto *row = reinterpret_cast<Element *>(target);; row += inner.size) {
    int64_t from = 0;
    bool isFilling = false;
    for (auto [at, loop] : llvm::zip_equal(index, loops)) {
      from += at * loop.stride;
      isFilling |= at >= getExtent(loop);
    }
    const auto *read = reinterpret_cast<const Element *>(source) + from;
    if (!isFilling)
      for (int64_t i = 0, count = getExtent(inner); i < count; ++i)
        row[i] = read[i * inner.stride];
    auto level = static_cast<int64_t>(loops.size()) - 2;
    for (; level >= 0 && ++index[level] == loops[level].size; --level)
      index[level] = 0;
    if (level < 0)
      return;
  }
}

/// The same for elements of any number of bytes that numbers have.
static void copyElements(ArrayRef<Loop> loops, size_t bytes, const char *source,
                         char *target) {
  switch (bytes) {
  case 1:
    return copyElements<1>(loops, source, target);
  case 2:
    return copyElements<2>(loops, source, target);
  case 4:
    return copyElements<4>(loops, source, target);
  case 8:
    return copyElements<8>(loops, source, target);
  default:
    llvm_unreachable("numbers have one to eight bytes");
  }
}

/// A parameter that has its own buffer, read.
static Value readParam(OpBuilder &builder, Location loc, neuro::ParamOp param) {
  RankedTensorType type = param.getType();
  Value buffer = memref::GetGlobalOp::create(
      builder, loc, MemRefType::get(type.getShape(), type.getElementType()),
      getParamBufferName(param.getSymName()));
  return bufferization::ToTensorOp::create(builder, loc, type, buffer,
                                           /*restrict=*/true,
                                           /*writable=*/false);
}

Value PackedConstants::pack(OpBuilder &builder, Value constant,
                            ArrayRef<int64_t> axes, int64_t block,
                            ArrayRef<int64_t> order) {
  neuro::ParamOp &known = packed[{constant.getAsOpaquePointer(),
                                  {axes.begin(), axes.end()},
                                  {order.begin(), order.end()}}];
  if (known)
    return readParam(builder, constant.getLoc(), known);
  std::optional<View> view = getView(constant);
  assert(view && view->base && "checked by isConstant");
  auto elements = TensorElements::read(view->base);
  assert(elements && "numbers have bytes");
  auto oldType = cast<RankedTensorType>(constant.getType());
  std::string name = view->name.str() + ".packed";
  int64_t rank = oldType.getRank();
  // Where the axes of the old one stand in the new one.
  SmallVector<int64_t> position(rank), shape(rank);
  for (int64_t axis = 0; axis < rank; ++axis)
    position[order.empty() ? axis : order[axis]] = axis;
  for (int64_t axis = 0; axis < rank; ++axis)
    shape[position[axis]] =
        llvm::is_contained(axes, axis)
            ? llvm::divideCeil(oldType.getDimSize(axis), block)
            : oldType.getDimSize(axis);
  shape.append(axes.size(), block);
  auto type = oldType.clone(shape);
  size_t size = elements->getElementBytes();
  int64_t count = type.getNumElements() * size;
  std::shared_ptr<char[]> bytes(new char[count]);
  if (type.getNumElements() != oldType.getNumElements())
    memset(bytes.get(), 0, count); // what fills up the last blocks
  // The loops that go through the new one in its order.
  SmallVector<Loop> loops(shape.size());
  for (auto [loop, extent] : llvm::zip(loops, shape))
    loop.size = extent;
  for (int64_t axis = 0; axis < rank; ++axis)
    loops[position[axis]].stride = view->strides[axis];
  for (auto [number, axis] : llvm::enumerate(axes)) {
    Loop &blocks = loops[position[axis]], &inner = loops[rank + number];
    inner.stride = blocks.stride;
    inner.blocks = position[axis];
    inner.places = oldType.getDimSize(axis);
    blocks.stride *= block;
  }
  // The innermost is one that goes around.
  while (loops.size() > 1 && loops.back().size == 1)
    loops.pop_back();
  if (loops.empty())
    loops.push_back({1, 0, std::nullopt, 0});
  ArrayRef<char> source = elements->getBytes();
  if (count > 0)
    copyElements(loops, size, source.data() + view->offset * size, bytes.get());
  releasePages(source);
  ElementsAttr value =
      makeElements(type, name, StringRef(bytes.get(), count), bytes);
  if (isa<DenseElementsAttr>(value))
    return arith::ConstantOp::create(builder, constant.getLoc(), type,
                                     cast<TypedAttr>(value));
  known = createDerivedParam(symbols, module.getBody()->begin(),
                             constant.getLoc(), name, value);
  OpBuilder top(known);
  std::string buffer = getParamBufferName(known.getSymName());
  params[buffer] = known;
  memref::GlobalOp::create(top, constant.getLoc(), buffer,
                           /*sym_visibility=*/StringAttr(),
                           MemRefType::get(shape, type.getElementType()),
                           /*initial_value=*/Attribute(), /*constant=*/true,
                           /*alignment=*/IntegerAttr());
  return readParam(builder, constant.getLoc(), known);
}

void PackedConstants::dropUnread() {
  // Users before what they use.
  SmallVector<Operation *> ops;
  module.walk<WalkOrder::PreOrder>([&](Operation *op) { ops.push_back(op); });
  llvm::StringSet<> read;
  for (Operation *op : llvm::reverse(ops))
    if (isOpTriviallyDead(op))
      op->erase();
    else if (auto global = dyn_cast<memref::GetGlobalOp>(op))
      read.insert(global.getName());
  for (const auto &entry : params) {
    if (read.contains(entry.first()))
      continue;
    if (Operation *buffer = symbols.lookup(entry.first())) {
      symbols.erase(buffer);
      eraseParam(symbols, entry.second);
    }
  }
}
