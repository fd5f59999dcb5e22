//===- ChannelTwins.h - Tensors with channels in blocks ------- -*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_CODEGEN_CHANNELTWINS_H
#define NEUROPLAST_LIB_CODEGEN_CHANNELTWINS_H

#include "PackedConstants.h"

#include <array>

namespace neuroplast {

/// A blocked tensor, and the axis of its blocks.
struct Twin {
  mlir::Value value = {};
  int64_t axis = 1;
};

/// The blocked twins of tensors: that of N x C x places is N x C/B x places x
/// B, and where channels are in groups, N x G x C x places, the same behind
/// those.
class ChannelTwins {
public:
  ChannelTwins(mlir::OpBuilder &builder, PackedConstants &constants,
               int64_t block)
      : builder(builder), constants(constants), block(block) {}

  int64_t countBlocks(int64_t channels) const {
    return llvm::divideCeil(channels, block);
  }
  mlir::RankedTensorType getType(mlir::RankedTensorType type,
                                 int64_t axis = 1) const;
  /// The sizes of a twin of a tensor of these sizes.
  llvm::SmallVector<mlir::OpFoldResult>
  getSizes(llvm::ArrayRef<mlir::OpFoldResult> sizes, int64_t axis) const;
  /// Whether the last block is filled by channels.
  bool isFull(mlir::RankedTensorType type, int64_t axis) const {
    return type.getDimSize(axis) % block == 0;
  }

  /// The twin of a tensor; null if there is none yet.
  mlir::Value lookup(mlir::Value value, int64_t axis = 1) const {
    return twins[axis].lookup(value);
  }
  bool contains(mlir::Value value, int64_t axis = 1) const {
    return twins[axis].contains(value);
  }
  /// The axis along which a tensor has a twin; none if it has none.
  std::optional<int64_t> getAxis(mlir::Value value) const;
  /// The twin of a tensor, which is packed if there is none yet.
  mlir::Value get(mlir::Location location, mlir::Value value, int64_t axis);
  /// Lets those who read a tensor read what its twin holds.
  void replace(mlir::Value value, Twin twin);

  /// An uninitialised tensor of the sizes of a twin of `value`.
  mlir::Value createEmpty(mlir::Location location, mlir::Value value,
                          int64_t axis);
  /// A tensor with axes in blocks, whose places stand behind all others in the
  /// order of the axes; the last ones are filled up with zeros.
  mlir::Value pack(mlir::Location location, mlir::Value value,
                   llvm::ArrayRef<int64_t> axes);
  /// The tensor of which this was made by `pack`, or would have been.
  mlir::Value unpack(mlir::Location location, mlir::Value packed,
                     llvm::ArrayRef<int64_t> axes, mlir::RankedTensorType type);
  /// The first channels of a tensor.
  mlir::Value cutChannels(mlir::Location location, mlir::Value value,
                          int64_t channels, int64_t axis);

  /// What a fill or nothing puts into a destination: a number, or none.
  static std::optional<mlir::Value> getFilling(mlir::Value destination);
  /// A tensor full of a number; as it is, if that is none.
  mlir::Value fill(mlir::Location location, mlir::Value empty,
                   mlir::Value number);

private:
  /// Copies a tensor with its axes in another order: axis i of the result is
  /// axis `order[i]`.
  mlir::Value transpose(mlir::Location location, mlir::Value value,
                        llvm::ArrayRef<int64_t> order);

  mlir::OpBuilder &builder;
  PackedConstants &constants;
  int64_t block;
  /// By the axis of the channels, 1 or 2.
  std::array<llvm::DenseMap<mlir::Value, mlir::Value>, 3> twins;
};

} // namespace neuroplast

#endif // NEUROPLAST_LIB_CODEGEN_CHANNELTWINS_H
