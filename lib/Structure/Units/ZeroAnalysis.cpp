//===- ZeroAnalysis.cpp - Where a masked unit is zero ---------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ZeroAnalysis.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

ZeroAnalysis::Sets ZeroAnalysis::getSets(const Axis &axis) const {
  const AxisAlgebra &algebra = analysis.getAlgebra();
  Sets sets;
  for (Node place : axis.places)
    for (Node atom : algebra.getAtoms(place))
      if (std::optional<unsigned> set = analysis.getUnits().getSet(atom);
          set && !llvm::is_contained(sets, *set))
        sets.push_back(*set);
  return sets;
}

void ZeroAnalysis::addSource(Value value,
                             llvm::function_ref<Content(unsigned)> assume) {
  const TensorPlaces *places = analysis.getPlaces(value);
  if (!places)
    return;
  for (const std::optional<Axis> &axis : places->axes)
    if (axis)
      for (unsigned set : getSets(*axis)) {
        Content content = assume(set);
        if (content != Content::Zero)
          nonZero[value].insert(set);
        if (content != Content::Average)
          nonAverage[value].insert(set);
      }
}

void ZeroAnalysis::addStep(neuro::AxisRuleOpInterface op) {
  ArrayRef<Axis> axes = analysis.getFactors(op);
  neuro::AxisRule rule = op.getAxisRule();
  Step step;
  step.op = op;
  bool hasSets = false;
  for (auto [axis, factor] : llvm::zip(axes, rule.factors)) {
    Step::Factor &entry = step.factors.emplace_back();
    entry.sets = getSets(axis);
    entry.operands.resize(op->getNumOperands());
    entry.squares.resize(op->getNumOperands());
    entry.results.resize(op->getNumResults());
    entry.isSummed = !factor.dropped;
    entry.counts = !factor.zeroInvariant;
    hasSets |= !entry.sets.empty();
  }
  if (!hasSets)
    return;
  if (auto counting = dyn_cast<neuro::CountingOpInterface>(op.getOperation())) {
    auto isCounted = [](const auto &factor) { return !factor.zeroInvariant; };
    auto it = llvm::find_if(rule.factors, isCounted);
    if (counting.getQuietGrowth().averages &&
        !counting.getQuietGrowth().scale &&
        llvm::count_if(rule.factors, isCounted) == 1)
      if (const Axis &axis = axes[it - rule.factors.begin()];
          getSets(axis).size() == 1)
        meanOf[op->getResult(0)] = {op->getOperand(0), getSets(axis).front()};
  }
  for (auto [index, axes] : llvm::enumerate(rule.operands))
    for (const neuro::AxisExpr &axis : axes)
      for (const auto &term : axis.terms)
        for (unsigned factor : term) {
          Step::Factor &entry = step.factors[factor];
          (entry.operands.test(index) ? entry.squares : entry.operands)
              .set(index);
        }
  for (auto [index, axes] : llvm::enumerate(rule.results))
    for (const neuro::AxisExpr &axis : axes)
      for (const auto &term : axis.terms)
        for (unsigned factor : term)
          step.factors[factor].results.set(index);
  steps.push_back(std::move(step));
}

/// Whether masking a unit sets its slices of a parameter to zero. The zero of
/// integers is their zero point.
static bool isMasked(neuro::ParamOp param) {
  return param.getTrainable() ||
         isa<IntegerType>(param.getType().getElementType());
}

ZeroAnalysis::ZeroAnalysis(const UnitAnalysis &analysis)
    : ZeroAnalysis(analysis, [](neuro::ParamOp param, unsigned) {
        return param && isMasked(param) ? Content::Zero : Content::Any;
      }) {}

ZeroAnalysis::ZeroAnalysis(const UnitAnalysis &analysis, Assumption assume)
    : analysis(analysis) {
  llvm::StringMap<neuro::ParamOp> params;
  ModuleOp module = analysis.getModule();
  for (auto param : module.getOps<neuro::ParamOp>())
    params[param.getSymName()] = param;
  module.walk([&](Operation *op) {
    if (auto read = dyn_cast<neuro::GetParamOp>(op)) {
      auto param = params.lookup(read.getName());
      addSource(read, [&](unsigned set) {
        return param ? assume(param, set) : Content::Any;
      });
    } else if (isa<neuro::ConstantOp>(op)) {
      addSource(op->getResult(0),
                [&](unsigned set) { return assume(nullptr, set); });
    } else if (auto rule = dyn_cast<neuro::AxisRuleOpInterface>(op)) {
      addStep(rule);
    } else if (auto branch = dyn_cast<RegionBranchOpInterface>(op)) {
      branches.push_back(branch);
    }
  });
  // Loops carry what their bodies find out back to their start.
  for (bool changed = true; changed;) {
    changed = false;
    for (const Step &step : steps)
      changed |= propagate(step);
    for (RegionBranchOpInterface branch : branches)
      changed |= propagate(branch);
    changed &= !branches.empty();
  }
}

SmallVector<bool> ZeroAnalysis::getOperands(const Facts &isFalse,
                                            const Step &step,
                                            const Step::Factor &factor,
                                            unsigned set) {
  SmallVector<bool> result;
  neuro::AxisRuleOpInterface op = step.op;
  for (OpOperand &operand : op->getOpOperands()) {
    auto it = isFalse.find(operand.get());
    result.push_back(factor.operands[operand.getOperandNumber()] &&
                     (it == isFalse.end() || !it->second.contains(set)));
  }
  return result;
}

bool ZeroAnalysis::isSame(const Step &step, unsigned a, unsigned b,
                          unsigned set) const {
  neuro::AxisRuleOpInterface op = step.op;
  for (auto [whole, mean] : {std::pair(a, b), std::pair(b, a)}) {
    auto it = meanOf.find(op->getOperand(mean));
    auto isFalse = nonAverage.find(op->getOperand(whole));
    if (it != meanOf.end() && it->second.second == set &&
        it->second.first == op->getOperand(whole) &&
        (isFalse == nonAverage.end() || !isFalse->second.contains(set)))
      return true;
  }
  return false;
}

bool ZeroAnalysis::propagate(const Step &step) {
  bool changed = false;
  for (const Step::Factor &factor : step.factors) {
    if (factor.results.none())
      continue;
    for (unsigned set : factor.sets) {
      Step::Factor carriers = factor;
      // Where equations say what a result has, any operand with the set does.
      if (factor.operands.none())
        for (const Step::Factor &other : step.factors)
          if (llvm::is_contained(other.sets, set))
            carriers.operands |= other.operands;
      SmallVector<bool> hasAxes;
      for (unsigned i = 0; i < step.op->getNumOperands(); ++i)
        hasAxes.push_back(carriers.operands.test(i));
      SmallVector<bool> zeros = getOperands(nonZero, step, carriers, set);
      SmallVector<bool> averages = getOperands(nonAverage, step, carriers, set);
      neuro::AxisRuleOpInterface op = step.op;
      bool isZero = op.isZeroWhere(
          neuro::ZeroOperands(zeros, hasAxes, [&](unsigned a, unsigned b) {
            return isSame(step, a, b, set);
          }));
      bool isAverage = carriers.operands.any() && averages == hasAxes &&
                       op.isAffineIn(neuro::OperandSet(carriers.operands));
      for (unsigned result : factor.results.set_bits()) {
        Value value = op->getResult(result);
        if (!isZero)
          changed |= nonZero[value].insert(set).second;
        if (!isAverage)
          changed |= nonAverage[value].insert(set).second;
      }
    }
  }
  return changed;
}

bool ZeroAnalysis::propagate(Value from, Value to) {
  bool changed = false;
  for (Facts *isFalse : {&nonZero, &nonAverage}) {
    auto it = isFalse->find(from);
    if (it == isFalse->end())
      continue;
    for (unsigned set : llvm::to_vector(it->second))
      changed |= (*isFalse)[to].insert(set).second;
  }
  return changed;
}

bool ZeroAnalysis::propagate(RegionBranchOpInterface branch) {
  RegionBranchSuccessorMapping mapping;
  branch.getSuccessorOperandInputMapping(mapping);
  bool changed = false;
  for (auto &[operand, inputs] : mapping)
    for (Value input : inputs)
      changed |= propagate(operand->get(), input);
  return changed;
}

void ZeroAnalysis::forEachSum(
    llvm::function_ref<void(const UnitSum &)> visit) const {
  for (const Step &step : steps)
    for (auto [index, factor] : llvm::enumerate(step.factors)) {
      bool isContracted = factor.results.none() && factor.isSummed;
      for (unsigned set : factor.sets) {
        UnitSum sum{set,
                    step.op,
                    static_cast<unsigned>(index),
                    factor.operands,
                    {},
                    {},
                    factor.counts};
        if (!isContracted && !factor.counts) {
          // A recurrent layer multiplies its states by a square matrix.
          if (factor.squares.none())
            continue;
          sum.operands = factor.squares;
        }
        sum.zeros.resize(sum.operands.size());
        sum.averages.resize(sum.operands.size());
        SmallVector<bool> zeros = getOperands(nonZero, step, factor, set);
        SmallVector<bool> averages = getOperands(nonAverage, step, factor, set);
        for (unsigned operand : sum.operands.set_bits()) {
          sum.zeros[operand] = zeros[operand];
          sum.averages[operand] = averages[operand];
        }
        visit(sum);
      }
    }
}
