//===- Rewire.cpp - Weights that are zero, and others ---------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Cuts/Rewire.h"
#include "../Units/LinearLayers.h"
#include "neuroplast/Dialect/Neuro/IR/Masks.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/OptimizerStates.h"
#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "neuroplast/Structure/Draw.h"
#include "neuroplast/Structure/Units/UnitSelection.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/xxhash.h"
#include <cmath>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

namespace {

/// The elements of a parameter, to be changed.
struct Elements {
  explicit Elements(neuro::ParamOp param) : param(param) {
    if (auto read = TensorElements::read(param.getValue())) {
      size = read->getElementBytes();
      bytes.assign(read->getBytes().begin(), read->getBytes().end());
    }
  }

  bool isReadable() const { return size > 0; }
  double get(int64_t i) {
    return TensorElements::view(param.getType(), bytes).getNumber(i);
  }
  void set(int64_t i, double number) {
    writeNumber(param.getType().getElementType(), number,
                bytes.data() + i * size);
  }
  void write() {
    param.setValueAttr(
        makeElements(param.getType(), param.getSymName(), std::move(bytes)));
  }

  neuro::ParamOp param;
  size_t size = 0;
  std::string bytes;
};

/// What stands for a zero that learns: files say of a weight only that it is
/// masked where it is zero.
double getSmallest(Type type) {
  return llvm::APFloat::getSmallestNormalized(
             cast<FloatType>(type).getFloatSemantics())
      .convertToDouble();
}

/// The places with the highest scores, so many of these.
std::vector<int64_t> takeHighest(std::vector<std::pair<double, int64_t>> scored,
                                 int64_t count) {
  std::nth_element(scored.begin(), scored.begin() + count, scored.end(),
                   [](const auto &a, const auto &b) {
                     return a.first != b.first ? a.first > b.first
                                               : a.second < b.second;
                   });
  std::vector<int64_t> places;
  for (const auto &[score, place] : ArrayRef(scored).take_front(count))
    places.push_back(place);
  return places;
}

/// Lets connections of a weight change places, as far as they learn by
/// `plasticity` if there is any; those that did, or none after an error.
FailureOr<std::vector<int64_t>> rewireWeight(neuro::ParamOp weight,
                                             neuro::ParamOp mask,
                                             neuro::ParamOp plasticity,
                                             const RewireOptions &options,
                                             RewiredWeight &entry) {
  Elements values(weight), kept(mask);
  std::optional<TensorElements> learns;
  if (plasticity)
    learns = TensorElements::read(plasticity.getValue());
  int64_t count = weight.getType().getNumElements();
  if (!values.isReadable() || !kept.isReadable() || (plasticity && !learns))
    return weight.emitError("cannot be read");
  const ParamGradients *gradients = nullptr;
  if (options.gradients) {
    auto it = options.gradients->find(neuro::getUserName(weight));
    if (it == options.gradients->end() ||
        static_cast<int64_t>(it->second.mean.size()) != count)
      return weight.emitError("the gradients are those of another network");
    gradients = &it->second;
  }
  uint64_t seed = options.seed ^ llvm::xxh3_64bits(weight.getSymName());
  std::vector<std::pair<double, int64_t>> weakest, strongest;
  for (int64_t i = 0; i < count; ++i)
    if (learns && learns->getInteger(i) == 0)
      continue;
    else if (kept.get(i) != 0)
      weakest.emplace_back(-std::abs(values.get(i)), i);
    else
      strongest.emplace_back(
          gradients ? std::abs(gradients->mean[i]) : drawUniform(seed, i), i);
  entry.connections = static_cast<int64_t>(weakest.size());
  entry.changed = std::min<int64_t>(
      std::floor(options.share * static_cast<double>(entry.connections) + 1e-9),
      static_cast<int64_t>(strongest.size()));
  std::vector<int64_t> cut = takeHighest(std::move(weakest), entry.changed),
                       joined =
                           takeHighest(std::move(strongest), entry.changed);
  double smallest = getSmallest(weight.getType().getElementType());
  for (int64_t i : cut) {
    values.set(i, 0);
    kept.set(i, 0);
  }
  for (int64_t i : joined) {
    values.set(i, smallest);
    kept.set(i, 1);
  }
  values.write();
  kept.write();
  llvm::append_range(cut, joined);
  return cut;
}

} // namespace

FailureOr<RewireReport>
neuroplast::structure::rewire(ModuleOp module, const RewireOptions &options) {
  if (!(options.share >= 0 && options.share <= 1))
    return module.emitError("the share of connections must be from 0 to 1");
  RewireReport report;
  report.options = options;
  llvm::StringMap<neuro::ParamOp> masks = neuro::listMasks(module),
                                  plasticity = neuro::listPlasticity(module);
  llvm::StringMap<std::vector<int64_t>> changed;
  for (auto param : module.getOps<neuro::ParamOp>()) {
    neuro::ParamOp mask = masks.lookup(param.getSymName());
    StringRef name = neuro::getUserName(param);
    if (!mask || matchesAny(name, options.freeze) ||
        (!options.only.empty() && !matchesAny(name, options.only)))
      continue;
    RewiredWeight &entry = report.weights.emplace_back();
    entry.weight = name;
    auto places = rewireWeight(
        param, mask, plasticity.lookup(param.getSymName()), options, entry);
    if (failed(places))
      return failure();
    changed[param.getSymName()] = std::move(*places);
  }
  if (report.weights.empty())
    return module.emitError("has no masked weights that could be rewired; "
                            "'sparsify' masks some");
  for (auto state : module.getOps<neuro::ParamOp>()) {
    if (!neuro::isOptimizerState(state) ||
        !changed.contains(*state.getShadowOf()))
      continue;
    Elements values(state);
    if (!values.isReadable())
      return state.emitError("cannot be read");
    for (int64_t i : changed[*state.getShadowOf()])
      values.set(i, 0);
    values.write();
  }
  recordCommand(module, "rewire", options.toJson());
  return report;
}

llvm::json::Object RewireOptions::toJson() const {
  llvm::json::Object result{{"share", share},
                            {"by", gradients ? "gradient" : "random"},
                            {"seed", static_cast<int64_t>(seed)},
                            {"only", llvm::json::Array(only)},
                            {"freeze", llvm::json::Array(freeze)}};
  if (!command.empty())
    result["command"] = command;
  return result;
}

llvm::json::Object RewireReport::toJson() const {
  llvm::json::Array list;
  for (const RewiredWeight &entry : weights)
    list.push_back(llvm::json::Object{{"weight", entry.weight},
                                      {"connections", entry.connections},
                                      {"changed", entry.changed}});
  llvm::json::Object result = options.toJson();
  result["weights"] = std::move(list);
  return result;
}

void RewireReport::print(llvm::raw_ostream &os) const {
  for (const RewiredWeight &entry : weights)
    os << entry.weight << ": " << entry.changed << " of " << entry.connections
       << " connections are others now\n";
}
