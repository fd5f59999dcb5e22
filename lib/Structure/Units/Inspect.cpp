//===- Inspect.cpp - What a network consists of ---------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Units/Inspect.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

namespace {

bool isInterface(StringRef pin) {
  return pin.starts_with("graph input") || pin.starts_with("graph output");
}

/// Elements of a parameter at which no axis stands on a place of the interface.
int64_t countInner(const AxisAlgebra &algebra, const TensorPlaces *places,
                   RankedTensorType type) {
  if (!places)
    return type.getNumElements();
  double count = 1;
  for (auto [index, axis] : llvm::enumerate(places->axes)) {
    int64_t size = type.getDimSize(index);
    if (!axis || axis->isDynamic()) {
      count *= size;
      continue;
    }
    int64_t inner = llvm::count_if(axis->places, [&](Node place) {
      return llvm::none_of(algebra.getAtoms(place), [&](Node atom) {
        return llvm::any_of(algebra.getPins(atom), isInterface);
      });
    });
    count *= static_cast<double>(inner) / axis->blocks;
  }
  return static_cast<int64_t>(count);
}

} // namespace

LayerSize neuroplast::structure::measureLayer(neuro::CostOpInterface op) {
  LayerSize layer;
  layer.name = getNodeName(op.getLoc()).str();
  layer.op = op->getName().stripDialect().str();
  for (Value operand : op->getOperands())
    if (auto read = operand.getDefiningOp<neuro::GetParamOp>())
      layer.parameters +=
          cast<RankedTensorType>(read.getType()).getNumElements();
  layer.flops = op.getFlops();
  return layer;
}

std::vector<LayerSize> neuroplast::structure::measureLayers(ModuleOp module) {
  std::vector<LayerSize> layers;
  module.walk(
      [&](neuro::CostOpInterface op) { layers.push_back(measureLayer(op)); });
  return layers;
}

int64_t neuroplast::structure::countParameters(ModuleOp module) {
  int64_t count = 0;
  for (auto param : module.getOps<neuro::ParamOp>())
    if (!param.getShadowOf())
      count += param.getType().getNumElements();
  return count;
}

NetworkSize neuroplast::structure::measure(const UnitAnalysis &analysis) {
  NetworkSize size;
  ModuleOp module = analysis.getModule();
  for (auto param : module.getOps<neuro::ParamOp>()) {
    if (param.getShadowOf())
      continue;
    size.addParameter(param.getType());
    // Index tables and the like are no weights.
    if (!isa<FloatType>(param.getType().getElementType()))
      continue;
    size.innerParameters +=
        countInner(analysis.getAlgebra(),
                   analysis.getPlaces(param.getOperation()), param.getType());
  }
  size.setLayers(measureLayers(module));
  return size;
}

void NetworkSize::addParameter(RankedTensorType type) {
  parameters += type.getNumElements();
  Type element = type.getElementType();
  // Strings are pointers.
  unsigned width =
      element.isIntOrFloat() ? element.getIntOrFloatBitWidth() : 64;
  parameterBytes += llvm::divideCeil(type.getNumElements() * width, 8);
}

void NetworkSize::setLayers(std::vector<LayerSize> list) {
  layers = std::move(list);
  flops = 0;
  flopsIncomplete = false;
  for (const LayerSize &layer : layers) {
    flops += layer.flops.value_or(0);
    flopsIncomplete |= !layer.flops;
  }
}

std::vector<UnitSetSummary>
neuroplast::structure::summarizeSets(const UnitAnalysis &analysis) {
  std::vector<std::vector<Member>> members = analysis.collectMembers();
  const UnitGroups &units = analysis.getUnits();
  std::vector<UnitSetSummary> result;
  for (auto [number, group] : llvm::enumerate(units.getGroups()))
    for (unsigned index : group.sets) {
      if (members[index].empty())
        continue;
      const UnitSet &set = units.getSets()[index];
      UnitSetSummary summary;
      summary.set = index;
      summary.group = number;
      summary.units = set.units.size();
      summary.isInner = set.isInner;
      int64_t fewest = std::numeric_limits<int64_t>::max();
      for (const Member &member : members[index])
        for (const MemberRun &run : member.runs) {
          int64_t places = 0;
          for (auto [first, last] : run.ranges)
            places += last - first + 1;
          fewest = std::min(fewest, places);
          summary.members.push_back(getTensorName(member.tensor) + "[" +
                                    std::to_string(run.axis) + "]");
        }
      summary.placesPerUnit =
          std::max<int64_t>(1, fewest / std::max<int64_t>(1, summary.units));
      summary.members.erase(llvm::unique(summary.members),
                            summary.members.end());
      summary.pins.assign(set.pins.begin(), set.pins.end());
      summary.notZeroInvariant.assign(set.notZeroInvariant.begin(),
                                      set.notZeroInvariant.end());
      result.push_back(std::move(summary));
    }
  return result;
}

Inspection neuroplast::structure::inspect(ModuleOp module) {
  UnitAnalysis analysis(module);
  return {measure(analysis), summarizeSets(analysis)};
}

void NetworkSize::setFlops(const NetworkSize &other) {
  flops = other.flops;
  flopsIncomplete = other.flopsIncomplete;
  // Known sizes may have folded some ops away, so that names identify the rest.
  llvm::StringMap<std::optional<int64_t>> byName;
  for (const LayerSize &layer : other.layers)
    byName[layer.op + ' ' + layer.name] = layer.flops;
  for (LayerSize &layer : layers)
    if (auto it = byName.find(layer.op + ' ' + layer.name); it != byName.end())
      layer.flops = it->second;
}

llvm::json::Object NetworkSize::toJson() const {
  llvm::json::Array list;
  for (const LayerSize &layer : layers) {
    llvm::json::Object object{{"name", layer.name},
                              {"op", layer.op},
                              {"parameters", layer.parameters}};
    object["flops"] = layer.flops ? llvm::json::Value(*layer.flops) : nullptr;
    list.push_back(std::move(object));
  }
  return llvm::json::Object{{"parameters", parameters},
                            {"inner_parameters", innerParameters},
                            {"parameter_bytes", parameterBytes},
                            {"flops", flops},
                            {"flops_incomplete", flopsIncomplete},
                            {"layers", std::move(list)}};
}

llvm::json::Object Inspection::toJson() const {
  llvm::json::Array list;
  for (const UnitSetSummary &set : sets)
    list.push_back(llvm::json::Object{
        {"set", set.set},
        {"group", set.group},
        {"units", set.units},
        {"inner", set.isInner},
        {"members", llvm::json::Array(set.members)},
        {"pins", llvm::json::Array(set.pins)},
        {"not_zero_invariant", llvm::json::Array(set.notZeroInvariant)}});
  llvm::json::Object result = size.toJson();
  result["units"] = std::move(list);
  return result;
}

void Inspection::print(raw_ostream &os) const {
  os << "parameters  operations  layer\n";
  for (const LayerSize &layer : size.layers) {
    os << llvm::format("%10lld ", static_cast<long long>(layer.parameters));
    if (layer.flops)
      os << llvm::format("%11lld", static_cast<long long>(*layer.flops));
    else
      os << "          ?";
    os << "  " << layer.op << ' ' << layer.name << '\n';
  }
  os << llvm::format("%10lld %11lld", static_cast<long long>(size.parameters),
                     static_cast<long long>(size.flops))
     << (size.flopsIncomplete ? "+" : " ") << " in total\n\n";
  for (const UnitSetSummary &set : sets) {
    os << "units " << set.set << ": " << set.units
       << (set.pins.empty() ? " free" : " pinned")
       << (set.isInner ? " (inner)" : "") << ",";
    for (const std::string &member : set.members)
      os << ' ' << member;
    os << '\n';
    for (const std::string &pin : set.pins)
      os << "  pinned: " << pin << '\n';
    for (const std::string &where : set.notZeroInvariant)
      os << "  not zero-invariant: " << where << '\n';
  }
}
