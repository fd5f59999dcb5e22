//===- AxisAlgebraTest.cpp - Tests of the axis algebra and of unit groups -===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Axes/AxisAlgebra.h"
#include "neuroplast/Structure/Axes/UnitGroups.h"
#include "gtest/gtest.h"
#include <random>

using namespace neuroplast::structure;
using llvm::SmallVector;

namespace {

std::vector<size_t> getSetSizes(const UnitGroups &groups) {
  std::vector<size_t> sizes;
  for (const UnitSet &set : groups.getSets())
    sizes.push_back(set.units.size());
  return sizes;
}

TEST(AxisAlgebra, EqualAxesAreOneSet) {
  AxisAlgebra algebra;
  Axis a = algebra.makeAxis(8), b = algebra.makeAxis(8),
       c = algebra.makeAxis(4);
  algebra.unify(a, b, "test");
  UnitGroups groups(algebra, {&a, &b, &c});
  EXPECT_EQ(getSetSizes(groups), (std::vector<size_t>{8, 4}));
  EXPECT_EQ(groups.getGroups().size(), 2u);
}

TEST(AxisAlgebra, ConcatenationShiftsIndices) {
  AxisAlgebra algebra;
  Axis a = algebra.makeAxis(3), b = algebra.makeAxis(5),
       y = algebra.makeAxis(8);
  algebra.unify(algebra.concat({a, b}), y, "test");
  EXPECT_EQ(algebra.getAtoms(y.places[3]), algebra.getAtoms(b.places[0]));
  UnitGroups groups(algebra, {&a, &b, &y});
  EXPECT_EQ(getSetSizes(groups), (std::vector<size_t>{3, 5}));
}

TEST(AxisAlgebra, LongAxesAreNotListed) {
  AxisAlgebra algebra;
  Axis a = algebra.makeAxis(int64_t(1) << 40), b = algebra.makeAxis(3),
       c = algebra.makeAxis(maxPlaces), d = algebra.makeAxis(2);
  EXPECT_TRUE(a.isTooLong && a.places.empty());
  EXPECT_FALSE(c.isTooLong);
  // Whoever shares the axis stays, and is told why.
  for (Axis axis : {algebra.product({b, a}), algebra.concat({d, c})})
    EXPECT_TRUE(axis.isTooLong);
  for (const Axis &axis : {b, d})
    EXPECT_EQ(algebra.getPins(axis.places[0]).front(),
              "shares an axis of more places than are listed");
  Axis e = algebra.makeAxis(5);
  algebra.unify(e, a, "test");
  EXPECT_EQ(algebra.getPins(e.places[4]).front(),
            "test, against more places than are listed");
}

TEST(AxisAlgebra, GatesAreCopies) {
  AxisAlgebra algebra;
  Axis h = algebra.makeAxis(5);
  Axis gates = algebra.product({AxisAlgebra::makeKeptAxis(4), h});
  Axis weight = algebra.makeAxis(20);
  algebra.unify(weight, gates, "test");
  EXPECT_EQ(algebra.getAtoms(weight.places[2]),
            algebra.getAtoms(weight.places[17]));
  UnitGroups groups(algebra, {&weight, &h});
  EXPECT_EQ(getSetSizes(groups), (std::vector<size_t>{5}));
}

TEST(AxisAlgebra, HeadsAreTheUnitOfAProduct) {
  AxisAlgebra algebra;
  Axis flat = algebra.makeAxis(12), h = algebra.makeAxis(3),
       d = algebra.makeAxis(4);
  algebra.unify(flat, algebra.product({h, d}), "test");
  UnitGroups groups(algebra, {&flat, &h, &d});
  ASSERT_EQ(getSetSizes(groups), (std::vector<size_t>{3, 4}));
  EXPECT_FALSE(groups.getSets()[0].isInner);
  EXPECT_TRUE(groups.getSets()[1].isInner);
}

TEST(AxisAlgebra, ProductsUniteFactorByFactor) {
  AxisAlgebra algebra;
  Axis h1 = algebra.makeAxis(3), d1 = algebra.makeAxis(4);
  Axis h2 = algebra.makeAxis(3), d2 = algebra.makeAxis(4);
  algebra.unify(algebra.product({h1, d1}), algebra.product({h2, d2}), "test");
  EXPECT_EQ(algebra.getAtoms(h1.places[2]), algebra.getAtoms(h2.places[2]));
  EXPECT_EQ(algebra.getAtoms(d1.places[3]), algebra.getAtoms(d2.places[3]));
}

TEST(AxisAlgebra, PinOfAFlatAxisReachesItsFactors) {
  AxisAlgebra algebra;
  Axis flat = algebra.makeAxis(6), h = algebra.makeAxis(2),
       d = algebra.makeAxis(3);
  algebra.unify(flat, algebra.product({h, d}), "test");
  algebra.pin(flat, "graph output 'y'");
  UnitGroups groups(algebra, {&flat, &h, &d});
  for (const UnitSet &set : groups.getSets())
    EXPECT_EQ(set.pins.size(), 1u);
}

TEST(AxisAlgebra, PinBeforeTheFactorsAreKnownReachesThem) {
  AxisAlgebra algebra;
  Axis flat = algebra.makeAxis(6), h = algebra.makeAxis(2),
       d = algebra.makeAxis(3);
  algebra.pin(flat, "reason");
  algebra.unify(flat, algebra.product({h, d}), "test");
  EXPECT_EQ(algebra.getPins(h.places[0]).size(), 1u);
  EXPECT_EQ(algebra.getPins(d.places[2]).size(), 1u);
}

TEST(AxisAlgebra, SizesKnownAtRunTimePin) {
  AxisAlgebra algebra;
  Axis a = algebra.makeAxis(4);
  algebra.unify(a, AxisAlgebra::makeKeptAxis(Axis::kDynamic), "test");
  EXPECT_EQ(algebra.getPins(a.places[0]).size(), 1u);
}

TEST(AxisAlgebra, WhatFillsAnAxisIsNoUnit) {
  AxisAlgebra algebra;
  Axis three = algebra.makeAxis(3);
  Axis one = three;
  one.extent = 1;
  one.places.resize(1);
  UnitGroups groups(algebra, {&three, &one});
  EXPECT_EQ(getSetSizes(groups), (std::vector<size_t>{2}));
  EXPECT_FALSE(groups.getSet(three.places[0]).has_value());
}

TEST(UnitGroups, BlocksKeepEqualCounts) {
  AxisAlgebra algebra;
  Axis out = algebra.makeAxis(8, /*blocks=*/4);
  algebra.requireEqualCounts(out);
  Axis flat = algebra.flattenBlocks(out);
  UnitGroups groups(algebra, {&flat, &out});
  ASSERT_EQ(groups.getGroups().size(), 1u);
  ASSERT_EQ(getSetSizes(groups), (std::vector<size_t>{8, 8, 8, 8}));
  EXPECT_EQ(groups.balanceRemoval(groups.getGroups()[0], {3, 3, 3, 3}),
            (SmallVector<int64_t>{3, 3, 3, 3}));
  // Unequal wishes are brought together.
  SmallVector<int64_t> counts =
      groups.balanceRemoval(groups.getGroups()[0], {3, 4, 3, 3});
  for (int64_t count : counts)
    EXPECT_EQ(count, counts[0]);
}

TEST(UnitGroups, APinnedBlockHoldsTheOthers) {
  AxisAlgebra algebra;
  Axis out = algebra.makeAxis(4, /*blocks=*/2);
  algebra.requireEqualCounts(out);
  for (Node place : out.getBlock(0))
    algebra.pin(place, "reason");
  Axis flat = algebra.flattenBlocks(out);
  UnitGroups groups(algebra, {&flat, &out});
  EXPECT_EQ(groups.balanceRemoval(groups.getGroups()[0], {2, 2}),
            (SmallVector<int64_t>{0, 0}));
}

TEST(UnitGroups, ASetThatIsNotWantedStaysWhole) {
  AxisAlgebra algebra;
  Axis out = algebra.makeAxis(6, /*blocks=*/2);
  algebra.requireEqualCounts(out);
  Axis flat = algebra.flattenBlocks(out);
  UnitGroups groups(algebra, {&flat, &out});
  // A wish of none may be overruled, a refusal not.
  EXPECT_EQ(groups.balanceRemoval(groups.getGroups()[0], {0, 2}),
            (SmallVector<int64_t>{1, 1}));
  EXPECT_EQ(groups.balanceRemoval(groups.getGroups()[0], {-1, 2}),
            (SmallVector<int64_t>{0, 0}));
}

TEST(UnitGroups, LongChainsOfCountsAreBalanced) {
  // Each of many sets takes turns with the next, and all together with a wide
  // one.
  constexpr unsigned kSets = 40;
  AxisAlgebra algebra;
  std::vector<Axis> parts;
  for (unsigned i = 0; i < kSets; ++i)
    parts.push_back(algebra.makeAxis(7));
  Axis wide = algebra.makeAxis(7 * kSets);
  auto require = [&](const Axis &a, const Axis &b) {
    Axis blocks = a;
    blocks.blocks = 2;
    blocks.places.insert(blocks.places.end(), b.places.begin(), b.places.end());
    algebra.requireEqualCounts(blocks);
  };
  for (unsigned i = 0; i + 1 < kSets; ++i)
    require(parts[i], parts[i + 1]);
  require(algebra.concat(parts), wide);
  std::vector<const Axis *> axes{&wide};
  for (const Axis &part : parts)
    axes.push_back(&part);
  UnitGroups groups(algebra, axes);
  ASSERT_EQ(groups.getGroups().size(), 1u);
  const UnitGroup &group = groups.getGroups()[0];
  SmallVector<double> wanted;
  for (unsigned i = 0; i < group.sets.size(); ++i)
    wanted.push_back(i == 0 ? 130 : 2 + 0.6 * (i % 3));
  SmallVector<int64_t> counts = groups.balanceRemoval(group, wanted);
  for (unsigned i = 1; i < counts.size(); ++i)
    EXPECT_EQ(counts[i], 3);
  EXPECT_EQ(counts[0], 3 * static_cast<int64_t>(kSets));
}

/// ShuffleNet: 4 x 34 channels are transposed to 34 x 4, and a convolution of
/// four groups reads them in runs of 34. Copies make 34 units; the groups cut
/// them where a run ends within a unit.
TEST(UnitGroups, ShuffledChannelsKeepTheirGroupsEqual) {
  AxisAlgebra algebra;
  Axis k = algebra.makeAxis(34);
  Axis shuffled = algebra.product({k, AxisAlgebra::makeKeptAxis(4)});
  Axis in = algebra.makeAxis(34, /*blocks=*/4);
  algebra.requireEqualCounts(in);
  Axis flat = algebra.flattenBlocks(in);
  algebra.unify(shuffled, flat, "test");
  UnitGroups groups(algebra, {&shuffled, &in});
  ASSERT_EQ(groups.getGroups().size(), 1u);
  const UnitGroup &group = groups.getGroups()[0];
  SmallVector<double> wanted;
  for (unsigned set : group.sets)
    wanted.push_back(groups.getSets()[set].units.size() / 2.0);
  SmallVector<int64_t> counts = groups.balanceRemoval(group, wanted);
  int64_t removed = 0;
  for (int64_t count : counts)
    removed += count;
  EXPECT_GE(removed, 16);
  for (const CountConstraint &constraint : groups.getConstraints()) {
    std::vector<int64_t> lost;
    for (const auto &block : constraint.blocks) {
      lost.push_back(0);
      for (const SetCount &term : block)
        lost.back() +=
            term.count *
            counts[llvm::find(group.sets, term.set) - group.sets.begin()];
    }
    for (int64_t value : lost)
      EXPECT_EQ(value, lost[0]);
  }
}

/// Two layers take turns in an axis that is split where the first has had one
/// turn more: whatever goes, it then has as many or one more.
TEST(UnitGroups, BlocksTakeTurnsUpToWhereAnAxisIsSplit) {
  AxisAlgebra algebra;
  Axis layers = algebra.makeAxis(9, /*blocks=*/2);
  algebra.requireEqualCounts(layers);
  Axis first = algebra.makeAxis(7), second = algebra.makeAxis(11);
  algebra.unify(algebra.interleaveBlocks(layers),
                algebra.concat({first, second}), "test");
  algebra.findInterleaved();
  UnitGroups groups(algebra, {&layers, &first, &second});
  ASSERT_EQ(getSetSizes(groups), (std::vector<size_t>{4, 5, 3, 6}));
  const UnitGroup &group = groups.getGroups()[0];
  for (int64_t kept = 1; kept < 18; ++kept) {
    double share = 1 - kept / 18.0;
    SmallVector<int64_t> counts = groups.balanceRemoval(
        group, {4 * share, 5 * share, 3 * share, 6 * share});
    int64_t ahead = (4 - counts[0]) - (3 - counts[2]);
    EXPECT_TRUE(ahead == 0 || ahead == 1) << kept;
    EXPECT_EQ(counts[0] + counts[1], counts[2] + counts[3]) << kept;
    // Each layer and each part is as near to its share as it can be.
    EXPECT_LE(std::abs(counts[0] + counts[2] - 7 * share), 2) << kept;
    EXPECT_LE(std::abs(counts[1] + counts[3] - 11 * share), 2) << kept;
  }
}

/// Of two channels that are split, and that no other axis tells apart from
/// those behind them, one may go if the axis keeps others; not so the channels
/// of a layer.
TEST(UnitGroups, FragmentsMayGoEntirely) {
  AxisAlgebra algebra;
  Axis layers = algebra.makeAxis(3, /*blocks=*/2);
  algebra.requireEqualCounts(layers);
  Axis first = algebra.makeAxis(2), second = algebra.makeAxis(4);
  algebra.unify(algebra.interleaveBlocks(layers),
                algebra.concat({first, second}), "test");
  algebra.findInterleaved();
  UnitGroups groups(algebra, {&layers, &first, &second});
  ASSERT_EQ(getSetSizes(groups), (std::vector<size_t>{1, 2, 1, 2}));
  for (const UnitSet &set : groups.getSets())
    EXPECT_TRUE(set.isFragment);
  const UnitGroup &group = groups.getGroups()[0];
  SmallVector<double> all{1, 2, 1, 2};
  EXPECT_EQ(groups.balanceRemoval(group, all, 1, /*dropsFragments=*/false),
            (SmallVector<int64_t>{0, 1, 0, 1}));
  SmallVector<int64_t> most =
      groups.balanceRemoval(group, all, 1, /*dropsFragments=*/true);
  EXPECT_LT(most[0] + most[2], 2);
  EXPECT_LT(most[1] + most[3], 4);
  EXPECT_EQ(most[0] + most[1], most[2] + most[3]);
  EXPECT_EQ(most[0] + most[1], 2);
}

/// Random chains of relations: a removal of whole units leaves every pair of
/// united axes with the same places.
TEST(AxisAlgebra, RandomRelationsStayConsistent) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    AxisAlgebra algebra;
    std::vector<std::pair<Axis, Axis>> united;
    std::vector<Axis> pool;
    for (int64_t extent : {2, 3, 4, 6, 6, 12, 12, 24, 24})
      pool.push_back(algebra.makeAxis(extent));
    auto pick = [&]() -> const Axis & { return pool[random() % pool.size()]; };
    for (int step = 0; step < 12; ++step) {
      Axis left = pick(), right = pick();
      switch (random() % 3) {
      case 0:
        break;
      case 1:
        left = algebra.product({left, pick()});
        break;
      case 2:
        left = algebra.concat({left, pick()});
        break;
      }
      if (left.extent > 300)
        continue;
      if (left.extent != right.extent)
        right = algebra.makeAxis(left.extent);
      pool.push_back(right);
      algebra.unify(left, right, "test");
      united.emplace_back(left, right);
    }
    std::vector<const Axis *> axes;
    for (const Axis &axis : pool)
      axes.push_back(&axis);
    UnitGroups groups(algebra, axes);
    std::vector<bool> removed(algebra.getNumNodes(), false);
    for (const UnitSet &set : groups.getSets())
      for (Node unit : set.units)
        removed[unit] = set.pins.empty() && random() % 2 == 0;
    auto isKept = [&](Node place) {
      return llvm::none_of(algebra.getAtoms(place),
                           [&](Node atom) { return removed[atom]; });
    };
    for (const auto &[left, right] : united)
      for (auto [a, b] : llvm::zip_equal(left.places, right.places))
        ASSERT_EQ(isKept(a), isKept(b)) << "round " << round;
  }
}

} // namespace
