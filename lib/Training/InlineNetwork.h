//===- InlineNetwork.h - A network as a part of another ---------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_TRAINING_INLINENETWORK_H
#define NEUROPLAST_LIB_TRAINING_INLINENETWORK_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/StringMap.h"

namespace neuroplast::training {

/// What an argument is called; empty if nothing.
llvm::StringRef getArgumentName(mlir::func::FuncOp function,
                                mlir::BlockArgument argument);

struct InlineOptions {
  llvm::StringRef prefix; ///< of the symbols of its parameters
  /// What is wrong with an input that no value is given for.
  llvm::StringRef obstacle;
};

/// Makes a network a part of `main`, where the builder stands, with these
/// values as its inputs, by name. Its parameters come along, and learn nothing.
/// Its first result, or null after an error at the network.
mlir::Value inlineNetwork(mlir::OpBuilder &builder, mlir::func::FuncOp main,
                          mlir::SymbolTable &symbols, mlir::ModuleOp network,
                          const InlineOptions &options,
                          const llvm::StringMap<mlir::Value> &inputs);

} // namespace neuroplast::training

#endif // NEUROPLAST_LIB_TRAINING_INLINENETWORK_H
