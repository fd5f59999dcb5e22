//===- AxisAlgebra.h - Which indices of which axes are the same -----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The algebra beneath every structure edit, without any IR. An axis is a list
// of places; each place holds a node, and the node says when the place stays: a
// place is kept if its node is. A node is an atom, or the product of nodes,
// which is kept if all of them are. Equal indices are united; what an axis is
// made of (sums, products, copies, blocks) is a matter of which nodes stand
// where, so that offsets, permutations and unequal factorisations need no cases
// of their own. `UnitGroups` finds the runs of interchangeable atoms again.
//
// The algebra also remembers how every axis was composed and what was united,
// because places alone do not say where new indices belong: `AxisEdit`
// evaluates the compositions anew.
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_AXES_AXISALGEBRA_H
#define NEUROPLAST_STRUCTURE_AXES_AXISALGEBRA_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace neuroplast::structure {

/// An index class, or a product of such.
using Node = unsigned;

/// Places cost memory: an axis of more is not listed, and stays as it is.
inline constexpr int64_t maxPlaces = int64_t(1) << 22;

/// The places of one axis. An axis beneath a block factor has one list of
/// places for every block; its length counts the places of one of them.
struct Axis {
  static constexpr int64_t kDynamic = std::numeric_limits<int64_t>::min();

  /// No composition: an axis that is never edited.
  static constexpr unsigned kNoTerm = std::numeric_limits<unsigned>::max();

  int64_t extent = 1;
  unsigned blocks = 1;
  /// Of an open axis, which runs through a size known at run time, too, as
  /// batches times heads do: how many of its places, which are those of the
  /// known factors, stand after that size.
  std::optional<int64_t> inner;
  /// How the axis is composed (`AxisAlgebra::getTerm`).
  unsigned term = kNoTerm;
  /// `blocks` x `extent` nodes; none if the extent is dynamic.
  std::vector<Node> places;
  /// Of a dynamic extent: it is known, but more than `maxPlaces`.
  bool isTooLong = false;

  bool isDynamic() const { return extent == kDynamic; }
  bool isOpen() const { return inner.has_value(); }
  llvm::ArrayRef<Node> getBlock(unsigned block) const {
    return llvm::ArrayRef<Node>(places).slice(block * extent, extent);
  }
};

/// How an axis is composed of others.
struct AxisTerm {
  enum Kind {
    /// Atoms of its own.
    Base,
    /// Places that no edit changes.
    Kept,
    Product,
    Concat,
    Reverse,
    /// The blocks of the operand one after the other.
    Flatten,
    /// The first places of all blocks of the operand, then the second ones, ...
    Interleave
  };
  Kind kind = Base;
  /// Of a block.
  int64_t extent = 1;
  unsigned blocks = 1;
  /// The first of the consecutive atoms of a base.
  Node first = 0;
  /// Terms that come before this one.
  llvm::SmallVector<unsigned, 2> operands;
  /// Of a base: whether blocks take turns in it, so that its new places are not
  /// the old ones that stay, in their order.
  bool isInterleaved = false;
};

/// What is demanded of the places that the blocks of an axis keep.
struct BlockCounts {
  Axis axis;
  /// The places are the beginning of a longer run in which the blocks take
  /// turns, and which is cut off within a round: no block may keep fewer than
  /// one after it, nor the last more than one fewer than the first. Otherwise
  /// all must keep equally many.
  bool takeTurns = false;
};

/// The relations between the axes of a network.
class AxisAlgebra {
public:
  /// The node of a place that no edit removes.
  static constexpr Node kKept = 0;

  AxisAlgebra();

  /// An axis of new atoms.
  Axis makeAxis(int64_t extent, unsigned blocks = 1);
  /// An axis that is never edited: pixels, copies, sizes known at run time
  /// only.
  static Axis makeKeptAxis(int64_t extent);
  /// An axis that has too many places to list them.
  static Axis makeLongAxis();

  /// The axis that runs through all combinations, the last factor fastest. With
  /// one size that is known at run time only it is open.
  Axis product(llvm::ArrayRef<Axis> factors);
  /// The blocks of an axis one after the other, or, if it has none, itself.
  Axis flattenBlocks(const Axis &axis);
  /// The first places of all blocks, then the second ones, and so on.
  Axis interleaveBlocks(const Axis &axis);
  Axis concat(llvm::ArrayRef<Axis> parts);
  Axis reverse(const Axis &axis);

  /// States that two axes run through the same indices. Where that cannot be
  /// expressed, what stands there is pinned, and `where` is the reason.
  void unify(const Axis &a, const Axis &b, llvm::StringRef where);
  void unify(Node a, Node b, llvm::StringRef where);

  /// Forbids to remove these places.
  void pin(const Axis &axis, llvm::StringRef reason);
  void pin(Node node, llvm::StringRef reason);
  /// Every block of the axis must keep equally many places.
  void requireEqualCounts(const Axis &blocked);
  /// Finds the bases into which an axis of interleaved blocks is cut: up to
  /// where one begins, the blocks must have had their turns. To be called once
  /// everything is united.
  void findInterleaved();

  /// The atoms whose product the node is, each by its representative, major
  /// first; those that are always kept are left out.
  llvm::SmallVector<Node, 2> getAtoms(Node node) const;
  /// Reasons against an edit of an atom, in the order in which they were found.
  llvm::SmallVector<llvm::StringRef> getPins(Node atom) const;
  llvm::ArrayRef<BlockCounts> getBlockCounts() const { return blockCounts; }
  unsigned getNumNodes() const { return nodes.size(); }

  /// All compositions, operands before their users.
  llvm::ArrayRef<AxisTerm> getTerms() const { return terms; }
  /// The terms of axes that run through the same indices.
  llvm::ArrayRef<std::pair<unsigned, unsigned>> getRelations() const {
    return relations;
  }

private:
  struct NodeData {
    Node parent;
    /// The factors of a product; empty for an atom.
    llvm::SmallVector<Node, 2> factors;
    /// Indices into `reasons`.
    llvm::SmallVector<unsigned, 1> pins;
  };

  /// The term of an axis, which is new if it had none.
  unsigned getTerm(const Axis &axis);
  unsigned addTerm(AxisTerm::Kind kind, const Axis &axis,
                   llvm::ArrayRef<Axis> operands);

  Node makeNode();
  Node find(Node node) const;
  unsigned intern(llvm::StringRef reason);
  void collectAtoms(Node node, llvm::SmallVectorImpl<Node> &atoms) const;
  bool isPinned(Node atom) const { return !nodes[find(atom)].pins.empty(); }
  void pinInterned(Node node, unsigned reason);
  void pinAll(llvm::ArrayRef<Axis> axes, llvm::StringRef reason);

  /// `find` shortens paths, which changes no meaning.
  mutable std::vector<NodeData> nodes;
  std::vector<std::string> reasons;
  llvm::StringMap<unsigned> reasonIndex;
  std::vector<BlockCounts> blockCounts;
  std::vector<AxisTerm> terms;
  std::vector<std::pair<unsigned, unsigned>> relations;
};

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_AXES_AXISALGEBRA_H
