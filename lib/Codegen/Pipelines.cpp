//===- Pipelines.cpp - From neuro ops to LLVM -----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Codegen/Pipelines.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Affine/Transforms/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Pipelines/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "neuroplast/Codegen/Passes.h"
#include "neuroplast/Conversion/Passes.h"

using namespace mlir;
using namespace neuroplast;

static void buildFusion(OpPassManager &manager) {
  manager.addNestedPass<func::FuncOp>(createFuse());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
}

static void buildBufferization(OpPassManager &manager) {
  manager.addPass(bufferization::createEmptyTensorEliminationPass());
  bufferization::OneShotBufferizePassOptions options;
  options.bufferizeFunctionBoundaries = true;
  options.allowReturnAllocsFromLoops = true;
  options.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  manager.addPass(bufferization::createOneShotBufferizePass(options));
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  // As `buildBufferDeallocationPipeline`, but for what splits.
  manager.addPass(bufferization::createOwnershipBasedBufferDeallocationPass());
  manager.addPass(createCanonicalizerPass());
  manager.addNestedPass<func::FuncOp>(createSplitDeallocations());
  manager.addPass(bufferization::createBufferDeallocationSimplificationPass());
  manager.addPass(bufferization::createLowerDeallocationsPass());
  manager.addPass(createCSEPass());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createConvertBufferizationToMemRefPass());
  manager.addPass(createCSEPass());
  // Until here, buffers live to the end of their block.
  manager.addNestedPass<func::FuncOp>(
      bufferization::createOptimizeAllocationLivenessPass());
}

void neuroplast::buildNeuroToLinalgPipeline(OpPassManager &manager) {
  manager.addPass(createFoldAffine());
  manager.addNestedPass<func::FuncOp>(createPreallocateStacks());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addPass(createStateContracts());
  manager.addPass(createConvertNeuroToLinalg());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addPass(createAddOutputSizes());
}

void neuroplast::buildLinalgToKernelsPipeline(
    OpPassManager &manager, const CpuPipelineOptions &options) {
  buildFusion(manager);
  if (options.kernels) {
    manager.addNestedPass<func::FuncOp>(
        createFormAttention(FormAttentionOptions{options.threads}));
    manager.addPass(
        createBlockChannels(BlockChannelsOptions{options.vectorBits}));
    manager.addPass(createPackWeights(PackWeightsOptions{options.vectorBits}));
    manager.addPass(createChooseLanes(ChooseLanesOptions{options.vectorBits}));
    manager.addPass(createCanonicalizerPass());
    manager.addPass(createCSEPass());
    manager.addNestedPass<func::FuncOp>(createNestConcatenations());
    // Margins that are the same would become one, and then copies of it.
    manager.addNestedPass<func::FuncOp>(createPadInPlace());
  }
  manager.addNestedPass<func::FuncOp>(createCarryInPlace());
  manager.addNestedPass<func::FuncOp>(createMarkKept());
  manager.addNestedPass<func::FuncOp>(
      createRematerialize(RematerializeOptions{options.memoryShare}));
  manager.addPass(createProtectInputs());
  buildBufferization(manager);
  manager.addNestedPass<func::FuncOp>(createGuardAllocations());
  manager.addNestedPass<func::FuncOp>(createCopiesToLoops());
  if (options.planMemory) {
    manager.addPass(createReturnInPlace());
    manager.addPass(createPlanMemory());
  }
  manager.addPass(createOutlineKernels());
}

void neuroplast::buildKernelsToLoopsPipeline(
    OpPassManager &manager, const CpuPipelineOptions &options) {
  manager.addNestedPass<func::FuncOp>(createLowerKernels(LowerKernelsOptions{
      options.vectorBits, options.kernels, options.threads}));
  manager.addNestedPass<func::FuncOp>(createConvertLinalgToLoopsPass());
  manager.addNestedPass<func::FuncOp>(createSkipEmptyLoops());
  manager.addPass(createCanonicalizerPass());
}

void neuroplast::buildLoopsToLLVMPipeline(OpPassManager &manager,
                                          const CpuPipelineOptions &options) {
  manager.addPass(createLowerAllReduce());
  manager.addNestedPass<func::FuncOp>(createApproximateMath());
  manager.addPass(memref::createExpandStridedMetadataPass());
  manager.addPass(createLowerAffinePass());
  arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = true;
  manager.addPass(arith::createArithExpandOpsPass(expand));
  if (options.threads > 1) {
    ConvertSCFToOpenMPPassOptions openmp;
    openmp.numThreads = options.threads;
    manager.addPass(createConvertSCFToOpenMPPass(openmp));
    // Scopes around what the threads do, which allocate nothing, go.
    manager.addPass(createCanonicalizerPass());
  }
  manager.addPass(createSCFToControlFlowPass());
  manager.addPass(createLowerRequirements());
  manager.addPass(createConvertMathToLLVMPass());
  manager.addPass(createConvertMathToLibmPass());
  FinalizeMemRefToLLVMConversionPassOptions memrefs;
  // The runtime's allocator keeps large blocks for the next run.
  memrefs.useGenericFunctions = true;
  manager.addPass(createFinalizeMemRefToLLVMConversionPass(memrefs));
  manager.addPass(createConvertVectorToLLVMPass());
  manager.addPass(createConvertFuncToLLVMPass());
  manager.addPass(createArithToLLVMConversionPass());
  manager.addPass(createConvertIndexToLLVMPass());
  manager.addPass(createConvertControlFlowToLLVMPass());
  manager.addPass(createUBToLLVMConversionPass());
  if (options.threads > 1)
    manager.addPass(createConvertOpenMPToLLVMPass());
  manager.addPass(createReconcileUnrealizedCastsPass());
}

void neuroplast::registerCodegenPipelines() {
  PassPipelineRegistration<CpuPipelineOptions>(
      "neuro-to-loops", "Lower neuro ops to loops on buffers",
      [](OpPassManager &manager, const CpuPipelineOptions &options) {
        buildNeuroToLinalgPipeline(manager);
        buildLinalgToKernelsPipeline(manager, options);
        buildKernelsToLoopsPipeline(manager, options);
      });
  PassPipelineRegistration<CpuPipelineOptions>(
      "neuro-loops-to-llvm", "Lower loops on buffers to the LLVM dialect",
      [](OpPassManager &manager, const CpuPipelineOptions &options) {
        manager.addPass(createExposeEntryPoint());
        buildLoopsToLLVMPipeline(manager, options);
      });
}
