//===- Execution.h - Compile a module and call it in this process ---------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TEST_CONFORMANCE_EXECUTION_H
#define NEUROPLAST_TEST_CONFORMANCE_EXECUTION_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <vector>

namespace mlir {
class ExecutionEngine;
}

namespace neuroplast::conformance {

/// A tensor in memory, row by row; an element takes at least one byte.
struct HostTensor {
  mlir::Type elementType;
  std::vector<int64_t> shape;
  std::string bytes;
};

/// Bytes that one element takes in memory.
int64_t getElementSize(mlir::Type elementType);

/// A module compiled to machine code.
class CompiledModule {
public:
  ~CompiledModule();
  /// Lowers `module` in place and compiles its function `main`. Errors other
  /// than of code generation are diagnosed on the module.
  static llvm::Expected<std::unique_ptr<CompiledModule>>
  compile(mlir::ModuleOp module);

  /// Calls `main`. The tensors must have the ranks and types of its arguments.
  llvm::Expected<std::vector<HostTensor>>
  run(std::vector<HostTensor> &inputs) const;

private:
  std::vector<mlir::RankedTensorType> resultTypes, inputTypes;
  std::unique_ptr<mlir::ExecutionEngine> engine;
};

} // namespace neuroplast::conformance

#endif // NEUROPLAST_TEST_CONFORMANCE_EXECUTION_H
