//===- CalibrationData.cpp - Data that a command is given -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CalibrationData.h"
#include "Comparison.h"
#include "Modules.h"
#include "neuroplast/Calibration/Batches.h"
#include "neuroplast/Runtime/Npz.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::driver;

OptionSpec neuroplast::driver::getBatchOption() {
  return {"--batch", "N",
          "most examples of the data to run at once (8); 0 runs all of them"};
}

std::optional<std::vector<NamedTensors>>
neuroplast::driver::readBatches(const Arguments &arguments, ModuleOp module) {
  if (!arguments.has("--data"))
    return std::vector<NamedTensors>();
  std::optional<int64_t> most = arguments.getInteger("--batch", 8);
  if (!most)
    return std::nullopt;
  StringRef path = arguments.get("--data");
  auto data = readNpz(path);
  if (!data) {
    reportError(llvm::toString(data.takeError()));
    return std::nullopt;
  }
  auto batches = calibration::makeBatches(
      module.lookupSymbol<func::FuncOp>("main"), *data, *most);
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
  std::vector<std::string> shapes = batches.empty()
                                        ? arguments.getAll("--shape").vec()
                                        : describeShapes(batches.front());
  auto fixed =
      loadModule(arguments.getPositional(0), *module.getContext(), shapes);
  if (!fixed)
    return std::nullopt;
  return fixed;
}
