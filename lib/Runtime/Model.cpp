//===- Model.cpp - A model that can be run --------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Runtime/Model.h"

#include "Support/profile.h"

#include "neuroplast/Dialect/Neuro/IR/TensorTypes.h"
#include "neuroplast/Support/Suggestion.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/APInt.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"

#include <dlfcn.h>
#include <random>

using namespace neuroplast;

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

int64_t HostTensor::getNumElements() const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

int64_t neuroplast::getElementBytes(int32_t dtype) {
  switch (dtype) {
  case NEUROPLAST_BOOL:
  case NEUROPLAST_INT8:
  case NEUROPLAST_UINT8:
  case NEUROPLAST_FLOAT8E4M3FN:
  case NEUROPLAST_FLOAT8E4M3FNUZ:
  case NEUROPLAST_FLOAT8E5M2:
  case NEUROPLAST_FLOAT8E5M2FNUZ:
    return 1;
  case NEUROPLAST_FLOAT16:
  case NEUROPLAST_BFLOAT16:
  case NEUROPLAST_INT16:
  case NEUROPLAST_UINT16:
    return 2;
  case NEUROPLAST_FLOAT32:
  case NEUROPLAST_INT32:
  case NEUROPLAST_UINT32:
    return 4;
  case NEUROPLAST_FLOAT64:
  case NEUROPLAST_INT64:
  case NEUROPLAST_UINT64:
  case NEUROPLAST_STRING:
    return 8;
  default:
    return 0;
  }
}

void HostTensor::setTexts(std::vector<std::string> values) {
  texts = std::make_shared<const std::vector<std::string>>(std::move(values));
  dtype = NEUROPLAST_STRING;
  bytes.clear();
  for (const std::string &text : *texts) {
    const char *pointer = text.c_str();
    const char *raw = reinterpret_cast<const char *>(&pointer);
    bytes.insert(bytes.end(), raw, raw + sizeof pointer);
  }
}

NeuroplastTensor neuroplast::viewTensor(const HostTensor &tensor) {
  NeuroplastTensor result = {};
  // The interface does not write to inputs.
  result.data = const_cast<char *>(tensor.bytes.data());
  result.capacity = static_cast<int64_t>(tensor.bytes.size());
  result.dtype = tensor.dtype;
  result.rank = static_cast<int32_t>(tensor.shape.size());
  std::copy(tensor.shape.begin(), tensor.shape.end(), result.shape);
  return result;
}

HostTensor neuroplast::copyTensor(const NeuroplastTensor &tensor) {
  HostTensor result;
  result.dtype = tensor.dtype;
  result.shape.assign(tensor.shape, tensor.shape + tensor.rank);
  int64_t count = result.getNumElements();
  if (result.dtype == NEUROPLAST_STRING) {
    auto *texts = static_cast<const char *const *>(tensor.data);
    result.setTexts({texts, texts + count});
    return result;
  }
  const char *data = static_cast<const char *>(tensor.data);
  result.bytes.assign(data, data + count * getElementBytes(result.dtype));
  return result;
}

static std::vector<llvm::StringRef>
getInputNames(const NeuroplastModelInfo &info) {
  std::vector<llvm::StringRef> names;
  for (int32_t i = 0; i < info.num_inputs; ++i)
    names.emplace_back(info.inputs[i].name);
  return names;
}

static bool isFloat8(int32_t dtype) {
  return dtype >= NEUROPLAST_FLOAT8E4M3FN && dtype <= NEUROPLAST_FLOAT8E5M2FNUZ;
}

llvm::Expected<std::vector<NeuroplastTensor>>
Model::bindInputs(const NamedTensors &inputs) const {
  const NeuroplastModelInfo &info = getInfo();
  std::vector<NeuroplastTensor> bound;
  std::string problems;
  for (int32_t i = 0; i < info.num_inputs; ++i)
    if (!inputs.count(info.inputs[i].name))
      problems += std::string(problems.empty() ? "" : ", ") + "input '" +
                  info.inputs[i].name + "' is missing";
  for (const auto &entry : inputs) {
    bool isKnown = false;
    for (int32_t i = 0; i < info.num_inputs; ++i)
      isKnown |= entry.first == info.inputs[i].name;
    if (!isKnown)
      problems += std::string(problems.empty() ? "" : ", ") +
                  "the model has no input '" + entry.first + "'" +
                  suggest(entry.first, getInputNames(info));
  }
  if (!problems.empty())
    return makeError(problems);
  for (int32_t i = 0; i < info.num_inputs; ++i) {
    auto it = inputs.find(info.inputs[i].name);
    const HostTensor &host = it->second;
    if (host.shape.size() > NEUROPLAST_MAX_RANK)
      return makeError("input '" + it->first + "' has too many axes");
    NeuroplastTensor tensor = viewTensor(host);
    // numpy has no names for 8-bit floats: the bytes are of the type asked for.
    int32_t asked = info.inputs[i].dtype;
    if (isFloat8(host.dtype) && isFloat8(asked))
      tensor.dtype = asked;
    bound.push_back(tensor);
  }
  return bound;
}

llvm::Error Model::runBound(const std::vector<NeuroplastTensor> &inputs,
                            std::vector<NeuroplastTensor> &outputs) const {
  return runBound(inputs, outputs, {});
}

llvm::Error Model::runBound(const std::vector<NeuroplastTensor> &inputs,
                            std::vector<NeuroplastTensor> &outputs,
                            const std::vector<NeuroplastTensor> &params) const {
  NeuroplastRun run = {};
  run.inputs = inputs.data();
  run.outputs = outputs.data();
  if (!params.empty())
    run.params = params.data();
  if (int32_t code = runFunction(&run))
    return makeError("run failed with code " + llvm::Twine(code) + ": " +
                     errorFunction());
  return llvm::Error::success();
}

void Model::release(std::vector<NeuroplastTensor> &outputs) const {
  for (NeuroplastTensor &output : outputs) {
    freeFunction(output.data);
    output.data = nullptr;
  }
}

llvm::Expected<NamedTensors>
Model::run(const NamedTensors &inputs,
           const std::vector<NeuroplastTensor> &params) const {
  const NeuroplastModelInfo &info = getInfo();
  auto bound = bindInputs(inputs);
  if (!bound)
    return bound.takeError();
  std::vector<NeuroplastTensor> outputs(info.num_outputs);
  if (llvm::Error error = runBound(*bound, outputs, params)) {
    release(outputs);
    return std::move(error);
  }
  NamedTensors results;
  for (int32_t i = 0; i < info.num_outputs; ++i)
    results[info.outputs[i].name] = copyTensor(outputs[i]);
  release(outputs);
  return results;
}

std::string neuroplast::findMisfit(const NeuroplastTensorInfo &info,
                                   const HostTensor &tensor) {
  if (tensor.dtype != info.dtype)
    return "has another element type";
  if (static_cast<int32_t>(tensor.shape.size()) != info.rank)
    return "has another rank";
  for (int32_t axis = 0; axis < info.rank; ++axis)
    if (info.shape[axis] >= 0 && tensor.shape[axis] != info.shape[axis])
      return llvm::formatv("has size {0} along axis {1}, expected {2}",
                           tensor.shape[axis], axis, info.shape[axis]);
  return "";
}

llvm::Error Model::setParams(NamedTensors tensors) {
  const NeuroplastModelInfo &info = getInfo();
  std::map<std::string, int32_t> places;
  for (int32_t i = 0; i < info.num_params; ++i)
    places[info.params[i].name] = i;
  for (const auto &[name, tensor] : tensors) {
    auto it = places.find(name);
    if (it == places.end())
      return makeError("'" + name +
                       "' is no parameter that the model was compiled to be "
                       "given");
    std::string misfit = findMisfit(info.params[it->second], tensor);
    if (!misfit.empty())
      return makeError("parameter '" + name + "' " + misfit);
  }
  for (auto &[name, tensor] : tensors) {
    HostTensor &kept = params[name];
    kept = std::move(tensor);
    paramsFunction()[places[name]] = viewTensor(kept);
  }
  return llvm::Error::success();
}

/// How a float type of the interface is laid out; null for other types.
static const llvm::fltSemantics *getSemantics(int32_t dtype) {
  switch (dtype) {
  case NEUROPLAST_FLOAT32:
    return &llvm::APFloat::IEEEsingle();
  case NEUROPLAST_FLOAT64:
    return &llvm::APFloat::IEEEdouble();
  case NEUROPLAST_FLOAT16:
    return &llvm::APFloat::IEEEhalf();
  case NEUROPLAST_BFLOAT16:
    return &llvm::APFloat::BFloat();
  default:
    return nullptr;
  }
}

llvm::Expected<NamedTensors> Model::makeRandomInputs(
    uint64_t seed, llvm::StringMap<llvm::SmallVector<int64_t>> shapes) const {
  // More is not worth making up.
  constexpr int64_t kMostBytes = int64_t(1) << 30;
  const NeuroplastModelInfo &info = getInfo();
  std::mt19937_64 generator(seed);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  NamedTensors inputs;
  for (int32_t i = 0; i < info.num_inputs; ++i) {
    const NeuroplastTensorInfo &input = info.inputs[i];
    HostTensor &tensor = inputs[input.name];
    tensor.dtype = input.dtype;
    if (auto given = shapes.find(input.name); given != shapes.end()) {
      tensor.shape.assign(given->second.begin(), given->second.end());
      shapes.erase(given);
    } else {
      for (int32_t axis = 0; axis < input.rank; ++axis)
        tensor.shape.push_back(input.shape[axis] < 0 ? 1 : input.shape[axis]);
    }
    int64_t bytes = neuro::mulSizes(input.element_bytes,
                                    neuro::countElements(tensor.shape));
    if (bytes > kMostBytes)
      return makeError("input '" + llvm::Twine(input.name) +
                       "' takes more than a gigabyte, which no random numbers "
                       "are made for");
    if (input.dtype == NEUROPLAST_STRING) {
      tensor.setTexts(std::vector<std::string>(tensor.getNumElements()));
      continue;
    }
    // Zeros for all but floats: any other number may be an index out of range.
    tensor.bytes.assign(bytes, 0);
    const llvm::fltSemantics *semantics = getSemantics(input.dtype);
    if (!semantics)
      continue;
    for (int64_t at = 0; at < bytes; at += input.element_bytes) {
      llvm::APFloat value(uniform(generator));
      bool isInexact = false;
      value.convert(*semantics, llvm::APFloat::rmNearestTiesToEven, &isInexact);
      uint64_t bits = value.bitcastToAPInt().getZExtValue();
      memcpy(tensor.bytes.data() + at, &bits, input.element_bytes);
    }
  }
  if (!shapes.empty())
    return makeError("the model has no input '" + shapes.begin()->first() +
                     "'" +
                     suggest(shapes.begin()->first(), getInputNames(info)));
  return inputs;
}

namespace {

class LibraryModel : public Model {
public:
  ~LibraryModel() override {
    if (handle)
      dlclose(handle);
  }
  llvm::Error open(llvm::StringRef path) {
    llvm::SmallString<128> absolute(path);
    if (std::error_code code = llvm::sys::fs::make_absolute(absolute))
      return makeError(code.message());
    handle = dlopen(absolute.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle)
      return makeError(llvm::Twine("cannot be loaded: ") + dlerror());
    auto find = [&](const char *name, auto &function) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(
          dlsym(handle, name));
      return function != nullptr;
    };
    if (!find("neuroplast_info", infoFunction))
      return makeError("is no compiled model");
    if (getInfo().abi_version != NEUROPLAST_ABI_VERSION)
      return makeError("has interface version " +
                       llvm::Twine(getInfo().abi_version) + ", expected " +
                       llvm::Twine(NEUROPLAST_ABI_VERSION));
    if (!find("neuroplast_run_with", runFunction) ||
        !find("neuroplast_params", paramsFunction) ||
        !find("neuroplast_free", freeFunction) ||
        !find("neuroplast_error", errorFunction))
      return makeError("is no compiled model");
    return llvm::Error::success();
  }

private:
  void *handle = nullptr;
};

class JitModel : public Model {
public:
  JitModel(CompiledModel compiled, std::unique_ptr<mlir::MLIRContext> context)
      : context(std::move(context)), compiled(std::move(compiled)) {}

  /// Nothing runs the destructors of code in memory but this.
  ~JitModel() override {
    if (closeFunction)
      closeFunction();
  }

  llvm::Error
  load(llvm::ArrayRef<std::pair<llvm::StringRef, void *>> functions) {
    auto built = llvm::orc::LLJITBuilder().create();
    if (!built)
      return built.takeError();
    jit = std::move(*built);
    llvm::orc::JITDylib &library = jit->getMainJITDylib();
    auto process =
        llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
            jit->getDataLayout().getGlobalPrefix());
    if (!process)
      return process.takeError();
    library.addGenerator(std::move(*process));
    if (compiled.needsOpenMP) {
      auto openMP = llvm::orc::DynamicLibrarySearchGenerator::Load(
          openMPLibrary, jit->getDataLayout().getGlobalPrefix());
      if (!openMP)
        return openMP.takeError();
      library.addGenerator(std::move(*openMP));
    }
    llvm::orc::SymbolMap symbols;
    for (const ParamData &param : compiled.params)
      symbols[jit->mangleAndIntern(param.symbol)] = {
          llvm::orc::ExecutorAddr::fromPtr(param.bytes.data()),
          llvm::JITSymbolFlags::Exported};
    for (auto [name, function] : functions)
      symbols[jit->mangleAndIntern(name)] = {
          llvm::orc::ExecutorAddr::fromPtr(function),
          llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
    if (llvm::Error error =
            library.define(llvm::orc::absoluteSymbols(std::move(symbols))))
      return error;
    for (std::unique_ptr<llvm::MemoryBuffer> &object : compiled.objects)
      if (llvm::Error error = jit->addObjectFile(std::move(object)))
        return error;
    llvm::Error error = llvm::Error::success();
    auto find = [&](const char *name, auto &function) {
      auto address = jit->lookup(name);
      if (!address) {
        error = llvm::joinErrors(std::move(error), address.takeError());
        return;
      }
      function = address->toPtr<std::remove_reference_t<decltype(function)>>();
    };
    find("neuroplast_info", infoFunction);
    find("neuroplast_run_with", runFunction);
    find("neuroplast_params", paramsFunction);
    find("neuroplast_free", freeFunction);
    find("neuroplast_error", errorFunction);
    find("neuroplast_close", closeFunction);
    if (!compiled.profile.empty())
      find("neuroplast_profile", profileFunction);
    return error;
  }

  std::vector<ProfiledPart> getProfile() const override {
    std::vector<ProfiledPart> profile;
    for (const ProfileEntry &entry : compiled.profile) {
      const NeuroplastTime &time = profileFunction()[profile.size()];
      profile.push_back({entry, time.nanoseconds, time.calls});
    }
    return profile;
  }

private:
  std::unique_ptr<mlir::MLIRContext> context; // outlives the module
  CompiledModel compiled;                     // owns the parameters' bytes
  std::unique_ptr<llvm::orc::LLJIT> jit;
  void (*closeFunction)() = nullptr;
  const NeuroplastTime *(*profileFunction)() = nullptr;
};

} // namespace

llvm::Expected<std::unique_ptr<Model>>
neuroplast::loadLibrary(llvm::StringRef path) {
  auto model = std::make_unique<LibraryModel>();
  if (llvm::Error error = model->open(path))
    return std::move(error);
  return model;
}

llvm::Expected<std::unique_ptr<Model>> neuroplast::loadInMemory(
    CompiledModel compiled, std::unique_ptr<mlir::MLIRContext> context,
    llvm::ArrayRef<std::pair<llvm::StringRef, void *>> functions) {
  auto model =
      std::make_unique<JitModel>(std::move(compiled), std::move(context));
  if (llvm::Error error = model->load(functions))
    return std::move(error);
  return model;
}
