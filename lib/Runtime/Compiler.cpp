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
#include "llvm/IR/Module.h"
#include "llvm/Object/ObjectFile.h"

using namespace neuroplast;

// The support runtime as an object file; see Support/embed.S.
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
  // What calls the kernels does little itself, but has a branch for every
  // requirement, and some passes take a power of their number.
  CompileOptions ofCalls = options;
  ofCalls.optLevel = std::min(options.optLevel, 1u);
  auto object = emitCode(*llvmModule, *machine, ofCalls);
  if (!object)
    return object.takeError();
  model.objects.push_back(std::move(*object));
  model.objects.push_back(llvm::MemoryBuffer::getMemBuffer(
      {neuroplast_support_begin,
       static_cast<size_t>(neuroplast_support_end - neuroplast_support_begin)},
      "support.o", /*RequiresNullTerminator=*/false));
  model.prefix = options.prefix;
  model.needsOpenMP = callsOpenMP(model.objects);
  model.header = writeHeader(*interface, options.prefix);
  return model;
}
