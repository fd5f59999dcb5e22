//===- PackedConstants.h - Constants in another order -----------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_CODEGEN_PACKEDCONSTANTS_H
#define NEUROPLAST_LIB_CODEGEN_PACKEDCONSTANTS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/SymbolTable.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include <map>
#include <optional>
#include <tuple>

namespace neuroplast {

/// Makes new constants of those of a module whose parameters are buffers, with
/// axes cut into blocks.
class PackedConstants {
public:
  explicit PackedConstants(mlir::ModuleOp module);

  /// Whether a tensor is constant, or a view of one: reshaped, cut out,
  /// transposed.
  bool isConstant(mlir::Value value) {
    std::optional<View> view = getView(value);
    return view && view->base;
  }
  /// The constant with each of `axes` divided by `block`, rounded up, and the
  /// places within a block as axes behind the others, in the order of `axes`.
  /// The others stand in `order`, or as they stood. What fills up the last
  /// blocks is zero.
  mlir::Value pack(mlir::OpBuilder &builder, mlir::Value constant,
                   llvm::ArrayRef<int64_t> axes, int64_t block,
                   llvm::ArrayRef<int64_t> order = {});
  /// Drops ops whose results nobody reads any more, and the parameters that
  /// only they read: others have taken their places.
  void dropUnread();

private:
  /// Where the elements of a tensor are among those of a constant.
  struct View {
    llvm::StringRef name;
    mlir::ElementsAttr base;
    int64_t offset;
    llvm::SmallVector<int64_t> strides;
  };
  std::optional<View> getView(mlir::Value value);
  neuro::ParamOp getParam(mlir::Value value);

  mlir::ModuleOp module;
  mlir::SymbolTable symbols;
  /// By the names of their buffers.
  llvm::StringMap<neuro::ParamOp> params;
  /// Of values, by the axes in blocks and the order of the others.
  std::map<std::tuple<const void *, std::vector<int64_t>, std::vector<int64_t>>,
           neuro::ParamOp>
      packed;
};

} // namespace neuroplast

#endif // NEUROPLAST_LIB_CODEGEN_PACKEDCONSTANTS_H
