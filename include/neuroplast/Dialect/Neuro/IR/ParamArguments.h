//===- ParamArguments.h - Parameters that main takes ------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_PARAMARGUMENTS_H
#define NEUROPLAST_DIALECT_NEURO_IR_PARAMARGUMENTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"

namespace neuroplast::neuro {

/// What users call a parameter: its name in the ONNX file, if it has one, else
/// its symbol.
llvm::StringRef getUserName(ParamOp param);

/// Lets a function take a parameter, as this type, behind what it takes. The
/// argument is marked by `neuro.param`; reads of the parameter stay.
mlir::BlockArgument addParamArgument(mlir::func::FuncOp function, ParamOp param,
                                     mlir::RankedTensorType type);

/// The parameter that an argument stands for; null if it is an input.
mlir::FlatSymbolRefAttr getArgumentParam(mlir::func::FuncOp function,
                                         unsigned argument);

/// States that axes of an argument, by their places, have the same size as all
/// others of the function with the same number; negative numbers say nothing.
/// Whoever runs the function sees to it.
void setSizeNumbers(mlir::func::FuncOp function, unsigned argument,
                    llvm::ArrayRef<int64_t> numbers);

/// What was stated so; empty if nothing was.
llvm::ArrayRef<int64_t> getSizeNumbers(mlir::BlockArgument argument);

/// The name of a size in the model, the `dim_param` of ONNX, which stands for
/// the same size wherever it is; null if it has none, or one that exporters
/// give to whatever they do not know.
mlir::StringAttr getSizeName(mlir::BlockArgument argument, int64_t axis);

/// The parameter that a value is, read or as an argument; null if it is none.
ParamOp findParam(mlir::SymbolTable &symbols, mlir::Value value);

} // namespace neuroplast::neuro

#endif // NEUROPLAST_DIALECT_NEURO_IR_PARAMARGUMENTS_H
