//===- Pipelines.h - From neuro ops to LLVM -------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_CODEGEN_PIPELINES_H
#define NEUROPLAST_CODEGEN_PIPELINES_H

#include "mlir/Pass/PassOptions.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace neuroplast {

/// What the CPU pipelines are built for.
struct CpuPipelineOptions
    : public mlir::PassPipelineOptions<CpuPipelineOptions> {
  Option<unsigned> vectorBits{
      *this, "vector-bits",
      llvm::cl::desc("Width of the target's vector registers in bits"),
      llvm::cl::init(256)};
  Option<bool> kernels{
      *this, "kernels",
      llvm::cl::desc("Give large contractions kernels of their own"),
      llvm::cl::init(true)};
  Option<bool> planMemory{
      *this, "plan-memory",
      llvm::cl::desc("Take the caller's memory for buffers and results"),
      llvm::cl::init(true)};
  Option<double> memoryShare{
      *this, "memory-share",
      llvm::cl::desc("Of the memory that tensors would take at once: compute "
                     "some again"),
      llvm::cl::init(1)};
  Option<unsigned> threads{
      *this, "threads", llvm::cl::desc("Threads that share the work of a run"),
      llvm::cl::init(1)};
};

/// neuro ops to linalg ops on tensors.
void buildNeuroToLinalgPipeline(mlir::OpPassManager &manager);

/// These to kernels on buffers, each in a function of its own that no other
/// depends on: fusion, layout, bufferization.
void buildLinalgToKernelsPipeline(mlir::OpPassManager &manager,
                                  const CpuPipelineOptions &options);

/// Kernels on buffers, and what calls them, to loops.
void buildKernelsToLoopsPipeline(mlir::OpPassManager &manager,
                                 const CpuPipelineOptions &options);

/// Loops on buffers to the LLVM dialect.
void buildLoopsToLLVMPipeline(mlir::OpPassManager &manager,
                              const CpuPipelineOptions &options);

/// Registers `neuro-to-loops`, the first two, and `neuro-loops-to-llvm`, in
/// which `main` gets a C interface, for the pass driver.
void registerCodegenPipelines();

} // namespace neuroplast

#endif // NEUROPLAST_CODEGEN_PIPELINES_H
