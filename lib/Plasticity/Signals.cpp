//===- Signals.cpp - What a network is like at a moment -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Plasticity/Signals.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/OptimizerStates.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "neuroplast/Plasticity/Rewind.h"
#include "neuroplast/Structure/Growth/Recycle.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::plasticity;

static constexpr std::pair<Signal, llvm::StringLiteral> kSignals[] = {
    {Signal::Loss, "loss"},         {Signal::Accuracy, "accuracy"},
    {Signal::Progress, "progress"}, {Signal::Drift, "drift"},
    {Signal::Dormant, "dormant"},   {Signal::Rank, "rank"},
    {Signal::Gain, "gain"}};

std::optional<Signal> neuroplast::plasticity::parseSignal(StringRef name) {
  for (const auto &[signal, known] : kSignals)
    if (known == name)
      return signal;
  return std::nullopt;
}

StringRef neuroplast::plasticity::getName(Signal signal) {
  for (const auto &[known, name] : kSignals)
    if (known == signal)
      return name;
  llvm_unreachable("all signals have names");
}

std::string neuroplast::plasticity::listSignals() {
  return llvm::join(llvm::make_second_range(kSignals), ", ");
}

bool neuroplast::plasticity::looksBack(Signal signal) {
  return signal == Signal::Progress || signal == Signal::Drift;
}

bool neuroplast::plasticity::readsScore(Signal signal) {
  return signal == Signal::Loss || signal == Signal::Accuracy ||
         signal == Signal::Progress;
}

FailureOr<double> neuroplast::plasticity::measureDrift(ModuleOp former,
                                                       ModuleOp now) {
  SymbolTable symbols(former);
  SmallVector<neuro::ParamOp> params(former.getOps<neuro::ParamOp>());
  llvm::erase_if(params, [](neuro::ParamOp param) {
    return !param.getTrainable() || param.getShadowOf();
  });
  // Ones go along with what was there; of newborns they are zeros.
  SmallVector<neuro::ParamOp> presences;
  for (neuro::ParamOp param : params) {
    RankedTensorType type = param.getType();
    int64_t width = type.getElementTypeBitWidth() / 8;
    std::string ones(type.getNumElements() * width, 0);
    for (int64_t i = 0; i < type.getNumElements(); ++i)
      writeNumber(type.getElementType(), 1, ones.data() + i * width);
    presences.push_back(neuro::getOrCreateState(
        symbols, param, "presence",
        makeElements(type, "presence", std::move(ones))));
  }
  if (failed(rewind(former, now)))
    return failure();
  double length = 0, distance = 0;
  for (auto [old, presence] : llvm::zip_equal(params, presences)) {
    auto param = now.lookupSymbol<neuro::ParamOp>(old.getSymName());
    if (!param || param.getType() != old.getType())
      continue;
    auto before = TensorElements::read(old.getValue()),
         after = TensorElements::read(param.getValue()),
         isOld = TensorElements::read(presence.getValue());
    if (!before || !after || !isOld)
      return param.emitError("cannot be read");
    for (int64_t i = 0, end = param.getType().getNumElements(); i < end; ++i) {
      if (isOld->getNumber(i) == 0)
        continue;
      double number = before->getNumber(i);
      length += number * number;
      distance += std::pow(after->getNumber(i) - number, 2);
    }
  }
  return distance == 0 ? 0.0 : std::sqrt(distance / length);
}

FailureOr<double> neuroplast::plasticity::measureDormantShare(
    ModuleOp module, const structure::Statistics &statistics) {
  structure::UnitAnalysis analysis(module);
  structure::RecycleOptions options;
  auto scores = structure::scoreUnits(analysis, options.criterion, options.seed,
                                      {&statistics, nullptr});
  if (failed(scores))
    return failure();
  size_t idle = 0, all = 0;
  for (const structure::UnitSetSummary &set :
       structure::summarizeSets(analysis)) {
    if (!options.selection.getObstacle(set).empty() ||
        scores->criteria[set.set] != options.criterion)
      continue;
    ArrayRef<double> units = scores->scores[set.set];
    idle += structure::findIdle(units, set.set, options).size();
    all += units.size();
  }
  return all ? static_cast<double>(idle) / static_cast<double>(all) : 0.0;
}

double
neuroplast::plasticity::measureRank(const structure::Statistics &statistics) {
  double sum = 0;
  int64_t count = 0;
  for (const structure::PatchStatistics &layer :
       llvm::make_second_range(statistics)) {
    int64_t size = layer.patchSize;
    for (int64_t block = 0; block < layer.blocks && !layer.gram.empty();
         ++block) {
      const double *mean = layer.mean.data() + block * size;
      const double *gram = layer.gram.data() + block * size * size;
      double trace = 0, squares = 0;
      for (int64_t i = 0; i < size; ++i)
        for (int64_t j = 0; j < size; ++j) {
          double covariance = gram[i * size + j] - mean[i] * mean[j];
          squares += covariance * covariance;
          trace += i == j ? covariance : 0;
        }
      if (!(squares > 0))
        continue;
      sum += trace * trace / squares / static_cast<double>(size);
      ++count;
    }
  }
  return count ? sum / static_cast<double>(count) : 0;
}

double
neuroplast::plasticity::measureGain(const structure::Gradients &gradients) {
  double sum = 0;
  int64_t count = 0;
  for (const structure::ParamGradients &param :
       llvm::make_second_range(gradients))
    for (auto [mean, square] : llvm::zip_equal(param.mean, param.square)) {
      if (!(square > 0))
        continue;
      sum += static_cast<double>(mean) * mean / square;
      ++count;
    }
  return count ? sum / static_cast<double>(count) : 0;
}
