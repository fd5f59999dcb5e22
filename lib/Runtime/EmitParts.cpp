//===- EmitParts.cpp - Machine code of parts of a module ------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "EmitParts.h"
#include "TargetMachine.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Transforms/Instrumentation/AddressSanitizer.h"
#include "llvm/Transforms/Instrumentation/ThreadSanitizer.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace neuroplast;

using Object = llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>;

static void optimize(llvm::Module &module, llvm::TargetMachine &machine,
                     const CompileOptions &options) {
  unsigned level = options.optLevel;
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
  static const llvm::OptimizationLevel levels[] = {
      llvm::OptimizationLevel::O0, llvm::OptimizationLevel::O1,
      llvm::OptimizationLevel::O2, llvm::OptimizationLevel::O3};
  auto chosen = levels[std::min(level, 3u)];
  llvm::ModulePassManager passes =
      level == 0 ? builder.buildO0DefaultPipeline(chosen)
                 : builder.buildPerModuleDefaultPipeline(chosen);
  if (options.sanitizer == Sanitizer::Address)
    passes.addPass(llvm::AddressSanitizerPass(llvm::AddressSanitizerOptions()));
  if (options.sanitizer == Sanitizer::Thread) {
    passes.addPass(llvm::ModuleThreadSanitizerPass());
    passes.addPass(
        llvm::createModuleToFunctionPassAdaptor(llvm::ThreadSanitizerPass()));
  }
  passes.run(module, modules);
}

/// Parses, optimises and emits a part.
static Object emitPart(llvm::StringRef bitcode, const CompileOptions &options) {
  llvm::LLVMContext context;
  auto module =
      llvm::parseBitcodeFile(llvm::MemoryBufferRef(bitcode, "part"), context);
  if (!module)
    return module.takeError();
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(options);
  optimize(**module, *machine, options);
  return emitObject(**module, *machine);
}

/// Whether a function keeps to itself.
static bool isKernel(const llvm::Function &function) {
  return !function.isDeclaration() && function.hasLocalLinkage() &&
         function.hasFnAttribute(llvm::Attribute::NoInline) &&
         !function.hasFnAttribute(llvm::Attribute::OptimizeNone);
}

/// The kernel that a function is part of: what the threads do of a kernel is a
/// function, too. Null if it is of none.
static llvm::Function *findKernel(llvm::Function &function) {
  if (isKernel(function))
    return &function;
  llvm::StringRef name = function.getName();
  size_t suffix = name.find("..omp_par");
  llvm::Function *outer =
      suffix == llvm::StringRef::npos
          ? nullptr
          : function.getParent()->getFunction(name.take_front(suffix));
  return outer && isKernel(*outer) ? outer : nullptr;
}

/// Distributes kernels evenly, the largest first.
static std::vector<llvm::StringSet<>>
distribute(llvm::ArrayRef<std::vector<llvm::Function *>> kernels,
           unsigned parts) {
  struct Sized {
    unsigned size;
    size_t index;
  };
  std::vector<Sized> sorted;
  for (auto [index, functions] : llvm::enumerate(kernels)) {
    sorted.push_back({0, index});
    for (llvm::Function *function : functions)
      sorted.back().size += function->getInstructionCount();
  }
  llvm::sort(sorted, [](const Sized &a, const Sized &b) {
    return std::pair(b.size, a.index) < std::pair(a.size, b.index);
  });
  std::vector<llvm::StringSet<>> names(parts);
  std::vector<uint64_t> sizes(parts, 0);
  for (auto [size, index] : sorted) {
    size_t smallest = llvm::min_element(sizes) - sizes.begin();
    sizes[smallest] += size;
    for (llvm::Function *function : kernels[index])
      names[smallest].insert(function->getName());
  }
  return names;
}

llvm::Expected<std::vector<std::unique_ptr<llvm::MemoryBuffer>>>
neuroplast::emitParts(llvm::Module &module, const CompileOptions &options) {
  std::vector<std::unique_ptr<llvm::MemoryBuffer>> objects;
  llvm::MapVector<llvm::Function *, std::vector<llvm::Function *>> functions;
  for (llvm::Function &function : module)
    if (llvm::Function *kernel = findKernel(function))
      functions[kernel].push_back(&function);
  auto kernels = llvm::to_vector(llvm::make_second_range(functions));
  unsigned threads = llvm::hardware_concurrency().compute_thread_count();
  // Below, threads cost more than they gain.
  constexpr unsigned kFewKernels = 4;
  unsigned parts = std::min<unsigned>(threads, kernels.size() / kFewKernels);
  if (parts <= 1) {
    std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(options);
    optimize(module, *machine, options);
    Object object = emitObject(module, *machine);
    if (!object)
      return object.takeError();
    objects.push_back(std::move(*object));
    return objects;
  }
  // What one part defines and another uses needs a name for the linker.
  std::vector<llvm::StringSet<>> names = distribute(kernels, parts);
  for (llvm::GlobalValue &value : module.global_values())
    if (value.hasLocalLinkage() && !value.getName().starts_with("llvm.")) {
      if (!value.hasName())
        value.setName("unnamed");
      value.setLinkage(llvm::GlobalValue::ExternalLinkage);
      value.setVisibility(llvm::GlobalValue::HiddenVisibility);
    }
  std::vector<llvm::SmallVector<char, 0>> bitcode;
  auto add = [&](llvm::function_ref<bool(const llvm::GlobalValue *)> isOwn) {
    llvm::ValueToValueMapTy map;
    std::unique_ptr<llvm::Module> part =
        llvm::CloneModule(module, map, [&](const llvm::GlobalValue *value) {
          return isOwn(value);
        });
    // What a part neither defines nor uses is nothing to it.
    for (llvm::Function &function : llvm::make_early_inc_range(*part))
      if (function.isDeclaration() && function.use_empty())
        function.eraseFromParent();
    llvm::raw_svector_ostream stream(bitcode.emplace_back());
    llvm::WriteBitcodeToFile(*part, stream);
  };
  llvm::StringSet<> moved;
  for (const llvm::StringSet<> &part : names) {
    add([&](const llvm::GlobalValue *value) {
      return part.contains(value->getName());
    });
    for (const auto &entry : part)
      moved.insert(entry.first());
  }
  add([&](const llvm::GlobalValue *value) {
    return !moved.contains(value->getName());
  });
  std::vector<std::optional<Object>> results(bitcode.size());
  llvm::DefaultThreadPool pool(llvm::hardware_concurrency(threads));
  for (auto [result, code] : llvm::zip_equal(results, bitcode))
    pool.async([&result = result, &code = code, &options] {
      result.emplace(
          emitPart(llvm::StringRef(code.data(), code.size()), options));
    });
  pool.wait();
  llvm::Error error = llvm::Error::success();
  for (std::optional<Object> &result : results)
    if (*result)
      objects.push_back(std::move(**result));
    else
      error = llvm::joinErrors(std::move(error), result->takeError());
  if (error)
    return std::move(error);
  return objects;
}
