//===- InsertLayers.cpp - Depth that joins --------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Growth/InsertLayers.h"
#include "LayerBuilder.h"
#include "mlir/IR/IRMapping.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Structure/Draw.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

llvm::json::Object InsertOptions::toJson() const {
  llvm::json::Object result{{"insert_after", llvm::json::Array(after)},
                            {"branch_at", llvm::json::Array(beside)},
                            {"seed", static_cast<int64_t>(seed)}};
  if (hidden)
    result["hidden"] = *hidden;
  if (isRandom)
    result["init"] = "random";
  if (!command.empty())
    result["command"] = command;
  return result;
}

llvm::json::Object InsertReport::toJson() const {
  llvm::json::Array list;
  for (const InsertedLayer &layer : layers)
    list.push_back(llvm::json::Object{{"node", layer.node},
                                      {"form", layer.form},
                                      {"parameters", layer.parameters},
                                      {"obstacle", layer.obstacle}});
  llvm::json::Object result = options.toJson();
  result["before"] = before.toJson();
  result["after"] = after.toJson();
  result["layers"] = std::move(list);
  return result;
}

void InsertReport::print(llvm::raw_ostream &os) const {
  for (const InsertedLayer &layer : layers)
    if (layer.obstacle.empty())
      os << "joined at " << layer.node << ": " << layer.form << ", "
         << layer.parameters << " parameters\n";
    else
      os << "nothing joined at " << layer.node << ": " << layer.obstacle
         << '\n';
}

/// An activation on another value.
static Value activate(OpBuilder &builder, Operation *activation, Value value) {
  IRMapping mapping;
  mapping.map(activation->getOperand(0), value);
  Operation *again = builder.clone(*activation, mapping);
  again->getResult(0).setType(value.getType());
  return again->getResult(0);
}

/// Random numbers that keep the size of what they weigh.
static Matrix drawMatrix(const LinearLayer &layer, uint64_t seed, int64_t outs,
                         int64_t size) {
  seed ^= llvm::xxh3_64bits(neuro::ParamOp(layer.weight).getSymName());
  double scale = 1 / std::sqrt(static_cast<double>(size));
  Matrix matrix(outs, size);
  for (int64_t i = 0; i < matrix.size(); ++i)
    matrix.data()[i] = scale * drawNormal(seed, i);
  return matrix;
}

/// Whether an op computes its only result of one tensor, element by element.
static bool isActivation(Operation *op) {
  return op->hasTrait<neuro::Elementwise>() && op->getNumOperands() == 1 &&
         op->getOperand(0).getType() == op->getResult(0).getType();
}

/// The linear layer whose results a value is, up to what keeps their axes; null
/// if there is none.
static const LinearLayer *
findLayer(Value value, const llvm::DenseMap<Operation *, LinearLayer> &layers) {
  while (Operation *op = value.getDefiningOp()) {
    auto it = layers.find(op);
    if (it != layers.end())
      return &it->second;
    if (!isa<neuro::AxisRuleOpInterface>(op) || op->getNumOperands() == 0 ||
        op->getOperand(0).getType() != value.getType())
      return nullptr;
    value = op->getOperand(0);
  }
  return nullptr;
}

/// What uses a value uses another, but for the ops that make that of it.
static void replaceUses(Value value, Value other, ArrayRef<Operation *> users) {
  for (OpOperand &use : llvm::make_early_inc_range(value.getUses()))
    if (llvm::is_contained(users, use.getOwner()))
      use.set(other);
}

static void insertAfter(Operation *op, const LinearLayer &layer,
                        const InsertOptions &options, InsertedLayer &entry) {
  Value value = op->getResult(0), result;
  SmallVector<Operation *> users(value.getUsers());
  OpBuilder builder(op->getContext());
  builder.setInsertionPointAfter(op);
  LayerBuilder layers(layer, builder);
  int64_t outs = layer.outs;
  bool isIdempotent = op->hasTrait<neuro::Idempotent>();
  if (options.isRandom) {
    entry.form = "random";
    result = layers.multiply(value, "joined",
                             drawMatrix(layer, options.seed, outs, outs));
    if (result && isActivation(op))
      result = activate(builder, op, result);
  } else if (isActivation(op) && !isIdempotent) {
    entry.form = "residual";
    int64_t hidden = options.hidden.value_or(outs);
    result = layers.multiply(value, "joined",
                             drawMatrix(layer, options.seed, hidden, outs));
    if (result)
      result = layers.multiply(activate(builder, op, result), "joined.out",
                               Matrix::Zero(outs, hidden));
    if (result)
      result = neuro::buildSum(builder, op->getLoc(), value, result);
  } else {
    entry.form = isIdempotent ? "identity and activation" : "identity";
    result = layers.multiply(value, "joined", Matrix::Identity(outs, outs));
    if (result && isIdempotent)
      result = activate(builder, op, result);
  }
  if (!result) {
    entry.obstacle = "no layer of its kind maps its results";
    return;
  }
  replaceUses(value, result, users);
  entry.parameters = layers.countParameters();
}

static void insertBeside(const LinearLayer &layer, const InsertOptions &options,
                         InsertedLayer &entry) {
  neuro::LayerOpInterface op = layer.op;
  Value value = op->getResult(0);
  SmallVector<Operation *> users(value.getUsers());
  entry.form = "branch";
  if (layer.map.blocks > 1) {
    entry.obstacle = "it has groups";
    return;
  }
  OpBuilder builder(op->getContext());
  builder.setInsertionPointAfter(op);
  LayerBuilder layers(layer, builder);
  int64_t hidden =
      options.hidden.value_or(std::max<int64_t>(layer.outs / 4, 1));
  Value narrow =
      layers.repeat(op->getOperand(layer.map.data), "branch",
                    drawMatrix(layer, options.seed, hidden, layer.patchSize));
  Value result =
      layers.multiply(narrow, "branch.out", Matrix::Zero(layer.outs, hidden));
  if (!result) {
    layers.eraseAll();
    entry.obstacle = "no layer of its kind maps its results";
    return;
  }
  replaceUses(value, neuro::buildSum(builder, op->getLoc(), value, result),
              users);
  entry.parameters = layers.countParameters();
}

FailureOr<InsertReport>
neuroplast::structure::insertLayers(ModuleOp module,
                                    const InsertOptions &options) {
  if (options.hidden && *options.hidden < 1)
    return module.emitError("a layer has at least one result"), failure();
  InsertReport report;
  report.options = options;
  report.before = measure(UnitAnalysis(module));
  llvm::DenseMap<Operation *, LinearLayer> layers;
  for (LinearLayer &layer : listLinearLayers(module, {}, {}))
    layers.try_emplace(layer.op.getOperation(), std::move(layer));
  SmallVector<std::pair<Operation *, bool>> places;
  for (bool isBeside : {false, true})
    for (const std::string &pattern :
         isBeside ? options.beside : options.after) {
      size_t before = places.size();
      // A node may have become several ops: the last of them is what it gives.
      llvm::MapVector<StringRef, Operation *> found;
      module.walk([&](neuro::CostOpInterface op) {
        StringRef node = getNodeName(op.getLoc());
        if (op->getNumResults() > 0 && matchesAny(node, pattern) &&
            (!isBeside || layers.contains(op)))
          found[node] = op;
      });
      for (auto [node, op] : found)
        if (!llvm::is_contained(places, std::pair(op, isBeside)))
          places.push_back({op, isBeside});
      if (places.size() == before && found.empty())
        return module.emitError(isBeside ? "no linear layer" : "no node")
                   << " has a name like '" << pattern << "'",
               failure();
    }
  for (auto [op, isBeside] : places) {
    InsertedLayer &entry = report.layers.emplace_back();
    entry.node = getNodeName(op->getLoc()).str();
    const LinearLayer *layer = findLayer(op->getResult(0), layers);
    if (!layer || op->getNumResults() != 1)
      entry.obstacle = "it gives the results of no linear layer";
    else if (isBeside)
      insertBeside(*layer, options, entry);
    else
      insertAfter(op, *layer, options, entry);
  }
  report.after = measure(UnitAnalysis(module));
  if (llvm::any_of(report.layers, [](const InsertedLayer &layer) {
        return layer.obstacle.empty();
      }))
    recordCommand(module, "insert", options.toJson());
  return report;
}
