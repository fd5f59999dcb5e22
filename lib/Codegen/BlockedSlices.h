//===- BlockedSlices.h - Parts of tensors with channels in blocks *- C++
//-*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_CODEGEN_BLOCKEDSLICES_H
#define NEUROPLAST_LIB_CODEGEN_BLOCKEDSLICES_H

#include "ChannelTwins.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace neuroplast {

/// Cuts parts out of twins, and puts them into others, as the ops do with the
/// tensors. The twins are null where there is no gain.
class BlockedSlices {
public:
  BlockedSlices(mlir::OpBuilder &builder, ChannelTwins &twins, int64_t block)
      : builder(builder), twins(twins), block(block) {}

  /// Some of the places.
  Twin visit(mlir::tensor::ExtractSliceOp op);
  /// A part of a concatenation along the channels, or some of the places.
  Twin visit(mlir::tensor::InsertSliceOp op);

private:
  /// Places among others that are all the same number.
  Twin insertPlaces(mlir::tensor::InsertSliceOp op, mlir::Value source);
  /// Inserts channels that lie in one block of the source and the result, or
  /// whole blocks.
  mlir::Value insertChannels(mlir::tensor::InsertSliceOp op, mlir::Value source,
                             mlir::Value into, int64_t from, int64_t to,
                             int64_t count);
  /// Inserts so many lanes of as many blocks, of which the first begin with the
  /// channels `from` and `to`.
  mlir::Value insertLanes(mlir::tensor::InsertSliceOp op, mlir::Value source,
                          mlir::Value into, int64_t from, int64_t to,
                          int64_t lanes, int64_t blocks);
  /// Fills the last block of a twin with zeros.
  mlir::Value clearLastBlock(mlir::Location location, mlir::Value twin);

  mlir::OpBuilder &builder;
  ChannelTwins &twins;
  int64_t block;
};

} // namespace neuroplast

#endif // NEUROPLAST_LIB_CODEGEN_BLOCKEDSLICES_H
