//===- Dropout.cpp - What is left out while a network learns --------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Training/Dropout.h"
#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/IR/Verifier.h"
#include "neuroplast/Dialect/Neuro/IR/Gradient.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/OptimizerStates.h"
#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"
#include "neuroplast/Dialect/Neuro/IR/RandomOps.h"
#include "neuroplast/Structure/Edits/History.h"
#include "neuroplast/Structure/Units/LayerUnits.h"
#include "neuroplast/Structure/Units/ResidualBlocks.h"
#include "neuroplast/Structure/Units/UnitSelection.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::training;

std::optional<Dropout> Dropout::parse(StringRef text, std::string &reason) {
  auto [pattern, rest] = text.rsplit('=');
  SmallVector<StringRef> parts;
  rest.split(parts, ':');
  Dropout dropout;
  dropout.pattern = pattern.str();
  auto fail = [&](const Twine &why) {
    reason = ("'" + text + "' " + why).str();
    return std::nullopt;
  };
  if (parts.size() == 2 && parts[1] == "join") {
    dropout.kind = Kind::Join;
    if (pattern.empty() || parts[0].getAsInteger(10, dropout.steps) ||
        dropout.steps < 1)
      return fail("is no PATTERN=STEPS:join with a number of steps");
    return dropout;
  }
  if (pattern.empty() || parts.front().getAsDouble(dropout.rate) ||
      !(dropout.rate >= 0 && dropout.rate < 1))
    return fail("is no PATTERN=RATE with a rate from 0 to below 1");
  if (parts.size() > 1) {
    auto kind = llvm::StringSwitch<std::optional<Kind>>(parts[1])
                    .Case("elements", Kind::Elements)
                    .Case("gaussian", Kind::Gaussian)
                    .Case("channels", Kind::Channels)
                    .Case("squares", Kind::Squares)
                    .Case("weights", Kind::Weights)
                    .Case("units", Kind::Units)
                    .Case("states", Kind::States)
                    .Case("branches", Kind::Branches)
                    .Case("concrete", Kind::Concrete)
                    .Default(std::nullopt);
    if (!kind)
      return fail("is of none of the kinds elements, gaussian, channels, "
                  "squares, weights, units, states, branches, concrete and "
                  "join");
    dropout.kind = *kind;
  }
  if (dropout.kind == Kind::Concrete) {
    if (parts.size() != 3 || parts[2].getAsInteger(10, dropout.examples) ||
        dropout.examples < 1 || dropout.rate == 0)
      return fail("needs a rate above 0 and the number of examples");
    return dropout;
  }
  bool isTargeted = dropout.kind == Kind::Units ||
                    (dropout.kind == Kind::Weights && parts.size() == 3);
  double share = 0;
  if (isTargeted && (parts.size() != 3 || parts[2].getAsDouble(share) ||
                     !(share > 0 && share <= 1)))
    return fail("needs the share of the smallest, above 0 and up to 1");
  if (isTargeted)
    dropout.targeted = share;
  else if (parts.size() > 3 ||
           (parts.size() == 3 &&
            (dropout.kind != Kind::Squares ||
             parts[2].getAsInteger(10, dropout.square) || dropout.square < 2)))
    return fail("has a size that is none of squares, or less than 2");
  return dropout;
}

namespace {

class Inserter {
public:
  Inserter(ModuleOp module, const Dropout &dropout)
      : module(module), dropout(dropout) {}

  LogicalResult insert() {
    SmallVector<OpOperand *> uses = findUses();
    if (uses.empty())
      return module.emitError()
             << "has no layer whose weight is like '" << dropout.pattern << "'";
    if (dropout.kind == Dropout::Kind::Branches)
      return insertBehindBranches(uses);
    if (dropout.kind == Dropout::Kind::Join)
      return insertBehindLayers(uses);
    // Several weights of a layer are weights of the same data.
    llvm::DenseSet<OpOperand *> seen;
    for (OpOperand *use : uses) {
      bool isOfWeights = dropout.kind == Dropout::Kind::Weights ||
                         dropout.kind == Dropout::Kind::Units ||
                         dropout.kind == Dropout::Kind::States;
      OpOperand *place =
          isOfWeights ? use : structure::findData(*use->getOwner());
      if (!place)
        return use->getOwner()->emitError(
            "reads nothing that could be left out");
      if (!seen.insert(place).second)
        continue;
      if (failed(dropout.kind == Dropout::Kind::Concrete
                     ? insertLearning(*place, *use)
                     : insertBefore(*place, use->getOperandNumber())))
        return failure();
    }
    return success();
  }

private:
  SmallVector<OpOperand *> findUses() {
    SymbolTable symbols(module);
    SmallVector<OpOperand *> uses;
    module.walk([&](neuro::GetParamOp read) {
      auto param = symbols.lookup<neuro::ParamOp>(read.getName());
      if (param &&
          structure::matchesAny(neuro::getUserName(param), dropout.pattern))
        collectUses(read, uses);
    });
    return uses;
  }

  /// The layers that take a value as their weight, or what an op makes of it
  /// alone.
  static void collectUses(Value value, SmallVector<OpOperand *> &uses) {
    for (OpOperand &use : value.getUses()) {
      auto op = dyn_cast<neuro::AxisRuleOpInterface>(use.getOwner());
      if (!op)
        continue;
      if (op.getOperandRole(use.getOperandNumber()) ==
          neuro::OperandRole::Weight)
        uses.push_back(&use);
      else if (op->getNumOperands() == 1 && op->getNumResults() == 1)
        collectUses(op->getResult(0), uses);
    }
  }

  LogicalResult insertBefore(OpOperand &place, unsigned weight) {
    if (dropout.kind == Dropout::Kind::Channels)
      return insertAt(place, findSharedAxes(place, weight));
    if (dropout.kind == Dropout::Kind::States) {
      std::optional<int64_t> states = findStateAxis(place);
      if (!states)
        return place.getOwner()->emitError(
            "has no states that this weight reads");
      return insertAt(place, listOtherAxes(place, *states));
    }
    if (!dropout.targeted)
      return insertAt(place, {});
    std::optional<int64_t> units = structure::findUnitAxis(place);
    if (!units)
      return place.getOwner()->emitError(
          "makes no units that could be left out by their weights");
    if (dropout.kind == Dropout::Kind::Weights)
      return insertAt(place, {}, *units);
    return insertAt(place, listOtherAxes(place, *units));
  }

  static SmallVector<int64_t> listOtherAxes(OpOperand &place, int64_t axis) {
    auto type = cast<RankedTensorType>(place.get().getType());
    auto others = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
    others.erase(others.begin() + axis);
    return others;
  }

  /// The axis of a weight along which a layer reads what it has made before of
  /// its units; none if it reads nothing of the kind.
  static std::optional<int64_t> findStateAxis(OpOperand &weight) {
    auto layer = cast<neuro::AxisRuleOpInterface>(weight.getOwner());
    std::optional<int64_t> units = structure::findUnitAxis(weight);
    if (!units)
      return std::nullopt;
    neuro::AxisRule rule = layer.getAxisRule();
    ArrayRef<neuro::AxisExpr> axes = rule.operands[weight.getOperandNumber()];
    for (auto [index, axis] : llvm::enumerate(axes))
      if (static_cast<int64_t>(index) != *units &&
          structure::hasFactor(axis, [&](unsigned factor) {
            return structure::isFactorOf(factor, axes[*units]);
          }))
        return index;
    return std::nullopt;
  }

  /// Dropout with a rate that is a parameter beside the weight of a layer.
  LogicalResult insertLearning(OpOperand &place, OpOperand &weight) {
    neuro::ParamOp param = findParam(weight.get());
    Operation *layer = place.getOwner();
    auto element = cast<FloatType>(getElementTypeOrSelf(place.get().getType()));
    auto type = RankedTensorType::get({}, element);
    std::string name = (neuro::getUserName(param) + kRateSuffix).str();
    OpBuilder b(param);
    b.setInsertionPointAfter(param);
    auto logit = neuro::ParamOp::create(
        b, layer->getLoc(), (param.getSymName() + kRateSuffix).str(),
        DenseElementsAttr::get(
            type, b.getFloatAttr(element,
                                 std::log(dropout.rate / (1 - dropout.rate)))),
        /*trainable=*/true, FlatSymbolRefAttr(), b.getStringAttr(name),
        StringAttr());
    SymbolTable(module).insert(logit);
    b.setInsertionPoint(layer);
    auto read =
        neuro::GetParamOp::create(b, layer->getLoc(), type, logit.getSymName());
    place.set(neuro::ConcreteDropoutOp::create(
        b, layer->getLoc(), place.get().getType(), place.get(), read,
        dropout.examples));
    return success();
  }

  /// The parameter that a weight is, or is made of alone.
  neuro::ParamOp findParam(Value value) {
    while (!value.getDefiningOp<neuro::GetParamOp>())
      value = value.getDefiningOp()->getOperand(0);
    return SymbolTable(module).lookup<neuro::ParamOp>(
        value.getDefiningOp<neuro::GetParamOp>().getName());
  }

  LogicalResult insertAt(OpOperand &place, ArrayRef<int64_t> shared,
                         ArrayRef<int64_t> apart = {}) {
    OpBuilder b(place.getOwner());
    int64_t block = dropout.kind == Dropout::Kind::Squares ? dropout.square : 1;
    bool isGaussian = dropout.kind == Dropout::Kind::Gaussian;
    auto op = neuro::DropoutOp::create(
        b, place.getOwner()->getLoc(), place.get().getType(), place.get(),
        b.getF64FloatAttr(dropout.rate), b.getDenseI64ArrayAttr(shared),
        b.getI64IntegerAttr(block), isGaussian ? b.getUnitAttr() : UnitAttr(),
        dropout.targeted ? b.getF64FloatAttr(*dropout.targeted) : FloatAttr(),
        b.getDenseI64ArrayAttr(apart));
    place.set(op);
    return mlir::verify(op);
  }

  /// The axes of data that are neither those of its channels, which the weight
  /// has, too, nor the batch.
  static SmallVector<int64_t> findSharedAxes(OpOperand &place,
                                             unsigned weight) {
    auto layer = cast<neuro::AxisRuleOpInterface>(place.getOwner());
    neuro::AxisRule rule = layer.getAxisRule();
    auto isOfWeight = [&](unsigned factor) {
      return structure::isFactorOf(factor, rule.operands[weight]);
    };
    auto isSpatial = [&](unsigned factor) {
      return rule.factors[factor].role == neuro::FactorRole::Spatial;
    };
    // Where nothing is said of space, the batch comes first.
    SmallVector<int64_t> spatial, others;
    for (auto [index, axis] :
         llvm::enumerate(rule.operands[place.getOperandNumber()])) {
      if (structure::hasFactor(axis, isSpatial))
        spatial.push_back(index);
      else if (index > 0 && !structure::hasFactor(axis, isOfWeight))
        others.push_back(index);
    }
    return spatial.empty() ? others : spatial;
  }

  LogicalResult insertBehindBranches(ArrayRef<OpOperand *> layers) {
    llvm::SetVector<OpOperand *> branches;
    std::vector<structure::ResidualBlock> blocks =
        structure::listResidualBlocks(module);
    for (OpOperand *layer : layers)
      if (OpOperand *branch = findInnermost(blocks, layer->getOwner()))
        branches.insert(branch);
    if (branches.empty())
      return module.emitError() << "has no residual block around a layer whose "
                                   "weight is like '"
                                << dropout.pattern << "'";
    for (OpOperand *branch : branches) {
      auto type = cast<RankedTensorType>(branch->get().getType());
      if (failed(insertAt(
              *branch, llvm::to_vector(llvm::seq<int64_t>(1, type.getRank())))))
        return failure();
    }
    return success();
  }

  LogicalResult insertBehindLayers(ArrayRef<OpOperand *> weights) {
    llvm::SetVector<Operation *> layers;
    for (OpOperand *weight : weights)
      layers.insert(weight->getOwner());
    // Each part of a step is a draw of its own.
    int64_t start = neuro::getTrainingSteps(module) * dropout.parts;
    structure::UnitAnalysis analysis(module);
    auto newborns = structure::findNewborns(analysis);
    if (failed(newborns))
      return failure();
    for (Operation *layer : layers) {
      OpOperand *data = structure::findData(*layer);
      Value result = findEnd(layer->getResult(0));
      OpBuilder b(layer->getContext());
      b.setInsertionPointAfterValue(result);
      Value before = leaveOut(b, analysis, *newborns, result);
      if (!before && (!data || data->get().getType() != result.getType()))
        return layer->emitError("makes no units that joined last, and no "
                                "tensor of the type that it reads, so that "
                                "nothing can stand in for its result");
      auto join = neuro::JoinOp::create(b, layer->getLoc(), result.getType(),
                                        result, before ? before : data->get(),
                                        start, dropout.steps * dropout.parts);
      result.replaceUsesWithIf(join.getResult(), [&](OpOperand &use) {
        return use.getOwner() != join &&
               (!before || use.getOwner() != before.getDefiningOp());
      });
    }
    return success();
  }

  /// A value with zeros where some units stand; null if none of them does.
  static Value leaveOut(OpBuilder &b, const structure::UnitAnalysis &analysis,
                        const llvm::DenseSet<structure::Node> &units,
                        Value value) {
    const structure::TensorPlaces *places = analysis.getPlaces(value);
    if (units.empty() || !places)
      return nullptr;
    neuro::TermBuilder at{b, value.getLoc()};
    neuro::Term left(at, value);
    for (auto [index, axis] : llvm::enumerate(places->axes)) {
      if (!axis || axis->isDynamic() || axis->blocks != 1)
        continue;
      Type element = left.getType().getElementType();
      SmallVector<Attribute> factors;
      bool hasUnits = false;
      for (structure::Node node : axis->places) {
        bool isUnit = llvm::any_of(
            analysis.getAlgebra().getAtoms(node),
            [&](structure::Node atom) { return units.contains(atom); });
        hasUnits |= isUnit;
        factors.push_back(at.builder.getFloatAttr(element, isUnit ? 0 : 1));
      }
      if (!hasUnits)
        continue;
      SmallVector<int64_t> shape(left.getRank(), 1);
      shape[index] = axis->extent;
      auto type = RankedTensorType::get(shape, element);
      neuro::Term kept(
          at, neuro::ConstantOp::create(at.builder, at.location,
                                        DenseElementsAttr::get(type, factors)));
      left = left * kept;
    }
    return left.get() == value ? nullptr : left.get();
  }

  /// What a bias, a norm and an activation make of the results of a layer.
  static Value findEnd(Value value) {
    while (value.hasOneUse()) {
      auto next = dyn_cast<neuro::AxisRuleOpInterface>(
          value.getUses().begin()->getOwner());
      if (!next || next->getNumResults() != 1 ||
          next->getResult(0).getType() != value.getType() ||
          llvm::any_of(next->getOperands(), [&](Value operand) {
            return operand != value &&
                   !operand.getDefiningOp<neuro::GetParamOp>();
          }))
        break;
      // The next layer is another one.
      if (llvm::any_of(next->getOpOperands(), [&](OpOperand &operand) {
            return next.getOperandRole(operand.getOperandNumber()) ==
                       neuro::OperandRole::Weight &&
                   cast<RankedTensorType>(operand.get().getType()).getRank() >
                       1;
          }))
        break;
      value = next->getResult(0);
    }
    return value;
  }

  /// What the smallest of the blocks around a layer adds to its input; null if
  /// there is none.
  static OpOperand *findInnermost(ArrayRef<structure::ResidualBlock> blocks,
                                  Operation *layer) {
    OpOperand *innermost = nullptr;
    size_t fewest = 0;
    for (const structure::ResidualBlock &block : blocks) {
      llvm::SetVector<Operation *> ops = listOps(block);
      if (!ops.contains(layer) || (innermost && ops.size() >= fewest))
        continue;
      innermost = &block.sum->getOpOperand(1 - block.skip);
      fewest = ops.size();
    }
    return innermost;
  }

  /// What a block computes of its input.
  static llvm::SetVector<Operation *>
  listOps(const structure::ResidualBlock &block) {
    llvm::SetVector<Operation *> ops;
    Operation *input = block.getInput().getDefiningOp();
    BackwardSliceOptions options;
    options.inclusive = true;
    options.filter = [&](Operation *op) { return op != input; };
    if (failed(getBackwardSlice(block.getBranch(), &ops, options)))
      ops.clear();
    return ops;
  }

  ModuleOp module;
  const Dropout &dropout;
};

} // namespace

LogicalResult neuroplast::training::insertDropout(ModuleOp module,
                                                  const Dropout &dropout) {
  return Inserter(module, dropout).insert();
}

/// Whether a value has something of the examples of a batch.
static bool isOfBatch(Value value) {
  llvm::SetVector<Value> seen;
  seen.insert(value);
  for (size_t i = 0; i < seen.size(); ++i) {
    if (Operation *op = seen[i].getDefiningOp()) {
      if (op->getNumRegions() > 0)
        return true; // What it reads from around it may be.
      seen.insert_range(op->getOperands());
      continue;
    }
    auto argument = cast<BlockArgument>(seen[i]);
    auto main = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
    if (!main || !neuro::getArgumentParam(main, argument.getArgNumber()))
      return true;
  }
  return false;
}

LogicalResult
neuroplast::training::drawSamples(func::FuncOp function, Value counter,
                                  uint32_t seed, const neuro::BatchPart &part,
                                  SmallVectorImpl<Value> *penalties) {
  uint32_t stream = seed * 0x9e3779b9u; // those of near seeds are far apart
  auto result = function.walk([&](neuro::StochasticOpInterface op) {
    OpBuilder b(op);
    Value sample = op.buildSample(
        b, counter, stream++,
        isOfBatch(op->getOperand(0)) ? part : neuro::BatchPart());
    if (!sample)
      return WalkResult::interrupt();
    if (penalties) {
      auto penalty = op.buildPenalty(b);
      if (failed(penalty))
        return WalkResult::interrupt();
      if (*penalty)
        penalties->push_back(*penalty);
    }
    op->getResult(0).replaceAllUsesWith(sample);
    op->erase();
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

LogicalResult neuroplast::training::answerByDraws(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || !main.getBody().hasOneBlock())
    return module.emitError("has no function 'main' of one block");
  auto found = main.walk(
      [](neuro::StochasticOpInterface) { return WalkResult::interrupt(); });
  if (!found.wasInterrupted())
    return main.emitError("has nothing that could be drawn");
  Builder b(module.getContext());
  NamedAttrList attributes;
  attributes.append("neuro.name", b.getStringAttr("draw"));
  unsigned index = main.getNumArguments();
  if (failed(main.insertArgument(
          index, RankedTensorType::get({}, b.getI64Type()),
          attributes.getDictionary(b.getContext()), main.getLoc())))
    return failure();
  return drawSamples(main, main.getArgument(index), /*seed=*/0);
}
