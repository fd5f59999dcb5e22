//===- LinearLayers.cpp - Layers as matrices ------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LinearLayers.h"
#include "neuroplast/Dialect/Neuro/IR/History.h"
#include "neuroplast/Dialect/Neuro/IR/HistoryOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

int64_t LinearLayer::getElement(int64_t out, int64_t column,
                                int64_t numOuts) const {
  int64_t beneath = 1;
  for (int64_t extent : getWeightShape().drop_front(map.outAxisOfWeight + 1))
    beneath *= extent;
  return column / beneath * numOuts * beneath + out * beneath +
         column % beneath;
}

std::pair<int64_t, int64_t> LinearLayer::getPlace(int64_t element) const {
  int64_t beneath = 1;
  for (int64_t extent : getWeightShape().drop_front(map.outAxisOfWeight + 1))
    beneath *= extent;
  return {element / beneath % outs,
          element / (beneath * outs) * beneath + element % beneath};
}

neuro::ParamOp LinearLayer::findBias() const {
  Value operand =
      map.bias ? Operation::operand_range(
                     neuro::LayerOpInterface(op)->getOperands())[*map.bias]
               : Value();
  auto read = operand ? operand.getDefiningOp<neuro::GetParamOp>() : nullptr;
  auto bias = read ? SymbolTable::lookupNearestSymbolFrom<neuro::ParamOp>(
                         read, read.getNameAttr())
                   : nullptr;
  return bias && bias.getTrainable() && bias.getType().getNumElements() == outs
             ? bias
             : nullptr;
}

int64_t LinearLayer::countInputs() const {
  return getWeightShape()[map.outAxisOfWeight == 0 ? 1 : 0];
}

std::optional<Matrix> LinearLayer::readWeight() const {
  neuro::ParamOp param = weight;
  auto elements = TensorElements::read(param.getValue());
  if (!elements)
    return std::nullopt;
  Matrix matrix(outs, patchSize);
  for (int64_t out = 0; out < outs; ++out)
    for (int64_t i = 0; i < patchSize; ++i)
      matrix(out, i) = elements->getNumber(getElement(out, i));
  if (!matrix.allFinite())
    return std::nullopt;
  return matrix;
}

const PatchStatistics *
LinearLayer::findStatistics(const Statistics *statistics) const {
  if (!statistics)
    return nullptr;
  neuro::ParamOp param = weight;
  auto it = statistics->find(param.getSymName());
  return it != statistics->end() && it->second.patchSize == patchSize &&
                 it->second.blocks == map.blocks
             ? &it->second
             : nullptr;
}

std::vector<LinearLayer> neuroplast::structure::listLinearLayers(
    ModuleOp module, ArrayRef<std::string> only, ArrayRef<std::string> freeze) {
  llvm::StringMap<unsigned> reads;
  llvm::StringMap<neuro::ParamOp> params;
  for (auto param : module.getOps<neuro::ParamOp>())
    params[param.getSymName()] = param;
  module.walk([&](neuro::GetParamOp read) { ++reads[read.getName()]; });
  std::vector<LinearLayer> layers;
  module.walk([&](neuro::LayerOpInterface op) {
    auto map = op.getLinearMap();
    auto read =
        map ? op->getOperand(map->weight).getDefiningOp<neuro::GetParamOp>()
            : neuro::GetParamOp();
    neuro::ParamOp weight = read ? params.lookup(read.getName()) : nullptr;
    if (!weight || !weight.getType().getElementType().isF32())
      return;
    StringRef name = weight.getSymName();
    LinearLayer layer{op, weight, *map, 0, 0, ""};
    layer.outs = weight.getType().getDimSize(map->outAxisOfWeight);
    layer.patchSize =
        weight.getType().getNumElements() / std::max<int64_t>(layer.outs, 1);
    if (matchesAny(name, freeze))
      layer.reason = "frozen";
    else if (!only.empty() && !matchesAny(name, only))
      layer.reason = "not named";
    else if (reads[name] > 1)
      layer.reason = "shared";
    layers.push_back(std::move(layer));
  });
  return layers;
}

std::map<StringRef, LinearLayer>
neuroplast::structure::indexLinearLayers(ModuleOp module) {
  std::map<StringRef, LinearLayer> layers;
  for (LinearLayer &layer : listLinearLayers(module, {}, {}))
    if (layer.reason.empty())
      layers.emplace(layer.weight.getSymName(), layer);
  return layers;
}

void neuroplast::structure::recordCommand(ModuleOp module, StringRef kind,
                                          const llvm::json::Object &options) {
  neuro::HistoryOp history = neuro::getOrCreateHistory(module);
  OpBuilder builder = OpBuilder::atBlockEnd(&history.getBody().front());
  auto edit = neuro::EditOp::create(
      builder, module.getLoc(), kind.str(),
      llvm::formatv("{0}", llvm::json::Value(llvm::json::Object(options)))
          .str(),
      /*complete=*/false);
  edit.getBody().emplaceBlock();
}
