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

/// Copies an element; those of four bytes, most of all, without a call.
static void copyElement(char *to, const char *from, size_t size) {
  if (size == 4)
    memcpy(to, from, 4);
  else
    memcpy(to, from, size);
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
  // Where in the new one the elements of each axis of the old one go.
  SmallVector<int64_t> strides = getStrides(shape);
  auto getPlace = [&](int64_t axis, int64_t index) {
    const int64_t *inner = llvm::find(axes, axis);
    if (inner == axes.end())
      return index * strides[position[axis]];
    return index / block * strides[position[axis]] +
           index % block * strides[rank + (inner - axes.begin())];
  };
  SmallVector<int64_t> index(rank, 0);
  ArrayRef<char> source = elements->getBytes();
  int64_t last = rank - 1;
  int64_t row = rank == 0 ? 1 : oldType.getDimSize(last);
  std::vector<int64_t> places; // of the elements of a row, in bytes
  for (int64_t i = 0; i < row; ++i)
    places.push_back(rank ? getPlace(last, i) * size : 0);
  for (int64_t rows = oldType.getNumElements() / std::max<int64_t>(row, 1);
       rows > 0; --rows) {
    int64_t from = view->offset, to = 0;
    for (int64_t axis = 0; axis < last; ++axis) {
      from += index[axis] * view->strides[axis];
      to += getPlace(axis, index[axis]);
    }
    const char *read = source.data() + from * size;
    char *write = bytes.get() + to * size;
    int64_t step = rank ? view->strides[last] * size : 0;
    for (int64_t i = 0; i < row; ++i)
      copyElement(write + places[i], read + i * step, size);
    for (int64_t axis = last - 1; axis >= 0; --axis) {
      if (++index[axis] < oldType.getDimSize(axis))
        break;
      index[axis] = 0;
    }
  }
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
