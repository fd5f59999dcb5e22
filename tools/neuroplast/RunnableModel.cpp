//===- RunnableModel.cpp - Models ready to run ----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RunnableModel.h"

#include "Modules.h"
#include "Progress.h"
#include "mlir/IR/MLIRContext.h"
#include "neuroplast/Dialect/Neuro/IR/ElementTypes.h"
#include "neuroplast/Frontend/ONNX/Import.h"

#include <chrono>

using namespace neuroplast;
using namespace neuroplast::driver;
using llvm::ArrayRef;

int driver::reportError(llvm::StringRef file, llvm::Error error) {
  if (error.isA<ReportedError>()) {
    llvm::consumeError(std::move(error));
    return 1;
  }
  return reportError(file + ": " + llvm::toString(std::move(error)));
}

namespace {
/// Which inputs are compiled in: they may be axes, sizes or scales.
enum class Bound { None, Integers, Vectors };
} // namespace

/// The inputs of rank 0 and 1 as constants.
static llvm::StringMap<mlir::ElementsAttr>
getBoundInputs(const NamedTensors &inputs, Bound bound,
               mlir::MLIRContext *context) {
  // No list of sizes is longer.
  constexpr size_t kMostBytes = 4096;
  llvm::StringMap<mlir::ElementsAttr> values;
  if (bound == Bound::None)
    return values;
  for (const auto &[name, tensor] : inputs) {
    mlir::Type element = getElementType(tensor.dtype, context);
    bool isInteger = element && (element.isSignlessInteger(64) ||
                                 element.isSignlessInteger(32));
    if (!element || tensor.shape.size() > 1 ||
        tensor.bytes.size() > kMostBytes ||
        (!isInteger && bound != Bound::Vectors))
      continue;
    auto type = mlir::RankedTensorType::get(tensor.shape, element);
    if (element.isInteger(1)) {
      llvm::SmallVector<bool> flags;
      for (char byte : tensor.bytes)
        flags.push_back(byte != 0);
      values[name] = mlir::DenseElementsAttr::get(type, ArrayRef<bool>(flags));
    } else if (element.getIntOrFloatBitWidth() >= 16) {
      values[name] =
          mlir::DenseElementsAttr::getFromRawBuffer(type, tensor.bytes);
    }
  }
  return values;
}

/// Compiles a model for this process; null after `messages`.
static std::unique_ptr<Model>
compileInMemory(llvm::StringRef path, const learning::InputShapes &shapes,
                const NamedTensors *inputs, Bound bound,
                std::vector<std::string> &names,
                const std::shared_ptr<std::string> &messages,
                const CompileOptions &options) {
  // Compiled code and its parameters live on with the module; so must the
  // context.
  auto context = std::make_unique<mlir::MLIRContext>(
      makeRegistry(), mlir::MLIRContext::Threading::DISABLED);
  ImportOptions import{shapes, {}};
  auto &values = import.inputValues;
  if (inputs)
    values = getBoundInputs(*inputs, bound, context.get());
  for (const auto &value : values)
    names.push_back(value.getKey().str());
  if (bound != Bound::None && values.empty())
    return nullptr;
  auto module = loadModule(path, *context, import, messages);
  if (!module)
    return nullptr;
  auto fail = [&](llvm::Error error) {
    if (error.isA<ReportedError>())
      llvm::consumeError(std::move(error));
    else
      *messages += ("neuroplast: error: " + path + ": " +
                    llvm::toString(std::move(error)) + "\n")
                       .str();
    return nullptr;
  };
  auto compiled = [&] {
    Progress progress("compiling " + path);
    return compileModule(*module, options);
  }();
  if (!compiled)
    return fail(compiled.takeError());
  module = nullptr;
  auto model = loadInMemory(std::move(*compiled), std::move(context));
  if (!model)
    return fail(model.takeError());
  return std::move(*model);
}

static double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

llvm::Expected<std::vector<double>> driver::timeRuns(const Model &model,
                                                     const NamedTensors &inputs,
                                                     double seconds) {
  auto bound = model.bindInputs(inputs);
  if (!bound)
    return bound.takeError();
  std::vector<double> times;
  std::vector<NeuroplastTensor> outputs(model.getInfo().num_outputs);
  double end = 0;
  for (int i = 0; i < 4 || now() < end; ++i) {
    double start = now();
    if (llvm::Error error = model.runBound(*bound, outputs))
      return std::move(error);
    double elapsed = now() - start;
    if (i == 0)
      end = now() + seconds;
    else
      times.push_back(elapsed * 1e3);
  }
  model.release(outputs);
  llvm::sort(times);
  return times;
}

std::unique_ptr<Model>
driver::openModel(llvm::StringRef path, llvm::ArrayRef<std::string> shapes,
                  NamedTensors *inputs, const CompileOptions &options,
                  double *compileSeconds, std::string *failure) {
  double start = now();
  auto finish = [&](std::unique_ptr<Model> model) {
    if (compileSeconds)
      *compileSeconds = now() - start;
    return model;
  };
  if (path.ends_with(".so")) {
    if (!shapes.empty()) {
      reportError("'--shape' fixes sizes while a model is compiled, and '" +
                  path + "' is");
      return nullptr;
    }
    if (options.threads != CompileOptions().threads) {
      reportError("'--threads' says how a model is compiled, and '" + path +
                  "' is");
      return nullptr;
    }
    auto model = loadLibrary(path);
    if (model)
      return finish(std::move(*model));
    reportError(path, model.takeError());
    return nullptr;
  }
  auto allShapes = parseShapes(shapes);
  if (!allShapes)
    return nullptr;
  if (!isOnnxFile(path))
    inputs = nullptr;
  if (inputs)
    for (const auto &[name, tensor] : *inputs)
      (*allShapes)[name] =
          llvm::to_vector(llvm::ArrayRef<int64_t>(tensor.shape));
  // What is refused while its sizes are unknown may be known by the values of
  // the inputs; what the first attempt said is what is wrong.
  std::string first;
  for (Bound bound : {Bound::None, Bound::Integers, Bound::Vectors}) {
    auto messages = std::make_shared<std::string>();
    std::vector<std::string> names;
    auto model = compileInMemory(path, *allShapes, inputs, bound, names,
                                 messages, options);
    if (model) {
      getMessageStream() << *messages; // warnings
      for (const std::string &name : names)
        inputs->erase(name);
      return finish(std::move(model));
    }
    if (bound == Bound::None)
      first = *messages;
    if (!inputs)
      break;
  }
  if (failure)
    *failure = first;
  else
    getMessageStream() << first;
  return nullptr;
}
