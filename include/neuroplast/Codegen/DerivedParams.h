//===- DerivedParams.h - Parameters made of others --------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_CODEGEN_DERIVEDPARAMS_H
#define NEUROPLAST_CODEGEN_DERIVEDPARAMS_H

#include "mlir/IR/SymbolTable.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"

namespace neuroplast {

/// Adds a parameter that a pass made of others for the code of one model:
/// folded, or in another order. No other module knows its data.
neuro::ParamOp createDerivedParam(mlir::SymbolTable &symbols,
                                  mlir::Block::iterator before,
                                  mlir::Location location, llvm::StringRef name,
                                  mlir::ElementsAttr value);

/// Erases a parameter; with its data, if it was derived.
void eraseParam(mlir::SymbolTable &symbols, neuro::ParamOp param);

/// Frees the data of all derived parameters, once they are where they are
/// needed: as large as the model, they would be held twice.
void releaseDerivedParams(mlir::ModuleOp module);

} // namespace neuroplast

#endif // NEUROPLAST_CODEGEN_DERIVEDPARAMS_H
