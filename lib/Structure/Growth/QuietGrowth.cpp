//===- QuietGrowth.cpp - Units that join where ops count them -------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Construction.h"
#include "neuroplast/Dialect/Neuro/IR/HistoryOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

Content Construction::getContent(neuro::ParamOp param, unsigned set) const {
  // Newborns get the average in constants.
  if (!param || averaged.contains({param, set}))
    return Content::Average;
  return silent.contains({param, set}) ? Content::Zero : Content::Any;
}

bool Construction::makes(neuro::AxisRuleOpInterface op, unsigned operand,
                         unsigned set) const {
  neuro::AxisRule rule = op.getAxisRule();
  ArrayRef<Axis> factors = analysis.getFactors(op);
  for (const neuro::AxisExpr &expr : rule.operands[operand])
    for (const auto &term : expr.terms)
      for (unsigned factor : term)
        if (rule.isInResults(factor) && hasSet(factors[factor], set))
          return true;
  return false;
}

/// Which operands of an op are enough, if they are zero, to make its results
/// so; few if few are enough. None if even all of `candidates` are not.
static std::optional<llvm::SmallBitVector>
findEnough(neuro::AxisRuleOpInterface op, ArrayRef<unsigned> candidates,
           ArrayRef<bool> hasAxes) {
  constexpr size_t kMany = 8;
  if (candidates.size() > kMany)
    return std::nullopt;
  std::optional<llvm::SmallBitVector> best;
  for (unsigned choice = 1; choice < 1u << candidates.size(); ++choice) {
    SmallVector<bool> zeros(op->getNumOperands(), false);
    llvm::SmallBitVector chosen(op->getNumOperands());
    for (auto [bit, operand] : llvm::enumerate(candidates))
      if (choice >> bit & 1) {
        zeros[operand] = true;
        chosen.set(operand);
      }
    if ((!best || chosen.count() < best->count()) &&
        op.isZeroWhere(neuro::ZeroOperands(zeros, hasAxes)))
      best = chosen;
  }
  return best;
}

bool Construction::silence(Value value, unsigned set) {
  bool isNews = false;
  llvm::SetVector<Value> pending;
  pending.insert(value);
  for (size_t i = 0; i < pending.size(); ++i) {
    auto op = dyn_cast_or_null<neuro::AxisRuleOpInterface>(
        pending[i].getDefiningOp());
    if (!op)
      continue;
    SmallVector<unsigned> weights, others;
    SmallVector<bool> hasAxes;
    for (auto [index, operand] : llvm::enumerate(op->getOperands())) {
      // What reads the units does not make them.
      hasAxes.push_back(makes(op, index, set));
      if (hasAxes.back())
        (findWeight(operand) ? weights : others).push_back(index);
    }
    auto enough = findEnough(op, weights, hasAxes);
    for (unsigned index : weights)
      if (!enough || enough->test(index))
        isNews |= silent.insert({findWeight(op->getOperand(index))->param, set})
                      .second;
    if (!enough)
      for (unsigned index : others)
        pending.insert(op->getOperand(index));
  }
  return isNews;
}

bool Construction::average(Value value, unsigned set) {
  bool isNews = false;
  llvm::SetVector<Value> pending;
  pending.insert(value);
  for (size_t i = 0; i < pending.size(); ++i) {
    if (auto weight = findWeight(pending[i])) {
      isNews |= averaged.insert({weight->param, set}).second;
      continue;
    }
    Operation *maker = pending[i].getDefiningOp();
    if (isa_and_nonnull<neuro::ConstantOp>(maker))
      continue;
    auto op = dyn_cast_or_null<neuro::AxisRuleOpInterface>(maker);
    llvm::SmallBitVector carriers(op ? op->getNumOperands() : 0);
    for (unsigned index = 0; index < carriers.size(); ++index)
      if (makes(op, index, set)) {
        carriers.set(index);
        pending.insert(op->getOperand(index));
      }
    if (carriers.any() && op.isAffineIn(neuro::OperandSet(carriers)))
      continue;
    obstacles[set] =
        (maker ? describe(maker) : "a loop") +
        " makes the units, and not as sums of weights that could be averaged";
    return false;
  }
  return isNews;
}

std::optional<std::string> Construction::addCount(const UnitSum &sum,
                                                  bool byAverage) {
  neuro::AxisRuleOpInterface op = sum.op;
  auto counting = cast<neuro::CountingOpInterface>(op.getOperation());
  neuro::AxisRule rule = op.getAxisRule();
  ArrayRef<Axis> factors = analysis.getFactors(op);
  Count count{counting, {}, {}, 1, byAverage};
  for (auto [index, expr] : llvm::enumerate(rule.operands[0]))
    for (const auto &term : expr.terms)
      for (unsigned factor : term)
        if (!rule.factors[factor].zeroInvariant) {
          count.factors.push_back(&factors[factor]);
          if (!llvm::is_contained(count.axes, index))
            count.axes.push_back(index);
        }
  count.before = count.countNow();
  if (count.before < 0)
    return "counts more than the units, to a number known at run time only";
  if (byAverage) {
    // The average of the units must be that of all that is counted.
    const Axis &units = factors[sum.factor];
    llvm::DenseSet<Node> seen;
    for (Node place : units.places)
      if (auto atoms = analysis.getAlgebra().getAtoms(place);
          atoms.size() == 1 &&
          analysis.getUnits().getSet(atoms.front()) == sum.set)
        seen.insert(atoms.front());
    bool isWhole =
        count.factors.size() == 1 && seen.size() == units.places.size() &&
        seen.size() == analysis.getUnits().getSets()[sum.set].units.size();
    if (!isWhole)
      return "counts more than these units";
  }
  if (auto scale = counting.getQuietGrowth().scale) {
    auto weight = findWeight(op->getOperand(*scale));
    if (!weight || !weight->isDirect)
      return "has a scale that is no weight";
    // All who read the scale must ask for the same.
    WalkResult others = analysis.getModule().walk([&](neuro::GetParamOp read) {
      if (params.lookup(read.getName()) != weight->param)
        return WalkResult::advance();
      for (OpOperand &use : read->getUses()) {
        auto user = dyn_cast<neuro::CountingOpInterface>(use.getOwner());
        if (!user || user.getQuietGrowth().scale != use.getOperandNumber() ||
            user->getOperand(0).getType() != op->getOperand(0).getType())
          return WalkResult::interrupt();
      }
      return WalkResult::advance();
    });
    if (others.wasInterrupted())
      return "shares its scale with ops that do not count the units";
    scaledFor[weight->param] = op;
  }
  counts.insert({op, count});
  return std::nullopt;
}

bool Construction::visitCount(const UnitSum &sum) {
  neuro::AxisRuleOpInterface op = sum.op;
  if (init == Init::Random)
    return false;
  auto fail = [&](StringRef reason) {
    obstacles[sum.set] = describe(op) + " " + reason.str();
    return false;
  };
  auto counting = dyn_cast<neuro::CountingOpInterface>(op.getOperation());
  if (!counting || makesCopies(init))
    return fail("counts the units that it runs over");
  neuro::QuietGrowth growth = counting.getQuietGrowth();
  for (bool isAverage : {false, true}) {
    bool isThere = isAverage ? sum.averages.test(0) : sum.zeros.test(0);
    bool isTaken = isAverage ? growth.averages : growth.zeros;
    if (!isThere || !isTaken)
      continue;
    if (auto obstacle = addCount(sum, isAverage))
      return fail(*obstacle);
    return false;
  }
  Value data = op->getOperand(0);
  bool isAverage = byAverage.contains(sum.set) && growth.averages;
  if (!isAverage && !growth.zeros)
    return fail("counts the units that it runs over");
  if (isAverage ? average(data, sum.set) : silence(data, sum.set))
    return true;
  if (!obstacles.contains(sum.set))
    return fail("counts the units that it runs over");
  return false;
}

int64_t Construction::Count::countNow() const {
  auto type = cast<RankedTensorType>(op->getOperand(0).getType());
  int64_t count = 1;
  for (unsigned axis : axes) {
    if (type.isDynamicDim(axis))
      return -1;
    count *= type.getDimSize(axis);
  }
  return count;
}

double Construction::getScale(Operation *tensor, const AxisEdit &axes) const {
  auto it = scaledFor.find(tensor);
  if (it == scaledFor.end())
    return 1;
  double share = 1;
  for (const Axis *factor : counts.find(it->second)->second.factors)
    if (axes.changes(*factor))
      share *= static_cast<double>(factor->extent) /
               static_cast<double>(axes.getExtent(*factor));
  return std::sqrt(share);
}

/// The numbers among the attributes of an op, by name.
static llvm::MapVector<StringAttr, FloatAttr> listNumbers(Operation *op) {
  llvm::MapVector<StringAttr, FloatAttr> numbers;
  for (NamedAttribute attribute : op->getAttrDictionary())
    if (auto number = dyn_cast<FloatAttr>(attribute.getValue()))
      numbers[attribute.getName()] = number;
  return numbers;
}

void Construction::keepCounts(neuro::EditOp record) {
  OpBuilder builder(analysis.getModule().getContext());
  llvm::DenseSet<Operation *> recorded;
  for (auto &[op, count] : counts) {
    int64_t after = count.countNow();
    std::optional<unsigned> scale = count.op.getQuietGrowth().scale;
    // A mean of averages stays as it is.
    if (after == count.before || (count.byAverage && !scale))
      continue;
    neuro::ParamOp param =
        scale ? findWeight(op->getOperand(*scale))->param : neuro::ParamOp();
    auto numbers = listNumbers(op);
    count.op.keepCount(builder, count.before, after);
    if (!param || !record || !recorded.insert(param).second)
      continue;
    OpBuilder entries = OpBuilder::atBlockEnd(&record.getBody().front());
    auto changed = listNumbers(op);
    for (const auto &[name, number] : numbers)
      if (changed.lookup(name) != number)
        neuro::ReplacedNumberOp::create(
            entries, record.getLoc(),
            FlatSymbolRefAttr::get(param.getSymNameAttr()), name, number);
  }
}
