//===- Construction.cpp - How units join without a difference -------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Construction.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/SizeValues.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

bool Construction::hasSet(const Axis &axis, unsigned set) const {
  const AxisAlgebra &algebra = analysis.getAlgebra();
  return llvm::any_of(axis.places, [&](Node place) {
    return llvm::any_of(algebra.getAtoms(place), [&](Node atom) {
      return analysis.getUnits().getSet(atom) == set;
    });
  });
}

/// Whether an op makes its results of one tensor alone, zeros of zeros.
static bool movesOneTensor(neuro::AxisRuleOpInterface op) {
  SmallVector<bool> all(op ? op->getNumOperands() : 0, true);
  return op && op->getNumOperands() > 0 &&
         llvm::none_of(op->getOperands().drop_front(),
                       [](Value operand) {
                         return isa<RankedTensorType>(operand.getType());
                       }) &&
         op.isZeroWhere(neuro::ZeroOperands(all, all));
}

std::optional<Construction::Weight>
Construction::findWeight(Value value) const {
  for (bool isDirect = true;; isDirect = false) {
    Operation *op = value.getDefiningOp();
    if (auto read = dyn_cast_or_null<neuro::GetParamOp>(op)) {
      if (auto param = params.lookup(read.getName()))
        return Weight{param, isDirect};
      return std::nullopt;
    }
    if (!movesOneTensor(dyn_cast_or_null<neuro::AxisRuleOpInterface>(op)))
      return std::nullopt;
    value = op->getOperand(0);
  }
}

std::optional<unsigned> Construction::findAxis(Weight weight,
                                               const UnitSum &sum,
                                               unsigned operand) const {
  const TensorPlaces *places = analysis.getPlaces(weight.param.getOperation());
  SmallVector<unsigned> axes;
  for (auto [index, axis] : llvm::enumerate(places->axes))
    if (axis && hasSet(*axis, sum.set))
      axes.push_back(index);
  if (axes.size() == 1)
    return axes.front();
  if (!weight.isDirect)
    return std::nullopt;
  // The axis that the op sums over; of a square matrix of states, both axes of
  // which are one factor, the last one.
  neuro::AxisRuleOpInterface op = sum.op;
  neuro::AxisRule rule = op.getAxisRule();
  ArrayRef<Axis> factors = analysis.getFactors(op);
  bool isSquare = llvm::all_of(axes, [&](unsigned axis) {
    return llvm::all_of(rule.operands[operand][axis].terms, [&](const auto &t) {
      return llvm::all_of(t, [&](unsigned factor) {
        return rule.isInResults(factor) || !hasSet(factors[factor], sum.set);
      });
    });
  });
  if (isSquare)
    return axes.back();
  std::optional<unsigned> found;
  for (unsigned axis : axes)
    for (const auto &term : rule.operands[operand][axis].terms)
      for (unsigned factor : term)
        if (!rule.isInResults(factor) && hasSet(factors[factor], sum.set))
          found = axis;
  return found;
}

void Construction::findMatrices() {
  analysis.getModule().walk([&](neuro::AxisRuleOpInterface op) {
    if (llvm::count_if(op->getOperandTypes(), llvm::IsaPred<RankedTensorType>) <
        2)
      return;
    neuro::AxisRule rule = op.getAxisRule();
    for (auto [index, operand] : llvm::enumerate(op->getOperands())) {
      bool isContracted =
          llvm::any_of(rule.operands[index], [&](const auto &expr) {
            return llvm::any_of(expr.terms, [&](const auto &term) {
              return llvm::any_of(term, [&](unsigned factor) {
                // The gates of a vector are copies, no sum.
                return !rule.isInResults(factor) &&
                       rule.factors[factor].role != neuro::FactorRole::Fixed;
              });
            });
          });
      if (!isContracted)
        continue;
      if (auto weight = findWeight(operand))
        matrices.insert(weight->param);
    }
  });
}

Construction::Construction(const UnitAnalysis &analysis,
                           ArrayRef<unsigned> sets, Init init)
    : analysis(analysis), init(init) {
  neuro::SizeMemory memory;
  for (auto param : analysis.getModule().getOps<neuro::ParamOp>())
    params[param.getSymName()] = param;
  findMatrices();
  llvm::DenseSet<unsigned> growing(sets.begin(), sets.end());
  decide(growing);
  // Where zeros do not join unnoticed, averages may.
  if (!makesCopies(init) && init != Init::Random)
    for (const auto &[set, obstacle] : obstacles)
      byAverage.insert(set);
  if (!byAverage.empty()) {
    silent.clear();
    obstacles.clear();
    decide(growing);
  }
  findTied();
}

void Construction::decide(const llvm::DenseSet<unsigned> &growing) {
  auto assume = [&](neuro::ParamOp param, unsigned set) {
    return getContent(param, set);
  };
  attempts.clear();
  llvm::DenseSet<unsigned> refused, changed;
  do {
    outgoing.clear();
    counts.clear();
    scaledFor.clear();
    changed.clear();
    ZeroAnalysis(analysis, assume).forEachSum([&](const UnitSum &sum) {
      if (growing.contains(sum.set) && !refused.contains(sum.set) && visit(sum))
        changed.insert(sum.set);
    });
    // What stood in the way may not do so any more.
    for (unsigned set : changed)
      obstacles.erase(set);
    for (const auto &[set, obstacle] : obstacles)
      refused.insert(set);
  } while (!changed.empty());
}

void Construction::findTied() {
  analysis.getModule().walk([&](neuro::AxisRuleOpInterface op) {
    if (movesOneTensor(op))
      return;
    for (auto [index, operand] : llvm::enumerate(op->getOperands())) {
      auto weight = findWeight(operand);
      if (!weight)
        continue;
      for (const auto &[key, axes] : outgoing) {
        auto [tensor, set] = key;
        if (tensor != weight->param ||
            llvm::count_if(analysis.getPlaces(tensor)->axes,
                           [&](const std::optional<Axis> &axis) {
                             return axis && hasSet(*axis, set);
                           }) != 1)
          continue;
        if (!makes(op, index, set))
          continue;
        tied.insert(key);
        if (makesCopies(init))
          obstacles[set] = getTensorName(tensor) +
                           " makes and reads the units along one axis, so that "
                           "copies cannot share it";
      }
    }
  });
}

bool Construction::visit(const UnitSum &sum) {
  neuro::AxisRuleOpInterface op = sum.op;
  if (sum.counts)
    return visitCount(sum);
  SmallVector<unsigned> activations;
  std::optional<std::pair<Weight, unsigned>> reader;
  bool isZero = false;
  for (unsigned operand : sum.operands.set_bits()) {
    // What makes newborns as averages cannot read them as zeros, too.
    auto weight = findWeight(op->getOperand(operand));
    if (weight && !averaged.contains({weight->param, sum.set})) {
      reader = {*weight, operand};
      continue;
    }
    if (weight)
      continue;
    activations.push_back(operand);
    isZero |= sum.zeros.test(operand);
  }
  if (isZero || (init == Init::Random && !reader))
    return false;
  if (reader) {
    auto [weight, operand] = *reader;
    std::optional<unsigned> axis = findAxis(weight, sum, operand);
    if (!axis) {
      obstacles[sum.set] = describe(op) + " reads the units along an axis of " +
                           getTensorName(weight.param) +
                           " that also makes them";
      return false;
    }
    auto &axes = outgoing[{weight.param, sum.set}];
    if (!llvm::is_contained(axes, *axis))
      axes.push_back(*axis);
    return false;
  }
  if (makesCopies(init)) {
    obstacles[sum.set] =
        describe(op) + " has no weights that copies could share";
    return false;
  }
  // The last factor is silenced, or, if that does not make it zero, the one
  // before.
  size_t attempt = attempts[{op, sum.set}]++;
  if (attempt >= activations.size()) {
    obstacles[sum.set] = describe(op) + " sums over the units, and nothing "
                                        "that it multiplies can be zero";
    return false;
  }
  silence(op->getOperand(activations[activations.size() - 1 - attempt]),
          sum.set);
  return true;
}

StringRef Construction::getObstacle(unsigned set) const {
  auto it = obstacles.find(set);
  return it == obstacles.end() ? StringRef() : StringRef(it->second);
}

Construction::Role Construction::getRole(Operation *tensor, unsigned axis,
                                         unsigned set) const {
  auto it = outgoing.find({tensor, set});
  if (it != outgoing.end() && llvm::is_contained(it->second, axis))
    return tied.contains({tensor, set}) ? Role::Tied : Role::Outgoing;
  if (silent.contains({tensor, set}))
    return Role::Silent;
  return averaged.contains({tensor, set}) ? Role::Average : Role::Incoming;
}
