//===- Criteria.cpp - How much a unit matters -----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Cuts/Criteria.h"
#include "Scores.h"
#include "neuroplast/Dialect/Neuro/IR/MappedFile.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/OptimizerStates.h"
#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"
#include "neuroplast/Structure/Draw.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/Support/Parallel.h"
#include <cmath>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

/// In the order of the enumeration.
static constexpr llvm::StringLiteral kNames[] = {
    "l1",    "l2",  "lamp",   "bn-scale", "fpgm",     "activation",
    "wanda", "obs", "taylor", "fisher",   "movement", "random"};

std::optional<Criterion> neuroplast::structure::parseCriterion(StringRef name) {
  const auto *it = llvm::find(kNames, name);
  if (it == std::end(kNames))
    return std::nullopt;
  return static_cast<Criterion>(it - kNames);
}

StringRef neuroplast::structure::getName(Criterion criterion) {
  return kNames[static_cast<size_t>(criterion)];
}

std::string neuroplast::structure::listCriteria() {
  std::string text;
  for (auto [index, name] : llvm::enumerate(kNames))
    text += (index == 0                      ? ""
             : index + 1 < std::size(kNames) ? ", "
                                             : " and ") +
            name.str();
  return text;
}

bool neuroplast::structure::needsStatistics(Criterion criterion) {
  return criterion == Criterion::Activation || criterion == Criterion::Wanda ||
         criterion == Criterion::Obs;
}

bool neuroplast::structure::needsGradients(Criterion criterion) {
  return criterion == Criterion::Taylor || criterion == Criterion::Fisher;
}

bool neuroplast::structure::needsProducts(Criterion criterion) {
  return criterion == Criterion::Obs;
}

namespace {

/// The score of units with weights that are no numbers: below all others.
constexpr double kNoNumber = -1;

/// What the ops of a module do with parameters, by symbol.
struct ParamUses {
  explicit ParamUses(ModuleOp module) {
    module.walk([&](neuro::LayerOpInterface op) {
      auto getSymbol = [&](unsigned operand) {
        auto read = op->getOperand(operand).getDefiningOp<neuro::GetParamOp>();
        return read ? read.getName() : StringRef();
      };
      if (auto map = op.getLinearMap())
        maps.try_emplace(getSymbol(map->weight), *map);
      auto rule = dyn_cast<neuro::AxisRuleOpInterface>(op.getOperation());
      if (!op.getRunningStatistics() || !rule)
        return;
      for (unsigned i = 0; i < op->getNumOperands(); ++i)
        if (rule.getOperandRole(i) == neuro::OperandRole::Weight)
          scales.insert(getSymbol(i));
    });
  }

  llvm::StringMap<neuro::LinearMap> maps;
  llvm::DenseSet<StringRef> scales;
};

class Scorer {
public:
  Scorer(const UnitAnalysis &analysis, Criterion criterion,
         const Evidence &evidence)
      : analysis(analysis), algebra(analysis.getAlgebra()),
        criterion(criterion), evidence(evidence) {}

  FailureOr<std::vector<std::vector<double>>> run() {
    if (failed(collectTensors()))
      return failure();
    ArrayRef<UnitSet> sets = analysis.getUnits().getSets();
    std::vector<std::vector<double>> result(sets.size());
    if (criterion == Criterion::Fpgm) {
      llvm::parallelFor(0, sets.size(), [&](size_t set) {
        if (sets[set].pins.empty())
          result[set] = sumDistances(algebra, tensors, sets[set].units);
        for (double &score : result[set])
          score = std::isnan(score) ? kNoNumber : score;
      });
      return result;
    }
    std::vector<AtomScores> sums(tensors.size());
    llvm::parallelFor(0, tensors.size(), [&](size_t i) {
      sums[i] = score(tensors[i]);
      releasePages(tensors[i].elements.getBytes());
    });
    // In the order of the module, so that every run gives the same numbers.
    AtomScores scores;
    for (const AtomScores &byAtom : sums)
      for (const auto &[atom, sum] : byAtom)
        scores[atom] += sum;
    for (auto [set, list] : llvm::zip_equal(sets, result)) {
      bool isScored = llvm::any_of(
          set.units, [&](Node unit) { return scores.contains(unit); });
      // A unit without weights matters to nobody; only data or norms may have
      // nothing to say.
      if (!isScored && criterion != Criterion::L2)
        continue;
      for (Node unit : set.units) {
        double score = scores.lookup(unit);
        if (criterion == Criterion::Taylor)
          score *= score;
        list.push_back(std::isnan(score) ? kNoNumber : score);
      }
      if (criterion == Criterion::Lamp)
        divideByLarger(list);
    }
    return result;
  }

private:
  LogicalResult collectTensors() {
    ParamUses uses(analysis.getModule());
    SymbolTable symbols(analysis.getModule());
    for (Operation *tensor : analysis.getTensors()) {
      auto param = dyn_cast<neuro::ParamOp>(tensor);
      const TensorPlaces *places = analysis.getPlaces(tensor);
      if (!param || !param.getTrainable() || !places ||
          !isa<FloatType>(param.getType().getElementType()) ||
          param.getType().getNumElements() == 0)
        continue;
      if (criterion == Criterion::BnScale &&
          !uses.scales.contains(param.getSymName()))
        continue;
      std::optional<neuro::LinearMap> map;
      const PatchStatistics *seen = nullptr;
      if (needsStatistics(criterion)) {
        auto it = uses.maps.find(param.getSymName());
        auto found = evidence.statistics->find(param.getSymName());
        if (it == uses.maps.end() || found == evidence.statistics->end())
          continue;
        map = it->second;
        seen = &found->second;
        if (failed(check(param, *map, *seen)))
          return failure();
      }
      neuro::ParamOp counted = param;
      if (criterion == Criterion::Movement) {
        counted = symbols.lookup<neuro::ParamOp>(
            (param.getSymName() + "." + neuro::kMovement).str());
        if (!counted)
          continue; // It did not learn.
      }
      const ParamGradients *gradients = nullptr;
      if (needsGradients(criterion)) {
        auto found = evidence.gradients->find(neuro::getUserName(param));
        if (found == evidence.gradients->end())
          continue; // It does not learn.
        gradients = &found->second;
        auto count = static_cast<size_t>(param.getType().getNumElements());
        if (gradients->mean.size() != count ||
            gradients->square.size() != count)
          return param.emitError("the gradients are those of another network");
      }
      std::optional<TensorElements> elements =
          TensorElements::read(counted.getValue());
      if (!elements)
        return counted.emitError("the elements of ")
               << getTensorName(tensor) << " cannot be read";
      tensors.push_back({param, places, std::move(*elements),
                         map.value_or(neuro::LinearMap()), seen, gradients});
    }
    if (criterion == Criterion::Movement && tensors.empty())
      return analysis.getModule().emitError(
          "criterion 'movement' needs a network that has learnt by 'train "
          "--movement --keep-state'");
    return success();
  }

  LogicalResult check(neuro::ParamOp param, const neuro::LinearMap &map,
                      const PatchStatistics &seen) const {
    int64_t outs = param.getType().getDimSize(map.outAxisOfWeight);
    if (seen.blocks != map.blocks ||
        seen.patchSize * outs != param.getType().getNumElements())
      return param.emitError("the statistics are those of another network");
    if (needsProducts(criterion) && seen.gram.empty())
      return param.emitError("the statistics have no products of elements");
    return success();
  }

  AtomScores score(const ScoredTensor &tensor) const {
    switch (criterion) {
    case Criterion::L1:
    case Criterion::BnScale:
      return sumElements(algebra, tensor, Weighing::Magnitude);
    case Criterion::Activation:
      return sumElements(algebra, tensor, Weighing::DataSquare);
    case Criterion::Wanda:
      return sumElements(algebra, tensor, Weighing::ProductSquare);
    case Criterion::Taylor:
      return sumElements(algebra, tensor, Weighing::Gradient);
    case Criterion::Fisher:
      return sumElements(algebra, tensor, Weighing::GradientSquare);
    case Criterion::Movement:
      return sumElements(algebra, tensor, Weighing::Itself);
    case Criterion::Obs:
      return scoreByCurvature(algebra, tensor);
    default:
      return sumElements(algebra, tensor, Weighing::Square);
    }
  }

  static void divideByLarger(std::vector<double> &scores) {
    std::vector<size_t> order;
    for (size_t i = 0; i < scores.size(); ++i)
      order.push_back(i);
    llvm::sort(order, [&](size_t a, size_t b) {
      return std::make_pair(scores[a], a) > std::make_pair(scores[b], b);
    });
    double sum = 0;
    for (size_t i : order) {
      sum += std::max(scores[i], 0.0);
      scores[i] = sum > 0 ? scores[i] / sum : scores[i];
    }
  }

  const UnitAnalysis &analysis;
  const AxisAlgebra &algebra;
  Criterion criterion;
  const Evidence &evidence;
  std::vector<ScoredTensor> tensors;
};

std::vector<std::vector<double>> drawScores(const UnitAnalysis &analysis,
                                            uint64_t seed) {
  std::vector<std::vector<double>> result;
  for (const UnitSet &set : analysis.getUnits().getSets()) {
    auto &list = result.emplace_back();
    for (size_t unit = 0; unit < set.units.size(); ++unit)
      list.push_back(drawUniform(
          seed, (static_cast<uint64_t>(result.size()) << 32) + unit));
  }
  return result;
}

} // namespace

FailureOr<UnitScores>
neuroplast::structure::scoreUnits(const UnitAnalysis &analysis,
                                  Criterion criterion, uint64_t seed,
                                  const Evidence &evidence) {
  UnitScores result;
  result.criteria.assign(analysis.getUnits().getSets().size(), criterion);
  if (criterion == Criterion::Random) {
    result.scores = drawScores(analysis, seed);
    return result;
  }
  if ((needsStatistics(criterion) && !evidence.statistics) ||
      (needsGradients(criterion) && !evidence.gradients))
    return analysis.getModule().emitError("criterion '")
               << getName(criterion) << "' needs "
               << (needsGradients(criterion) ? "gradients of a loss"
                                             : "statistics of data"),
           failure();
  auto scores = Scorer(analysis, criterion, evidence).run();
  if (failed(scores))
    return failure();
  result.scores = std::move(*scores);
  auto hasNone = [](const std::vector<double> &list) { return list.empty(); };
  if (llvm::none_of(result.scores, hasNone))
    return result;
  scores = Scorer(analysis, Criterion::L2, {}).run();
  if (failed(scores))
    return failure();
  for (auto [list, chosen, other] :
       llvm::zip_equal(result.scores, result.criteria, *scores))
    if (hasNone(list)) {
      list = std::move(other);
      chosen = Criterion::L2;
    }
  return result;
}
