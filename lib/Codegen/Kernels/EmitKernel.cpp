//===- EmitKernel.cpp - Write a contraction as loops over vectors ---------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// A tile of the result (rows x places x vectors) is loaded, accumulated over
// the whole reduction in registers (one loop-carried vector each), and stored.

#include "Contraction.h"
#include "VectorBody.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace neuroplast;

namespace {

/// Taps of a convolution are unrolled up to this many.
constexpr int64_t kUnrolledSteps = 9;

class KernelEmitter {
public:
  KernelEmitter(OpBuilder &builder, const Contraction &c, int64_t width)
      : loc(c.location), c(c), width(width),
        vectorType(VectorType::get(width, builder.getF32Type())) {
    SmallVector<int64_t> rowLoops = c.getLoops(LoopKind::Row),
                         placeLoops = c.getLoops(LoopKind::Place);
    auto pick = [&](ArrayRef<int64_t> loops) {
      // The last loop of a kind that is worth tiling.
      for (int64_t loop : llvm::reverse(loops))
        if (c.sizes[loop] > 1)
          return loop;
      return int64_t(-1);
    };
    row = pick(rowLoops);
    place = pick(placeLoops);
    // Half of the architectures' vector registers are 32 of 512 bits, or 16.
    tile =
        chooseTile(row < 0 ? 1 : c.sizes[row], place < 0 ? 1 : c.sizes[place],
                   c.sizes[c.lane], width, width == 16 ? 31 : 15);
    for (int64_t loop = 0, e = c.sizes.size(); loop < e; ++loop) {
      if (c.kinds[loop] == LoopKind::Reduced)
        reduced.push_back(loop);
      else if (loop != row && loop != place && loop != c.lane)
        outer.push_back(loop);
    }
    int64_t steps = 1;
    while (!reduced.empty() &&
           steps * c.sizes[reduced.back()] <= kUnrolledSteps) {
      steps *= c.sizes[reduced.back()];
      unrolled.insert(unrolled.begin(), reduced.pop_back_val());
    }
  }

  void emit(OpBuilder &b) {
    indices.assign(c.sizes.size(), constant(b, 0));
    if (!isWeightStationary()) {
      emitOuter(b, 0);
      return;
    }
    overPlaces(b, [&](OpBuilder &inner, int64_t count) {
      places = count;
      emitOuter(inner, 0);
    });
  }

private:
  Value constant(OpBuilder &b, int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  Value offset(OpBuilder &b, Value base, int64_t by) {
    return by ? arith::AddIOp::create(b, loc, base, constant(b, by)) : base;
  }

  /// scf.for over [0, size) in steps; `body` runs with the index set.
  template <typename Body>
  void loopOver(OpBuilder &b, int64_t loop, int64_t count, int64_t step,
                Body body) {
    if (count == 1) {
      indices[loop] = constant(b, 0);
      body(b);
      return;
    }
    auto op = scf::ForOp::create(b, loc, constant(b, 0),
                                 constant(b, count * step), constant(b, step));
    OpBuilder inner = OpBuilder::atBlockTerminator(op.getBody());
    indices[loop] = op.getInductionVar();
    body(inner);
  }

  void emitOuter(OpBuilder &b, size_t depth) {
    if (depth == outer.size()) {
      emitTiles(b);
      return;
    }
    loopOver(b, outer[depth], c.sizes[outer[depth]], 1,
             [&](OpBuilder &inner) { emitOuter(inner, depth + 1); });
  }

  /// Full tiles and the remainder along one loop.
  template <typename Body>
  void split(OpBuilder &b, int64_t loop, int64_t size, int64_t step,
             Body body) {
    if (loop < 0) {
      body(b, 1);
      return;
    }
    if (int64_t full = size / step)
      loopOver(b, loop, full, step,
               [&](OpBuilder &inner) { body(inner, step); });
    if (int64_t rest = size % step) {
      indices[loop] = constant(b, size - rest);
      body(b, rest);
    }
  }

  template <typename Body> void overRows(OpBuilder &b, Body body) {
    split(b, row, row < 0 ? 1 : c.sizes[row], tile.rows, body);
  }
  template <typename Body> void overPlaces(OpBuilder &b, Body body) {
    split(b, place, place < 0 ? 1 : c.sizes[place], tile.places, body);
  }
  template <typename Body> void overLanes(OpBuilder &b, Body body) {
    int64_t lanes = c.sizes[c.lane], block = tile.vectors * width;
    if (int64_t full = lanes / block)
      loopOver(b, c.lane, full, block,
               [&](OpBuilder &inner) { body(inner, tile.vectors, width); });
    if (int64_t rest = lanes % block) {
      indices[c.lane] = constant(b, lanes - rest);
      int64_t vectors = llvm::divideCeil(rest, width);
      body(b, vectors, rest - (vectors - 1) * width);
    }
  }

  /// Whether the vectors are weights in blocks, which no loop around the tiles
  /// moves through: each is then read once for all pixels, not for every row of
  /// them, where they would come from further away each time.
  bool isWeightStationary() const {
    return place >= 0 && c.sizes[c.lane] == width && !c.scalarMoves &&
           c.combination == Combination::MultiplyAdd &&
           llvm::none_of(outer, [&](int64_t loop) {
             return c.sizes[loop] > 1 && c.vectorMap.isFunctionOfDim(loop);
           });
  }

  void emitTiles(OpBuilder &b) {
    // The operand that is larger is walked through once.
    bool vectorOutside =
        getVolume(c.vector) > getVolume(c.scalar) && place < 0 && outer.empty();
    if (vectorOutside)
      overLanes(b, [&](OpBuilder &b1, int64_t vectors, int64_t last) {
        overRows(b1, [&](OpBuilder &b2, int64_t r) {
          emitTile(b2, {r, 1, vectors}, last);
        });
      });
    else
      overRows(b, [&](OpBuilder &b1, int64_t r) {
        auto overRest = [&](OpBuilder &b2, int64_t p) {
          overLanes(b2, [&](OpBuilder &b3, int64_t vectors, int64_t last) {
            emitTile(b3, {r, p, vectors}, last);
          });
        };
        if (places > 0)
          overRest(b1, places);
        else
          overPlaces(b1, overRest);
      });
  }

  static int64_t getVolume(Value buffer) {
    auto type = cast<MemRefType>(buffer.getType());
    return type.hasStaticShape() ? type.getNumElements() : 0;
  }

  /// The indices of an operand, with the tile's own offsets added.
  SmallVector<Value> indicesOf(OpBuilder &b, AffineMap map,
                               ArrayRef<Value> at) {
    SmallVector<Value> result;
    for (AffineExpr expr : map.getResults())
      result.push_back(b.createOrFold<affine::AffineApplyOp>(
          loc, AffineMap::get(map.getNumDims(), 0, expr), at));
    return result;
  }

  Value mask(OpBuilder &b, int64_t lanes) {
    SmallVector<bool> bits(width, false);
    std::fill_n(bits.begin(), lanes, true);
    auto type = VectorType::get(width, b.getI1Type());
    return arith::ConstantOp::create(b, loc,
                                     DenseElementsAttr::get(type, bits));
  }
  Value zeros(OpBuilder &b) {
    return arith::ConstantOp::create(b, loc,
                                     DenseElementsAttr::get(vectorType, 0.0f));
  }

  Value load(OpBuilder &b, Value buffer, ValueRange at, int64_t lanes) {
    if (lanes >= width)
      return vector::LoadOp::create(b, loc, vectorType, buffer, at);
    if (lanes <= 0)
      return zeros(b);
    return vector::MaskedLoadOp::create(b, loc, vectorType, buffer, at,
                                        mask(b, lanes), zeros(b));
  }

  /// `lanes` elements of the vector operand, `laneStride` apart.
  Value loadVector(OpBuilder &b, ArrayRef<Value> at, int64_t lanes) {
    SmallVector<Value> from = indicesOf(b, c.vectorMap, at);
    if (c.laneStride == 1)
      return load(b, c.vector, from, lanes);
    int64_t span = 2 * lanes - 1;
    Value low = load(b, c.vector, from, span);
    from.back() = offset(b, from.back(), width);
    Value high = load(b, c.vector, from, span - width);
    SmallVector<int64_t> even;
    for (int64_t lane = 0; lane < width; ++lane)
      even.push_back(2 * lane);
    return vector::ShuffleOp::create(b, loc, vectorType, low, high, even);
  }

  /// The loop indices of one vector of the tile.
  SmallVector<Value> locate(OpBuilder &b, int64_t r, int64_t p, int64_t v) {
    SmallVector<Value> at(indices);
    if (row >= 0)
      at[row] = offset(b, at[row], r);
    if (place >= 0)
      at[place] = offset(b, at[place], p);
    at[c.lane] = offset(b, at[c.lane], v * width);
    return at;
  }

  /// One step of the reduction for the whole tile.
  SmallVector<Value> accumulate(OpBuilder &b, Tile t, int64_t last,
                                ArrayRef<Value> sums) {
    SmallVector<Value> vectors;
    for (int64_t p = 0; p < t.places; ++p)
      for (int64_t v = 0; v < t.vectors; ++v)
        vectors.push_back(loadVector(b, locate(b, 0, p, v),
                                     v + 1 == t.vectors ? last : width));
    SmallVector<Value> next;
    if (c.combination != Combination::MultiplyAdd) {
      for (auto [sum, vector] : llvm::zip_equal(sums, vectors))
        next.push_back(
            c.combination == Combination::Add
                ? Value(arith::AddFOp::create(b, loc, sum, vector))
                : Value(arith::MaximumFOp::create(b, loc, sum, vector)));
      return next;
    }
    for (int64_t r = 0; r < t.rows; ++r) {
      Value wide;
      for (auto [index, vector] : llvm::enumerate(vectors)) {
        if (c.scalarMoves) {
          int64_t v = index % t.vectors;
          wide =
              load(b, c.scalar, indicesOf(b, c.scalarMap, locate(b, r, 0, v)),
                   v + 1 == t.vectors ? last : width);
        } else if (index == 0) {
          Value factor = memref::LoadOp::create(
              b, loc, c.scalar, indicesOf(b, c.scalarMap, locate(b, r, 0, 0)));
          wide = vector::BroadcastOp::create(b, loc, vectorType, factor);
        }
        next.push_back(
            vector::FMAOp::create(b, loc, wide, vector, sums[next.size()]));
      }
    }
    return next;
  }

  SmallVector<Value> emitUnrolled(OpBuilder &b, size_t depth, Tile t,
                                  int64_t last, SmallVector<Value> sums) {
    if (depth == unrolled.size())
      return accumulate(b, t, last, sums);
    for (int64_t i = 0; i < c.sizes[unrolled[depth]]; ++i) {
      indices[unrolled[depth]] = constant(b, i);
      sums = emitUnrolled(b, depth + 1, t, last, sums);
    }
    return sums;
  }

  SmallVector<Value> emitReduction(OpBuilder &b, size_t depth, Tile t,
                                   int64_t last, SmallVector<Value> sums) {
    if (depth == reduced.size())
      return emitUnrolled(b, 0, t, last, sums);
    auto loop = scf::ForOp::create(b, loc, constant(b, 0),
                                   constant(b, c.sizes[reduced[depth]]),
                                   constant(b, 1), sums);
    OpBuilder inner = OpBuilder::atBlockBegin(loop.getBody());
    indices[reduced[depth]] = loop.getInductionVar();
    SmallVector<Value> next =
        emitReduction(inner, depth + 1, t, last,
                      SmallVector<Value>(loop.getRegionIterArgs()));
    scf::YieldOp::create(inner, loc, next);
    return SmallVector<Value>(loop.getResults());
  }

  /// Makes elements of the result of the sums of a tile.
  void finish(OpBuilder &b, Tile t, int64_t last, SmallVector<Value> &sums) {
    size_t next = 0;
    for (int64_t r = 0; r < t.rows; ++r)
      for (int64_t p = 0; p < t.places; ++p)
        for (int64_t v = 0; v < t.vectors; ++v, ++next) {
          SmallVector<Value> at = locate(b, r, p, v);
          int64_t lanes = v + 1 == t.vectors ? last : width;
          IRMapping values;
          values.map(c.epilogue->getArgument(0), sums[next]);
          for (auto [argument, buffer, map] :
               llvm::zip_equal(c.epilogue->getArguments().drop_front(),
                               c.extras, c.extraMaps)) {
            SmallVector<Value> from = indicesOf(b, map, at);
            Value value;
            if (map.isFunctionOfDim(c.lane))
              value = load(b, buffer, from, lanes);
            else
              value = vector::BroadcastOp::create(
                  b, loc, vectorType,
                  memref::LoadOp::create(b, loc, buffer, from));
            values.map(argument, value);
          }
          sums[next] = emitBody(b, loc, *c.epilogue, values, width,
                                c.epilogue->getTerminator()->getOperands())
                           .front();
        }
  }

  /// Sets to zero what stands behind the places of the last block.
  void clearPadding(OpBuilder &b, Tile t, SmallVector<Value> &sums) {
    auto [loop, lanes] = *c.lastBlock;
    size_t next = 0;
    for (int64_t r = 0; r < t.rows; ++r)
      for (int64_t p = 0; p < t.places; ++p)
        for (int64_t v = 0; v < t.vectors; ++v, ++next) {
          Value isLast = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                               locate(b, r, p, v)[loop],
                                               constant(b, c.sizes[loop] - 1));
          Value cleared = arith::SelectOp::create(
              b, loc, mask(b, std::clamp<int64_t>(lanes - v * width, 0, width)),
              sums[next], zeros(b));
          sums[next] =
              arith::SelectOp::create(b, loc, isLast, cleared, sums[next]);
        }
  }

  void emitTile(OpBuilder &b, Tile t, int64_t last) {
    auto forEach = [&](auto body) {
      size_t next = 0;
      for (int64_t r = 0; r < t.rows; ++r)
        for (int64_t p = 0; p < t.places; ++p)
          for (int64_t v = 0; v < t.vectors; ++v)
            body(next++, indicesOf(b, c.resultMap, locate(b, r, p, v)),
                 v + 1 == t.vectors ? last : width);
    };
    SmallVector<Value> sums;
    forEach([&](size_t, ValueRange at, int64_t lanes) {
      sums.push_back(c.startsAtZero ? zeros(b) : load(b, c.result, at, lanes));
    });
    sums = emitReduction(b, 0, t, last, sums);
    if (c.epilogue)
      finish(b, t, last, sums);
    if (c.lastBlock)
      clearPadding(b, t, sums);
    forEach([&](size_t index, ValueRange at, int64_t lanes) {
      if (lanes >= width)
        vector::StoreOp::create(b, loc, sums[index], c.result, at);
      else
        vector::MaskedStoreOp::create(b, loc, c.result, at, mask(b, lanes),
                                      sums[index]);
    });
  }

  Location loc;
  const Contraction &c;
  int64_t width;
  VectorType vectorType;
  int64_t row = -1, place = -1; ///< the tiled loops of these kinds, or none
  Tile tile{1, 1, 1};
  SmallVector<int64_t> outer, reduced, unrolled;
  SmallVector<Value> indices; ///< of all loops, where code is being written
  int64_t places = 0; ///< of the tiles, where a loop around all chose them
};

} // namespace

void neuroplast::emitKernel(OpBuilder &builder, const Contraction &contraction,
                            int64_t width) {
  KernelEmitter(builder, contraction, width).emit(builder);
}
