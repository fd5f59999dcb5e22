//===- Construction.cpp - How units join without a difference -------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Construction.h"
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

bool Construction::hasSet(Value value, unsigned set) const {
  const TensorPlaces *places = analysis.getPlaces(value);
  return places && llvm::any_of(places->axes, [&](const auto &axis) {
           return axis && hasSet(*axis, set);
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

void Construction::collectMakers(
    Value value, unsigned set, SmallVectorImpl<neuro::ParamOp> &makers) const {
  llvm::SetVector<Value> pending;
  pending.insert(value);
  for (size_t i = 0; i < pending.size(); ++i) {
    auto op = dyn_cast_or_null<neuro::AxisRuleOpInterface>(
        pending[i].getDefiningOp());
    if (!op)
      continue;
    for (auto [index, operand] : llvm::enumerate(op->getOperands())) {
      // What reads the units does not make them.
      bool makes = false;
      neuro::AxisRule rule = op.getAxisRule();
      ArrayRef<Axis> factors = analysis.getFactors(op);
      for (const neuro::AxisExpr &expr : rule.operands[index])
        for (const auto &term : expr.terms)
          for (unsigned factor : term)
            makes |= hasSet(factors[factor], set) && rule.isInResults(factor);
      if (!makes)
        continue;
      if (auto weight = findWeight(operand))
        makers.push_back(weight->param);
      else
        pending.insert(operand);
    }
  }
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
  silence(sets);
  findTied();
}

void Construction::silence(ArrayRef<unsigned> sets) {
  llvm::DenseSet<unsigned> growing(sets.begin(), sets.end());
  auto isSilent = [&](neuro::ParamOp param, unsigned set) {
    return silent.contains({param, set});
  };
  // Of the factors of a sum over activations the last one is silenced, or, if
  // that does not make it zero, the one before.
  bool isDone = false;
  for (unsigned round = 0; !isDone; ++round) {
    isDone = true;
    outgoing.clear();
    ZeroAnalysis(analysis, isSilent).forEachSum([&](const UnitSum &sum) {
      if (growing.contains(sum.set) && !obstacles.contains(sum.set))
        isDone &= !visit(sum, round);
    });
  }
}

void Construction::findTied() {
  analysis.getModule().walk([&](neuro::AxisRuleOpInterface op) {
    if (movesOneTensor(op))
      return;
    neuro::AxisRule rule = op.getAxisRule();
    ArrayRef<Axis> factors = analysis.getFactors(op);
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
        bool makes = llvm::any_of(rule.operands[index], [&](const auto &expr) {
          return llvm::any_of(expr.terms, [&](const auto &term) {
            return llvm::any_of(term, [&](unsigned factor) {
              return rule.isInResults(factor) && hasSet(factors[factor], set);
            });
          });
        });
        if (!makes)
          continue;
        tied.insert(key);
        if (init == Init::Net2Wider)
          obstacles[set] = getTensorName(tensor) +
                           " makes and reads the units along one axis, so that "
                           "copies cannot share it";
      }
    }
  });
}

bool Construction::visit(const UnitSum &sum, unsigned round) {
  neuro::AxisRuleOpInterface op = sum.op;
  if (sum.counts) {
    if (init != Init::Random)
      obstacles[sum.set] = describe(op) + " counts the units that it runs over";
    return false;
  }
  SmallVector<unsigned> activations;
  std::optional<std::pair<Weight, unsigned>> reader;
  bool isZero = false;
  for (unsigned operand : sum.operands.set_bits()) {
    if (auto weight = findWeight(op->getOperand(operand))) {
      reader = {*weight, operand};
      continue;
    }
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
  if (init == Init::Net2Wider) {
    obstacles[sum.set] =
        describe(op) + " has no weights that copies could share";
    return false;
  }
  if (round >= activations.size()) {
    obstacles[sum.set] = describe(op) + " sums over the units, and nothing "
                                        "that it multiplies can be zero";
    return false;
  }
  SmallVector<neuro::ParamOp> makers;
  collectMakers(op->getOperand(activations[activations.size() - 1 - round]),
                sum.set, makers);
  for (neuro::ParamOp maker : makers)
    silent.insert({maker, sum.set});
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
  return silent.contains({tensor, set}) ? Role::Silent : Role::Incoming;
}
