//===- AxisEdit.h - What axes become when atoms come and go -----*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An edit says for every set of interchangeable atoms which of them stay,
// recur, change places, and where new ones join. What it makes of an axis is
// found by evaluating the compositions of the algebra anew: after a shuffle,
// [a0 a1 b0 b1] grown by one in each block is [a0 a1 a2 b0 b1 b2], and its twin
// [a0 b0 a1 b1] is [a0 b0 a1 b1 a2 b2]; the lists alone do not tell. Axes that
// were united must come out equal, or there is no such edit.
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_AXES_AXISEDIT_H
#define NEUROPLAST_STRUCTURE_AXES_AXISEDIT_H

#include "neuroplast/Structure/Axes/AxisAlgebra.h"
#include "llvm/ADT/DenseMap.h"
#include <deque>
#include <optional>

namespace neuroplast::structure {

/// New index -> old index, or `kFresh` for one that was not there.
struct IndexMap {
  static constexpr int64_t kFresh = -1;
  llvm::SmallVector<int64_t> entries;

  static IndexMap identity(int64_t extent);
  /// The map that keeps what is not in `removed` (ascending).
  static IndexMap keepAllBut(int64_t extent, llvm::ArrayRef<int64_t> removed);
  bool isIdentity(int64_t extent) const;
  /// Whether the map only leaves out indices.
  bool isKeepList(int64_t extent) const;
  /// Whether all old indices exist.
  bool fits(int64_t extent) const;
};

/// What becomes of the atoms of one set, which are given by representatives.
struct AtomMap {
  unsigned set;
  llvm::ArrayRef<Node> atoms;
  const IndexMap *map;
};

/// Places of an axis: one list, or one for each block of the tensor.
using PlaceLists = std::vector<std::vector<int64_t>>;

/// The effect of an edit on all axes.
class AxisEdit {
public:
  /// Works out what becomes of every axis that the maps touch.
  AxisEdit(const AxisAlgebra &algebra, llvm::ArrayRef<AtomMap> maps);

  /// Why the edit cannot be made; empty if it can. What follows is known only
  /// then.
  llvm::StringRef getError() const { return error; }
  /// The bases (`AxisAlgebra::getTerms`) of the axes that are the reason.
  llvm::ArrayRef<unsigned> getConflicts() const { return conflicts; }

  /// Whether the axis does not stay as it is.
  bool changes(const Axis &axis) const;
  /// The new extent (of a block).
  int64_t getExtent(const Axis &axis) const;
  /// For every block and new place the old place in that block, or
  /// `IndexMap::kFresh`.
  PlaceLists getSources(const Axis &axis) const;

  /// A new unit of a set whose map is not the identity.
  struct NewUnit {
    unsigned set;
    /// Its new index, which the map of the set takes as an argument.
    int64_t index;
  };
  /// A place of an edited axis.
  struct NewPlace {
    llvm::SmallVector<NewUnit, 1> units;
    /// Stands for what else is there: the same for the same.
    unsigned rest = 0;
    /// How many places before this one in its block hold the same.
    unsigned occurrence = 0;
  };
  /// For every block and new place what stands there.
  std::vector<std::vector<NewPlace>> getNewPlaces(const Axis &axis) const;

private:
  /// A place of an edited axis: an atom, or an interned product of such. Atoms
  /// of changed sets are renumbered, all others keep their number.
  using Label = unsigned;
  /// The places of all blocks of an edited axis.
  struct Places {
    int64_t extent = 0;
    std::vector<Label> labels;
  };
  /// One atom of a changed set.
  struct Member {
    unsigned set;
    int64_t index;
  };

  /// The label of a product of atoms.
  Label intern(llvm::SmallVector<Label, 2> atoms) const;
  llvm::SmallVector<Label, 2> getAtoms(Label label) const;
  /// The label of a place that stays as it is.
  Label getLabel(Node place) const;
  Label multiply(Label a, Label b) const;
  bool isChanged(Node place) const;
  /// The label of the place from which a new one comes; none for a fresh one.
  std::optional<Label> getOrigin(Label label) const;

  void findChangedTerms();
  /// The new places of a base by its old ones, if these tell.
  std::optional<Places> walk(const AxisTerm &base) const;
  /// The same for one block, appended to `labels`.
  bool walk(Node first, int64_t extent, std::vector<Label> &labels) const;
  /// The number of places that a base will have in a block.
  std::optional<int64_t> countPlaces(const AxisTerm &base) const;
  /// The places of a term; null if they are not known yet.
  const Places *evaluate(unsigned term);
  /// Says what a term is, where it was not known; whether that was news.
  bool assign(unsigned term, const Places &places);
  void fail(llvm::StringRef reason, llvm::ArrayRef<unsigned> terms);
  void solve();
  void checkRelations();
  /// No old index may have moved to another block, or past the end of a slice:
  /// there are no weights for it there.
  void checkOrigins();
  /// The same as `getSources` for one block; none if an index was not there.
  std::optional<std::vector<int64_t>>
  findSources(llvm::ArrayRef<Label> oldLabels,
              llvm::ArrayRef<Label> labels) const;

  const AxisAlgebra &algebra;
  llvm::SmallVector<AtomMap> maps;
  llvm::SmallVector<bool> keepsOrder;
  llvm::DenseMap<Node, Member> members;
  /// The first label of the new atoms of each set.
  llvm::SmallVector<Label> firstLabel;
  /// By new label, from `getNumNodes` on: the old atom, if there is one, and
  /// what is new.
  std::vector<std::optional<Node>> origins;
  std::vector<NewUnit> newUnits;
  std::vector<bool> changed;
  std::vector<std::optional<Places>> known;
  llvm::SmallVector<unsigned> conflicts;
  std::string error;

  /// Products are numbered after all atoms.
  Label firstProduct = 0;
  mutable std::deque<llvm::SmallVector<Label, 2>> products;
  mutable llvm::DenseMap<llvm::ArrayRef<Label>, Label> productNumber;
};

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_AXES_AXISEDIT_H
