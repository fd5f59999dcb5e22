//===- NetworkDiff.cpp - What edits made of a network ---------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Edits/NetworkDiff.h"

#include "neuroplast/Dialect/Neuro/IR/HistoryOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Structure/Units/UnitOrigins.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

namespace {

/// The nodes of one network, in its order.
class Network {
public:
  explicit Network(ModuleOp module);

  struct Node {
    NetworkNode shown;
    /// By which the other network knows it.
    std::string key;
    SmallVector<unsigned, 2> inputs;
    /// The sets of the units that it has.
    llvm::SetVector<unsigned> sets;
  };

  const UnitAnalysis &getAnalysis() const { return analysis; }
  ArrayRef<Node> getNodes() const { return nodes; }

private:
  void addInput(func::FuncOp main, BlockArgument argument);
  void addOutput(func::FuncOp main, OpOperand &operand);
  void addOp(Operation *op);
  Node &add(StringRef op, StringRef name);
  void setValue(Node &node, Value value);

  UnitAnalysis analysis;
  std::vector<UnitSetSummary> summaries;
  /// The sets that parameters carry, by their number.
  llvm::SmallDenseMap<unsigned, const UnitSetSummary *> units;
  std::vector<Node> nodes;
  DenseMap<Value, unsigned> makers;
  llvm::StringMap<unsigned> repetitions;
};

} // namespace

Network::Network(ModuleOp module)
    : analysis(module), summaries(summarizeSets(analysis)) {
  for (const UnitSetSummary &set : summaries)
    units[set.set] = &set;
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || main.isExternal())
    return;
  for (BlockArgument argument : main.getArguments())
    addInput(main, argument);
  for (Operation &op : main.getBody().front().without_terminator())
    if (!isa<neuro::GetParamOp, neuro::ConstantOp>(op))
      addOp(&op);
  for (OpOperand &operand :
       main.getBody().front().getTerminator()->getOpOperands())
    addOutput(main, operand);
}

Network::Node &Network::add(StringRef op, StringRef name) {
  Node &node = nodes.emplace_back();
  node.shown.op = op;
  node.shown.name = name;
  std::string key = (op + "\n" + name).str();
  node.key = key + "\n" + std::to_string(repetitions[key]++);
  return node;
}

void Network::setValue(Node &node, Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return;
  llvm::raw_string_ostream os(node.shown.shape);
  llvm::interleave(
      type.getShape(), os,
      [&](int64_t size) {
        ShapedType::isDynamic(size) ? os << '?' : os << size;
      },
      "x");
  const TensorPlaces *places = analysis.getPlaces(value);
  if (!places)
    return;
  for (const std::optional<Axis> &axis : places->axes) {
    if (!axis || axis->isDynamic())
      continue;
    // Of heads and the features beneath them, as of channels and their pixels,
    // the former are what people count.
    int64_t outer = 0, inner = 0;
    for (unsigned set : analysis.findSets(*axis))
      if (auto it = units.find(set); it != units.end()) {
        (it->second->isInner ? inner : outer) += it->second->units;
        node.sets.insert(set);
      }
    if (int64_t count = outer > 0 ? outer : inner)
      node.shown.units.push_back(count);
  }
}

static StringRef getName(DictionaryAttr attributes) {
  auto name = attributes ? attributes.getAs<StringAttr>("neuro.name") : nullptr;
  return name ? name.getValue() : "";
}

void Network::addInput(func::FuncOp main, BlockArgument argument) {
  makers[argument] = nodes.size();
  setValue(add("input", getName(main.getArgAttrDict(argument.getArgNumber()))),
           argument);
}

void Network::addOutput(func::FuncOp main, OpOperand &operand) {
  Node &node = add("output",
                   getName(main.getResultAttrDict(operand.getOperandNumber())));
  setValue(node, operand.get());
  if (auto it = makers.find(operand.get()); it != makers.end())
    node.inputs.push_back(it->second);
}

void Network::addOp(Operation *op) {
  Node &node = add(op->getName().stripDialect(), getNodeName(op->getLoc()));
  for (Value result : op->getResults())
    makers[result] = nodes.size() - 1;
  if (op->getNumResults() > 0)
    setValue(node, op->getResult(0));
  llvm::SetVector<unsigned> inputs;
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      if (auto it = makers.find(operand);
          it != makers.end() && it->second + 1 < nodes.size())
        inputs.insert(it->second);
    auto costly = dyn_cast<neuro::CostOpInterface>(inner);
    if (!costly)
      return;
    LayerSize size = measureLayer(costly);
    node.shown.parameters += size.parameters;
    if (node.shown.flops && size.flops)
      *node.shown.flops += *size.flops;
    else
      node.shown.flops.reset();
  });
  node.inputs.assign(inputs.begin(), inputs.end());
}

/// The nodes of both networks, each after those that stand before it in either.
static std::vector<NodeDiff> mergeNodes(const Network &before,
                                        const Network &after) {
  std::vector<NodeDiff> nodes;
  llvm::StringMap<unsigned> places; // in `before`
  for (auto [index, node] : llvm::enumerate(before.getNodes()))
    places[node.key] = index;
  SmallVector<unsigned> ofBefore(before.getNodes().size()), ofAfter;
  llvm::StringSet<> kept;
  for (const Network::Node &node : after.getNodes())
    kept.insert(node.key);
  unsigned next = 0;
  /// Those up to there that are gone.
  auto addRemoved = [&](unsigned end) {
    for (; next < end; ++next)
      if (!kept.contains(before.getNodes()[next].key)) {
        ofBefore[next] = nodes.size();
        nodes.emplace_back().before = before.getNodes()[next].shown;
      }
  };
  for (const Network::Node &node : after.getNodes()) {
    auto place = places.find(node.key);
    if (place != places.end()) {
      addRemoved(place->second);
      ofBefore[place->second] = nodes.size();
    }
    ofAfter.push_back(nodes.size());
    NodeDiff &diff = nodes.emplace_back();
    diff.after = node.shown;
    if (place != places.end())
      diff.before = before.getNodes()[place->second].shown;
  }
  addRemoved(before.getNodes().size());
  auto addInputs = [&](ArrayRef<Network::Node> list, ArrayRef<unsigned> where) {
    for (auto [node, index] : llvm::zip_equal(list, where))
      for (unsigned input : node.inputs)
        nodes[index].inputs.insert(where[input]);
  };
  addInputs(before.getNodes(), ofBefore);
  addInputs(after.getNodes(), ofAfter);
  return nodes;
}

static UnitsEdit summarize(neuro::EditedUnitsOp entry, ModuleOp module) {
  UnitsEdit edit;
  auto param = module.lookupSymbol<neuro::ParamOp>(entry.getParam());
  edit.param = param && param.getSourceName() ? param.getSourceName()->str()
                                              : entry.getParam().str();
  edit.axis = entry.getAxis();
  edit.before = entry.getOldFirst().size();
  edit.after = entry.getMap().size();
  llvm::SmallDenseSet<int64_t> survivors;
  for (int64_t unit : entry.getMap())
    unit < 0 ? void(++edit.added) : void(survivors.insert(unit));
  edit.removed = edit.before - static_cast<int64_t>(survivors.size());
  return edit;
}

NetworkDiff neuroplast::structure::compareNetworks(ModuleOp before,
                                                   ModuleOp after) {
  Network first(before), second(after);
  NetworkDiff diff;
  diff.before = measure(first.getAnalysis());
  diff.after = measure(second.getAnalysis());
  diff.nodes = mergeNodes(first, second);
  // What came and went, by the set that the units belong to now. Where several
  // sets share an axis, it is not known which of them it was.
  DenseMap<unsigned, std::pair<int64_t, int64_t>> changes;
  for (neuro::EditOp edit : listEdits(before, after)) {
    EditSummary &summary = diff.edits.emplace_back();
    summary.kind = edit.getKind();
    summary.options = edit.getOptions();
    for (auto entry : edit.getBody().getOps<neuro::EditedUnitsOp>()) {
      UnitsEdit units = summarize(entry, after);
      auto param = after.lookupSymbol<neuro::ParamOp>(entry.getParam());
      const TensorPlaces *places =
          param ? second.getAnalysis().getPlaces(param.getOperation())
                : nullptr;
      if (places && places->axes[entry.getAxis()]) {
        auto sets =
            second.getAnalysis().findSets(*places->axes[entry.getAxis()]);
        if (sets.size() == 1) {
          changes[sets.front()].first += units.removed;
          changes[sets.front()].second += units.added;
        }
      }
      summary.units.push_back(std::move(units));
    }
  }
  // Those that are left stand in the order of the second network.
  size_t next = 0;
  for (NodeDiff &node : diff.nodes) {
    if (!node.after)
      continue;
    for (unsigned set : second.getNodes()[next++].sets) {
      node.removed += changes.lookup(set).first;
      node.added += changes.lookup(set).second;
    }
  }
  return diff;
}

static llvm::json::Object toJson(const NetworkNode &node) {
  llvm::json::Object object{{"shape", node.shape},
                            {"units", llvm::json::Array(node.units)},
                            {"parameters", node.parameters}};
  object["flops"] = node.flops ? llvm::json::Value(*node.flops) : nullptr;
  return object;
}

static llvm::json::Object toJson(const NodeDiff &node) {
  const NetworkNode &known = node.after ? *node.after : *node.before;
  llvm::json::Object object{{"op", known.op}, {"name", known.name}};
  if (node.before)
    object["before"] = toJson(*node.before);
  if (node.after)
    object["after"] = toJson(*node.after);
  if (node.removed || node.added) {
    object["removed"] = node.removed;
    object["added"] = node.added;
  }
  llvm::json::Array inputs;
  for (unsigned input : node.inputs)
    inputs.push_back(input);
  object["inputs"] = std::move(inputs);
  return object;
}

static llvm::json::Object toJson(const EditSummary &edit) {
  llvm::json::Object object{{"kind", edit.kind}};
  if (auto options = llvm::json::parse(edit.options))
    object["options"] = std::move(*options);
  else
    llvm::consumeError(options.takeError());
  llvm::json::Array list;
  for (const UnitsEdit &units : edit.units)
    list.push_back(llvm::json::Object{{"parameter", units.param},
                                      {"axis", units.axis},
                                      {"before", units.before},
                                      {"after", units.after},
                                      {"removed", units.removed},
                                      {"added", units.added}});
  object["units"] = std::move(list);
  return object;
}

llvm::json::Object NetworkDiff::toJson() const {
  llvm::json::Array nodeList, editList;
  for (const NodeDiff &node : nodes)
    nodeList.push_back(::toJson(node));
  for (const EditSummary &edit : edits)
    editList.push_back(::toJson(edit));
  return llvm::json::Object{{"before", before.toJson()},
                            {"after", after.toJson()},
                            {"nodes", std::move(nodeList)},
                            {"edits", std::move(editList)}};
}
