//===- Passes.td - Conversions between dialects ------------*- tablegen -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_CONVERSION_PASSES
#define NEUROPLAST_CONVERSION_PASSES

include "mlir/Pass/PassBase.td"

def ConvertNeuroToLinalg : Pass<"convert-neuro-to-linalg", "::mlir::ModuleOp"> {
  let summary = "Lower neuro ops to linalg on tensors";
  let description = [{
    Every op becomes `linalg`, `kernel`, `tensor`, `arith` and `math` on tensors
    without signedness. A parameter becomes an external `memref.global` of the same
    symbol, whose data is laid beside the code; `neuro.param` stays as the owner
    of the data. An op without a lowering is refused by name.

    ```mlir
    %0 = neuro.relu %x : (tensor<4xf32>) -> tensor<4xf32>
    // becomes a linalg.generic with arith.maximumf in its body
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect", "::neuroplast::kernel::KernelDialect"
  ];
}

#endif // NEUROPLAST_CONVERSION_PASSES
