//===- Compiler.cpp - From a module to machine code -----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Runtime/Compiler.h"

#include "CodeEmission.h"
#include "Interface.h"
#include "KernelCompiler.h"
#include "TargetMachine.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "neuroplast/Codegen/Passes.h"
#include "neuroplast/Codegen/Pipelines.h"
#include "neuroplast/Conversion/Passes.h"
#include "neuroplast/Dialect/Kernel/IR/Kernel.h"
#include "neuroplast/Dialect/Neuro/IR/Neuro.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Transforms/IPO/Internalize.h"

using namespace neuroplast;

// The support runtime as bitcode; see Support/embed.S.
extern "C" const char neuroplast_support_begin[];
extern "C" const char neuroplast_support_end[];

char ReportedError::ID = 0;

void neuroplast::registerCompilerDialects(mlir::DialectRegistry &registry) {
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllToLLVMIRTranslations(registry);
  registry.insert<neuro::NeuroDialect, kernel::KernelDialect>();
}

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

/// The functions of the C interface.
static constexpr llvm::StringLiteral interfaceNames[] = {
    "info", "run", "run_with", "output_sizes", "params", "free", "error"};

/// What must stay visible of a model's code.
static bool isExported(llvm::StringRef name, const CompileOptions &options) {
  for (llvm::StringRef exported : interfaceNames)
    if (name == ("neuroplast_" + exported).str() ||
        (!options.prefix.empty() &&
         name == (options.prefix + "_" + exported).str()))
      return true;
  // Whoever loads a model into memory calls one in the end.
  return name == "neuroplast_close" ||
         (options.profile && name == "neuroplast_profile");
}

static llvm::Error linkSupport(llvm::Module &module,
                               const CompileOptions &options) {
  llvm::StringRef prefix = options.prefix;
  llvm::StringRef bitcode(neuroplast_support_begin,
                          neuroplast_support_end - neuroplast_support_begin);
  auto support = llvm::parseBitcodeFile(
      llvm::MemoryBufferRef(bitcode, "support"), module.getContext());
  if (!support)
    return support.takeError();
  (*support)->setTargetTriple(module.getTargetTriple());
  (*support)->setDataLayout(module.getDataLayout());
  // It was optimised when it was built, and does nothing for single elements:
  // half the time of a small model would go into doing it again.
  for (llvm::Function &function : **support)
    if (!function.isDeclaration()) {
      for (auto attribute :
           {llvm::Attribute::AlwaysInline, llvm::Attribute::OptimizeForSize,
            llvm::Attribute::MinSize})
        function.removeFnAttr(attribute);
      function.addFnAttr(llvm::Attribute::NoInline);
      function.addFnAttr(llvm::Attribute::OptimizeNone);
    }
  if (llvm::Linker::linkModules(module, std::move(*support)))
    return makeError("the support runtime does not link");
  for (llvm::Function &function : module) {
    // The generic target of the bitcode gives way to the one asked for.
    function.removeFnAttr("target-cpu");
    function.removeFnAttr("target-features");
    function.removeFnAttr("tune-cpu");
  }
  if (options.sanitizer != Sanitizer::Address) {
    // Nobody to tell of what is in use.
    for (llvm::StringRef name :
         {"__asan_poison_memory_region", "__asan_unpoison_memory_region"})
      if (auto *function = module.getFunction(name)) {
        function->replaceAllUsesWith(
            llvm::ConstantPointerNull::get(function->getType()));
        function->eraseFromParent();
      }
  }
  if (!prefix.empty())
    for (llvm::StringRef name : interfaceNames)
      if (auto *function = module.getFunction(("neuroplast_" + name).str()))
        llvm::GlobalAlias::create((prefix + "_" + name).str(), function);
  llvm::internalizeModule(module, [&](const llvm::GlobalValue &value) {
    return isExported(value.getName(), options);
  });
  return llvm::Error::success();
}

/// The initial values of the parameters that `main` takes, which `initial`
/// keeps.
static llvm::Expected<std::vector<ParamData>>
collectTable(mlir::ModuleOp module, const InterfaceDescription &interface,
             std::deque<TensorElements> &initial) {
  std::vector<ParamData> table;
  for (const TensorDescription &tensor : interface.params) {
    auto param = module.lookupSymbol<neuro::ParamOp>(tensor.param);
    if (!param)
      return makeError("'main' takes '" + tensor.param +
                       "', which is no parameter");
    auto elements = TensorElements::read(param.getValue());
    if (!elements)
      return makeError("parameter '" + tensor.param + "' has no elements");
    initial.push_back(std::move(*elements));
    table.push_back({"neuroplast_initial_" + std::to_string(table.size()),
                     initial.back().getBytes(),
                     param.getType().getShape().vec()});
  }
  return table;
}

/// The parameters that became buffers, with their bytes.
static llvm::Expected<std::vector<ParamData>>
collectParams(mlir::ModuleOp module) {
  std::vector<ParamData> params;
  for (auto param : module.getOps<neuro::ParamOp>()) {
    auto resource =
        llvm::dyn_cast<mlir::DenseResourceElementsAttr>(param.getValue());
    if (!resource)
      continue;
    mlir::AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return makeError("the data of parameter '" + param.getSymName() +
                       "' was elided");
    params.push_back({getParamBufferName(param.getSymName()), blob->getData(),
                      param.getType().getShape().vec()});
  }
  return params;
}

/// Whether any of the code calls the OpenMP runtime.
static bool
callsOpenMP(llvm::ArrayRef<std::unique_ptr<llvm::MemoryBuffer>> objects) {
  return llvm::any_of(objects, [](const auto &object) {
    auto file = llvm::object::ObjectFile::createObjectFile(*object);
    if (!file) {
      llvm::consumeError(file.takeError());
      return false;
    }
    return llvm::any_of((*file)->symbols(), [](const auto &symbol) {
      auto name = symbol.getName();
      if (!name)
        llvm::consumeError(name.takeError());
      return name && *name == "__kmpc_fork_call";
    });
  });
}

llvm::Expected<CompiledModel>
neuroplast::compileModule(mlir::ModuleOp module,
                          const CompileOptions &options) {
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(options);
  if (!machine)
    return makeError("the processor '" + options.cpu +
                     "' has no code generator on this host");
  auto main = module.lookupSymbol<mlir::func::FuncOp>("main");
  if (!main)
    return makeError("the module has no function 'main'");
  auto interface = describeInterface(main);
  if (!interface)
    return interface.takeError();

  CompiledModel model;
  auto table = collectTable(module, *interface, model.initial);
  if (!table)
    return table.takeError();
  if (!table->empty())
    interface->fingerprint = computeFingerprint(module);
  model.module = mlir::OwningOpRef<mlir::ModuleOp>(module.clone());
  CpuPipelineOptions pipeline;
  setPipelineOptions(pipeline, *machine, options);
  {
    mlir::PassManager manager(module.getContext());
    manager.enableVerifier(true);
    buildNeuroToKernelsPipeline(manager, pipeline);
    if (options.profile)
      manager.addPass(createProfileKernels());
    if (mlir::failed(manager.run(*model.module)))
      return llvm::make_error<ReportedError>();
  }
  if (auto entries =
          (*model.module)->getAttrOfType<mlir::ArrayAttr>("neuro.profile"))
    for (auto entry : entries.getAsRange<mlir::DictionaryAttr>())
      model.profile.push_back(
          {entry.getAs<mlir::StringAttr>("nodes").str(),
           entry.getAs<mlir::StringAttr>("kernel").str(),
           entry.getAs<mlir::FloatAttr>("operations").getValueAsDouble()});
  if (auto sizes =
          model.module->lookupSymbol<mlir::func::FuncOp>("output_sizes"))
    sizes.walk([&](mlir::memref::LoadOp) { interface->sizesNeedData = true; });
  addBuffers(*interface,
             model.module->lookupSymbol<mlir::func::FuncOp>("main"));
  auto params = collectParams(*model.module);
  if (!params)
    return params.takeError();
  model.params = std::move(*params);
  llvm::append_range(model.params, *table);
  auto objects = compileKernels(takeKernels(*model.module), options);
  if (!objects)
    return objects.takeError();
  model.objects = std::move(*objects);
  mlir::OwningOpRef<mlir::ModuleOp> code(model.module->clone());
  {
    mlir::PassManager manager(module.getContext());
    manager.addPass(createExposeEntryPoint());
    buildKernelsToLoopsPipeline(manager, pipeline);
    buildLoopsToLLVMPipeline(manager, pipeline);
    if (mlir::failed(manager.run(*code)))
      return llvm::make_error<ReportedError>();
  }
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> llvmModule =
      mlir::translateModuleToLLVMIR(*code, context);
  if (!llvmModule)
    return llvm::make_error<ReportedError>();
  code = nullptr;
  llvmModule->setTargetTriple(machine->getTargetTriple());
  llvmModule->setDataLayout(machine->createDataLayout());
  addInterface(*llvmModule, *interface, *table);
  if (llvm::Error error = linkSupport(*llvmModule, options))
    return std::move(error);
  // What calls the kernels does little itself, but has a branch for every
  // requirement, and some passes take a power of their number.
  CompileOptions ofCalls = options;
  ofCalls.optLevel = std::min(options.optLevel, 1u);
  auto object = emitCode(*llvmModule, *machine, ofCalls);
  if (!object)
    return object.takeError();
  model.objects.push_back(std::move(*object));
  model.needsOpenMP = callsOpenMP(model.objects);
  model.header = writeHeader(*interface, options.prefix);
  return model;
}
