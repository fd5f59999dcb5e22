//===- Model.h - A model that can be run ----------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_RUNTIME_MODEL_H
#define NEUROPLAST_RUNTIME_MODEL_H

#include "neuroplast/Runtime/Abi.h"
#include "neuroplast/Runtime/Compiler.h"
#include "llvm/ADT/StringMap.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace neuroplast {

/// A dense tensor in memory, row by row.
struct HostTensor {
  int32_t dtype = 0; ///< As in the C interface.
  std::vector<int64_t> shape;
  /// Of strings these are pointers to `texts`.
  std::vector<char> bytes;
  std::shared_ptr<const std::vector<std::string>> texts;

  int64_t getNumElements() const;
  /// Makes it a tensor of strings; the shape is the caller's business.
  void setTexts(std::vector<std::string> values);
};

/// Bytes of one element; 0 for an unknown type.
int64_t getElementBytes(int32_t dtype);

/// Why a tensor cannot be what the interface describes; empty if it can.
std::string findMisfit(const NeuroplastTensorInfo &info,
                       const HostTensor &tensor);

/// The tensor as the C interface takes it; the bytes stay where they are.
NeuroplastTensor viewTensor(const HostTensor &tensor);
/// A copy of what the C interface gave.
HostTensor copyTensor(const NeuroplastTensor &tensor);

using NamedTensors = std::map<std::string, HostTensor>;

/// A loaded library, or code compiled in memory.
class Model {
public:
  virtual ~Model() = default;

  const NeuroplastModelInfo &getInfo() const { return *infoFunction(); }

  /// Runs once with inputs by name; says which are missing or unknown.
  /// It reads `params`, in the order of its info, if there are any, or else its
  /// own.
  llvm::Expected<NamedTensors>
  run(const NamedTensors &inputs,
      const std::vector<NeuroplastTensor> &params = {}) const;

  /// Lets runs read these parameters, by name, in the place of those that they
  /// read so far. Fails if the model has none of such a name, or of such a
  /// type and shape. Not while a run is under way.
  llvm::Error setParams(NamedTensors tensors);

  /// Seeded inputs: floats from -1 to 1, zeros of other types. `shapes` are
  /// those of inputs by name; without, sizes that are not fixed become 1. Fails
  /// for names of no input and for inputs of more than a gigabyte.
  llvm::Expected<NamedTensors> makeRandomInputs(
      uint64_t seed,
      llvm::StringMap<llvm::SmallVector<int64_t>> shapes = {}) const;

  /// Inputs in the order of the model, for repeated runs.
  llvm::Expected<std::vector<NeuroplastTensor>>
  bindInputs(const NamedTensors &inputs) const;
  llvm::Error runBound(const std::vector<NeuroplastTensor> &inputs,
                       std::vector<NeuroplastTensor> &outputs) const;
  /// The same with parameters in the place of those of the model, in the order
  /// of its info.
  llvm::Error runBound(const std::vector<NeuroplastTensor> &inputs,
                       std::vector<NeuroplastTensor> &outputs,
                       const std::vector<NeuroplastTensor> &params) const;
  void release(std::vector<NeuroplastTensor> &outputs) const;
  /// The parameters that runs read, in the order of the model's info.
  llvm::ArrayRef<NeuroplastTensor> getParams() const {
    return {paramsFunction(), static_cast<size_t>(getInfo().num_params)};
  }

  /// What the time of all runs went into; empty if the model was not compiled
  /// for that.
  virtual std::vector<ProfiledPart> getProfile() const { return {}; }

protected:
  const NeuroplastModelInfo *(*infoFunction)() = nullptr;
  NeuroplastTensor *(*paramsFunction)() = nullptr;
  int32_t (*runFunction)(const NeuroplastRun *) = nullptr;
  void (*freeFunction)(void *) = nullptr;
  const char *(*errorFunction)() = nullptr;

private:
  NamedTensors params; ///< Those that were set.
};

/// Loads a shared library that `compile` wrote.
llvm::Expected<std::unique_ptr<Model>> loadLibrary(llvm::StringRef path);

/// Makes compiled code executable in this process. The model keeps `context`,
/// in which its parameters live. The code may call functions, by name.
llvm::Expected<std::unique_ptr<Model>>
loadInMemory(CompiledModel compiled,
             std::unique_ptr<mlir::MLIRContext> context = nullptr,
             llvm::ArrayRef<std::pair<llvm::StringRef, void *>> functions = {});

} // namespace neuroplast

#endif // NEUROPLAST_RUNTIME_MODEL_H
