//===- CycleSignals.cpp - What decides in the course of a cycle -----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "CycleRun.h"
#include "GradientSums.h"
#include "Modules.h"
#include "RunnableModel.h"

#include "neuroplast/Calibration/Calibrate.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"

using namespace neuroplast;
using namespace neuroplast::driver;
using plasticity::Condition;
using plasticity::Phase;
using plasticity::Signal;

bool Cycle::decide(const Phase &phase) {
  llvm::json::Object line;
  bool holds = true;
  llvm::outs() << phase.place << ": when";
  for (const Condition &condition : phase.conditions) {
    std::optional<double> number = measure(condition);
    if (!number)
      return false;
    llvm::StringRef name = getName(condition.signal);
    llvm::outs() << llvm::formatv(" {0} is {1:f4}", name, *number);
    line[name] = *number;
    holds &= condition.holdsFor(*number);
  }
  llvm::outs() << (holds ? ": yes\n" : ": no\n");
  line["holds"] = holds;
  return log("when", phase.place, 0, std::move(line)) &&
         perform(phase.parts[holds ? 0 : 1]);
}

std::optional<double> Cycle::measure(const Condition &condition) {
  auto fail = [&](const llvm::Twine &reason) -> std::optional<double> {
    return reportError(getName(condition.signal) + ": " + reason), std::nullopt;
  };
  const Stage &then = marks[condition.since];
  // What other commands write for a look at it.
  llvm::SmallString<128> path(folder);
  llvm::sys::path::append(path, "signal.npz");
  llvm::FileRemover remover(path);
  mlir::MLIRContext context(makeRegistry(),
                            mlir::MLIRContext::Threading::DISABLED);
  auto load = [&](const Stage &stage) {
    return loadModule(stage.path, context, {data->getForm(1).inputs, {}});
  };
  auto readStatistics = [&](std::vector<std::string> more)
      -> std::optional<structure::Statistics> {
    std::vector<std::string> words{"calibrate", now.path, "--data",
                                   inputs,      "-o",     path.str().str()};
    llvm::append_range(words, more);
    if (runCommand(words) != 0)
      return std::nullopt;
    auto statistics = calibration::readStatistics(path);
    if (!statistics)
      return reportError(path, statistics.takeError()), std::nullopt;
    return std::move(*statistics);
  };
  switch (condition.signal) {
  case Signal::Loss:
    return now.score->loss;
  case Signal::Accuracy:
    return now.score->accuracy ? now.score->accuracy
                               : fail("the loss knows no classes");
  case Signal::Progress:
    return 1 - now.score->loss / then.score->loss;
  case Signal::Drift: {
    auto former = load(then), module = load(now);
    if (!former || !module)
      return std::nullopt;
    auto drift = plasticity::measureDrift(*former, *module);
    return mlir::succeeded(drift) ? std::optional(*drift) : std::nullopt;
  }
  case Signal::Dormant: {
    auto module = load(now);
    auto statistics = readStatistics({});
    if (!module || !statistics)
      return std::nullopt;
    auto share = plasticity::measureDormantShare(*module, *statistics);
    return mlir::succeeded(share) ? std::optional(*share) : std::nullopt;
  }
  case Signal::Rank: {
    auto statistics = readStatistics({"--products"});
    if (!statistics)
      return std::nullopt;
    return plasticity::measureRank(*statistics);
  }
  case Signal::Gain: {
    if (!writeGradients(path))
      return std::nullopt;
    auto gradients = readGradients(path.str().str());
    if (!gradients)
      return std::nullopt;
    return plasticity::measureGain(*gradients);
  }
  }
  llvm_unreachable("all signals are covered");
}
