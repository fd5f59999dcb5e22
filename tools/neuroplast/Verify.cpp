//===- Verify.cpp - neuroplast verify -------------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "Modules.h"
#include "RunnableModel.h"

#include "neuroplast/Runtime/Npz.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/Format.h"

#include <cmath>

using namespace neuroplast;
using namespace neuroplast::driver;

std::vector<double> neuroplast::driver::getNumbers(const HostTensor &tensor) {
  std::vector<double> numbers;
  int64_t width = getElementBytes(tensor.dtype);
  for (size_t at = 0; at + width <= tensor.bytes.size(); at += width) {
    uint64_t bits = 0;
    memcpy(&bits, tensor.bytes.data() + at, width);
    const llvm::fltSemantics *semantics = nullptr;
    switch (tensor.dtype) {
    case NEUROPLAST_FLOAT16:
      semantics = &llvm::APFloat::IEEEhalf();
      break;
    case NEUROPLAST_BFLOAT16:
      semantics = &llvm::APFloat::BFloat();
      break;
    case NEUROPLAST_FLOAT32:
      semantics = &llvm::APFloat::IEEEsingle();
      break;
    case NEUROPLAST_FLOAT64:
      semantics = &llvm::APFloat::IEEEdouble();
      break;
    case NEUROPLAST_INT8:
    case NEUROPLAST_INT16:
    case NEUROPLAST_INT32:
    case NEUROPLAST_INT64:
      numbers.push_back(
          static_cast<double>(llvm::SignExtend64(bits, width * 8)));
      continue;
    default:
      numbers.push_back(static_cast<double>(bits));
      continue;
    }
    llvm::APFloat value(*semantics, llvm::APInt(width * 8, bits));
    bool lossy = false;
    value.convert(llvm::APFloat::IEEEdouble(),
                  llvm::APFloat::rmNearestTiesToEven, &lossy);
    numbers.push_back(value.convertToDouble());
  }
  return numbers;
}

double neuroplast::driver::getScaledDifference(const HostTensor &a,
                                               const HostTensor &b) {
  if (a.dtype != b.dtype || a.shape != b.shape)
    return INFINITY;
  double largest = 0, scale = 0;
  for (auto [x, y] : llvm::zip_equal(getNumbers(a), getNumbers(b))) {
    bool same = x == y || (std::isnan(x) && std::isnan(y));
    double difference = same ? 0 : std::abs(x - y);
    largest = std::max(largest, std::isnan(difference) ? INFINITY : difference);
    scale = std::max(scale, std::abs(x));
  }
  return scale > 0 ? largest / scale : largest;
}

/// Prints one line; returns whether the tensors agree.
static bool compare(llvm::StringRef name, const HostTensor &a,
                    const HostTensor &b, double relativeTolerance,
                    double absoluteTolerance) {
  llvm::outs() << name << ": ";
  if (a.dtype != b.dtype || a.shape != b.shape) {
    llvm::outs() << "element type or shape differ\n";
    return false;
  }
  std::vector<double> left = getNumbers(a), right = getNumbers(b);
  double largest = 0, relative = 0;
  size_t beyond = 0;
  for (auto [x, y] : llvm::zip_equal(left, right)) {
    if (x == y || (std::isnan(x) && std::isnan(y)))
      continue;
    double difference = std::abs(x - y);
    // NaN against a number is beyond any tolerance.
    if (!(difference <= absoluteTolerance + relativeTolerance * std::abs(x)))
      ++beyond;
    largest = std::max(largest, std::isnan(difference) ? INFINITY : difference);
    if (x != 0)
      relative = std::max(relative, difference / std::abs(x));
  }
  llvm::outs() << llvm::format("max difference %.3g (relative %.3g), "
                               "%zu of %zu elements beyond tolerance\n",
                               largest, relative, beyond, left.size());
  return beyond == 0;
}

static int runVerify(const Arguments &arguments) {
  std::optional<double> rtol = arguments.getNumber("--rtol", 1e-3);
  std::optional<double> atol = arguments.getNumber("--atol", 1e-5);
  if (!rtol || !atol)
    return 1;
  if (!arguments.has("--inputs"))
    return reportError("'verify' needs '--inputs FILE.npz'");
  auto arrays = readNpz(arguments.get("--inputs"));
  if (!arrays)
    return reportError(llvm::toString(arrays.takeError()));
  NamedTensors results[2];
  for (unsigned i = 0; i < 2; ++i) {
    llvm::StringRef path = arguments.getPositional(i);
    NamedTensors inputs = *arrays;
    auto model = openModel(path, {}, &inputs);
    if (!model)
      return 1;
    auto outputs = model->run(inputs);
    if (!outputs)
      return reportError(path, outputs.takeError());
    results[i] = std::move(*outputs);
  }
  bool agree = true;
  for (unsigned i = 0; i < 2; ++i)
    for (const auto &entry : results[i])
      if (!results[1 - i].count(entry.first)) {
        llvm::outs() << entry.first << ": only in "
                     << arguments.getPositional(i) << "\n";
        agree = false;
      }
  for (const auto &[name, tensor] : results[0])
    if (auto other = results[1].find(name); other != results[1].end())
      agree &= compare(name, tensor, other->second, *rtol, *atol);
  return agree ? 0 : 1;
}

Command neuroplast::driver::getVerifyCommand() {
  return {{"verify",
           "compare the outputs of two models",
           {"FIRST", "SECOND"},
           {{"--inputs", "FILE.npz", "input arrays by input name"},
            {"--rtol", "R", "tolerance relative to the first model (1e-3)"},
            {"--atol", "A", "absolute tolerance (1e-5)"}}},
          runVerify};
}
