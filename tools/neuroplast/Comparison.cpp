//===- Comparison.cpp - Outputs before and after an edit -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Comparison.h"

#include "RunnableModel.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "neuroplast/Runtime/Npz.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::driver;

llvm::json::Object Comparison::toJson() const {
  if (!obstacle.empty())
    return llvm::json::Object{{"not_computed", obstacle}};
  llvm::json::Object list;
  for (const auto &[name, value] : differences)
    list[name] = value;
  return llvm::json::Object{{"inputs", hasData ? "data" : "random"},
                            {"relative_to_largest", std::move(list)}};
}

void Comparison::printSummary(llvm::raw_ostream &os) const {
  if (!obstacle.empty()) {
    os << "not compared: " << obstacle << '\n';
    return;
  }
  double largest = 0;
  for (const auto &[name, value] : differences)
    largest = std::max(largest, value);
  os << llvm::formatv("differ by up to {0:f1} % of the largest value, on {1} "
                      "inputs\n",
                      100 * largest, hasData ? "the given" : "random");
}

void Comparison::printEach(llvm::raw_ostream &os) const {
  for (const auto &[name, value] : differences)
    os << "output " << name << ": difference " << llvm::formatv("{0:f4}", value)
       << " of the largest value\n";
}

std::vector<std::string> driver::describeShapes(const NamedTensors &inputs) {
  std::vector<std::string> shapes;
  for (const auto &[name, tensor] : inputs) {
    std::string &shape = shapes.emplace_back(name + "=");
    llvm::raw_string_ostream os(shape);
    llvm::interleave(tensor.shape, os, "x");
  }
  return shapes;
}

/// Values of `--shape` that leave no size of the inputs free: those given, and
/// `freeSize`, but 1 along the first of several axes, which counts examples.
static std::vector<std::string>
chooseShapes(ModuleOp module, ArrayRef<std::string> given, int64_t freeSize) {
  std::vector<std::string> shapes(given);
  auto main = module.lookupSymbol<func::FuncOp>("main");
  llvm::StringMap<int64_t> named; // sizes of one name are one size
  for (unsigned i = 0; main && i < main.getNumArguments(); ++i) {
    auto type = dyn_cast<RankedTensorType>(main.getArgumentTypes()[i]);
    auto name = main.getArgAttrOfType<StringAttr>(i, "neuro.name");
    auto dims = main.getArgAttrOfType<ArrayAttr>(i, "neuro.dims");
    if (!type || !name || type.hasStaticShape() ||
        llvm::any_of(given, [&](StringRef entry) {
          return entry.rsplit('=').first == name.getValue();
        }))
      continue;
    std::string &shape = shapes.emplace_back(name.str() + "=");
    llvm::raw_string_ostream os(shape);
    for (int64_t axis = 0; axis < type.getRank(); ++axis) {
      int64_t size = type.getDimSize(axis);
      if (type.isDynamicDim(axis)) {
        size = axis == 0 && type.getRank() > 1 ? 1 : freeSize;
        auto label = dims ? dyn_cast<StringAttr>(dims[axis]) : StringAttr();
        if (label && !label.empty())
          size = named.try_emplace(label.getValue(), size).first->second;
      }
      os << (axis ? "x" : "") << size;
    }
  }
  return shapes;
}

/// For a model that runs once.
static CompileOptions getQuickOptions() {
  CompileOptions options;
  options.optLevel = 1;
  return options;
}

/// The first model on random inputs, which are kept; what went wrong goes to
/// `failure`.
static std::optional<NamedTensors>
runOnRandom(StringRef path, ArrayRef<std::string> shapes, uint64_t seed,
            NamedTensors &inputs, std::string &failure) {
  auto model = openModel(path, shapes, nullptr, getQuickOptions(),
                         /*compileSeconds=*/nullptr, &failure);
  if (!model)
    return std::nullopt;
  auto random = model->makeRandomInputs(seed);
  if (!random) {
    failure = llvm::toString(random.takeError());
    return std::nullopt;
  }
  auto values = model->run(*random);
  if (!values) {
    failure = llvm::toString(values.takeError());
    return std::nullopt;
  }
  inputs = std::move(*random);
  return std::move(*values);
}

Comparison driver::compareOutputs(StringRef before, StringRef after,
                                  ModuleOp module, ArrayRef<std::string> shapes,
                                  const NamedTensors &data, uint64_t seed) {
  Comparison result;
  auto fail = [&](const Twine &reason) {
    result.obstacle = reason.str();
    return std::move(result);
  };
  auto runOnGiven = [&](StringRef path,
                        std::string &failure) -> std::optional<NamedTensors> {
    NamedTensors inputs = result.inputs;
    auto model = openModel(path, {}, &inputs, getQuickOptions(),
                           /*compileSeconds=*/nullptr, &failure);
    if (!model)
      return std::nullopt;
    auto values = model->run(inputs);
    if (values)
      return std::move(*values);
    failure = llvm::toString(values.takeError());
    return std::nullopt;
  };
  result.hasData = !data.empty();
  std::optional<NamedTensors> outputs;
  std::string failure;
  if (result.hasData) {
    result.inputs = data;
    outputs = runOnGiven(before, failure);
  } else {
    // Sizes that networks have.
    for (int64_t freeSize : {32, 64, 224, 1}) {
      std::vector<std::string> all = chooseShapes(module, shapes, freeSize);
      std::string reason;
      outputs = runOnRandom(before, all, seed, result.inputs, reason);
      if (failure.empty())
        failure = reason;
      if (outputs || all.size() == shapes.size())
        break;
    }
  }
  // One line of what the compiler said is enough.
  auto explain = [&](StringRef path) {
    return "'" + path.str() +
           "' does not run: " + StringRef(failure).split('\n').first.str();
  };
  if (!outputs)
    return fail(
        explain(before) +
        (result.hasData ? "" : "; free sizes need '--shape' or '--data'"));
  std::optional<NamedTensors> edited = runOnGiven(after, failure);
  if (!edited)
    return fail(explain(after));
  for (const auto &[name, tensor] : *outputs)
    if (auto other = edited->find(name); other != edited->end())
      result.differences.emplace_back(
          name, getScaledDifference(tensor, other->second));
  return result;
}
