//===- UnsafeInference.h - What the library infers unsafely -----*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_FRONTEND_ONNX_UNSAFEINFERENCE_H
#define NEUROPLAST_LIB_FRONTEND_ONNX_UNSAFEINFERENCE_H

namespace neuroplast {

/// Takes shape inference from the operators for which the library (1.23.2)
/// reads outside its lists, or allocates any amount, on malformed attributes,
/// wherever it runs: checker, converter and inliner share its registry. They
/// keep their element types; the translation infers and verifies the shapes.
/// Found by `test/Property/robustness.py` and `test/Fuzz/`.
void dropUnsafeInference();

} // namespace neuroplast

#endif // NEUROPLAST_LIB_FRONTEND_ONNX_UNSAFEINFERENCE_H
