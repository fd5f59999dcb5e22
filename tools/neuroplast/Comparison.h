//===- Comparison.h - Outputs before and after an edit ----------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_COMPARISON_H
#define NEUROPLAST_TOOLS_NEUROPLAST_COMPARISON_H

#include "mlir/IR/BuiltinOps.h"
#include "neuroplast/Runtime/Model.h"
#include "llvm/Support/JSON.h"

namespace neuroplast::driver {

/// The outputs of two models on the same inputs.
struct Comparison {
  /// Why nothing was compared; empty if something was.
  std::string obstacle;
  NamedTensors inputs;
  bool hasData = false; ///< Whether the inputs were given.
  /// By output, in units of the largest magnitude before.
  std::vector<std::pair<std::string, double>> differences;

  llvm::json::Object toJson() const;
  /// The largest difference, in words.
  void printSummary(llvm::raw_ostream &os) const;
  void printEach(llvm::raw_ostream &os) const;
};

/// Values of `--shape` that fix inputs to the shapes that they have.
std::vector<std::string> describeShapes(const NamedTensors &inputs);

/// Compiles and runs both files, on `data` or, if that is empty, on random
/// numbers. `module` says what inputs they take. Sizes
/// that neither it nor `shapes`, values of `--shape`, fix become such as
/// networks have.
Comparison compareOutputs(llvm::StringRef before, llvm::StringRef after,
                          mlir::ModuleOp module,
                          llvm::ArrayRef<std::string> shapes,
                          const NamedTensors &data, uint64_t seed);

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_COMPARISON_H
