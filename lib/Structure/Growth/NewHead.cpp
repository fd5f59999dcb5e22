//===- NewHead.cpp - Heads of further tasks -------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NewHead.h"
#include "LayerBuilder.h"
#include "mlir/IR/IRMapping.h"
#include "neuroplast/Dialect/Neuro/IR/ContractionOps.h"
#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"
#include "neuroplast/Structure/Draw.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

StringRef neuroplast::structure::getResultName(func::FuncOp function,
                                               unsigned index) {
  auto name = function.getResultAttrOfType<StringAttr>(index, "neuro.name");
  return name ? name.getValue() : StringRef();
}

namespace {

/// A layer whose results are an output, and what is made of them there.
struct OldHead {
  LinearLayer layer;
  /// From the layer to the output.
  SmallVector<Operation *> behind;
};

} // namespace

/// None if the first output is that of no layer.
static std::optional<OldHead> findHead(ModuleOp module, func::FuncOp main) {
  llvm::DenseMap<Operation *, LinearLayer> layers;
  for (LinearLayer &layer : listLinearLayers(module, {}, {}))
    layers.try_emplace(layer.op.getOperation(), std::move(layer));
  OldHead head;
  Value value = main.front().getTerminator()->getOperand(0);
  while (Operation *op = value.getDefiningOp()) {
    auto it = layers.find(op);
    if (it != layers.end()) {
      head.layer = it->second;
      std::reverse(head.behind.begin(), head.behind.end());
      return head;
    }
    if (!isa<neuro::AxisRuleOpInterface>(op) || op->getNumResults() != 1 ||
        op->getNumOperands() == 0 ||
        op->getOperand(0).getType() != value.getType())
      break;
    head.behind.push_back(op);
    value = op->getOperand(0);
  }
  return std::nullopt;
}

/// Random weights of a head, a row for each result, which keep the size of what
/// they weigh.
static Matrix drawHead(const NewHead &wanted, int64_t inputs) {
  Matrix weights(wanted.outputs, inputs);
  uint64_t seed = wanted.seed ^ llvm::xxh3_64bits(wanted.name);
  double scale = 1 / std::sqrt(static_cast<double>(inputs));
  for (int64_t i = 0; i < weights.size(); ++i)
    weights.data()[i] = scale * drawNormal(seed, i);
  return weights;
}

/// Builds a layer like that of a head, with as many results as asked for, and
/// what is behind it: shifts begin at zero. Null after an error.
static Value buildHead(const OldHead &head, const NewHead &wanted,
                       int64_t &parameters) {
  const LinearLayer &layer = head.layer;
  neuro::LayerOpInterface op = layer.op;
  OpBuilder builder(op->getContext());
  builder.setInsertionPointAfter(op);
  LayerBuilder layers(layer, builder);
  if (layer.map.blocks > 1)
    return op->emitError("has groups, and no head is like it"), Value();
  Matrix weights = drawHead(wanted, layer.patchSize);
  Value value = layers.repeat(op->getOperand(layer.map.data), wanted.name,
                              weights, /*hasBias=*/true);
  Value old = op->getResult(0);
  for (Operation *behind : head.behind) {
    builder.setInsertionPointAfter(behind);
    IRMapping values;
    values.map(old, value);
    for (Value operand : llvm::drop_begin(behind->getOperands())) {
      Value shift = layers.addShift(operand, wanted.name, wanted.outputs);
      if (!shift)
        return behind->emitError("has operands that a head like this one does "
                                 "not have"),
               Value();
      values.map(operand, shift);
    }
    Operation *again = builder.clone(*behind, values);
    again->getResult(0).setType(value.getType());
    old = behind->getResult(0);
    value = again->getResult(0);
  }
  parameters = layers.countParameters();
  return value;
}

/// Builds a layer that reads the last axis of a value. Null after an error.
static Value buildHeadOn(Value features, ModuleOp module, const NewHead &wanted,
                         int64_t &parameters) {
  auto type = dyn_cast<RankedTensorType>(features.getType());
  if (!type || type.getRank() < 2 || !type.getElementType().isF32() ||
      type.isDynamicDim(type.getRank() - 1))
    return module.emitError("has a first output that is that of no layer, "
                            "beside which there could be another, and no "
                            "batch of vectors of a known size, on which there "
                            "could be one: ")
               << features.getType(),
           Value();
  Location loc =
      NameLoc::get(StringAttr::get(module.getContext(), wanted.name));
  OpBuilder top(module.getBodyRegion());
  auto builder = OpBuilder::atBlockTerminator(features.getParentBlock());
  SymbolTable symbols(module);
  auto addParam = [&](StringRef part, ArrayRef<int64_t> shape,
                      ArrayRef<float> numbers) {
    std::string name = wanted.name + "." + part.str();
    auto param = neuro::ParamOp::create(
        top, loc, name,
        makeElements(type.clone(shape), name,
                     std::string(reinterpret_cast<const char *>(numbers.data()),
                                 numbers.size() * sizeof(float))),
        /*trainable=*/true, /*shadow_of=*/FlatSymbolRefAttr(),
        /*source_name=*/StringAttr(), /*sym_visibility=*/StringAttr());
    param->remove();
    symbols.insert(param, module.getBody()->begin());
    parameters += static_cast<int64_t>(numbers.size());
    return neuro::GetParamOp::create(builder, loc, type.clone(shape),
                                     param.getSymName());
  };
  int64_t inputs = type.getShape().back(), outputs = wanted.outputs;
  Matrix drawn = drawHead(wanted, inputs);
  SmallVector<float> weights(inputs * outputs), zeros(outputs, 0);
  for (int64_t i = 0; i < inputs; ++i)
    for (int64_t out = 0; out < outputs; ++out)
      weights[i * outputs + out] = static_cast<float>(drawn(out, i));
  Value weight = addParam("weight", {inputs, outputs}, weights);
  Value bias = addParam("bias", {outputs}, zeros);
  Value product = neuro::MatMulOp::create(builder, loc, features, weight);
  return neuro::AddOp::create(builder, loc, product, bias);
}

FailureOr<AddedHead> neuroplast::structure::addHead(ModuleOp module,
                                                    const NewHead &wanted) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || !main.getBody().hasOneBlock() || main.getNumResults() == 0)
    return module.emitError("has no function 'main' with an output"), failure();
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    if (getResultName(main, i) == wanted.name)
      return main.emitError()
                 << "has an output '" << wanted.name << "' already",
             failure();
  Operation *end = main.front().getTerminator();
  std::optional<OldHead> old = findHead(module, main);
  AddedHead added;
  added.isOnTop = !old;
  added.layer = old ? getNodeName(old->layer.op->getLoc()).str()
                    : getResultName(main, 0).str();
  Value value =
      old ? buildHead(*old, wanted, added.parameters)
          : buildHeadOn(end->getOperand(0), module, wanted, added.parameters);
  if (!value)
    return failure();
  NamedAttrList attributes;
  attributes.append("neuro.name",
                    StringAttr::get(module.getContext(), wanted.name));
  if (failed(main.insertResult(0, value.getType(),
                               attributes.getDictionary(module.getContext()))))
    return failure();
  end->insertOperands(0, value);
  return added;
}
