//===- ZeroAnalysis.cpp - Where a masked unit is zero ---------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ZeroAnalysis.h"

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
                             llvm::function_ref<bool(unsigned)> isZero) {
  const TensorPlaces *places = analysis.getPlaces(value);
  if (!places)
    return;
  for (const std::optional<Axis> &axis : places->axes)
    if (axis)
      for (unsigned set : getSets(*axis))
        if (!isZero(set))
          nonZero[value].insert(set);
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
        return isMasked(param);
      }) {}

ZeroAnalysis::ZeroAnalysis(const UnitAnalysis &analysis, Assumption isZero)
    : analysis(analysis) {
  llvm::StringMap<neuro::ParamOp> params;
  ModuleOp module = analysis.getModule();
  for (auto param : module.getOps<neuro::ParamOp>())
    params[param.getSymName()] = param;
  module.walk([&](Operation *op) {
    if (auto read = dyn_cast<neuro::GetParamOp>(op)) {
      auto param = params.lookup(read.getName());
      addSource(read,
                [&](unsigned set) { return param && isZero(param, set); });
    } else if (isa<neuro::ConstantOp>(op)) {
      addSource(op->getResult(0), [](unsigned) { return false; });
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

SmallVector<bool> ZeroAnalysis::getZeros(const Step &step,
                                         const Step::Factor &factor,
                                         unsigned set) const {
  SmallVector<bool> zeros;
  for (OpOperand &operand : step.op->getOpOperands()) {
    auto it = nonZero.find(operand.get());
    zeros.push_back(factor.operands[operand.getOperandNumber()] &&
                    (it == nonZero.end() || !it->second.contains(set)));
  }
  return zeros;
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
      SmallVector<bool> zeros = getZeros(step, carriers, set);
      neuro::AxisRuleOpInterface op = step.op;
      if (op.isZeroWhere(neuro::ZeroOperands(zeros, hasAxes)))
        continue;
      for (unsigned result : factor.results.set_bits())
        changed |= nonZero[op->getResult(result)].insert(set).second;
    }
  }
  return changed;
}

bool ZeroAnalysis::propagate(Value from, Value to) {
  auto it = nonZero.find(from);
  if (it == nonZero.end())
    return false;
  auto sets = llvm::to_vector(it->second);
  bool changed = false;
  for (unsigned set : sets)
    changed |= nonZero[to].insert(set).second;
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
    for (const Step::Factor &factor : step.factors) {
      bool isContracted = factor.results.none() && factor.isSummed;
      for (unsigned set : factor.sets) {
        UnitSum sum{set, step.op, factor.operands, {}, factor.counts};
        if (!isContracted && !factor.counts) {
          // A recurrent layer multiplies its states by a square matrix.
          if (factor.squares.none())
            continue;
          sum.operands = factor.squares;
        }
        sum.zeros.resize(sum.operands.size());
        SmallVector<bool> zeros = getZeros(step, factor, set);
        for (unsigned operand : sum.operands.set_bits())
          sum.zeros[operand] = zeros[operand];
        visit(sum);
      }
    }
}
