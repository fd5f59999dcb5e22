//===- InsertLayers.cpp - Depth that joins --------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/InsertLayers.h"
#include "Draw.h"
#include "LinearLayers.h"
#include "mlir/IR/IRMapping.h"
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

namespace {

/// Adds layers of the kind of a linear one.
class Inserter {
public:
  Inserter(const LinearLayer &layer, const InsertOptions &options,
           Operation *after)
      : layer(layer), options(options), builder(after->getContext()) {
    builder.setInsertionPointAfter(after);
  }

  int64_t countParameters() const { return parameters; }

  /// A product of the results of the layer, or what has their axes, with a
  /// matrix; null if the kind of layer has none.
  Value multiply(Value value, StringRef name, int64_t outs, int64_t inner,
                 llvm::function_ref<double(int64_t, int64_t)> getNumber) {
    unsigned outAxis = layer.map.outAxisOfWeight;
    SmallVector<int64_t> shape(layer.getWeightShape().size(), 1);
    shape[outAxis] = outs;
    shape[outAxis == 0 ? 1 : 0] = inner;
    auto weight = addWeight(name, shape, [&](int64_t element) {
      return outAxis == 0 ? getNumber(element / inner, element % inner)
                          : getNumber(element % outs, element / outs);
    });
    neuro::LayerOpInterface op = layer.op;
    return op.buildOutMap(builder, value, weight, /*bias=*/Value());
  }

  /// The layer again with other weights, so many results, and no bias.
  Value narrow(StringRef name, int64_t outs) {
    neuro::LayerOpInterface op = layer.op;
    SmallVector<int64_t> shape(layer.getWeightShape());
    shape[layer.map.outAxisOfWeight] = outs;
    double scale = 1 / std::sqrt(static_cast<double>(layer.patchSize));
    SmallVector<Value> operands(op->getOperands());
    if (layer.map.bias)
      operands.erase(operands.begin() + *layer.map.bias);
    operands[layer.map.weight] = addWeight(name, shape, [&](int64_t element) {
      return scale * draw(name, element);
    });
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    SmallVector<int64_t> narrow(type.getShape());
    narrow[layer.map.outAxisOfResult] = outs;
    OperationState state(op->getLoc(), op->getName(), operands,
                         type.clone(narrow), op->getAttrs());
    return builder.create(state)->getResult(0);
  }

  Value activate(Operation *activation, Value value) {
    IRMapping mapping;
    mapping.map(activation->getOperand(0), value);
    Operation *again = builder.clone(*activation, mapping);
    again->getResult(0).setType(value.getType());
    return again->getResult(0);
  }

  Value add(Value a, Value b) {
    return neuro::buildSum(builder, layer.op->getLoc(), a, b);
  }

  double draw(StringRef name, int64_t index) const {
    return drawNormal(options.seed ^ llvm::xxh3_64bits(name), index);
  }

private:
  Value addWeight(StringRef part, ArrayRef<int64_t> shape,
                  llvm::function_ref<double(int64_t)> getNumber) {
    neuro::ParamOp like = layer.weight;
    auto type = like.getType().clone(shape);
    std::string bytes(type.getNumElements() * sizeof(float), 0);
    for (int64_t i = 0, end = type.getNumElements(); i < end; ++i) {
      auto number = static_cast<float>(getNumber(i));
      memcpy(bytes.data() + i * sizeof(float), &number, sizeof(float));
    }
    parameters += type.getNumElements();
    std::string name = (like.getSymName() + "." + part).str();
    OpBuilder top(like);
    auto param = neuro::ParamOp::create(
        top, like.getLoc(), name, makeElements(type, name, std::move(bytes)),
        like.getTrainable(), /*shadow_of=*/FlatSymbolRefAttr(),
        /*source_name=*/StringAttr(), /*sym_visibility=*/StringAttr());
    param->remove();
    SymbolTable(like->getParentOfType<ModuleOp>())
        .insert(param, std::next(Block::iterator(like)));
    return neuro::GetParamOp::create(builder, like.getLoc(), type,
                                     param.getSymName());
  }

  const LinearLayer &layer;
  const InsertOptions &options;
  OpBuilder builder;
  int64_t parameters = 0;
};

} // namespace

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
  Value value = op->getResult(0);
  SmallVector<Operation *> users(value.getUsers());
  Inserter inserter(layer, options, op);
  int64_t outs = layer.outs;
  Value result;
  bool isIdempotent = op->hasTrait<neuro::Idempotent>();
  if (isActivation(op) && !isIdempotent) {
    entry.form = "residual";
    int64_t hidden = options.hidden.value_or(outs);
    double scale = 1 / std::sqrt(static_cast<double>(outs));
    result = inserter.multiply(
        value, "joined", hidden, outs, [&](int64_t out, int64_t in) {
          return scale * inserter.draw("joined", out * outs + in);
        });
    if (result)
      result =
          inserter.multiply(inserter.activate(op, result), "joined.out", outs,
                            hidden, [](int64_t, int64_t) { return 0.0; });
    if (result)
      result = inserter.add(value, result);
  } else {
    entry.form = isIdempotent ? "identity and activation" : "identity";
    result = inserter.multiply(
        value, "joined", outs, outs,
        [](int64_t out, int64_t in) { return out == in ? 1.0 : 0.0; });
    if (result && isIdempotent)
      result = inserter.activate(op, result);
  }
  if (!result) {
    entry.obstacle = "no layer of its kind maps its results";
    return;
  }
  replaceUses(value, result, users);
  entry.parameters = inserter.countParameters();
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
  Inserter inserter(layer, options, op);
  int64_t hidden =
      options.hidden.value_or(std::max<int64_t>(layer.outs / 4, 1));
  Value result = inserter.multiply(inserter.narrow("branch", hidden),
                                   "branch.out", layer.outs, hidden,
                                   [](int64_t, int64_t) { return 0.0; });
  if (!result) {
    entry.obstacle = "no layer of its kind maps its results";
    return;
  }
  replaceUses(value, inserter.add(value, result), users);
  entry.parameters = inserter.countParameters();
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
