//===- Session.h - What the Python package calls ----------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Exceptions and plain types on this side, errors and those of LLVM behind it:
// the two are compiled in different ways.
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_PYTHON_SESSION_H
#define NEUROPLAST_PYTHON_SESSION_H

#include "neuroplast/Runtime/Abi.h"

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace neuroplast::python {

/// What went wrong, as the driver would say it.
class Failure : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// An input or an output; sizes that runs decide are -1.
struct TensorInfo {
  std::string name;
  int32_t dtype;
  std::vector<int64_t> shape;
};

/// A tensor that nobody else holds.
struct OwnedTensor {
  int32_t dtype;
  std::vector<int64_t> shape;
  std::vector<char> bytes;
};

using NamedViews = std::vector<std::pair<std::string, NeuroplastTensor>>;

/// A model that was compiled, in this process or to a library.
class Function {
public:
  /// Compiles an ONNX or MLIR file, or loads a library. `shapes` are as those
  /// of the option `--shape`.
  Function(const std::string &path, const std::vector<std::string> &shapes,
           unsigned threads);
  ~Function();

  const std::vector<TensorInfo> &getInputs() const { return inputs; }
  const std::vector<TensorInfo> &getOutputs() const { return outputs; }
  /// Runs on inputs in their order. The data of the results belong to the
  /// caller, who gives them back by `release`.
  std::vector<NeuroplastTensor>
  run(const std::vector<NeuroplastTensor> &given) const;
  void release(void *data) const;

private:
  struct State;
  std::unique_ptr<State> state;
  std::vector<TensorInfo> inputs, outputs;
};

/// A network that learns in memory; see neuroplast/Learning/Learner.h.
class LearningSession {
public:
  /// Reads a model file; `options` are words that the command `train` takes.
  LearningSession(const std::string &path,
                  const std::vector<std::string> &options);
  ~LearningSession();

  std::vector<std::pair<std::string, OwnedTensor>>
  act(const NamedViews &inputs);
  /// The loss, and of classes the share that was right, before the step.
  std::pair<double, std::optional<double>> learn(const NamedViews &examples);
  /// Changes the structure by a command and its options.
  void edit(const std::vector<std::string> &words);
  void save(const std::string &path, bool withStates);
  int64_t getNumSteps() const;
  int64_t countParameters();

private:
  struct State;
  std::unique_ptr<State> state;
};

} // namespace neuroplast::python

#endif // NEUROPLAST_PYTHON_SESSION_H
