//===- SizeLists.h - Lists of sizes that are known in part ----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_FRONTEND_ONNX_SIZELISTS_H
#define NEUROPLAST_LIB_FRONTEND_ONNX_SIZELISTS_H

#include "GraphImporter.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"

namespace neuroplast {

/// Sizes as an attribute and the operands for its dynamic entries.
struct MixedList {
  llvm::SmallVector<int64_t> fixed;
  llvm::SmallVector<mlir::Value> dynamic;
};

MixedList splitSizes(llvm::ArrayRef<mlir::OpFoldResult> sizes);

/// Replaces a node by an op of one operand and a list of sizes, whose attribute
/// is called `name`.
template <typename Op>
mlir::LogicalResult replaceWithList(NodeContext &node, mlir::Value input,
                                    llvm::StringRef name,
                                    llvm::ArrayRef<mlir::OpFoldResult> sizes) {
  MixedList list = splitSizes(sizes);
  llvm::SmallVector<mlir::Value> operands{input};
  operands.append(list.dynamic);
  mlir::Builder &b = node.importer.builder;
  return node.replace<Op>(
      operands, {b.getNamedAttr(name, b.getDenseI64ArrayAttr(list.fixed))});
}

/// A box of a tensor that lies within it, with an entry for each axis; null
/// after a diagnostic.
neuro::SliceOp createSlice(NodeContext &node, mlir::Value input,
                           llvm::ArrayRef<mlir::OpFoldResult> starts,
                           llvm::ArrayRef<mlir::OpFoldResult> sizes,
                           llvm::ArrayRef<mlir::OpFoldResult> steps);

/// The rows of each piece that Split without sizes makes: equal numbers, but
/// for the last pieces.
llvm::SmallVector<int64_t> shareRows(int64_t rows, int64_t pieces);

/// Axes counted from the front; an error on the node if one is outside `rank`.
llvm::FailureOr<llvm::SmallVector<int64_t>>
normalizeAxes(NodeContext &node, llvm::ArrayRef<int64_t> axes, int64_t rank);

} // namespace neuroplast

#endif // NEUROPLAST_LIB_FRONTEND_ONNX_SIZELISTS_H
