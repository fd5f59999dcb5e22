//===- Schedule.cpp - In which order a kernel goes about its loops --------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Schedule.h"

#include <cmath>

using namespace mlir;
using namespace neuroplast;

namespace {

/// Taps of a convolution are unrolled up to this many.
constexpr int64_t kUnrolledSteps = 9;

/// Cycles of one step of the reduction for a tile.
double getCycles(int64_t rows, int64_t places, int64_t vectors) {
  double products = rows * places * vectors;
  double loads = 0.5 * (rows + places * vectors);
  // Four multiply-adds are in flight before the first result is there.
  return std::max({products, loads, 4.0}) + 0.1 * loads + 0.5;
}

/// The tile that takes the fewest cycles, by a model of one multiply-add and
/// two loads a cycle. Sizes that are not known are large.
Tile chooseTile(int64_t rows, int64_t places, int64_t lanes, int64_t width,
                int64_t registers) {
  auto orLarge = [](int64_t size) {
    constexpr int64_t kLarge = 5040; // whatever the tile, hardly a remainder
    return ShapedType::isDynamic(size) ? kLarge : size;
  };
  rows = orLarge(rows);
  places = orLarge(places);
  lanes = orLarge(lanes);
  int64_t vectors = llvm::divideCeil(lanes, width);
  Tile best{1, 1, 1};
  double bestCycles = std::numeric_limits<double>::infinity();
  for (int64_t v = 1; v <= std::min<int64_t>(vectors, 8); ++v)
    for (int64_t p = 1; p <= std::min<int64_t>(places, 4); ++p)
      for (int64_t r = 1; r <= std::min<int64_t>(rows, 14); ++r) {
        if (r * p * v + p * v + 1 > registers)
          break;
        // Full tiles and remainders along each axis.
        double cycles = 0;
        for (auto [rowCount, r0] :
             {std::pair(rows / r, r),
              std::pair(int64_t(rows % r != 0), rows % r)})
          for (auto [placeCount, p0] :
               {std::pair(places / p, p),
                std::pair(int64_t(places % p != 0), places % p)})
            for (auto [vectorCount, v0] :
                 {std::pair(vectors / v, v),
                  std::pair(int64_t(vectors % v != 0), vectors % v)})
              if (rowCount * placeCount * vectorCount)
                cycles +=
                    rowCount * placeCount * vectorCount * getCycles(r0, p0, v0);
        if (cycles < bestCycles) {
          bestCycles = cycles;
          best = {r, p, v};
        }
      }
  return best;
}

/// What only a run knows, batches and places, is many where that counts.
double estimateSize(const Contraction &c, int64_t loop) {
  constexpr double kMany = 64;
  return ShapedType::isDynamic(c.getSizes()[loop])
             ? kMany
             : static_cast<double>(c.getSizes()[loop]);
}

/// The bytes of an operand that a step of the loops around it reads.
double countBytes(const Contraction &c, AffineMap map,
                  ArrayRef<int64_t> around) {
  SmallVector<AffineExpr> last;
  for (int64_t loop = 0, e = c.getSizes().size(); loop < e; ++loop)
    last.push_back(getAffineConstantExpr(
        llvm::is_contained(around, loop)
            ? 0
            : static_cast<int64_t>(estimateSize(c, loop)) - 1,
        map.getContext()));
  double bytes = sizeof(float);
  for (AffineExpr expr : map.getResults())
    bytes *= cast<AffineConstantExpr>(expr.replaceDims(last)).getValue() + 1.0;
  return bytes;
}

/// Where the vectors are weights in blocks, which no loop around the tiles
/// moves through, those of a tile are read once for many pixels, not for
/// every row of them, where they would come from further away each time. All
/// of these pixels are read again for the weights of the next tile: within
/// which of the outer loops least has to come from beyond the cache. None if
/// there are no such weights.
std::optional<size_t> chooseStationaryDepth(const Contraction &c,
                                            const Schedule &s, int64_t width) {
  bool areWeights = llvm::none_of(s.outer, [&](int64_t loop) {
    return c.getSizes()[loop] != 1 && c.vectorMap.isFunctionOfDim(loop);
  });
  if (s.place < 0 || c.getSizes()[c.lane] != width || c.scalarMoves ||
      c.accumulated || c.combination != Combination::MultiplyAdd || !areWeights)
    return std::nullopt;
  // What is read again costs nothing from a core's own cache, and from memory
  // four times what it does from the cache that cores share: rough numbers.
  auto countCost = [](double bytes, double times) {
    constexpr double kOwn = 1 << 19, kShared = 1 << 22;
    double perByte = bytes <= kOwn ? 0 : bytes <= kShared ? 1 : 4;
    return bytes * (times - 1) * perByte;
  };
  double passes = std::ceil(estimateSize(c, s.place) / s.tile.places),
         parts = 1;
  std::optional<size_t> best;
  double lowest = 0;
  for (size_t depth = 0;; ++depth) {
    ArrayRef<int64_t> around = ArrayRef(s.outer).take_front(depth);
    double cost =
        parts * countCost(countBytes(c, c.scalarMap, around), passes) +
        countCost(countBytes(c, c.vectorMap, around), parts);
    if (!best || cost < lowest) {
      best = depth;
      lowest = cost;
    }
    if (depth == s.outer.size())
      return best;
    parts *= estimateSize(c, s.outer[depth]);
  }
}

/// The steps of loops around each other.
double countAll(ArrayRef<SharableLoop> loops) {
  return countSteps(llvm::map_to_vector(
      loops, [](const SharableLoop &loop) { return loop.size; }));
}

/// What only a run knows counts as large.
int64_t countBytes(Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  return type.hasStaticShape() ? type.getNumElements() * 4
                               : std::numeric_limits<int64_t>::max();
}

} // namespace

Schedule Schedule::choose(const Contraction &c, int64_t width) {
  Schedule s;
  ArrayRef<int64_t> sizes = c.getSizes();
  SmallVector<int64_t> rowLoops = c.getLoops(LoopKind::Row),
                       placeLoops = c.getLoops(LoopKind::Place);
  auto pick = [&](ArrayRef<int64_t> loops) {
    // The last loop of a kind that is worth tiling.
    for (int64_t loop : llvm::reverse(loops))
      if (sizes[loop] != 1)
        return loop;
    return int64_t(-1);
  };
  s.row = pick(rowLoops);
  s.place = pick(placeLoops);
  // Half of the architectures' vector registers are 32 of 512 bits, or 16.
  s.tile =
      chooseTile(s.row < 0 ? 1 : sizes[s.row], s.place < 0 ? 1 : sizes[s.place],
                 sizes[c.lane], width, width == 16 ? 31 : 15);
  for (int64_t loop = 0, e = sizes.size(); loop < e; ++loop) {
    if (loop == c.accumulated)
      continue;
    if (c.kinds[loop] == LoopKind::Reduced)
      s.reduced.push_back(loop);
    else if (loop != s.row && loop != s.place && loop != c.lane)
      s.outer.push_back(loop);
  }
  int64_t steps = 1;
  while (!s.reduced.empty() &&
         !ShapedType::isDynamic(sizes[s.reduced.back()]) &&
         steps * sizes[s.reduced.back()] <= kUnrolledSteps) {
    steps *= sizes[s.reduced.back()];
    s.unrolled.insert(s.unrolled.begin(), s.reduced.pop_back_val());
  }
  s.stationaryDepth = chooseStationaryDepth(c, s, width);
  return s;
}

/// Divided by rows, each reads all of the vector operand, and divided by
/// places or lanes, all of the scalar one: a layer on a large image is
/// divided by its places, as the layers beside it are, and one with more
/// weights than data by its channels, unless these are there already: the
/// steps of a recurrent layer are.
SmallVector<SharableLoop> Schedule::getSharableLoops(const Contraction &c,
                                                     int64_t width) const {
  SmallVector<SharableLoop> batches, rows, places, order;
  auto add = [&](int64_t loop, int64_t step) {
    if (loop < 0)
      return;
    (c.kinds[loop] == LoopKind::Batch ? batches
     : c.kinds[loop] == LoopKind::Row ? rows
                                      : places)
        .push_back({loop, c.getSizes()[loop], step});
  };
  for (int64_t loop : outer)
    add(loop, 1);
  add(row, tile.rows);
  add(place, tile.places);
  add(c.lane, tile.vectors * width);
  auto append = [&](ArrayRef<SharableLoop> loops) {
    llvm::append_range(order, loops);
  };
  // Channels with a kernel each, of an image of more places than channels.
  if (c.scalarMoves && countAll(rows) >= countAll(batches) * width) {
    append(rows);
    append(batches);
    append(places);
    return order;
  }
  append(batches);
  bool isByRows = !c.scalar || c.isVectorKept ||
                  countBytes(c.vector) <= countBytes(c.scalar);
  append(isByRows ? rows : places);
  append(isByRows ? places : rows);
  return order;
}
