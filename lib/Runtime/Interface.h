//===- Interface.h - The model's interface, in code and as a header -------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_RUNTIME_INTERFACE_H
#define NEUROPLAST_LIB_RUNTIME_INTERFACE_H

#include "neuroplast/Runtime/Compiler.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace neuroplast {

/// One input or output of a model.
struct TensorDescription {
  std::string name;
  int32_t dtype = 0;
  int32_t elementBytes = 0;
  std::vector<int64_t> shape; ///< -1 where a size is known at run time.
  std::vector<std::string> dimNames;
  /// The symbol of its `neuro.param`; empty for inputs and outputs.
  std::string param;
  /// Of an output: whether `main` takes it.
  bool isWrittenInPlace = false;
};

struct InterfaceDescription {
  std::vector<TensorDescription> inputs, outputs;
  /// Those that `main` takes behind its inputs.
  std::vector<TensorDescription> params;
  /// Of what is compiled in, if that is not everything.
  std::string fingerprint;
  /// Whether sizes of outputs depend on what inputs hold.
  bool sizesNeedData = false;
  /// Those that `main` takes last, if it does.
  int64_t workspaceBytes = 0;
};

llvm::Expected<InterfaceDescription> describeInterface(mlir::func::FuncOp main);

/// Adds what `main` takes once it is code on buffers: results and memory.
void addBuffers(InterfaceDescription &interface, mlir::func::FuncOp main);

/// Adds to the code of one of a model's forms what the support runtime refers
/// to: `neuroplast_forms` leads to the code of all forms, and beside it in that
/// of the first one, which takes whatever the others do not, stand
/// `neuroplast_model_info`, `neuroplast_param_table` and
/// `neuroplast_invoke_sizes`. All else becomes internal. `table` are the
/// parameters that `main` takes.
void addInterface(llvm::Module &module,
                  llvm::ArrayRef<InterfaceDescription> forms, size_t form,
                  llvm::ArrayRef<ParamData> table);

/// The functions of the C interface, without what all their names begin with.
inline constexpr llvm::StringLiteral interfaceNames[] = {
    "info", "run", "run_with", "output_sizes", "params", "free", "error"};

std::string writeHeader(const InterfaceDescription &interface,
                        llvm::StringRef prefix);

} // namespace neuroplast

#endif // NEUROPLAST_LIB_RUNTIME_INTERFACE_H
