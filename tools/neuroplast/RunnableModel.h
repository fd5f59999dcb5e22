//===- RunnableModel.h - Models ready to run ------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_RUNNABLEMODEL_H
#define NEUROPLAST_TOOLS_NEUROPLAST_RUNNABLEMODEL_H

#include "neuroplast/Runtime/Compiler.h"
#include "neuroplast/Runtime/Model.h"

namespace neuroplast::driver {

/// A model ready to run from `.so`, `.onnx` or `.mlir`. An ONNX model is
/// specialised to the shapes of `inputs`, if they are given, and to `shapes`,
/// values of the option `--shape`. One that cannot be compiled before it knows
/// the values of its small inputs, which may be axes or sizes, is compiled with
/// them, and they are removed from `inputs`. `compileSeconds` is how long that
/// took. Null after a message, which goes to `failure` if that is given.
std::unique_ptr<Model>
openModel(llvm::StringRef path, llvm::ArrayRef<std::string> shapes,
          NamedTensors *inputs, const CompileOptions &options = {},
          double *compileSeconds = nullptr, std::string *failure = nullptr);

/// The elements of a tensor as doubles.
std::vector<double> getNumbers(const HostTensor &tensor);

/// The largest difference of two tensors, in units of the largest magnitude of
/// the first; infinite if their types or shapes differ.
double getScaledDifference(const HostTensor &a, const HostTensor &b);

/// Milliseconds of runs on the same inputs for so long, at least three, in
/// ascending order; a first run does not count.
llvm::Expected<std::vector<double>>
timeRuns(const Model &model, const NamedTensors &inputs, double seconds);

/// `file: message`, as an error, unless it was reported already; returns 1.
int reportError(llvm::StringRef file, llvm::Error error);

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_RUNNABLEMODEL_H
