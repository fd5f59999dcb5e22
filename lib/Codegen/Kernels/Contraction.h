//===- Contraction.h - The shape of a contraction on buffers ----*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_CODEGEN_KERNELS_CONTRACTION_H
#define NEUROPLAST_LIB_CODEGEN_KERNELS_CONTRACTION_H

#include "LoopNest.h"

namespace neuroplast {

/// A loop of a contraction by the operands that it moves through.
enum class LoopKind {
  Batch,  ///< both inputs and the result
  Row,    ///< the scalar input and the result: output channels, matrix rows
  Place,  ///< the vector input and the result: places other than the lanes
  Lane,   ///< as Place, and contiguous in the result: what vectors run along
  Reduced ///< both inputs
};

/// How a step of the reduction changes the result.
enum class Combination {
  MultiplyAdd, ///< result += scalar * vector, from zero
  Add,         ///< result += vector, from zero
  Maximum      ///< result = max(result, vector), NaN if one is
};

/// result = epilogue(sum of scalar * vector), or a pool, which has no scalar,
/// on buffers of f32. One input (`scalar`) does not move with the lanes and is
/// broadcast, as a rule; the other (`vector`) is read `laneStride` elements
/// apart.
struct Contraction {
  Contraction(mlir::Location location, LoopNest loops)
      : location(location), loops(std::move(loops)) {}

  mlir::Location location;
  Combination combination = Combination::MultiplyAdd;
  mlir::Value scalar, vector, result; ///< Pools have no scalar.
  mlir::AffineMap scalarMap, vectorMap, resultMap;
  /// What the sums become: a body of the sum and of elements of `extras`. Null
  /// if they stay as they are.
  mlir::Block *epilogue = nullptr;
  llvm::SmallVector<mlir::Value> extras;
  llvm::SmallVector<mlir::AffineMap> extraMaps;
  LoopNest loops;
  llvm::SmallVector<LoopKind> kinds; ///< of all loops
  /// The loop over blocks of lanes, and how many lanes of the last one are
  /// places of the result; the others become zero.
  std::optional<std::pair<int64_t, int64_t>> lastBlock;
  /// Of sums over blocks, the last of which is not full.
  struct PaddedSum {
    std::optional<int64_t> blocks; ///< the loop over them, if there is one
    int64_t places; ///< the loop over what a block holds, or over all
    int64_t rest;   ///< how many of these the last one has, or all
  };
  std::optional<PaddedSum> paddedSum;
  /// A loop of a long sum around all others, whose parts then stay in the cache
  /// while all of the result gets its share of them; none if the sum is made at
  /// once.
  std::optional<int64_t> accumulated;
  int64_t lane = 0;       ///< the Lane loop
  int64_t laneStride = 1; ///< 1 or 2
  /// Whether `vector` is in the caches of all cores when the op comes again.
  bool isVectorKept = false;
  /// Whether `scalar` is a vector, too: each lane has products of its own.
  bool scalarMoves = false;

  /// How a kernel would go about these loops, those of the op on collapsed
  /// buffers; fails if there is none for them.
  static mlir::FailureOr<Contraction> plan(kernel::ContractOp op,
                                           LoopNest loops);
  static mlir::FailureOr<Contraction> plan(kernel::PoolOp op, LoopNest loops);

  /// Makes two loops of a long sum, if both operands are read again and again
  /// and do not fit a cache, such that it can be accumulated part by part: the
  /// weight gradient of a long sequence.
  static void splitLongSum(kernel::ContractOp op, mlir::OpBuilder &builder,
                           LoopNest &loops);

  /// Whether an operand that moves with the lanes is contiguous along them.
  static bool isContiguousAlong(mlir::Value operand, mlir::AffineMap map,
                                int64_t loop);

  /// Of all loops; `ShapedType::kDynamic` where only the buffers know.
  llvm::ArrayRef<int64_t> getSizes() const { return loops.sizes; }
  llvm::SmallVector<int64_t> getLoops(LoopKind kind) const {
    llvm::SmallVector<int64_t> found;
    for (auto [loop, other] : llvm::enumerate(kinds))
      if (other == kind)
        found.push_back(loop);
    return found;
  }

private:
  /// Tells the operands and the loops apart; false if no kernel fits.
  bool assign();
  /// Finds the loop to accumulate over.
  void assignAccumulated();
  /// Finds the loops of `padded_sums`.
  void assignPaddedSum(mlir::AffineMap map, llvm::ArrayRef<int64_t> blocks,
                       int64_t held);
};

} // namespace neuroplast

#endif // NEUROPLAST_LIB_CODEGEN_KERNELS_CONTRACTION_H
