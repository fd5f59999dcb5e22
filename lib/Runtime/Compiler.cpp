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
#include "mlir/IR/Verifier.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "neuroplast/Codegen/Passes.h"
#include "neuroplast/Codegen/Pipelines.h"
#include "neuroplast/Conversion/Passes.h"
#include "neuroplast/Dialect/Kernel/IR/Kernel.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/IR/Module.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/xxhash.h"

#include <unordered_map>

using namespace neuroplast;

// The support runtime as an object file.
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

/// Whether a form takes and gives the tensors of another, but for their sizes.
static bool hasTensorsOf(const InterfaceDescription &form,
                         const InterfaceDescription &other) {
  auto areAlike = [](llvm::ArrayRef<TensorDescription> a,
                     llvm::ArrayRef<TensorDescription> b) {
    return llvm::equal(a, b, [](const auto &x, const auto &y) {
      return x.name == y.name && x.dtype == y.dtype &&
             x.shape.size() == y.shape.size();
    });
  };
  return areAlike(form.inputs, other.inputs) &&
         areAlike(form.outputs, other.outputs) &&
         areAlike(form.params, other.params);
}

namespace {

/// Makes the code of a model out of its forms.
class ModelCompiler {
public:
  ModelCompiler(const CompileOptions &options, llvm::TargetMachine &machine)
      : options(options), machine(machine) {
    setPipelineOptions(pipeline, machine, options);
  }

  llvm::Expected<CompiledModel> compile(llvm::ArrayRef<mlir::ModuleOp> forms);

private:
  llvm::Error describe(mlir::ModuleOp form);
  llvm::Error makeKernels(mlir::ModuleOp form);
  llvm::Error shareParams();
  llvm::Error compileKernelsOfAll();
  llvm::Error emit(size_t form);

  const CompileOptions &options;
  llvm::TargetMachine &machine;
  CpuPipelineOptions pipeline;
  CompiledModel model;
  std::vector<InterfaceDescription> interfaces;
  /// The parameters that `main` takes.
  std::vector<ParamData> table;
  /// By form, what its buffers are called in the model, if not as in it.
  std::vector<llvm::StringMap<std::string>> renamed;
};

} // namespace

/// Sees that a form can be called as the others are.
llvm::Error ModelCompiler::describe(mlir::ModuleOp form) {
  auto main = form.lookupSymbol<mlir::func::FuncOp>("main");
  if (!main)
    return makeError("the module has no function 'main'");
  auto interface = describeInterface(main);
  if (!interface)
    return interface.takeError();
  if (!interfaces.empty() && !hasTensorsOf(*interface, interfaces.front()))
    return makeError("a form of the model has other inputs or outputs");
  if (interfaces.empty()) {
    auto initial = collectTable(form, *interface, model.initial);
    if (!initial)
      return initial.takeError();
    table = std::move(*initial);
    if (!table.empty())
      interface->fingerprint = computeFingerprint(form);
  }
  interfaces.push_back(std::move(*interface));
  return llvm::Error::success();
}

/// Runs passes on a module that is verified behind the last of them: after each
/// of many small ones that takes as long as they do.
static mlir::LogicalResult run(mlir::PassManager &manager,
                               mlir::ModuleOp module) {
  manager.enableVerifier(false);
  return mlir::success(mlir::succeeded(manager.run(module)) &&
                       mlir::succeeded(mlir::verify(module)));
}

/// Lowers a form to kernels and what calls them.
llvm::Error ModelCompiler::makeKernels(mlir::ModuleOp form) {
  InterfaceDescription &interface = interfaces[model.modules.size()];
  mlir::ModuleOp module =
      *model.modules.emplace_back(mlir::OwningOpRef(form.clone()));
  mlir::PassManager toLinalg(module.getContext()),
      toKernels(module.getContext());
  buildNeuroToLinalgPipeline(toLinalg);
  buildLinalgToKernelsPipeline(toKernels, pipeline);
  if (options.profile)
    toKernels.addPass(createProfileKernels());
  // What a model brings along is found out before much is built upon it.
  if (mlir::failed(toLinalg.run(module)) ||
      mlir::failed(run(toKernels, module)))
    return llvm::make_error<ReportedError>();
  if (auto entries = module->getAttrOfType<mlir::ArrayAttr>("neuro.profile"))
    for (auto entry : entries.getAsRange<mlir::DictionaryAttr>())
      model.profile.push_back(
          {entry.getAs<mlir::StringAttr>("nodes").str(),
           entry.getAs<mlir::StringAttr>("kernel").str(),
           entry.getAs<mlir::FloatAttr>("operations").getValueAsDouble()});
  if (auto sizes = module.lookupSymbol<mlir::func::FuncOp>("output_sizes"))
    sizes.walk([&](mlir::memref::LoadOp) { interface.sizesNeedData = true; });
  addBuffers(interface, module.lookupSymbol<mlir::func::FuncOp>("main"));
  return llvm::Error::success();
}

/// Collects the parameters of all forms. Those of different forms that have one
/// name may be laid out in different ways, and often are not.
llvm::Error ModelCompiler::shareParams() {
  std::unordered_map<uint64_t, size_t> byContent; // hashes are of any value
  for (auto [form, module] : llvm::enumerate(model.modules)) {
    auto &names = renamed.emplace_back();
    auto params = collectParams(*module);
    if (!params)
      return params.takeError();
    for (ParamData &param : *params) {
      if (model.modules.size() > 1) {
        llvm::StringRef bytes(param.bytes.data(), param.bytes.size());
        auto [known, isNew] = byContent.try_emplace(llvm::xxh3_64bits(bytes),
                                                    model.params.size());
        if (!isNew && model.params[known->second].bytes == param.bytes) {
          names[param.symbol] = model.params[known->second].symbol;
          continue;
        }
      }
      if (form > 0) {
        std::string name = param.symbol + "." + std::to_string(form);
        names[param.symbol] = name;
        param.symbol = name;
      }
      model.params.push_back(std::move(param));
    }
  }
  llvm::append_range(model.params, table);
  return llvm::Error::success();
}

/// Compiles the kernels of all forms, each once.
llvm::Error ModelCompiler::compileKernelsOfAll() {
  std::vector<Kernel> kernels;
  llvm::StringSet<> known;
  for (const auto &module : model.modules)
    for (Kernel &kernel : takeKernels(*module))
      if (known.insert(kernel.symbol).second)
        kernels.push_back(std::move(kernel));
  auto objects = compileKernels(kernels, options);
  if (!objects)
    return objects.takeError();
  model.objects = std::move(*objects);
  return llvm::Error::success();
}

/// Gives the buffers that code refers to other names. One may get that which
/// another had, and several the same: then they are one.
static void renameBuffers(llvm::Module &module,
                          const llvm::StringMap<std::string> &names) {
  std::vector<std::pair<llvm::GlobalVariable *, llvm::StringRef>> buffers;
  for (const auto &name : names)
    if (llvm::GlobalVariable *buffer = module.getNamedGlobal(name.first())) {
      buffers.emplace_back(buffer, name.second);
      buffer->setName("");
    }
  for (auto [buffer, name] : buffers) {
    if (llvm::GlobalVariable *same = module.getNamedGlobal(name)) {
      buffer->replaceAllUsesWith(same);
      buffer->eraseFromParent();
      continue;
    }
    buffer->setName(name);
  }
}

/// Compiles what calls the kernels of a form.
llvm::Error ModelCompiler::emit(size_t form) {
  mlir::OwningOpRef<mlir::ModuleOp> code(model.modules[form]->clone());
  mlir::PassManager toLoops(code->getContext()), toLLVM(code->getContext());
  toLoops.addPass(createExposeEntryPoint());
  buildKernelsToLoopsPipeline(toLoops, pipeline);
  buildLoopsToLLVMPipeline(toLLVM, pipeline);
  if (mlir::failed(run(toLoops, *code)) || mlir::failed(run(toLLVM, *code)))
    return llvm::make_error<ReportedError>();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module =
      mlir::translateModuleToLLVMIR(*code, context);
  if (!module)
    return llvm::make_error<ReportedError>();
  code = nullptr;
  module->setTargetTriple(machine.getTargetTriple());
  module->setDataLayout(machine.createDataLayout());
  renameBuffers(*module, renamed[form]);
  addInterface(*module, interfaces, form, table);
  // What calls the kernels does little itself, but has a branch for every
  // requirement, and some passes take a power of their number.
  CompileOptions ofCalls = options;
  ofCalls.optLevel = std::min(options.optLevel, 1u);
  auto object = emitCode(*module, machine, ofCalls);
  if (!object)
    return object.takeError();
  model.objects.push_back(std::move(*object));
  return llvm::Error::success();
}

llvm::Expected<CompiledModel>
ModelCompiler::compile(llvm::ArrayRef<mlir::ModuleOp> forms) {
  for (mlir::ModuleOp form : forms)
    if (llvm::Error error = describe(form))
      return std::move(error);
  for (mlir::ModuleOp form : forms)
    if (llvm::Error error = makeKernels(form))
      return std::move(error);
  if (llvm::Error error = shareParams())
    return std::move(error);
  if (llvm::Error error = compileKernelsOfAll())
    return std::move(error);
  for (size_t form = 0; form < forms.size(); ++form)
    if (llvm::Error error = emit(form))
      return std::move(error);
  model.objects.push_back(llvm::MemoryBuffer::getMemBuffer(
      {neuroplast_support_begin,
       static_cast<size_t>(neuroplast_support_end - neuroplast_support_begin)},
      "support.o", /*RequiresNullTerminator=*/false));
  model.prefix = options.prefix;
  model.needsOpenMP = callsOpenMP(model.objects);
  model.header = writeHeader(interfaces.front(), options.prefix);
  return std::move(model);
}

llvm::Expected<CompiledModel>
neuroplast::compileModule(mlir::ModuleOp module,
                          const CompileOptions &options) {
  return compileForms(module, options);
}

llvm::Expected<CompiledModel>
neuroplast::compileForms(llvm::ArrayRef<mlir::ModuleOp> forms,
                         const CompileOptions &options) {
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(options);
  if (!machine)
    return makeError("the processor '" + options.cpu +
                     "' has no code generator on this host");
  return ModelCompiler(options, *machine).compile(forms);
}
