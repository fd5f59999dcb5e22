//===- KernelCompiler.cpp - Kernels compiled one by one -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelCompiler.h"

#include "CodeEmission.h"
#include "ObjectCache.h"
#include "TargetMachine.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "neuroplast/Codegen/Pipelines.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Support/xxhash.h"

#include <atomic>

using namespace neuroplast;

using Object = llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>;

std::vector<Kernel> neuroplast::takeKernels(mlir::ModuleOp module) {
  std::vector<Kernel> kernels;
  llvm::StringMap<std::string> symbols; // by the names that they had
  for (auto function : module.getOps<mlir::func::FuncOp>()) {
    // One that calls others is no text of its own.
    auto uses = mlir::SymbolTable::getSymbolUses(function);
    if (!function.isPrivate() || function.isDeclaration() || !uses ||
        !uses->empty())
      continue;
    std::string name = function.getSymName().str();
    // Numbers behind a name are those of this module.
    std::string kind = llvm::StringRef(name).rtrim("_0123456789").str();
    function.setSymName(kind);
    Kernel &kernel = kernels.emplace_back();
    llvm::raw_string_ostream stream(kernel.text);
    function->print(stream, mlir::OpPrintingFlags().useLocalScope());
    llvm::XXH128_hash_t hash =
        llvm::xxh3_128bits(llvm::arrayRefFromStringRef(kernel.text));
    kernel.symbol = kind + "_" + llvm::utohexstr(hash.high64, true, 16) +
                    llvm::utohexstr(hash.low64, true, 16);
    symbols[name] = kernel.symbol;
    function.setSymName(kernel.symbol);
    function.eraseBody();
  }
  module.walk([&](mlir::func::CallOp call) {
    if (auto it = symbols.find(call.getCallee()); it != symbols.end())
      call.setCallee(it->second);
  });
  return kernels;
}

namespace {

/// Lowers kernels to machine code, one after the other. What the passes and the
/// code generator prepare serves all of them.
class KernelLowering {
public:
  explicit KernelLowering(const CompileOptions &options)
      : options(options), machine(createTargetMachine(options)),
        context(makeRegistry(), mlir::MLIRContext::Threading::DISABLED),
        toLoops(&context), toLLVM(&context) {
    CpuPipelineOptions pipeline;
    setPipelineOptions(pipeline, *machine, options);
    buildKernelsToLoopsPipeline(toLoops, pipeline);
    buildLoopsToLLVMPipeline(toLLVM, pipeline);
    // To verify after each of many small passes takes as long as they do.
    toLoops.enableVerifier(false);
    toLLVM.enableVerifier(false);
  }

  Object run(const Kernel &kernel);

private:
  static mlir::DialectRegistry makeRegistry() {
    mlir::DialectRegistry registry;
    registerCompilerDialects(registry);
    return registry;
  }

  const CompileOptions &options;
  std::unique_ptr<llvm::TargetMachine> machine;
  mlir::MLIRContext context;
  mlir::PassManager toLoops, toLLVM;
};

} // namespace

Object KernelLowering::run(const Kernel &kernel) {
  std::string messages;
  mlir::ScopedDiagnosticHandler handler(&context,
                                        [&](mlir::Diagnostic &diagnostic) {
                                          messages += diagnostic.str() + "\n";
                                          return mlir::success();
                                        });
  auto fail = [&]() -> Object {
    return llvm::createStringError("kernel '" + kernel.symbol +
                                   "' does not compile: " + messages);
  };
  auto module = mlir::parseSourceString<mlir::ModuleOp>(kernel.text, &context);
  if (!module)
    return fail();
  auto function = *module->getOps<mlir::func::FuncOp>().begin();
  function.setPublic();
  function.setSymName(kernel.symbol);
  for (mlir::PassManager *manager : {&toLoops, &toLLVM})
    if (mlir::failed(manager->run(*module)) || mlir::failed(verify(*module)))
      return fail();
  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::Module> code =
      mlir::translateModuleToLLVMIR(*module, llvmContext);
  if (!code)
    return fail();
  code->setTargetTriple(machine->getTargetTriple());
  code->setDataLayout(machine->createDataLayout());
  return emitCode(*code, *machine, options);
}

/// All that machine code depends on besides its text and the compiler.
static std::string describe(const CompileOptions &options) {
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(options);
  std::string text;
  llvm::raw_string_ostream(text)
      << machine->getTargetTriple().str() << '\n'
      << machine->getTargetCPU() << '\n'
      << machine->getTargetFeatureString() << '\n'
      << options.optLevel << ' ' << options.kernels << ' ' << options.threads
      << ' ' << static_cast<int>(options.sanitizer) << '\n';
  return text;
}

llvm::Expected<std::vector<std::unique_ptr<llvm::MemoryBuffer>>>
neuroplast::compileKernels(llvm::ArrayRef<Kernel> kernels,
                           const CompileOptions &options) {
  ObjectCache cache;
  std::string description = describe(options);
  std::vector<std::optional<Object>> results(kernels.size());
  std::atomic<size_t> next = 0;
  auto work = [&] {
    std::optional<KernelLowering> lowering; // unless all are known
    for (size_t i = next++; i < kernels.size(); i = next++)
      results[i].emplace(
          cache.get(description + kernels[i].text, [&]() -> Object {
            if (!lowering)
              lowering.emplace(options);
            return lowering->run(kernels[i]);
          }));
  };
  {
    llvm::DefaultThreadPool pool(llvm::hardware_concurrency());
    size_t workers = std::min<size_t>(pool.getMaxConcurrency(), kernels.size());
    for (size_t i = 0; i < workers; ++i)
      pool.async(work);
    pool.wait();
  }
  cache.prune();
  std::vector<std::unique_ptr<llvm::MemoryBuffer>> objects;
  llvm::Error error = llvm::Error::success();
  for (std::optional<Object> &result : results)
    if (*result)
      objects.push_back(std::move(**result));
    else if (error) // one tells enough
      llvm::consumeError(result->takeError());
    else
      error = result->takeError();
  if (error)
    return std::move(error);
  return objects;
}
