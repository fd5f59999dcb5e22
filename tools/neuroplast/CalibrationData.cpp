//===- CalibrationData.cpp - Data that a command is given -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CalibrationData.h"
#include "Comparison.h"
#include "EditedNetwork.h"
#include "Modules.h"
#include "mlir/IR/MLIRContext.h"
#include "neuroplast/Calibration/Batches.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Frontend/ONNX/Specialize.h"
#include "neuroplast/Learning/Examples.h"
#include "neuroplast/Runtime/Npz.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/FileSystem.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::driver;

/// Whether nodes stayed opaque.
static bool hasOpaqueNode(ModuleOp module) {
  return module
      .walk([](neuroplast::neuro::OpaqueOp) { return WalkResult::interrupt(); })
      .wasInterrupted();
}

mlir::OwningOpRef<ModuleOp>
neuroplast::driver::loadOpenOrFixed(const Arguments &arguments,
                                    std::unique_ptr<MLIRContext> &context) {
  StringRef path = arguments.getPositional(0);
  ArrayRef<std::string> shapes = arguments.getAll("--shape");
  auto load = [&](ArrayRef<std::string> fixed,
                  std::shared_ptr<std::string> messages) {
    context = std::make_unique<MLIRContext>(makeRegistry(),
                                            MLIRContext::Threading::DISABLED);
    return loadModule(path, *context, fixed, std::move(messages));
  };
  if (shapes.empty())
    return load({}, nullptr);
  auto module = load({}, std::make_shared<std::string>());
  bool isWhole = module && !hasOpaqueNode(*module);
  module = nullptr;
  return load(isWhole ? ArrayRef<std::string>() : shapes, nullptr);
}

OptionSpec neuroplast::driver::getBatchOption() {
  return {"--batch", "N",
          "most examples of the data to run at once (8); 0 runs all of them"};
}

/// The name that labels have in data for training.
static constexpr StringLiteral kLabels = "labels";

static bool hasInput(func::FuncOp main, StringRef name) {
  return llvm::any_of(main.getArguments(), [&](BlockArgument argument) {
    auto own = main.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                 "neuro.name");
    return own && own.getValue() == name;
  });
}

/// The arrays of an archive, or of a folder that data for training may be.
/// Labels are left out, unless the model has an input of their name.
static llvm::Expected<NamedTensors> readArrays(func::FuncOp main,
                                               StringRef path) {
  auto isWanted = [&](StringRef name) {
    return name != kLabels || hasInput(main, name);
  };
  if (!llvm::sys::fs::is_directory(path))
    return readNpz(path, isWanted);
  using learning::Examples;
  auto examples = Examples::read(path, kLabels,
                                 isWanted(kLabels) ? Examples::Need::Any
                                                   : Examples::Need::None);
  if (!examples)
    return llvm::createStringError(path + ": " +
                                   llvm::toString(examples.takeError()));
  NamedTensors arrays;
  examples->gather(llvm::to_vector(llvm::seq<int64_t>(0, examples->getCount())),
                   arrays);
  return arrays;
}

std::optional<std::vector<NamedTensors>>
neuroplast::driver::readBatches(const Arguments &arguments, ModuleOp module) {
  if (!arguments.has("--data"))
    return std::vector<NamedTensors>();
  std::optional<int64_t> most = arguments.getInteger("--batch", 8);
  if (!most)
    return std::nullopt;
  StringRef path = arguments.get("--data");
  auto main = module.lookupSymbol<func::FuncOp>("main");
  auto data = readArrays(main, path);
  if (!data) {
    reportError(llvm::toString(data.takeError()));
    return std::nullopt;
  }
  auto batches = calibration::makeBatches(main, *data, *most);
  if (!batches) {
    reportError(path + ": " + llvm::toString(batches.takeError()));
    return std::nullopt;
  }
  return std::move(*batches);
}

std::optional<OwningOpRef<ModuleOp>>
neuroplast::driver::loadFixed(const Arguments &arguments, ModuleOp module,
                              ArrayRef<NamedTensors> batches) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (llvm::all_of(main.getArgumentTypes(), [](Type type) {
        auto shaped = dyn_cast<ShapedType>(type);
        return shaped && shaped.hasStaticShape();
      }))
    return OwningOpRef<ModuleOp>();
  if (arguments.getNetwork()) {
    learning::InputShapes shapes;
    for (const auto &[name, tensor] : batches.front())
      shapes[name] = llvm::to_vector(llvm::ArrayRef<int64_t>(tensor.shape));
    auto fixed = specialize(module, shapes, module.getContext());
    if (!fixed)
      return std::nullopt;
    return fixed;
  }
  std::vector<std::string> shapes = batches.empty()
                                        ? arguments.getAll("--shape").vec()
                                        : describeShapes(batches.front());
  auto fixed =
      loadModule(arguments.getPositional(0), *module.getContext(), shapes);
  if (!fixed)
    return std::nullopt;
  return fixed;
}
