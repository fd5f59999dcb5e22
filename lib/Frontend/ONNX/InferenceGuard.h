//===- InferenceGuard.h - Nodes the library must not look at ----*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_FRONTEND_ONNX_INFERENCEGUARD_H
#define NEUROPLAST_LIB_FRONTEND_ONNX_INFERENCEGUARD_H

namespace neuroplast {

/// Keeps shape inference of the library (1.23.2) from nodes for which it reads
/// outside its lists, or allocates any amount, wherever it runs: checker,
/// converter and inliner share its registry. Results of such nodes keep their
/// element types; the translation verifies what is left of the shapes. Found by
/// `test/Property/robustness.py` and `test/Fuzz/`.
void guardInference();

} // namespace neuroplast

#endif // NEUROPLAST_LIB_FRONTEND_ONNX_INFERENCEGUARD_H
