//===- Derive.cpp - Students made of teachers -----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Derive.h"
#include "Commands.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"

using namespace neuroplast::driver;

std::optional<Derivation> Derivation::parse(llvm::StringRef text) {
  Derivation derivation;
  llvm::SmallVector<llvm::StringRef> parts;
  text.split(parts, ' ', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  bool isRight = !parts.empty();
  for (llvm::StringRef part : parts) {
    auto [name, share] = part.split('=');
    double *place = llvm::StringSwitch<double *>(name)
                        .Case("depth", &derivation.depth)
                        .Case("width", &derivation.width)
                        .Case("rank", &derivation.rank)
                        .Default(nullptr);
    isRight &= place && !share.getAsDouble(*place) && *place > 0 && *place <= 1;
  }
  if (isRight)
    return derivation;
  reportError("'" + text +
              "' is no list as 'width=0.5 depth=0.7 rank=0.5', of shares above "
              "0 and up to 1");
  return std::nullopt;
}

int Derivation::carryOut(const std::string &model, const std::string &data,
                         const std::string &target) const {
  auto percent = [](double share) {
    return llvm::formatv("{0:f4}%", 100 * share).str();
  };
  std::vector<std::vector<std::string>> steps;
  if (depth < 1)
    steps.push_back({"shorten", "--blocks", percent(1 - depth)});
  if (width < 1)
    steps.push_back({"prune", "--ratio", llvm::formatv("{0:f6}", 1 - width)});
  if (rank < 1)
    steps.push_back({"factorize", "--rank", percent(rank)});
  // Of one file another is made, and the last one is the result.
  std::string current = model;
  for (auto &&[number, step] : llvm::enumerate(steps)) {
    std::string next = target;
    if (number + 1 < steps.size())
      next += "." + std::to_string(number) + ".onnx";
    step.insert(step.end(),
                {current, "--data", data, "--no-compare", "-o", next});
    int code = runCommand(step);
    if (current != model)
      llvm::sys::fs::remove(current);
    if (code)
      return code;
    current = next;
  }
  if (steps.empty())
    return reportError("'--derive' leaves everything as it is");
  return 0;
}
