//===- LayerBuilder.cpp - Layers like others ------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LayerBuilder.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

Value LayerBuilder::multiply(Value value, StringRef part, const Matrix &matrix,
                             Value bias) {
  // The out axis, the one of the patch next to it, and ones.
  unsigned outAxis = layer.map.outAxisOfWeight;
  SmallVector<int64_t> shape(layer.getWeightShape().size(), 1);
  shape[outAxis] = matrix.rows();
  shape[outAxis == 0 ? 1 : 0] = matrix.cols();
  Value weight = addWeight(part, matrix, shape);
  neuro::LayerOpInterface op = layer.op;
  Value result = op.buildOutMap(builder, value, weight, bias);
  if (result) {
    built.push_back(result.getDefiningOp());
    return result;
  }
  parameters -= matrix.size();
  for (int i = 0; i < 2; ++i)
    built.pop_back_val()->erase();
  return nullptr;
}

Value LayerBuilder::repeat(Value data, StringRef part, const Matrix &weights,
                           bool hasBias) {
  neuro::LayerOpInterface op = layer.op;
  unsigned outAxis = layer.map.outAxisOfWeight;
  SmallVector<int64_t> shape(layer.getWeightShape());
  shape[outAxis] = weights.rows();
  shape[outAxis == 0 ? 1 : 0] =
      weights.cols() / (layer.patchSize / layer.countInputs());
  SmallVector<Value> operands(op->getOperands());
  operands[layer.map.data] = data;
  operands[layer.map.weight] = addWeight(part, weights, shape);
  if (layer.map.bias) {
    Value bias = hasBias
                     ? addShift(operands[*layer.map.bias], part, weights.rows())
                     : Value();
    operands[*layer.map.bias] = bias;
    if (!bias)
      operands.erase(operands.begin() + *layer.map.bias);
  }
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  SmallVector<int64_t> sizes(type.getShape());
  sizes[layer.map.outAxisOfResult] = weights.rows();
  OperationState state(op->getLoc(), op->getName(), operands, type.clone(sizes),
                       op->getAttrs());
  built.push_back(builder.create(state));
  return built.back()->getResult(0);
}

void LayerBuilder::eraseAll() {
  while (!built.empty())
    built.pop_back_val()->erase();
  parameters = 0;
}

Value LayerBuilder::addWeight(StringRef part, const Matrix &weights,
                              ArrayRef<int64_t> shape) {
  neuro::ParamOp like = layer.weight;
  unsigned outAxis = layer.map.outAxisOfWeight;
  auto type = like.getType().clone(shape);
  std::string bytes(type.getNumElements() * sizeof(float), 0);
  int64_t beneath = 1;
  for (int64_t extent : shape.drop_front(outAxis + 1))
    beneath *= extent;
  for (int64_t out = 0; out < weights.rows(); ++out)
    for (int64_t i = 0; i < weights.cols(); ++i) {
      int64_t element =
          (i / beneath * weights.rows() + out) * beneath + i % beneath;
      auto number = static_cast<float>(weights(out, i));
      memcpy(bytes.data() + element * sizeof(float), &number, sizeof(float));
    }
  return addParam(like, part, type, std::move(bytes));
}

Value LayerBuilder::addShift(Value like, StringRef part, int64_t outs) {
  auto read = like.getDefiningOp<neuro::GetParamOp>();
  auto param =
      read ? SymbolTable(
                 neuro::ParamOp(layer.weight)->getParentOfType<ModuleOp>())
                 .lookup<neuro::ParamOp>(read.getName())
           : neuro::ParamOp();
  if (!param || param.getType().getNumElements() != layer.outs)
    return nullptr;
  SmallVector<int64_t> shape(param.getType().getShape());
  *llvm::find(shape, layer.outs) = outs;
  RankedTensorType type = param.getType().clone(shape);
  return addParam(param, part, type,
                  std::string(outs * type.getElementTypeBitWidth() / 8, 0));
}

Value LayerBuilder::addParam(neuro::ParamOp like, StringRef part,
                             RankedTensorType type, std::string bytes) {
  parameters += type.getNumElements();
  std::string name = (like.getSymName() + "." + part).str();
  OpBuilder top(like);
  auto param = neuro::ParamOp::create(
      top, like.getLoc(), name, makeElements(type, name, std::move(bytes)),
      like.getTrainable(), /*shadow_of=*/FlatSymbolRefAttr(),
      /*source_name=*/StringAttr(), /*sym_visibility=*/StringAttr());
  param->remove();
  SymbolTable(like->getParentOfType<ModuleOp>())
      .insert(param, Block::iterator(like));
  built.push_back(param);
  auto read = neuro::GetParamOp::create(builder, like.getLoc(), type,
                                        param.getSymName());
  built.push_back(read);
  return read;
}
