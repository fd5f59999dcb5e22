//===- PackedConstants.cpp - Constants in another order -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PackedConstants.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "neuroplast/Conversion/Passes.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace neuroplast;

PackedConstants::PackedConstants(ModuleOp module)
    : module(module), symbols(module) {
  for (auto param : module.getOps<neuro::ParamOp>())
    params[getParamBufferName(param.getSymName())] = param;
}

/// What a value is a mere reshape of.
static Value skipReshapes(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

neuro::ParamOp PackedConstants::getParam(Value value) {
  auto tensor = skipReshapes(value).getDefiningOp<bufferization::ToTensorOp>();
  auto global = tensor ? tensor.getBuffer().getDefiningOp<memref::GetGlobalOp>()
                       : memref::GetGlobalOp();
  return global ? params.lookup(global.getName()) : neuro::ParamOp();
}

ElementsAttr PackedConstants::getElements(Value value) {
  ElementsAttr elements;
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (auto constant = skipReshapes(value).getDefiningOp<arith::ConstantOp>())
    elements = dyn_cast<ElementsAttr>(constant.getValue());
  else if (neuro::ParamOp param = getParam(value))
    elements = param.getValue();
  if (!elements || !type || !type.hasStaticShape())
    return {};
  if (auto dense = dyn_cast<DenseElementsAttr>(elements))
    return dense.reshape(type);
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements))
    return DenseResourceElementsAttr::get(type, resource.getRawHandle());
  return elements.getShapedType() == type ? elements : ElementsAttr();
}

Value PackedConstants::pack(OpBuilder &builder, Value constant,
                            ArrayRef<int64_t> axes, int64_t block,
                            ArrayRef<int64_t> order) {
  neuro::ParamOp param = getParam(constant);
  std::string name = param ? param.getSymName().str() : "constant";
  auto oldType = cast<RankedTensorType>(constant.getType());
  if (param && param.getType().getShape() != oldType.getShape())
    name += "." + llvm::join(llvm::map_range(oldType.getShape(),
                                             [](int64_t size) {
                                               return llvm::itostr(size);
                                             }),
                             "x");
  name += ".packed";
  for (int64_t axis : axes)
    name += llvm::itostr(axis);
  for (int64_t axis : order)
    name += "." + llvm::itostr(axis);
  if (auto known =
          param ? params.lookup(getParamBufferName(name)) : neuro::ParamOp()) {
    auto type = known.getType();
    Value buffer = memref::GetGlobalOp::create(
        builder, constant.getLoc(),
        MemRefType::get(type.getShape(), type.getElementType()),
        getParamBufferName(name));
    return bufferization::ToTensorOp::create(builder, constant.getLoc(), type,
                                             buffer, /*restrict=*/true,
                                             /*writable=*/false);
  }
  auto elements = TensorElements::read(getElements(constant));
  assert(elements && "checked by isConstant");
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
  std::string bytes(type.getNumElements() * size, 0);
  // Where in the new one the elements of each axis of the old one go.
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t axis = shape.size() - 2; axis >= 0; --axis)
    strides[axis] = strides[axis + 1] * shape[axis + 1];
  auto getPlace = [&](int64_t axis, int64_t index) {
    const int64_t *inner = llvm::find(axes, axis);
    if (inner == axes.end())
      return index * strides[position[axis]];
    return index / block * strides[position[axis]] +
           index % block * strides[rank + (inner - axes.begin())];
  };
  SmallVector<int64_t> index(rank, 0);
  ArrayRef<char> source = elements->getBytes();
  int64_t last = rank - 1, count = oldType.getNumElements();
  int64_t row = rank == 0 ? 1 : oldType.getDimSize(last);
  for (int64_t from = 0; from < count; from += row) {
    int64_t base = 0;
    for (int64_t axis = 0; axis < last; ++axis)
      base += getPlace(axis, index[axis]);
    for (int64_t i = 0; i < row; ++i)
      std::copy_n(source.data() + (from + i) * size, size,
                  bytes.data() +
                      (base + (rank == 0 ? 0 : getPlace(last, i))) * size);
    for (int64_t axis = last - 1; axis >= 0; --axis) {
      if (++index[axis] < oldType.getDimSize(axis))
        break;
      index[axis] = 0;
    }
  }
  ElementsAttr value = makeElements(type, name, std::move(bytes));
  if (isa<DenseElementsAttr>(value))
    return arith::ConstantOp::create(builder, constant.getLoc(), type,
                                     cast<TypedAttr>(value));
  OpBuilder top = OpBuilder::atBlockBegin(module.getBody());
  auto packed = neuro::ParamOp::create(
      top, constant.getLoc(), name, value, /*trainable=*/false,
      /*shadow_of=*/FlatSymbolRefAttr(), /*source_name=*/StringAttr(),
      /*sym_visibility=*/StringAttr());
  packed->remove();
  symbols.insert(packed, module.getBody()->begin());
  std::string buffer = getParamBufferName(packed.getSymName());
  params[buffer] = packed;
  auto bufferType = MemRefType::get(shape, type.getElementType());
  memref::GlobalOp::create(top, constant.getLoc(), buffer,
                           /*sym_visibility=*/StringAttr(), bufferType,
                           /*initial_value=*/Attribute(), /*constant=*/true,
                           /*alignment=*/IntegerAttr());
  Value read = memref::GetGlobalOp::create(builder, constant.getLoc(),
                                           bufferType, buffer);
  return bufferization::ToTensorOp::create(builder, constant.getLoc(), type,
                                           read, /*restrict=*/true,
                                           /*writable=*/false);
}

void PackedConstants::dropUnread() {
  // Users come before what they use.
  SmallVector<Operation *> ops;
  module.walk([&](Operation *op) {
    if (isa<memref::GetGlobalOp, bufferization::ToTensorOp,
            tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op))
      ops.push_back(op);
  });
  llvm::StringSet<> read;
  for (Operation *op : llvm::reverse(ops))
    if (op->use_empty())
      op->erase();
    else if (auto global = dyn_cast<memref::GetGlobalOp>(op))
      read.insert(global.getName());
  for (const auto &entry : params) {
    if (read.contains(entry.first()))
      continue;
    if (Operation *buffer = symbols.lookup(entry.first())) {
      symbols.erase(buffer);
      symbols.erase(entry.second);
    }
  }
}
