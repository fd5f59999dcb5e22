//===- Execution.cpp - Compile a module and call it in this process -------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Execution.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/ExecutionEngine/ExecutionEngine.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "neuroplast/Dialect/Neuro/IR/Neuro.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::conformance;

namespace {

/// The generic way down: no kernels, no tiling, loops over buffers.
constexpr llvm::StringLiteral bufferPipeline =
    "canonicalize,cse,"
    "one-shot-bufferize{bufferize-function-boundaries=true "
    "function-boundary-type-conversion=identity-layout-map},"
    "buffer-deallocation-pipeline,convert-bufferization-to-memref,"
    "convert-linalg-to-loops,expand-strided-metadata,lower-affine,"
    "arith-expand{include-bf16=true},convert-scf-to-cf,"
    "convert-math-to-llvm,convert-math-to-libm,convert-arith-to-llvm,"
    "finalize-memref-to-llvm,convert-func-to-llvm,convert-cf-to-llvm,"
    "convert-index-to-llvm,reconcile-unrealized-casts";

LogicalResult runPipeline(ModuleOp module, StringRef pipeline) {
  PassManager manager(module.getContext());
  manager.enableVerifier(true);
  if (failed(parsePassPipeline(pipeline, manager, llvm::errs())))
    return module.emitError("the pipeline does not parse");
  return manager.run(module);
}

/// Gives the buffers of parameters their values, as the modules are small.
void embedParams(ModuleOp module) {
  SymbolTable symbols(module);
  for (neuro::ParamOp param :
       llvm::make_early_inc_range(module.getOps<neuro::ParamOp>())) {
    std::string name = ("neuroplast_param_" + param.getSymName()).str();
    auto global = symbols.lookup<memref::GlobalOp>(name);
    ElementsAttr value = param.getValue();
    param.erase();
    if (!global)
      continue;
    MemRefType type = global.getType();
    auto tensor =
        RankedTensorType::get(type.getShape(), type.getElementType());
    if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
      ArrayRef<char> bytes = resource.getData();
      global.setInitialValueAttr(
          DenseElementsAttr::getFromRawBuffer(tensor, bytes));
    } else if (auto dense = dyn_cast<DenseElementsAttr>(value)) {
      global.setInitialValueAttr(dense.bitcast(type.getElementType()));
    }
  }
}

/// A memref descriptor as compiled code lays it out.
struct Descriptor {
  explicit Descriptor(int64_t rank) : words(3 + 2 * rank) {}
  std::vector<int64_t> words;

  char *data() const { return reinterpret_cast<char *>(words[1]); }
  int64_t offset() const { return words[2]; }
  int64_t rank() const { return (words.size() - 3) / 2; }
  int64_t size(int64_t axis) const { return words[3 + axis]; }
  int64_t stride(int64_t axis) const { return words[3 + rank() + axis]; }
};

Descriptor describe(HostTensor &tensor) {
  Descriptor result(tensor.shape.size());
  auto address = reinterpret_cast<int64_t>(tensor.bytes.data());
  result.words[0] = result.words[1] = address;
  int64_t stride = 1;
  for (int64_t axis = result.rank() - 1; axis >= 0; --axis) {
    result.words[3 + axis] = tensor.shape[axis];
    result.words[3 + result.rank() + axis] = stride;
    stride *= tensor.shape[axis];
  }
  return result;
}

/// Copies what a descriptor shows, row by row.
HostTensor readBack(const Descriptor &from, Type elementType) {
  HostTensor result;
  result.elementType = elementType;
  int64_t count = 1, size = getElementSize(elementType);
  for (int64_t axis = 0; axis < from.rank(); ++axis) {
    result.shape.push_back(from.size(axis));
    count *= from.size(axis);
  }
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = i, at = from.offset();
    for (int64_t axis = from.rank() - 1; axis >= 0; --axis) {
      at += rest % from.size(axis) * from.stride(axis);
      rest /= from.size(axis);
    }
    result.bytes.append(from.data() + at * size, size);
  }
  return result;
}

} // namespace

int64_t neuroplast::conformance::getElementSize(Type elementType) {
  return llvm::divideCeil(elementType.getIntOrFloatBitWidth(), 8);
}

CompiledModule::~CompiledModule() = default;

llvm::Expected<std::unique_ptr<CompiledModule>>
CompiledModule::compile(ModuleOp module) {
  auto fail = [](const Twine &message) {
    return llvm::createStringError(message);
  };
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main)
    return fail("there is no function 'main'");
  auto compiled = std::make_unique<CompiledModule>();
  auto record = [](TypeRange types, std::vector<RankedTensorType> &into) {
    for (Type type : types) {
      auto tensor = dyn_cast<RankedTensorType>(type);
      if (!tensor || !tensor.getElementType().isIntOrFloat())
        return false;
      into.push_back(tensor);
    }
    return true;
  };
  if (!record(main.getArgumentTypes(), compiled->inputTypes) ||
      !record(main.getResultTypes(), compiled->resultTypes))
    return fail("inputs and outputs must be tensors of numbers");

  Builder builder(module.getContext());
  main->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(),
                builder.getUnitAttr());
  // The caller's tensors are not ours to write into.
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    main.setArgAttr(i, "bufferization.writable", builder.getBoolAttr(false));
  if (failed(runPipeline(module, "convert-neuro-to-linalg")))
    return fail("not lowered to linalg");
  embedParams(module);
  if (failed(runPipeline(module, bufferPipeline)))
    return fail("not lowered to LLVM");

  ExecutionEngineOptions options;
  auto optimize = makeOptimizingTransformer(1, 0, nullptr);
  options.transformer = optimize;
  options.jitCodeGenOptLevel = llvm::CodeGenOptLevel::Less;
  options.enableGDBNotificationListener = false;
  options.enablePerfNotificationListener = false;
  auto engine = ExecutionEngine::create(module, options);
  if (!engine)
    return engine.takeError();
  compiled->engine = std::move(*engine);
  return compiled;
}

llvm::Expected<std::vector<HostTensor>>
CompiledModule::run(std::vector<HostTensor> &inputs) const {
  if (inputs.size() != inputTypes.size())
    return llvm::createStringError(
        llvm::Twine(inputs.size()) + " inputs are given, the model has " +
        llvm::Twine(inputTypes.size()));
  std::vector<Descriptor> descriptors;
  std::vector<void *> pointers(inputs.size() + 1);
  for (auto [tensor, type] : llvm::zip_equal(inputs, inputTypes)) {
    if (tensor.elementType != type.getElementType() ||
        static_cast<int64_t>(tensor.shape.size()) != type.getRank())
      return llvm::createStringError("an input has another type than the "
                                     "model declares");
    descriptors.push_back(describe(tensor));
  }
  // The results lie one after another in one structure.
  size_t words = 0;
  for (RankedTensorType type : resultTypes)
    words += 3 + 2 * type.getRank();
  std::vector<int64_t> results(words);
  pointers[0] = results.data();
  for (auto [i, descriptor] : llvm::enumerate(descriptors))
    pointers[i + 1] = descriptor.words.data();
  std::vector<void *> arguments;
  for (void *&pointer : pointers)
    arguments.push_back(&pointer);
  if (llvm::Error error =
          engine->invokePacked("_mlir_ciface_main", arguments))
    return error;

  std::vector<HostTensor> outputs;
  size_t at = 0;
  for (RankedTensorType type : resultTypes) {
    Descriptor descriptor(type.getRank());
    for (int64_t &word : descriptor.words)
      word = results[at++];
    outputs.push_back(readBack(descriptor, type.getElementType()));
  }
  return outputs;
}
