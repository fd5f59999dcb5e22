//===- EmitKernel.cpp - Write a contraction as loops over vectors ---------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// A tile of the result (rows x places x vectors) is loaded, accumulated over
// the whole reduction in registers (one loop-carried vector each), and stored.

#include "Emitters.h"
#include "Schedule.h"
#include "VectorBody.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace neuroplast;

namespace {

/// How many lanes of a vector hold elements.
struct Lanes {
  int64_t known = 0;
  Value count = {}; ///< where it is not known
};

class KernelEmitter {
public:
  KernelEmitter(OpBuilder &builder, const Contraction &c, int64_t width)
      : loc(c.location), c(c), order(Schedule::choose(c, width)),
        sizes(c.getSizes()), width(width),
        vectorType(VectorType::get(width, builder.getF32Type())) {}

  void emit(OpBuilder &b, int64_t threads) {
    for (int64_t loop = 0, e = sizes.size(); loop < e; ++loop)
      ends.push_back(c.loops.createSize(b, loc, loop));
    if (c.accumulated) {
      Value zero = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(0));
      linalg::FillOp::create(b, loc, zero, c.result);
    }
    shared = chooseSharedLoop(order.getSharableLoops(c, width),
                              countSteps(sizes), threads);
    if (!shared)
      return emitLoops(b);
    shareLoop(b, loc, *shared, ends[shared->loop], threads,
              [&](OpBuilder &inner, Value, Value begin, Value end) {
                shareBegin = begin;
                shareEnd = end;
                emitLoops(inner);
              });
  }

private:
  void emitLoops(OpBuilder &b) {
    indices.assign(sizes.size(), constant(b, 0));
    if (c.accumulated) {
      loopOver(b, *c.accumulated, constant(b, 0), 1,
               [&](OpBuilder &inner) { emitOuter(inner, 0); });
      return;
    }
    emitOuter(b, 0);
  }

  Value constant(OpBuilder &b, int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  Value offset(OpBuilder &b, Value base, int64_t by) {
    return by ? arith::AddIOp::create(b, loc, base, constant(b, by)) : base;
  }

  /// Goes along a loop from `begin` as far as whole steps lead, or along the
  /// part of that which is the thread's own; `body` runs with the index set.
  /// Returns where the whole ends.
  template <typename Body>
  Value loopOver(OpBuilder &b, int64_t loop, Value begin, int64_t step,
                 Body body) {
    Value end = ends[loop];
    bool isShared = shared && shared->loop == loop;
    if (std::optional<int64_t> from = getConstantIntValue(begin);
        from && !ShapedType::isDynamic(sizes[loop])) {
      int64_t count = (sizes[loop] - *from) / step;
      end = constant(b, *from + count * step);
      if (count == 0)
        return begin;
      if (count == 1 && !isShared) {
        indices[loop] = begin;
        body(b);
        return end;
      }
    } else if (step > 1) {
      Value length = arith::SubIOp::create(b, loc, ends[loop], begin);
      Value rest = arith::RemUIOp::create(b, loc, length, constant(b, step));
      end = arith::SubIOp::create(b, loc, ends[loop], rest);
    }
    Value from = begin, to = end;
    if (isShared) {
      from = arith::MaxUIOp::create(b, loc, begin, shareBegin);
      to = arith::MinUIOp::create(b, loc, end, shareEnd);
    }
    auto op = scf::ForOp::create(b, loc, from, to, constant(b, step));
    OpBuilder inner = OpBuilder::atBlockTerminator(op.getBody());
    indices[loop] = op.getInductionVar();
    body(inner);
    return end;
  }

  void emitOuter(OpBuilder &b, size_t depth) {
    auto further = [&](OpBuilder &inner) {
      if (depth == order.outer.size())
        return emitTiles(inner);
      loopOver(inner, order.outer[depth], constant(inner, 0), 1,
               [&](OpBuilder &next) { emitOuter(next, depth + 1); });
    };
    if (order.stationaryDepth != depth)
      return further(b);
    overPlaces(b, [&](OpBuilder &inner, int64_t count) {
      places = count;
      further(inner);
    });
  }

  /// Full tiles along one loop, and the remainder: one tile if its size is
  /// known, else ever smaller ones.
  template <typename Body>
  void split(OpBuilder &b, int64_t loop, int64_t step, Body body) {
    if (loop < 0) {
      body(b, 1);
      return;
    }
    Value at = constant(b, 0);
    while (step > 0) {
      at = loopOver(b, loop, at, step,
                    [&](OpBuilder &inner) { body(inner, step); });
      step = ShapedType::isDynamic(sizes[loop]) ? getNextStep(step)
                                                : sizes[loop] % step;
    }
  }

  /// The size of the tiles behind those of this size: each size is code of its
  /// own, so there are few.
  static int64_t getNextStep(int64_t step) {
    return step > 1 ? std::max<int64_t>(step / 4, 1) : 0;
  }

  template <typename Body> void overRows(OpBuilder &b, Body body) {
    split(b, order.row, order.tile.rows, body);
  }
  template <typename Body> void overPlaces(OpBuilder &b, Body body) {
    split(b, order.place, order.tile.places, body);
  }
  template <typename Body> void overLanes(OpBuilder &b, Body body) {
    int64_t lanes = sizes[c.lane], block = order.tile.vectors * width;
    Value at =
        loopOver(b, c.lane, constant(b, 0), block, [&](OpBuilder &inner) {
          body(inner, order.tile.vectors, Lanes{width});
        });
    if (ShapedType::isDynamic(lanes)) {
      overRest(b, at, body);
    } else if (int64_t rest = lanes % block) {
      int64_t vectors = llvm::divideCeil(rest, width);
      loopOver(b, c.lane, at, rest, [&](OpBuilder &inner) {
        body(inner, vectors, Lanes{rest - (vectors - 1) * width});
      });
    }
  }
  /// Lanes of unknown number: vectors that are full, or the last.
  template <typename Body> void overRest(OpBuilder &b, Value at, Body body) {
    if (shared && shared->loop == c.lane)
      at = arith::MaxUIOp::create(b, loc, at, shareBegin);
    Value end = shared && shared->loop == c.lane ? shareEnd : ends[c.lane];
    auto op = scf::ForOp::create(b, loc, at, end, constant(b, width));
    OpBuilder inner = OpBuilder::atBlockTerminator(op.getBody());
    indices[c.lane] = op.getInductionVar();
    Value count =
        arith::SubIOp::create(inner, loc, ends[c.lane], op.getInductionVar());
    body(inner, 1, Lanes{ShapedType::kDynamic, count});
  }

  void emitTiles(OpBuilder &b) {
    // The operand that is larger is walked through once.
    bool vectorOutside = c.scalar && order.place < 0 && order.outer.empty() &&
                         getVolume(c.vector) > getVolume(c.scalar);
    if (vectorOutside)
      overLanes(b, [&](OpBuilder &b1, int64_t vectors, Lanes last) {
        overRows(b1, [&](OpBuilder &b2, int64_t r) {
          emitTile(b2, {r, 1, vectors}, last);
        });
      });
    else
      overRows(b, [&](OpBuilder &b1, int64_t r) {
        auto overRest = [&](OpBuilder &b2, int64_t p) {
          overLanes(b2, [&](OpBuilder &b3, int64_t vectors, Lanes last) {
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

  Value mask(OpBuilder &b, Lanes lanes) {
    auto type = VectorType::get(width, b.getI1Type());
    if (lanes.count)
      return vector::CreateMaskOp::create(b, loc, type, lanes.count);
    SmallVector<bool> bits(width, false);
    std::fill_n(bits.begin(), std::clamp<int64_t>(lanes.known, 0, width), true);
    return arith::ConstantOp::create(b, loc,
                                     DenseElementsAttr::get(type, bits));
  }
  Value splat(OpBuilder &b, float number) {
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(vectorType, number));
  }
  Value zeros(OpBuilder &b) { return splat(b, 0); }

  Value load(OpBuilder &b, Value buffer, ValueRange at, Lanes lanes) {
    if (lanes.known >= width)
      return vector::LoadOp::create(b, loc, vectorType, buffer, at);
    if (!lanes.count && lanes.known <= 0)
      return zeros(b);
    return vector::MaskedLoadOp::create(b, loc, vectorType, buffer, at,
                                        mask(b, lanes), zeros(b));
  }

  /// `lanes` elements of the vector operand, `laneStride` apart.
  Value loadVector(OpBuilder &b, ArrayRef<Value> at, Lanes lanes) {
    SmallVector<Value> from = indicesOf(b, c.vectorMap, at);
    if (c.laneStride == 1)
      return load(b, c.vector, from, lanes);
    // Every second one of two vectors.
    Lanes reached, rest;
    if (lanes.count) {
      Value twice = arith::AddIOp::create(b, loc, lanes.count, lanes.count);
      reached = {ShapedType::kDynamic, offset(b, twice, -1)};
      rest = {ShapedType::kDynamic, offset(b, twice, -1 - width)};
    } else {
      reached = {2 * lanes.known - 1};
      rest = {reached.known - width};
    }
    Value low = load(b, c.vector, from, reached);
    from.back() = offset(b, from.back(), width);
    Value high = load(b, c.vector, from, rest);
    SmallVector<int64_t> even;
    for (int64_t lane = 0; lane < width; ++lane)
      even.push_back(2 * lane);
    return vector::ShuffleOp::create(b, loc, vectorType, low, high, even);
  }

  /// The loop indices of one vector of the tile.
  SmallVector<Value> locate(OpBuilder &b, int64_t r, int64_t p, int64_t v) {
    SmallVector<Value> at(indices);
    if (order.row >= 0)
      at[order.row] = offset(b, at[order.row], r);
    if (order.place >= 0)
      at[order.place] = offset(b, at[order.place], p);
    at[c.lane] = offset(b, at[c.lane], v * width);
    return at;
  }

  /// One step of the reduction for the whole tile.
  SmallVector<Value> accumulate(OpBuilder &b, Tile t, Lanes last,
                                ArrayRef<Value> sums) {
    SmallVector<Value> vectors;
    for (int64_t p = 0; p < t.places; ++p)
      for (int64_t v = 0; v < t.vectors; ++v)
        vectors.push_back(loadVector(b, locate(b, 0, p, v),
                                     v + 1 == t.vectors ? last : Lanes{width}));
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
                   v + 1 == t.vectors ? last : Lanes{width});
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
                                  Lanes last, SmallVector<Value> sums) {
    if (depth == order.unrolled.size())
      return accumulate(b, t, last, sums);
    int64_t loop = order.unrolled[depth];
    bool isPadded = isInLastBlock && c.paddedSum->places == loop;
    for (int64_t i = 0, e = isPadded ? c.paddedSum->rest : sizes[loop]; i < e;
         ++i) {
      indices[loop] = constant(b, i);
      sums = emitUnrolled(b, depth + 1, t, last, sums);
    }
    return sums;
  }

  SmallVector<Value> emitReduction(OpBuilder &b, size_t depth, Tile t,
                                   Lanes last, SmallVector<Value> sums) {
    if (depth == order.reduced.size())
      return emitUnrolled(b, 0, t, last, sums);
    int64_t loop = order.reduced[depth];
    if (!c.paddedSum || c.paddedSum->blocks != loop)
      return emitSumLoop(b, depth, ends[loop], t, last, sums);
    // The last block on its own: its loop over places is shorter.
    Value lastBlock = constant(b, sizes[loop] - 1);
    sums = emitSumLoop(b, depth, lastBlock, t, last, sums);
    indices[loop] = lastBlock;
    return emitLastBlock(b, depth + 1, t, last, std::move(sums));
  }

  /// A loop of the reduction, and those within it.
  SmallVector<Value> emitSumLoop(OpBuilder &b, size_t depth, Value end, Tile t,
                                 Lanes last, ArrayRef<Value> sums) {
    auto loop =
        scf::ForOp::create(b, loc, constant(b, 0), end, constant(b, 1), sums);
    OpBuilder inner = OpBuilder::atBlockBegin(loop.getBody());
    indices[order.reduced[depth]] = loop.getInductionVar();
    SmallVector<Value> next =
        emitReduction(inner, depth + 1, t, last,
                      SmallVector<Value>(loop.getRegionIterArgs()));
    scf::YieldOp::create(inner, loc, next);
    return SmallVector<Value>(loop.getResults());
  }

  /// The rest of the reduction in the last block of a sum.
  SmallVector<Value> emitLastBlock(OpBuilder &b, size_t depth, Tile t,
                                   Lanes last, SmallVector<Value> sums) {
    Value &end = ends[c.paddedSum->places];
    Value whole = end;
    end = constant(b, c.paddedSum->rest);
    isInLastBlock = true;
    sums = emitReduction(b, depth, t, last, std::move(sums));
    isInLastBlock = false;
    end = whole;
    return sums;
  }

  /// Makes elements of the result of the sums of a tile.
  void finish(OpBuilder &b, Tile t, Lanes last, SmallVector<Value> &sums) {
    size_t next = 0;
    for (int64_t r = 0; r < t.rows; ++r)
      for (int64_t p = 0; p < t.places; ++p)
        for (int64_t v = 0; v < t.vectors; ++v, ++next) {
          SmallVector<Value> at = locate(b, r, p, v);
          Lanes lanes = v + 1 == t.vectors ? last : Lanes{width};
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
                                               constant(b, sizes[loop] - 1));
          Value cleared = arith::SelectOp::create(
              b, loc, mask(b, {lanes - v * width}), sums[next], zeros(b));
          sums[next] =
              arith::SelectOp::create(b, loc, isLast, cleared, sums[next]);
        }
  }

  void emitTile(OpBuilder &b, Tile t, Lanes last) {
    auto forEach = [&](auto body) {
      size_t next = 0;
      for (int64_t r = 0; r < t.rows; ++r)
        for (int64_t p = 0; p < t.places; ++p)
          for (int64_t v = 0; v < t.vectors; ++v)
            body(next++, indicesOf(b, c.resultMap, locate(b, r, p, v)),
                 v + 1 == t.vectors ? last : Lanes{width});
    };
    SmallVector<Value> sums;
    forEach([&](size_t, ValueRange at, Lanes lanes) {
      if (c.accumulated)
        return sums.push_back(load(b, c.result, at, lanes));
      sums.push_back(c.combination == Combination::Maximum
                         ? splat(b, -std::numeric_limits<float>::infinity())
                         : zeros(b));
    });
    bool isInOneBlock = c.paddedSum && !c.paddedSum->blocks;
    sums = isInOneBlock ? emitLastBlock(b, 0, t, last, std::move(sums))
                        : emitReduction(b, 0, t, last, std::move(sums));
    if (c.epilogue)
      finish(b, t, last, sums);
    if (c.lastBlock)
      clearPadding(b, t, sums);
    forEach([&](size_t index, ValueRange at, Lanes lanes) {
      if (lanes.known >= width)
        vector::StoreOp::create(b, loc, sums[index], c.result, at);
      else
        vector::MaskedStoreOp::create(b, loc, c.result, at, mask(b, lanes),
                                      sums[index]);
    });
  }

  Location loc;
  const Contraction &c;
  Schedule order;
  ArrayRef<int64_t> sizes; ///< of the loops, as far as they are known
  SmallVector<Value> ends; ///< the same as values
  int64_t width;
  VectorType vectorType;
  SmallVector<Value> indices; ///< of all loops, where code is being written
  int64_t places = 0; ///< of the tiles, where a loop around all chose them
  /// Whether what is written is the rest of a padded sum.
  bool isInLastBlock = false;
  std::optional<SharableLoop> shared; ///< by threads
  Value shareBegin, shareEnd;         ///< of one of these
};

} // namespace

void neuroplast::emitKernel(OpBuilder &builder, const Contraction &contraction,
                            int64_t width, int64_t threads) {
  KernelEmitter(builder, contraction, width).emit(builder, threads);
}
