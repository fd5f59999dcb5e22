//===- Kernels.h - Register-tiled vector code for contractions --*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_CODEGEN_KERNELS_H
#define NEUROPLAST_CODEGEN_KERNELS_H

#include <memory>

namespace mlir {
class Pass;
} // namespace mlir

namespace neuroplast {

/// Replaces contractions on buffers (convolutions, depthwise ones included, and
/// matrix products, of f32 and static sizes) by loops over vectors that keep a
/// block of the result in registers. What it does not match stays. Runs after
/// bufferization and before linalg ops become loops. Constant weights are
/// packed at compile time into parameters named `<name>.packed`.
std::unique_ptr<mlir::Pass> createLowerKernelsPass(unsigned vectorBits = 512);

/// Fuses elementwise ops on tensors, except into contractions, which have
/// kernels of their own and would repeat the work for every product.
std::unique_ptr<mlir::Pass> createFuseElementwisePass();

void registerKernelPasses();

} // namespace neuroplast

#endif // NEUROPLAST_CODEGEN_KERNELS_H
