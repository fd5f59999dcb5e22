//===- CodeEmission.cpp - Machine code of modules -------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CodeEmission.h"
#include "TargetMachine.h"

#include "llvm/Passes/PassBuilder.h"
#include "llvm/Transforms/Instrumentation/AddressSanitizer.h"
#include "llvm/Transforms/Instrumentation/ThreadSanitizer.h"

using namespace neuroplast;

/// Lets the sanitizer watch every function.
static void addSanitizer(llvm::Module &module, llvm::ModulePassManager &passes,
                         Sanitizer sanitizer) {
  if (sanitizer == Sanitizer::None)
    return;
  bool isAddress = sanitizer == Sanitizer::Address;
  for (llvm::Function &function : module)
    if (!function.isDeclaration())
      function.addFnAttr(isAddress ? llvm::Attribute::SanitizeAddress
                                   : llvm::Attribute::SanitizeThread);
  if (isAddress) {
    passes.addPass(llvm::AddressSanitizerPass(llvm::AddressSanitizerOptions()));
    return;
  }
  passes.addPass(llvm::ModuleThreadSanitizerPass());
  passes.addPass(
      llvm::createModuleToFunctionPassAdaptor(llvm::ThreadSanitizerPass()));
}

/// What code needs that our own passes made: addresses made simple and taken
/// out of loops, and vectors where a kernel still counts one by one. Kernels
/// come inlined, tiled, and unrolled as far as their registers go; what else
/// LLVM has for code that people write changes little in them and takes as long
/// again.
static constexpr llvm::StringLiteral kPasses =
    "inferattrs,function(sroa,early-cse<memssa>,simplifycfg,"
    "instcombine<no-verify-fixpoint>,loop-mssa(loop-rotate,licm),"
    "loop(loop-idiom,indvars,loop-deletion),gvn,loop-vectorize,"
    "instcombine<no-verify-fixpoint>,simplifycfg)";

static void optimize(llvm::Module &module, llvm::TargetMachine &machine,
                     const CompileOptions &options) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager callGraph;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(callGraph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, callGraph, modules);
  llvm::ModulePassManager passes;
  if (options.optLevel > 0)
    llvm::cantFail(builder.parsePassPipeline(passes, kPasses));
  addSanitizer(module, passes, options.sanitizer);
  passes.run(module, modules);
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
neuroplast::emitCode(llvm::Module &module, llvm::TargetMachine &machine,
                     const CompileOptions &options) {
  optimize(module, machine, options);
  return emitObject(module, machine);
}
