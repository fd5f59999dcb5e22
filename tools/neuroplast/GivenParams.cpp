//===- GivenParams.cpp - Parameters that a run is given -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GivenParams.h"

#include "Modules.h"
#include "RunnableModel.h"
#include "neuroplast/Learning/ParamTensors.h"
#include "neuroplast/Runtime/Npz.h"
#include "neuroplast/Structure/Edits/OpenParams.h"

using namespace neuroplast;
using namespace neuroplast::driver;
using llvm::ArrayRef;

static llvm::ArrayRef<int64_t> getShape(const NeuroplastTensorInfo &info) {
  return {info.shape, static_cast<size_t>(info.rank)};
}

/// The shapes that a model was compiled for.
static learning::InputShapes getFixedShapes(const NeuroplastModelInfo &info) {
  learning::InputShapes shapes;
  for (int32_t i = 0; i < info.num_inputs; ++i) {
    ArrayRef<int64_t> shape = getShape(info.inputs[i]);
    if (llvm::any_of(shape, [](int64_t size) { return size < 0; }))
      continue;
    shapes[info.inputs[i].name] = llvm::SmallVector<int64_t>(shape);
  }
  return shapes;
}

/// The parameters of a model that is the compiled one but for them.
static std::optional<NamedTensors> readModel(const NeuroplastModelInfo &info,
                                             llvm::StringRef path) {
  mlir::MLIRContext context(makeRegistry(),
                            mlir::MLIRContext::Threading::DISABLED);
  ImportOptions options;
  if (isOnnxFile(path))
    options.inputShapes = getFixedShapes(info);
  auto module = loadModule(path, context, options);
  if (!module)
    return std::nullopt;
  llvm::StringMap<llvm::SmallVector<int64_t>> shapes;
  for (int32_t i = 0; i < info.num_params; ++i)
    shapes[info.params[i].name] =
        llvm::SmallVector<int64_t>(getShape(info.params[i]));
  if (mlir::failed(structure::openParams(*module, shapes)))
    return std::nullopt;
  if (computeFingerprint(*module) != info.fingerprint) {
    reportError(path + ": differs from the compiled model in more than the "
                       "parameters that may change");
    return std::nullopt;
  }
  return learning::readParamArguments(*module);
}

llvm::LogicalResult driver::giveParams(Model &model, llvm::StringRef path) {
  const NeuroplastModelInfo &info = model.getInfo();
  if (info.num_params == 0) {
    reportError("'--params' needs a library that was compiled with "
                "'--growable'");
    return llvm::failure();
  }
  std::optional<NamedTensors> tensors;
  if (path.ends_with(".npz")) {
    auto arrays = readNpz(path);
    if (arrays)
      tensors = std::move(*arrays);
    else
      reportError(llvm::toString(arrays.takeError()));
  } else {
    tensors = readModel(info, path);
  }
  if (!tensors)
    return llvm::failure();
  if (llvm::Error error = model.setParams(std::move(*tensors)))
    return reportError(path, std::move(error)), llvm::failure();
  return llvm::success();
}
