//===- Hints.cpp - What students share with teachers inside ---------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Training/Hints.h"
#include "neuroplast/Dialect/Neuro/IR/IndexingOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Structure/Units/UnitAnalysis.h"
#include "neuroplast/Structure/Units/UnitOrigins.h"
#include "neuroplast/Structure/Units/UnitSelection.h"
#include "neuroplast/Training/Losses.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::training;
using neuro::Term;

std::optional<Hint> Hint::parse(StringRef text, std::string &reason) {
  auto [pattern, rest] = text.rsplit('=');
  auto [weight, kind] = rest.split(':');
  Hint hint;
  hint.pattern = pattern.str();
  if (pattern.empty() || weight.getAsDouble(hint.weight) ||
      !(hint.weight > 0 && std::isfinite(hint.weight))) {
    reason =
        ("'" + text + "' is no PATTERN=WEIGHT with a weight above 0").str();
    return std::nullopt;
  }
  auto known = llvm::StringSwitch<std::optional<Kind>>(kind)
                   .Cases({"", "values"}, Kind::Values)
                   .Case("channels", Kind::Channels)
                   .Case("layers", Kind::Layers)
                   .Case("attention", Kind::Attention)
                   .Case("relations", Kind::Relations)
                   .Default(std::nullopt);
  if (!known) {
    reason = ("'" + text +
              "' is of none of the kinds values, channels, layers, attention "
              "and relations")
                 .str();
    return std::nullopt;
  }
  hint.kind = *known;
  return hint;
}

NodeValues neuroplast::training::listNodeValues(
    llvm::iterator_range<Block::iterator> operations) {
  NodeValues values;
  for (Operation &op : operations) {
    StringRef node = structure::getNodeName(op.getLoc());
    if (node.empty() || op.getNumResults() == 0 ||
        !isa<neuro::CostOpInterface>(op))
      continue;
    auto type = dyn_cast<RankedTensorType>(op.getResult(0).getType());
    if (type && isa<FloatType>(type.getElementType()))
      values[node] = op.getResult(0);
  }
  return values;
}

/// The same, so that its elements along all axes but the first have the length
/// one.
static Term normalize(const Term &term) {
  auto axes = llvm::to_vector(llvm::seq<int64_t>(1, term.getRank()));
  return term / ((term * term).sum(axes) + 1e-12).sqrt();
}

/// Of images channels come before places, of sequences behind them.
static int64_t findChannels(int64_t rank) { return rank >= 4 ? 1 : rank - 1; }

/// Where in an example there is much, over all channels.
static Term drawAttention(const Term &values) {
  int64_t channels = findChannels(values.getRank());
  return normalize((values * values).sum(channels, /*keep=*/false));
}

/// How alike the examples of a batch are.
static Term relate(const Term &values) {
  int64_t elements =
      ShapedType::getNumElements(values.getType().getShape().drop_front());
  Term rows = values.reshape({values.getType().getDimSize(0), elements});
  return normalize(rows.matmul(rows.transposeMatrix()));
}

/// Why nodes cannot be compared; none if they can.
static std::optional<StringRef>
findObstacle(Hint::Kind kind, RankedTensorType own, RankedTensorType taught) {
  ArrayRef<int64_t> shape = own.getShape(), other = taught.getShape();
  switch (kind) {
  case Hint::Kind::Values:
    if (shape != other)
      return "has another shape there: channels, attention and relations need "
             "no same one";
    return std::nullopt;
  case Hint::Kind::Channels:
  case Hint::Kind::Layers:
    return std::nullopt; // Matched already.
  case Hint::Kind::Attention: {
    if (shape.size() != other.size() || shape.size() < 3)
      return "has no places there to attend to, or others";
    int64_t channels = findChannels(shape.size());
    if (shape.take_front(channels) != other.take_front(channels) ||
        shape.drop_front(channels + 1) != other.drop_front(channels + 1))
      return "has other places there to attend to";
    return std::nullopt;
  }
  case Hint::Kind::Relations:
    for (ArrayRef<int64_t> sizes : {shape, other})
      if (sizes.size() < 2 || ShapedType::isDynamicShape(sizes.drop_front()))
        return "has no examples there of known sizes to relate";
    if (shape.front() != other.front())
      return "has another batch there";
    return std::nullopt;
  }
  llvm_unreachable("all kinds are covered");
}

static Term measure(Hint::Kind kind, const Term &own, const Term &taught) {
  switch (kind) {
  case Hint::Kind::Values: {
    Term difference = own - taught;
    return average(difference * difference);
  }
  case Hint::Kind::Channels:
  case Hint::Kind::Layers: {
    Term difference = own - taught;
    return average(difference * difference) /
           (average(taught * taught).averageOverProcesses() + 1e-12);
  }
  case Hint::Kind::Attention: {
    Term difference = drawAttention(own) - drawAttention(taught);
    auto places = llvm::to_vector(llvm::seq<int64_t>(1, difference.getRank()));
    return average((difference * difference).sum(places));
  }
  case Hint::Kind::Relations: {
    Term difference = relate(own) - relate(taught);
    return average(difference * difference);
  }
  }
  llvm_unreachable("all kinds are covered");
}

/// The places of a value along an axis, one after the other.
static Term take(const Term &value, unsigned axis, ArrayRef<int64_t> places) {
  if (llvm::equal(places,
                  llvm::seq<int64_t>(0, value.getType().getDimSize(axis))))
    return value;
  auto &at = value.getBuilder();
  Value indices = neuro::ConstantOp::create(
      at.builder, at.location, at.builder.getI64TensorAttr(places));
  return {at, neuro::GatherOp::create(at.builder, at.location, value.get(),
                                      indices, axis)};
}

FailureOr<ChannelMatches>
neuroplast::training::matchChannels(ModuleOp student, ModuleOp teacher,
                                    ArrayRef<Hint> hints) {
  ChannelMatches matches;
  auto isAsked = [&](Hint::Kind kind, StringRef node) {
    return llvm::any_of(hints, [&](const Hint &hint) {
      return hint.kind == kind && structure::matchesAny(node, hint.pattern);
    });
  };
  auto list = [](ModuleOp module) {
    auto main = module.lookupSymbol<func::FuncOp>("main");
    return main ? listNodeValues(main.front().without_terminator())
                : NodeValues();
  };
  NodeValues taught = list(teacher);
  struct Entry {
    StringRef node;
    RankedTensorType type, taught;
    bool mustMatch;
  };
  SmallVector<Entry> entries; // one for each axis
  SmallVector<structure::AxisOrigins> origins;
  for (auto [node, value] : list(student)) {
    Value other = taught.lookup(node);
    auto layer = value.getDefiningOp<neuro::LayerOpInterface>();
    bool isLayer = layer && layer.getLinearMap(),
         mustMatch = isAsked(Hint::Kind::Channels, node);
    // Where there is no other, `build` says so.
    if (!other ||
        (!mustMatch && !(isLayer && isAsked(Hint::Kind::Layers, node))))
      continue;
    auto type = cast<RankedTensorType>(value.getType()),
         otherType = cast<RankedTensorType>(other.getType());
    if (type.getRank() != otherType.getRank()) {
      if (!mustMatch)
        continue;
      return emitError(value.getLoc(), "is ")
             << type << ", and of the teacher " << otherType;
    }
    matches[node].isLayer = isLayer;
    for (int64_t axis = 0; axis < type.getRank(); ++axis) {
      entries.push_back({node, type, otherType, mustMatch});
      origins.push_back({value, static_cast<unsigned>(axis)});
    }
  }
  if (!origins.empty() &&
      failed(structure::findOrigins(teacher, student, origins)))
    return failure();
  for (auto [entry, found] : llvm::zip_equal(entries, origins)) {
    int64_t own = entry.type.getDimSize(found.axis),
            other = entry.taught.getDimSize(found.axis);
    ChannelMatch match{found.axis, {}, {}};
    bool isKnown =
        found.places && static_cast<int64_t>(found.places->size()) == own;
    if (!isKnown && own != other && !entry.mustMatch) {
      matches.erase(entry.node);
      continue;
    }
    if (!isKnown && own != other)
      return emitError(found.value.getLoc(), "is ")
             << entry.type << ", and of the teacher " << entry.taught
             << ": no history tells of axis " << found.axis;
    for (int64_t place = 0; isKnown && place < own; ++place)
      if (int64_t origin = (*found.places)[place]; origin >= 0) {
        match.own.push_back(place);
        match.taught.push_back(origin);
      }
    if (auto known = matches.find(entry.node);
        isKnown && known != matches.end())
      known->second.axes.push_back(std::move(match));
  }
  return matches;
}

std::optional<Term> Hint::build(func::FuncOp main, neuro::TermBuilder &at,
                                const NodeValues &own, const NodeValues &taught,
                                const ChannelMatches &matches) const {
  Term sum;
  int64_t count = 0;
  for (auto [node, value] : own) {
    auto found = matches.find(node);
    bool isMatched = found != matches.end();
    if (!structure::matchesAny(node, pattern) ||
        (kind == Kind::Layers && !(isMatched && found->second.isLayer)))
      continue;
    Value same = taught.lookup(node);
    if (!same)
      return main.emitError() << "has a node '" << node
                              << "', and its teacher none of this name",
             std::nullopt;
    auto type = cast<RankedTensorType>(value.getType()),
         other = cast<RankedTensorType>(same.getType());
    if (auto obstacle = findObstacle(kind, type, other))
      return main.emitError()
                 << "has a node '" << node << "' of " << type
                 << ", and its teacher, with " << other << ", " << *obstacle,
             std::nullopt;
    Term mine(at, value), theirs(at, same);
    if (isMatched && (kind == Kind::Channels || kind == Kind::Layers))
      for (const ChannelMatch &match : found->second.axes) {
        mine = take(mine, match.axis, match.own);
        theirs = take(theirs, match.axis, match.taught);
      }
    if (mine.getType().getNumElements() == 0)
      continue; // All are newborns.
    Term distance = measure(kind, mine, theirs);
    sum = sum ? sum + distance : distance;
    ++count;
  }
  if (!sum && kind == Kind::Layers)
    return Term();
  if (!sum)
    return main.emitError() << "has no node with a name like '" << pattern
                            << "' to give hints at",
           std::nullopt;
  return sum * (weight / static_cast<double>(count));
}
