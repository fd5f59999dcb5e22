//===- ModuleMetadata.h - Histories, masks, states --------------*- C++ -*-===//
//-*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The history of a model is an entry of its metadata: a JSON list of edits.
// What edits removed are initializers that no node reads.
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_FRONTEND_ONNX_MODULEMETADATA_H
#define NEUROPLAST_LIB_FRONTEND_ONNX_MODULEMETADATA_H

#include "GraphWriter.h"
#include "neuroplast/Dialect/Neuro/IR/History.h"

namespace neuroplast::onnx_frontend {

/// The key of the metadata entry.
inline constexpr llvm::StringLiteral kHistoryKey = "neuroplast.history";
/// That of the list of masked parameters. Masks themselves are not written:
/// they have their zeros where the parameters do.
inline constexpr llvm::StringLiteral kMasksKey = "neuroplast.masks";

/// That of the list of parameters of which elements stay as they are: all, or
/// those where an initializer of the list has zeros; another one says which
/// tasks share them.
inline constexpr llvm::StringLiteral kPlasticityKey = "neuroplast.plasticity";

/// That of what an optimizer remembers: the number of its steps, and which
/// initializers are states of which parameters.
inline constexpr llvm::StringLiteral kStatesKey = "neuroplast.states";

/// Writes the history of a module, if it has one. `names` has the initializer
/// of every symbol.
mlir::LogicalResult writeHistory(mlir::ModuleOp module,
                                 const llvm::StringMap<std::string> &names,
                                 ::onnx::ModelProto &model,
                                 GraphWriter &writer);

/// Gives a module the history that a metadata entry holds; a malformed one gets
/// a warning and is left out. `getTensor` finds initializers.
void readHistory(
    mlir::ModuleOp module, llvm::StringRef text,
    llvm::function_ref<mlir::ElementsAttr(llvm::StringRef)> getTensor);

/// Writes which parameters are masked, if some are.
void writeMasks(mlir::ModuleOp module,
                const llvm::StringMap<std::string> &names,
                ::onnx::ModelProto &model);
/// Masks the parameters that a metadata entry lists; a malformed list gets a
/// warning and is left out.
void readMasks(mlir::ModuleOp module, llvm::StringRef text);

/// Writes which elements of parameters stay as they are, if some do.
mlir::LogicalResult writePlasticity(mlir::ModuleOp module,
                                    const llvm::StringMap<std::string> &names,
                                    ::onnx::ModelProto &model,
                                    GraphWriter &writer);
/// Lets those stay that a metadata entry lists; a malformed list gets a warning
/// and is left out.
void readPlasticity(
    mlir::ModuleOp module, llvm::StringRef text,
    llvm::function_ref<mlir::ElementsAttr(llvm::StringRef)> getTensor);

/// Writes the states of an optimizer, if a module has any.
mlir::LogicalResult writeStates(mlir::ModuleOp module,
                                const llvm::StringMap<std::string> &names,
                                ::onnx::ModelProto &model, GraphWriter &writer);
/// Gives a module the states that a metadata entry lists; a malformed list gets
/// a warning and is left out.
void readStates(
    mlir::ModuleOp module, llvm::StringRef text,
    llvm::function_ref<mlir::ElementsAttr(llvm::StringRef)> getTensor);

} // namespace neuroplast::onnx_frontend

#endif // NEUROPLAST_LIB_FRONTEND_ONNX_MODULEMETADATA_H
