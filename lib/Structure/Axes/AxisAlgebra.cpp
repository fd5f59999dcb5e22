//===- AxisAlgebra.cpp - Which indices of which axes are the same ---------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Axes/AxisAlgebra.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <set>

using namespace neuroplast::structure;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::SmallVectorImpl;
using llvm::StringRef;

AxisAlgebra::AxisAlgebra() { makeNode(); }

Node AxisAlgebra::makeNode() {
  nodes.push_back({});
  nodes.back().parent = nodes.size() - 1;
  return nodes.size() - 1;
}

Node AxisAlgebra::find(Node node) const {
  while (nodes[node].parent != node) {
    nodes[node].parent = nodes[nodes[node].parent].parent;
    node = nodes[node].parent;
  }
  return node;
}

unsigned AxisAlgebra::intern(StringRef reason) {
  auto [entry, inserted] = reasonIndex.try_emplace(reason, reasons.size());
  if (inserted)
    reasons.push_back(reason.str());
  return entry->second;
}

//===----------------------------------------------------------------------===//
// Building axes
//===----------------------------------------------------------------------===//

Axis AxisAlgebra::makeLongAxis() {
  Axis axis;
  axis.extent = Axis::kDynamic;
  axis.isTooLong = true;
  return axis;
}

unsigned AxisAlgebra::getTerm(const Axis &axis) {
  return axis.term == Axis::kNoTerm ? addTerm(AxisTerm::Kept, axis, {})
                                    : axis.term;
}

unsigned AxisAlgebra::addTerm(AxisTerm::Kind kind, const Axis &axis,
                              ArrayRef<Axis> operands) {
  AxisTerm term;
  term.kind = kind;
  term.extent = axis.extent;
  term.blocks = axis.blocks;
  if (kind == AxisTerm::Base && !axis.places.empty())
    term.first = axis.places.front();
  for (const Axis &operand : operands)
    term.operands.push_back(getTerm(operand));
  terms.push_back(std::move(term));
  return terms.size() - 1;
}

Axis AxisAlgebra::makeAxis(int64_t extent, unsigned blocks) {
  if (extent > maxPlaces / std::max(blocks, 1u))
    return makeLongAxis();
  Axis axis;
  axis.extent = extent;
  axis.blocks = blocks;
  if (axis.isDynamic())
    return axis;
  axis.places.resize(blocks * extent);
  for (Node &place : axis.places)
    place = makeNode();
  axis.term = addTerm(AxisTerm::Base, axis, {});
  return axis;
}

Axis AxisAlgebra::makeKeptAxis(int64_t extent) {
  if (extent > maxPlaces)
    return makeLongAxis();
  Axis axis;
  axis.extent = extent;
  if (!axis.isDynamic())
    axis.places.assign(extent, kKept);
  return axis;
}

/// Whether there are too many places once all axes are multiplied.
static bool isProductTooLong(ArrayRef<Axis> factors) {
  int64_t count = 1;
  for (const Axis &axis : factors) {
    if (axis.isTooLong)
      return true;
    if (axis.isDynamic())
      continue;
    if (axis.extent > 0 && count > maxPlaces / axis.extent)
      return true;
    count *= axis.extent;
  }
  return false;
}

/// How many places of a product stand after its run-time size; none if it has
/// several of them, with places between.
static std::optional<int64_t> findInner(ArrayRef<Axis> factors) {
  std::optional<int64_t> found;
  int64_t after = 1;
  for (const Axis &factor : llvm::reverse(factors)) {
    if (factor.isDynamic() || factor.isOpen()) {
      int64_t inner = after * factor.inner.value_or(1);
      if (found && *found != inner)
        return std::nullopt;
      found = inner;
    }
    if (!factor.isDynamic())
      after *= factor.extent;
  }
  return found;
}

void AxisAlgebra::pinAll(ArrayRef<Axis> axes, StringRef reason) {
  for (const Axis &axis : axes)
    if (axis.extent != 1)
      pin(axis, reason);
}

Axis AxisAlgebra::product(ArrayRef<Axis> allFactors) {
  if (allFactors.size() == 1)
    return allFactors.front();
  if (isProductTooLong(allFactors)) {
    // The places cannot be listed, so whoever stands there must stay.
    pinAll(allFactors, "shares an axis of more places than are listed");
    return makeLongAxis();
  }
  auto isDynamic = [](const Axis &axis) { return axis.isDynamic(); };
  SmallVector<Axis> factors;
  llvm::copy_if(allFactors, std::back_inserter(factors),
                [&](const Axis &axis) { return !isDynamic(axis); });
  std::optional<int64_t> inner = findInner(allFactors);
  bool hasUnknown = llvm::any_of(allFactors, [&](const Axis &axis) {
    return isDynamic(axis) || axis.isOpen();
  });
  if (factors.empty())
    return makeKeptAxis(Axis::kDynamic);
  if (hasUnknown && !inner) {
    pinAll(factors, "shares an axis with sizes known at run time only");
    return makeKeptAxis(Axis::kDynamic);
  }
  Axis result = makeKeptAxis(1);
  for (const Axis &factor : factors) {
    Axis next;
    next.extent = result.extent * factor.extent;
    next.places.reserve(next.extent);
    for (Node major : result.places)
      for (Node minor : factor.getBlock(0)) {
        // Few products are true ones: copies and pixels leave one node.
        if (find(major) == kKept || find(minor) == kKept ||
            find(major) == find(minor)) {
          next.places.push_back(find(major) == kKept ? minor : major);
          continue;
        }
        Node node = makeNode();
        nodes[node].factors = {major, minor};
        next.places.push_back(node);
      }
    result = std::move(next);
  }
  result.inner = inner;
  result.term = addTerm(AxisTerm::Product, result, factors);
  return result;
}

Axis AxisAlgebra::flattenBlocks(const Axis &axis) {
  if (axis.isDynamic() || axis.blocks == 1)
    return axis;
  Axis flat = axis;
  flat.extent = axis.places.size();
  flat.blocks = 1;
  flat.term = addTerm(AxisTerm::Flatten, flat, axis);
  return flat;
}

Axis AxisAlgebra::interleaveBlocks(const Axis &axis) {
  if (axis.isDynamic() || axis.blocks == 1)
    return axis;
  Axis result = axis;
  for (size_t i = 0; i < result.places.size(); ++i)
    result.places[i] =
        axis.places[i % axis.blocks * axis.extent + i / axis.blocks];
  result.extent = result.places.size();
  result.blocks = 1;
  result.term = addTerm(AxisTerm::Interleave, result, axis);
  return result;
}

Axis AxisAlgebra::concat(ArrayRef<Axis> parts) {
  Axis result;
  result.extent = 0;
  if (llvm::any_of(parts, [](const Axis &part) { return part.isOpen(); })) {
    pinAll(parts, "is joined to a size known at run time only");
    return makeKeptAxis(Axis::kDynamic);
  }
  for (const Axis &part : parts) {
    if (part.isDynamic() || result.extent + part.extent > maxPlaces) {
      if (!part.isDynamic() || part.isTooLong)
        for (const Axis &axis : parts)
          pin(axis, "shares an axis of more places than are listed");
      return part.isDynamic() ? part : makeLongAxis();
    }
    result.extent += part.extent;
    llvm::append_range(result.places, part.getBlock(0));
  }
  result.term = addTerm(AxisTerm::Concat, result, parts);
  return result;
}

Axis AxisAlgebra::reverse(const Axis &axis) {
  if (axis.isOpen()) {
    pin(axis, "is reversed along a size known at run time only");
    return makeKeptAxis(Axis::kDynamic);
  }
  Axis result = axis;
  std::reverse(result.places.begin(), result.places.end());
  if (!axis.isDynamic())
    result.term = addTerm(AxisTerm::Reverse, result, axis);
  return result;
}

//===----------------------------------------------------------------------===//
// Relations
//===----------------------------------------------------------------------===//

void AxisAlgebra::collectAtoms(Node node, SmallVectorImpl<Node> &atoms) const {
  node = find(node);
  if (node == kKept)
    return;
  if (nodes[node].factors.empty()) {
    if (!llvm::is_contained(atoms, node))
      atoms.push_back(node);
    return;
  }
  for (Node factor : nodes[node].factors)
    collectAtoms(factor, atoms);
}

SmallVector<Node, 2> AxisAlgebra::getAtoms(Node node) const {
  SmallVector<Node, 2> atoms;
  collectAtoms(node, atoms);
  return atoms;
}

void AxisAlgebra::unify(Node a, Node b, StringRef where) {
  if (find(a) == find(b))
    return;
  SmallVector<Node, 2> left = getAtoms(a), right = getAtoms(b);
  // What stands on both sides and what stays anyway says nothing.
  auto drop = [&](SmallVector<Node, 2> &list,
                  const SmallVector<Node, 2> &other) {
    SmallVector<Node, 2> rest;
    for (Node atom : list)
      if (!llvm::is_contained(other, atom))
        rest.push_back(atom);
    return rest;
  };
  SmallVector<Node, 2> restLeft = drop(left, right),
                       restRight = drop(right, left);
  auto pinAll = [&](ArrayRef<Node> atoms, StringRef reason) {
    for (Node atom : atoms)
      pin(atom, reason);
  };
  if (restLeft.empty() && restRight.empty())
    return;
  if (restLeft.empty() || restRight.empty()) {
    const auto &rest = restLeft.empty() ? restRight : restLeft;
    if (left.empty() || right.empty()) {
      // Equal to what is never edited: pixels, copies. That is no unit, not a
      // unit that is pinned.
      for (Node atom : rest)
        nodes[atom].parent = kKept;
      return;
    }
    // The other side is a factor of this one.
    pinAll(rest, where);
    return;
  }
  auto copyPins = [&](Node from, Node to) {
    for (unsigned reason : nodes[from].pins)
      pinInterned(to, reason);
  };
  if (restLeft.size() == 1 && restRight.size() == 1) {
    Node keep = std::min(restLeft[0], restRight[0]);
    Node gone = std::max(restLeft[0], restRight[0]);
    copyPins(gone, keep);
    nodes[gone].parent = keep;
    return;
  }
  if (restLeft.size() == 1 || restRight.size() == 1) {
    Node atom = restLeft.size() == 1 ? restLeft[0] : restRight[0];
    const auto &factors = restLeft.size() == 1 ? restRight : restLeft;
    nodes[atom].factors.assign(factors.begin(), factors.end());
    copyPins(atom, atom);
    return;
  }
  if (restLeft.size() == restRight.size()) {
    for (auto [first, second] : llvm::zip_equal(restLeft, restRight))
      unify(first, second, where);
    return;
  }
  // Factors that stay anyway need no partner.
  auto isFree = [&](Node atom) { return !isPinned(atom); };
  SmallVector<Node, 2> freeLeft(llvm::make_filter_range(restLeft, isFree));
  SmallVector<Node, 2> freeRight(llvm::make_filter_range(restRight, isFree));
  if (freeLeft.size() == freeRight.size()) {
    for (auto [first, second] : llvm::zip_equal(freeLeft, freeRight))
      unify(first, second, where);
    return;
  }
  pinAll(restLeft, where);
  pinAll(restRight, where);
}

void AxisAlgebra::unify(const Axis &a, const Axis &b, StringRef where) {
  if (a.isDynamic() && b.isDynamic())
    return;
  if (a.isDynamic() || b.isDynamic() || a.extent != b.extent ||
      a.inner != b.inner) {
    const char *other = a.isTooLong || b.isTooLong
                            ? ", against more places than are listed"
                            : ", against a size known at run time only";
    for (const Axis *axis : {&a, &b})
      pin(*axis, where.str() + other);
    return;
  }
  if (a.term != b.term)
    relations.emplace_back(getTerm(a), getTerm(b));
  if (a.blocks == b.blocks) {
    for (auto [left, right] : llvm::zip_equal(a.places, b.places))
      unify(left, right, where);
    return;
  }
  for (unsigned i = 0; i < a.blocks; ++i)
    for (unsigned j = 0; j < b.blocks; ++j)
      for (auto [left, right] : llvm::zip_equal(a.getBlock(i), b.getBlock(j)))
        unify(left, right, where);
}

void AxisAlgebra::pinInterned(Node node, unsigned reason) {
  for (Node atom : getAtoms(node))
    if (!llvm::is_contained(nodes[atom].pins, reason))
      nodes[atom].pins.push_back(reason);
}

void AxisAlgebra::pin(Node node, StringRef reason) {
  pinInterned(node, intern(reason));
}

void AxisAlgebra::pin(const Axis &axis, StringRef reason) {
  unsigned index = intern(reason);
  for (Node place : axis.places)
    pinInterned(place, index);
}

void AxisAlgebra::requireEqualCounts(const Axis &blocked) {
  if (blocked.blocks > 1)
    blockCounts.push_back({blocked});
}

namespace {

/// Where the atoms of an axis of interleaved blocks stand in it.
class Turns {
public:
  Turns(const AxisAlgebra &algebra, const AxisTerm &blocks)
      : algebra(algebra), blocks(blocks) {
    for (int64_t i = 0; i < getCount(); ++i)
      for (Node atom : algebra.getAtoms(getPlace(i)))
        if (!positionOf.insert_or_assign(atom, i).second)
          recurring.insert(atom);
  }

  int64_t getCount() const { return blocks.extent * blocks.blocks; }

  /// The positions at which some places stand.
  struct Positions : SmallVector<int64_t> {
    /// Whether each stands at one, and they follow each other.
    bool isRun = true;
  };
  Positions getPositions(Node first, int64_t extent) const {
    Positions positions;
    for (Node place = first; place < first + extent; ++place)
      for (Node atom : algebra.getAtoms(place)) {
        auto it = positionOf.find(atom);
        // Pixels beneath a channel are no further turns.
        if (it == positionOf.end() ||
            (!positions.empty() && positions.back() == it->second))
          continue;
        positions.isRun &=
            !recurring.contains(atom) &&
            (positions.empty() || it->second == positions.back() + 1);
        positions.push_back(it->second);
      }
    positions.isRun &= !positions.empty();
    return positions;
  }

  /// Whether a run comes back to a block that it has left.
  bool comesBack(ArrayRef<int64_t> positions) const {
    llvm::SmallDenseSet<int64_t> left;
    for (size_t i = 1; i < positions.size(); ++i) {
      int64_t last = positions[i - 1] % blocks.blocks;
      int64_t block = positions[i] % blocks.blocks;
      if (block == last)
        continue;
      left.insert(last);
      if (left.contains(block))
        return true;
    }
    return false;
  }

  /// What has been taken from the blocks up to a position.
  Axis getBeginning(int64_t count) const {
    Axis axis;
    axis.blocks = blocks.blocks;
    axis.extent = llvm::divideCeil(count, blocks.blocks);
    axis.places.resize(axis.extent * axis.blocks, AxisAlgebra::kKept);
    for (int64_t i = 0; i < count; ++i)
      axis.places[i % axis.blocks * axis.extent + i / axis.blocks] =
          getPlace(i);
    return axis;
  }

private:
  Node getPlace(int64_t position) const {
    return blocks.first + position % blocks.blocks * blocks.extent +
           position / blocks.blocks;
  }

  const AxisAlgebra &algebra;
  const AxisTerm &blocks;
  /// The last position of each atom.
  llvm::DenseMap<Node, int64_t> positionOf;
  llvm::DenseSet<Node> recurring;
};

} // namespace

void AxisAlgebra::findInterleaved() {
  for (const AxisTerm &interleave : terms) {
    if (interleave.kind != AxisTerm::Interleave)
      continue;
    Turns turns(*this, terms[interleave.operands[0]]);
    std::set<int64_t> begins, ends;
    for (AxisTerm &base : terms)
      for (unsigned i = 0; base.kind == AxisTerm::Base && i < base.blocks;
           ++i) {
        Turns::Positions positions =
            turns.getPositions(base.first + i * base.extent, base.extent);
        base.isInterleaved |= turns.comesBack(positions);
        if (positions.isRun) {
          begins.insert(positions.front());
          ends.insert(positions.back() + 1);
        }
      }
    // A run may be one by chance. Where the axis is cut, another one follows.
    for (int64_t end : ends)
      if (begins.count(end) != 0)
        blockCounts.push_back({turns.getBeginning(end), true});
  }
}

SmallVector<StringRef> AxisAlgebra::getPins(Node atom) const {
  SmallVector<StringRef> result;
  for (unsigned reason : nodes[find(atom)].pins)
    result.push_back(reasons[reason]);
  return result;
}
