//===- AxisEditTest.cpp - Tests of edits of axes --------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Axes/AxisEdit.h"
#include "neuroplast/Structure/Axes/UnitGroups.h"
#include "gtest/gtest.h"
#include <random>
#include <set>

using namespace neuroplast::structure;
using List = std::vector<int64_t>;

namespace {

constexpr int64_t kNew = IndexMap::kFresh;

/// The sets of an algebra, each with a map.
struct Maps {
  Maps(const AxisAlgebra &algebra, llvm::ArrayRef<const Axis *> axes)
      : units(algebra, axes) {
    for (const UnitSet &set : units.getSets())
      maps.push_back(IndexMap::identity(set.units.size()));
  }

  /// The map of the set that holds the first place of an axis.
  IndexMap &of(const AxisAlgebra &algebra, Node place) {
    return maps[*units.getSet(algebra.getAtoms(place).front())];
  }

  AxisEdit edit(const AxisAlgebra &algebra) const {
    llvm::SmallVector<AtomMap> list;
    for (auto [set, map] : llvm::zip_equal(units.getSets(), maps))
      list.push_back({static_cast<unsigned>(list.size()), set.units, &map});
    return AxisEdit(algebra, list);
  }

  UnitGroups units;
  std::vector<IndexMap> maps;
};

TEST(AxisEdit, CopiesChangeTogether) {
  AxisAlgebra algebra;
  Axis h = algebra.makeAxis(3);
  Axis gates = algebra.product({AxisAlgebra::makeKeptAxis(2), h});
  Axis weight = algebra.makeAxis(6);
  algebra.unify(weight, gates, "test");
  Maps maps(algebra, {&h, &gates, &weight});
  maps.maps[0].entries = {2, 0, kNew};
  AxisEdit edit = maps.edit(algebra);
  ASSERT_EQ(edit.getError(), "");
  EXPECT_EQ(edit.getSources(weight)[0], (List{2, 0, kNew, 5, 3, kNew}));
}

TEST(AxisEdit, CompositionsSayWhereNewIndicesStand) {
  // Two blocks of two, flat and after a shuffle.
  AxisAlgebra algebra;
  Axis g = AxisAlgebra::makeKeptAxis(2), o = algebra.makeAxis(2, 2);
  algebra.requireEqualCounts(o);
  Axis flat = algebra.flattenBlocks(o);
  Axis group = AxisAlgebra::makeKeptAxis(2), c = algebra.makeAxis(2);
  Axis split = algebra.product({group, c});
  algebra.unify(flat, split, "test");
  Axis shuffled = algebra.product({c, group});
  Axis next = algebra.makeAxis(4);
  algebra.unify(shuffled, next, "test");
  Maps maps(algebra, {&o, &flat, &c, &split, &shuffled, &next});
  ASSERT_EQ(maps.maps.size(), 1u);
  maps.maps[0].entries = {0, 1, kNew};
  AxisEdit edit = maps.edit(algebra);
  ASSERT_EQ(edit.getError(), "");
  EXPECT_EQ(edit.getSources(flat)[0], (List{0, 1, kNew, 2, 3, kNew}));
  EXPECT_EQ(edit.getSources(next)[0], (List{0, 1, 2, 3, kNew, kNew}));
}

TEST(AxisEdit, BlocksTakeTurnsAgain) {
  // Two blocks with units of their own, shuffled and cut in two.
  AxisAlgebra algebra;
  Axis a = algebra.makeAxis(4), b = algebra.makeAxis(4);
  Axis c = algebra.makeAxis(4, 2);
  algebra.requireEqualCounts(c);
  algebra.unify(algebra.concat({a, b}), algebra.flattenBlocks(c), "test");
  Axis next = algebra.makeAxis(8);
  algebra.unify(algebra.interleaveBlocks(c), next, "test");
  Axis left = algebra.makeAxis(4), right = algebra.makeAxis(4);
  algebra.unify(next, algebra.concat({left, right}), "test");
  algebra.findInterleaved();
  Maps maps(algebra, {&a, &b, &next, &left, &right});
  // The halves of a and b, each with as many as its partner.
  ASSERT_EQ(maps.maps.size(), 4u);
  EXPECT_EQ(maps.units.getGroups().size(), 1u);
  maps.of(algebra, a.places[0]).entries = {1};
  maps.of(algebra, b.places[0]).entries = {0};
  maps.of(algebra, a.places[2]).entries = {0, 1, kNew};
  maps.of(algebra, b.places[2]).entries = {1, 0, kNew};
  AxisEdit edit = maps.edit(algebra);
  ASSERT_EQ(edit.getError(), "");
  EXPECT_EQ(edit.getSources(a)[0], (List{1, 2, 3, kNew}));
  EXPECT_EQ(edit.getSources(left)[0], (List{2, 1}));
  EXPECT_EQ(edit.getSources(right)[0], (List{0, 3, 2, 1, kNew, kNew}));
  // One more on one side only, and they would change sides.
  maps.of(algebra, a.places[0]).entries = {0, 1};
  EXPECT_NE(maps.edit(algebra).getError(), "");
}

TEST(AxisEdit, PartsOfSumsGrowInTheirPlace) {
  AxisAlgebra algebra;
  Axis a = algebra.makeAxis(2), b = algebra.makeAxis(3);
  Axis joined = algebra.concat({a, b});
  // A split takes the same places apart again.
  Axis c = algebra.makeAxis(2), d = algebra.makeAxis(3);
  algebra.unify(joined, algebra.concat({c, d}), "test");
  Axis backwards = algebra.reverse(joined);
  Maps maps(algebra, {&a, &b, &joined, &c, &d, &backwards});
  maps.of(algebra, a.places[0]).entries = {0, kNew, 1};
  maps.of(algebra, b.places[0]).entries = {2, 1};
  AxisEdit edit = maps.edit(algebra);
  ASSERT_EQ(edit.getError(), "");
  EXPECT_EQ(edit.getSources(joined)[0], (List{0, kNew, 1, 4, 3}));
  EXPECT_EQ(edit.getSources(backwards)[0], (List{1, 0, 3, kNew, 4}));
  EXPECT_EQ(edit.getExtent(c), 3);
  EXPECT_EQ(edit.getSources(d)[0], (List{2, 1}));
}

TEST(AxisEdit, ProductsOfTwoChangedFactors) {
  AxisAlgebra algebra;
  Axis flat = algebra.makeAxis(6), h = algebra.makeAxis(2),
       d = algebra.makeAxis(3);
  algebra.unify(flat, algebra.product({h, d}), "test");
  Maps maps(algebra, {&flat, &h, &d});
  maps.of(algebra, h.places[0]).entries = {1, kNew};
  maps.of(algebra, d.places[0]).entries = {0, 2, 2};
  AxisEdit edit = maps.edit(algebra);
  ASSERT_EQ(edit.getError(), "");
  EXPECT_EQ(edit.getSources(flat)[0], (List{3, 5, 5, kNew, kNew, kNew}));
}

TEST(AxisEdit, UnitsOfSeveralPlacesGrowInThem) {
  // A depthwise convolution gives every channel two; a set of one that recurs
  // says by itself not whether it is that or two copies of a set.
  AxisAlgebra algebra;
  Axis c = algebra.makeAxis(3), both = algebra.makeAxis(6);
  algebra.unify(both, algebra.product({c, AxisAlgebra::makeKeptAxis(2)}), "");
  Axis single = algebra.makeAxis(1), gates = algebra.makeAxis(2);
  algebra.unify(gates, algebra.product({AxisAlgebra::makeKeptAxis(2), single}),
                "");
  Axis joined = algebra.concat({single, c});
  Maps maps(algebra, {&c, &both, &gates, &joined});
  maps.of(algebra, c.places[0]).entries = {0, kNew, 2};
  AxisEdit edit = maps.edit(algebra);
  ASSERT_EQ(edit.getError(), "");
  EXPECT_EQ(edit.getSources(both)[0], (List{0, 1, kNew, kNew, 4, 5}));
  IndexMap grown{{0, kNew}};
  AxisEdit other(algebra, AtomMap{0, single.places, &grown});
  ASSERT_EQ(other.getError(), "");
  EXPECT_EQ(other.getSources(gates)[0], (List{0, kNew, 1, kNew}));
}

TEST(AxisEdit, UnequalBlocksAreRefused) {
  AxisAlgebra algebra;
  Axis o = algebra.makeAxis(2, 2);
  algebra.requireEqualCounts(o);
  Maps maps(algebra, {&o});
  ASSERT_EQ(maps.maps.size(), 2u);
  maps.maps[0].entries = {0};
  EXPECT_EQ(
      maps.edit(algebra).getError(),
      "the edit leaves unequal numbers of units in the blocks of an axis");
}

TEST(AxisEdit, ContradictionsAreRefused) {
  // Parts that are as long as each other, but not the same on both sides.
  AxisAlgebra algebra;
  Axis a = algebra.makeAxis(2), b = algebra.makeAxis(2);
  algebra.unify(algebra.concat({a, b}), algebra.concat({b, a}), "test");
  Maps maps(algebra, {&a, &b});
  ASSERT_EQ(maps.maps.size(), 1u);
  maps.maps[0].entries = {0, 1, kNew};
  EXPECT_EQ(maps.edit(algebra).getError(), "");
  AxisAlgebra other;
  Axis c = other.makeAxis(2), d = other.makeAxis(4);
  Axis twice = other.concat({c, c});
  other.unify(twice, d, "test");
  // The same atoms, interleaved.
  Axis e = other.product({c, AxisAlgebra::makeKeptAxis(2)});
  Axis both = other.makeAxis(8), mixed = other.concat({e, twice});
  other.unify(both, mixed, "test");
  Maps fine(other, {&c, &d, &both});
  fine.maps[0].entries = {1, kNew};
  AxisEdit edit = fine.edit(other);
  ASSERT_EQ(edit.getError(), "");
  EXPECT_EQ(edit.getSources(both)[0],
            (List{2, 3, kNew, kNew, 5, kNew, 7, kNew}));
}

/// Leaving out places is the same in every order, so that lists of places are
/// enough to say what must come out.
TEST(AxisEdit, RandomKeepListsDeletePlaces) {
  std::mt19937 random(7);
  auto draw = [&](int64_t below) {
    return static_cast<int64_t>(random() % below);
  };
  for (int round = 0; round < 300; ++round) {
    AxisAlgebra algebra;
    std::vector<Axis> axes;
    for (int i = 0; i < 3; ++i)
      axes.push_back(algebra.makeAxis(1 + draw(4)));
    for (int i = 0; i < 5; ++i) {
      const Axis a = axes[draw(axes.size())], b = axes[draw(axes.size())];
      switch (draw(4)) {
      case 0:
        axes.push_back(algebra.concat({a, b}));
        break;
      case 1:
        if (a.extent * b.extent < 60)
          axes.push_back(algebra.product({a, b}));
        break;
      case 2:
        axes.push_back(algebra.reverse(a));
        break;
      case 3:
        axes.push_back(algebra.makeAxis(a.extent));
        algebra.unify(axes.back(), a, "test");
        break;
      }
    }
    std::vector<const Axis *> list;
    for (const Axis &axis : axes)
      list.push_back(&axis);
    Maps maps(algebra, list);
    std::set<Node> removed;
    for (auto [set, map] : llvm::zip_equal(maps.units.getSets(), maps.maps)) {
      llvm::SmallVector<int64_t> gone;
      for (size_t i = 0; i + 1 < set.units.size(); ++i)
        if (draw(2)) {
          gone.push_back(i);
          removed.insert(set.units[i]);
        }
      map = IndexMap::keepAllBut(set.units.size(), gone);
    }
    AxisEdit edit = maps.edit(algebra);
    ASSERT_EQ(edit.getError(), "");
    for (const Axis &axis : axes) {
      List expected;
      for (auto [position, place] : llvm::enumerate(axis.places))
        if (llvm::none_of(algebra.getAtoms(place),
                          [&](Node atom) { return removed.count(atom); }))
          expected.push_back(position);
      // Of equal places, any may stand for another.
      List actual = edit.getSources(axis)[0];
      ASSERT_EQ(actual.size(), expected.size());
      for (auto [left, right] : llvm::zip_equal(actual, expected))
        EXPECT_EQ(algebra.getAtoms(axis.places[left]),
                  algebra.getAtoms(axis.places[right]));
      EXPECT_EQ(edit.getExtent(axis), static_cast<int64_t>(expected.size()));
    }
  }
}

} // namespace
