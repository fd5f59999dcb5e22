//===- Case.h - One conformance case: a model and its data ----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TEST_CONFORMANCE_CASE_H
#define NEUROPLAST_TEST_CONFORMANCE_CASE_H

#include "mlir/IR/DialectRegistry.h"

#include <string>

namespace neuroplast::conformance {

/// What came of a case. `Refused` was diagnosed before anything ran.
struct Outcome {
  enum Kind { Pass, Refused, Wrong } kind = Wrong;
  /// One line: the diagnostic, or the first difference.
  std::string reason;
};

/// How far a result may be from the expected one: |got - expected| <=
/// absolute + relative * |expected|; two units in the last place if the element
/// type is coarser than that.
struct Tolerance {
  double relative = 1e-3, absolute = 1e-7;
};

/// Compiles `folder`/model.onnx and runs it on every test_data_set_* beside it.
Outcome runCase(llvm::StringRef folder, const mlir::DialectRegistry &registry,
                Tolerance tolerance);

} // namespace neuroplast::conformance

#endif // NEUROPLAST_TEST_CONFORMANCE_CASE_H
