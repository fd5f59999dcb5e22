//===- UnitAnalysis.cpp - The units of a module ---------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Units/UnitAnalysis.h"
#include "RuleInstance.h"
#include "ZeroAnalysis.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/SizeValues.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;
using neuro::AxisExpr;
using neuro::AxisRule;
using neuro::AxisRuleOpInterface;

ElementsAttr neuroplast::structure::getTensorValue(Operation *tensor) {
  if (auto param = dyn_cast<neuro::ParamOp>(tensor))
    return param.getValue();
  if (auto constant = dyn_cast<neuro::ConstantOp>(tensor))
    return constant.getValue();
  return {};
}

StringRef neuroplast::structure::getNodeName(Location location) {
  if (auto name = dyn_cast<NameLoc>(location))
    return name.getName().getValue();
  if (auto fused = dyn_cast<FusedLoc>(location))
    for (Location part : fused.getLocations())
      if (StringRef name = getNodeName(part); !name.empty())
        return name;
  return "";
}

std::string neuroplast::structure::describe(Operation *op) {
  StringRef node = getNodeName(op->getLoc());
  std::string name = ("'" + op->getName().getStringRef() + "'").str();
  return node.empty() ? name : name + (" at '" + node + "'").str();
}

std::string neuroplast::structure::getTensorName(Operation *tensor) {
  if (auto param = dyn_cast<neuro::ParamOp>(tensor))
    return ("@" + param.getSymName()).str();
  StringRef name = getNodeName(tensor->getLoc());
  return name.empty() ? std::string("constant") : ("constant " + name).str();
}

//===----------------------------------------------------------------------===//
// Walking the module
//===----------------------------------------------------------------------===//

UnitAnalysis::UnitAnalysis(ModuleOp module) : module(module) {
  neuro::SizeMemory memory;
  // Reads may come before the parameter in the text.
  for (auto param : module.getOps<neuro::ParamOp>()) {
    tensors.push_back(param);
    storage.push_back(std::make_unique<TensorPlaces>());
    storage.back()->axes.resize(param.getType().getRank());
    ofParam[param] = storage.back().get();
  }
  // A shadow has the axes of its parent.
  for (auto param : module.getOps<neuro::ParamOp>())
    if (FlatSymbolRefAttr parent = param.getShadowOfAttr())
      ofParam[param] =
          ofParam.lookup(symbols.lookupNearestSymbolFrom(param, parent));
  module.walk<WalkOrder::PreOrder>([&](Operation *op) { visit(op); });

  std::vector<const Axis *> axes;
  for (const auto &places : storage)
    for (const auto &axis : places->axes)
      if (axis)
        axes.push_back(&*axis);
  algebra.findInterleaved();
  units = std::make_unique<UnitGroups>(algebra, axes, droppedParts);
  ZeroAnalysis(*this).forEachSum([&](const UnitSum &sum) {
    if (sum.counts)
      units->markNotZeroInvariant(
          sum.set, describe(sum.op) + " counts the units that it runs over");
    else if (sum.zeros.none())
      units->markNotZeroInvariant(
          sum.set, describe(sum.op) + " sums over units that are not zero "
                                      "where they are masked");
  });
}

static bool isTensor(Value value) {
  return isa<RankedTensorType>(value.getType());
}

/// The reason that an input or output of the graph gives.
static std::string describeInterface(StringRef kind, StringAttr name) {
  StringRef text = name ? name.getValue() : StringRef("?");
  return ("graph " + kind + " '" + text + "'").str();
}

llvm::SetVector<unsigned> UnitAnalysis::findSets(const Axis &axis) const {
  llvm::SetVector<unsigned> sets;
  for (Node place : axis.places)
    for (Node atom : algebra.getAtoms(place))
      if (auto set = units->getSet(atom))
        sets.insert(*set);
  return sets;
}

TensorPlaces &UnitAnalysis::place(Value value) {
  TensorPlaces *&places = ofValue[value];
  if (!places) {
    storage.push_back(std::make_unique<TensorPlaces>());
    places = storage.back().get();
    places->axes.resize(cast<RankedTensorType>(value.getType()).getRank());
  }
  return *places;
}

void UnitAnalysis::assign(TensorPlaces &places, unsigned index,
                          const Axis &axis, StringRef where) {
  if (places.axes[index])
    algebra.unify(*places.axes[index], axis, where);
  else
    places.axes[index] = axis;
}

void UnitAnalysis::pinValue(Value value, StringRef reason) {
  if (!isTensor(value))
    return;
  TensorPlaces &places = place(value);
  ArrayRef<int64_t> shape = cast<RankedTensorType>(value.getType()).getShape();
  for (auto [index, size] : llvm::enumerate(shape)) {
    if (!places.axes[index])
      places.axes[index] = algebra.makeAxis(size);
    algebra.pin(*places.axes[index], reason);
  }
}

void UnitAnalysis::visitRule(AxisRuleOpInterface op) {
  AxisRule rule = op.getAxisRule();
  StringRef node = getNodeName(op.getLoc());
  std::string where = describe(op) + " needs the axis as it is";
  RuleInstance instance(rule, algebra, node);
  for (auto [value, axes] : llvm::zip_equal(op->getOperands(), rule.operands))
    if (const TensorPlaces *places = getPlaces(value))
      for (auto [expr, axis] : llvm::zip(axes, places->axes))
        if (axis)
          instance.adopt(expr, *axis);
  for (const auto &[left, right] : rule.equations)
    algebra.unify(instance.evaluate(left), instance.evaluate(right), where);
  auto visitValue = [&](Value value, ArrayRef<AxisExpr> axes) {
    if (!isTensor(value))
      return;
    TensorPlaces &places = place(value);
    if (axes.size() != places.axes.size())
      return pinValue(value, where);
    for (auto [index, expr] : llvm::enumerate(axes)) {
      Axis axis = instance.evaluate(expr);
      if (!places.axes[index] && axis.blocks > 1)
        places.blockAxis = instance.getBlockAxis(axes);
      assign(places, index, axis, where);
    }
  };
  for (auto [value, axes] : llvm::zip_equal(op->getOperands(), rule.operands))
    visitValue(value, axes);
  for (auto [value, axes] : llvm::zip_equal(op->getResults(), rule.results))
    visitValue(value, axes);
  factorsOf[op] = instance.getFactors().vec();
  for (auto [factor, axis] :
       llvm::zip_equal(rule.factors, instance.getFactors()))
    if (factor.dropped)
      droppedParts.push_back(axis);
}

void UnitAnalysis::relate(Value a, Value b, StringRef where) {
  if (!isTensor(a) || !isTensor(b))
    return;
  ArrayRef<int64_t> shape = cast<RankedTensorType>(a.getType()).getShape();
  if (cast<RankedTensorType>(b.getType()).getShape().size() != shape.size()) {
    pinValue(a, where);
    pinValue(b, where);
    return;
  }
  TensorPlaces &from = place(a), &to = place(b);
  for (auto [index, size] : llvm::enumerate(shape)) {
    if (!from.axes[index] && !to.axes[index])
      from.axes[index] = algebra.makeAxis(size);
    if (!from.axes[index])
      from.axes[index] = to.axes[index];
    else
      assign(to, index, *from.axes[index], where);
  }
}

void UnitAnalysis::visitBranch(RegionBranchOpInterface op) {
  std::string where =
      ("'" + op->getName().getStringRef() + "' needs the axis as it is").str();
  RegionBranchSuccessorMapping mapping;
  op.getSuccessorOperandInputMapping(mapping);
  auto visitOperands = [&](Operation *source) {
    for (OpOperand &operand : source->getOpOperands()) {
      auto inputs = mapping.find(&operand);
      if (inputs == mapping.end()) {
        pinValue(operand.get(), where);
        continue;
      }
      for (Value input : inputs->second)
        relate(operand.get(), input, where);
    }
  };
  visitOperands(op);
  for (Region &region : op->getRegions())
    for (Block &block : region)
      visitOperands(block.getTerminator());
}

void UnitAnalysis::visitInputs(func::FuncOp func) {
  for (BlockArgument argument : func.getArguments())
    pinValue(
        argument,
        describeInterface("input", func.getArgAttrOfType<StringAttr>(
                                       argument.getArgNumber(), "neuro.name")));
}

void UnitAnalysis::visitOutputs(func::ReturnOp ret) {
  auto func = ret->getParentOfType<func::FuncOp>();
  for (OpOperand &operand : ret->getOpOperands())
    pinValue(operand.get(),
             describeInterface("output",
                               func.getResultAttrOfType<StringAttr>(
                                   operand.getOperandNumber(), "neuro.name")));
}

void UnitAnalysis::visitUnknown(Operation *op) {
  std::string reason =
      ("'" + op->getName().getStringRef() + "' has no axis rule").str();
  auto pin = [&](Value value) { pinValue(value, reason); };
  llvm::for_each(op->getOperands(), pin);
  llvm::for_each(op->getResults(), pin);
  for (Region &region : op->getRegions())
    for (Block &block : region)
      llvm::for_each(block.getArguments(), pin);
}

void UnitAnalysis::visit(Operation *op) {
  if (auto read = dyn_cast<neuro::GetParamOp>(op)) {
    Operation *param = symbols.lookupNearestSymbolFrom(op, read.getNameAttr());
    if (auto it = ofParam.find(param); it != ofParam.end())
      ofValue[read.getResult()] = it->second;
  } else if (isa<neuro::ConstantOp>(op)) {
    tensors.push_back(op);
    place(op->getResult(0));
  } else if (auto func = dyn_cast<func::FuncOp>(op)) {
    visitInputs(func);
  } else if (auto ret = dyn_cast<func::ReturnOp>(op)) {
    visitOutputs(ret);
  } else if (auto rule = dyn_cast<AxisRuleOpInterface>(op)) {
    visitRule(rule);
  } else if (auto branch = dyn_cast<RegionBranchOpInterface>(op)) {
    visitBranch(branch);
  } else if (isa<RegionBranchTerminatorOpInterface>(op) &&
             isa<RegionBranchOpInterface>(op->getParentOp())) {
    // Visited with the op around it.
  } else {
    visitUnknown(op);
  }
}

const TensorPlaces *UnitAnalysis::getPlaces(Value value) const {
  return ofValue.lookup(value);
}

const TensorPlaces *UnitAnalysis::getPlaces(Operation *param) const {
  if (isa<neuro::ConstantOp>(param))
    return ofValue.lookup(param->getResult(0));
  return ofParam.lookup(param);
}

ArrayRef<Axis> UnitAnalysis::getFactors(Operation *op) const {
  auto it = factorsOf.find(op);
  return it == factorsOf.end() ? ArrayRef<Axis>() : ArrayRef<Axis>(it->second);
}

//===----------------------------------------------------------------------===//
// Members and printing
//===----------------------------------------------------------------------===//

std::vector<std::vector<Member>> UnitAnalysis::collectMembers() const {
  std::vector<std::vector<Member>> members(units->getSets().size());
  for (Operation *tensor : tensors) {
    const TensorPlaces *places = getPlaces(tensor);
    if (!places)
      continue;
    for (auto [index, axis] : llvm::enumerate(places->axes)) {
      if (!axis || axis->isDynamic())
        continue;
      for (unsigned block = 0; block < axis->blocks; ++block) {
        llvm::MapVector<unsigned, MemberRun> runs;
        for (auto [place, node] : llvm::enumerate(axis->getBlock(block))) {
          int64_t position = place;
          for (Node atom : algebra.getAtoms(node)) {
            std::optional<unsigned> set = units->getSet(atom);
            if (!set)
              continue;
            MemberRun &run = runs[*set];
            if (!run.ranges.empty() && run.ranges.back().second + 1 >= position)
              run.ranges.back().second = position;
            else
              run.ranges.emplace_back(position, position);
          }
        }
        for (auto &[set, run] : runs) {
          run.axis = index;
          if (axis->blocks > 1)
            run.block = block;
          run.isWholeAxis = run.ranges.size() == 1 &&
                            run.ranges[0].first == 0 &&
                            run.ranges[0].second == axis->extent - 1;
          auto &list = members[set];
          if (list.empty() || list.back().tensor != tensor)
            list.push_back({tensor, {}});
          list.back().runs.push_back(std::move(run));
        }
      }
    }
  }
  return members;
}

void UnitAnalysis::print(raw_ostream &os) const {
  std::vector<std::vector<Member>> members = collectMembers();
  unsigned number = 0;
  for (const UnitGroup &group : units->getGroups()) {
    // What no parameter carries is no unit.
    if (llvm::all_of(group.sets,
                     [&](unsigned set) { return members[set].empty(); }))
      continue;
    bool pinned = llvm::any_of(group.sets, [&](unsigned set) {
      return !units->getSets()[set].pins.empty();
    });
    os << "unit group #" << number++ << ": " << (pinned ? "pinned" : "free")
       << '\n';
    for (unsigned index : group.sets) {
      const UnitSet &set = units->getSets()[index];
      os << "  " << set.units.size()
         << (set.units.size() == 1 ? " unit" : " units");
      if (set.isInner)
        os << ", inner";
      os << ":";
      for (const Member &member : members[index])
        for (const MemberRun &run : member.runs) {
          os << ' ' << getTensorName(member.tensor) << '[' << run.axis;
          if (run.block)
            os << " block " << *run.block;
          if (!run.isWholeAxis) {
            os << ':';
            for (auto [first, last] : run.ranges) {
              os << ' ' << first;
              if (last != first)
                os << ".." << last;
            }
          }
          os << ']';
        }
      os << '\n';
      for (const std::string &pin : set.pins)
        os << "    pinned: " << pin << '\n';
      for (const std::string &where : set.notZeroInvariant)
        os << "    not zero-invariant: " << where << '\n';
    }
  }
}
