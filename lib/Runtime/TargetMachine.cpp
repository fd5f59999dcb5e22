//===- TargetMachine.cpp - Code generators of processors ------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TargetMachine.h"

#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"

#include <mutex>

using namespace neuroplast;

/// Without it, the scheduler before register allocation hoists the broadcasts
/// of register-tiled kernels, which then spill.
static void disableMachineScheduler() {
  auto &options = llvm::cl::getRegisteredOptions();
  auto it = options.find("enable-misched");
  if (it == options.end())
    return;
  it->second->addOccurrence(0, "enable-misched", "false");
}

static void initializeTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    llvm::InitializeNativeTargetAsmParser();
    disableMachineScheduler();
  });
}

llvm::Triple neuroplast::getTriple() {
  return llvm::Triple(llvm::sys::getDefaultTargetTriple());
}

std::unique_ptr<llvm::TargetMachine>
neuroplast::createTargetMachine(const CompileOptions &options) {
  initializeTargets();
  std::string error;
  llvm::Triple triple = getTriple();
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  std::string cpu = options.cpu;
  llvm::SubtargetFeatures features;
  if (cpu == "native") {
    cpu = llvm::sys::getHostCPUName().str();
    for (const auto &feature : llvm::sys::getHostCPUFeatures())
      features.AddFeature(feature.first(), feature.second);
  }
  std::unique_ptr<llvm::MCSubtargetInfo> known(
      target->createMCSubtargetInfo(triple, "", ""));
  if (!known || !known->isCPUStringValid(cpu))
    return nullptr;
  // The full width of the vector registers pays in our loops.
  features.AddFeature("prefer-256-bit", false);
  llvm::TargetOptions targetOptions;
  // Where the loader finds the destructors of a library.
  targetOptions.UseInitArray = true;
  targetOptions.AllowFPOpFusion = llvm::FPOpFusion::Fast;
  static const llvm::CodeGenOptLevel levels[] = {
      llvm::CodeGenOptLevel::None, llvm::CodeGenOptLevel::Less,
      llvm::CodeGenOptLevel::Default, llvm::CodeGenOptLevel::Aggressive};
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, cpu, features.getString(), targetOptions, llvm::Reloc::PIC_,
      std::nullopt, levels[std::min(options.optLevel, 3u)]));
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
neuroplast::emitObject(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr,
                                  llvm::CodeGenFileType::ObjectFile))
    return llvm::createStringError("the target emits no object files");
  passes.run(module);
  return llvm::MemoryBuffer::getMemBufferCopy(
      llvm::StringRef(bytes.data(), bytes.size()), "model.o");
}

/// The width of the vector registers that the processor's code uses.
static unsigned getVectorBits(const llvm::TargetMachine &machine) {
  llvm::LLVMContext context;
  llvm::Module module("width", context);
  module.setDataLayout(machine.createDataLayout());
  auto *function = llvm::Function::Create(
      llvm::FunctionType::get(llvm::Type::getVoidTy(context), false),
      llvm::GlobalValue::ExternalLinkage, "f", module);
  return machine.getTargetTransformInfo(*function)
      .getRegisterBitWidth(llvm::TargetTransformInfo::RGK_FixedWidthVector)
      .getFixedValue();
}

void neuroplast::setPipelineOptions(CpuPipelineOptions &pipeline,
                                    const llvm::TargetMachine &machine,
                                    const CompileOptions &options) {
  pipeline.vectorBits = getVectorBits(machine);
  pipeline.kernels = options.kernels;
  pipeline.threads = options.threads;
  pipeline.memoryShare = options.memoryShare;
  // What watches memory watches pieces that are allocated.
  pipeline.planMemory = options.sanitizer != Sanitizer::Address;
}
