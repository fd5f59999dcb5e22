//===- EvaluatedPrune.cpp - Cuts that an evaluation allows ----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "EvaluatedPrune.h"
#include "Evaluation.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::driver;
using namespace neuroplast::structure;

namespace {

/// Cuts as much as an evaluation allows.
class EvaluatedPrune {
public:
  EvaluatedPrune(StructureCommand &command, const Arguments &arguments,
                 const PruneOptions &options)
      : command(command), arguments(arguments), options(options),
        evaluation(arguments.get("--eval")) {}

  /// The exit code: 2 if no cut is allowed.
  int run(PruneOutcome &result) {
    std::optional<double> most = arguments.getNumber("--max-drop", INFINITY);
    if (!most)
      return 1;
    auto before = evaluate(evaluation, command.getInput());
    if (!before)
      return 1;
    auto whole = attempt(1);
    if (!whole)
      return 1;
    // The share of the cut asked for that is allowed, and one that is not.
    double allowed = 0, refused = 1, last = 1;
    double after = *whole;
    auto judge = [&](double share, double score) {
      if (*before - score <= *most) {
        allowed = share;
        after = score;
      } else {
        refused = share;
      }
    };
    judge(1, *whole);
    for (int step = 0; step < kSteps && allowed < 1; ++step) {
      last = (allowed + refused) / 2;
      auto score = attempt(last);
      if (!score)
        return 1;
      judge(last, *score);
    }
    if (allowed == 0) {
      reportError("no cut keeps the drop of '" + evaluation + "' from " +
                  llvm::formatv("{0} below {1}", *before, *most).str());
      return 2;
    }
    if (last != allowed && !cut(allowed))
      return 1;
    command.setAccuracy(*before, after);
    result = std::move(outcome);
    return 0;
  }

private:
  /// How often the range of shares is halved.
  static constexpr int kSteps = 5;

  /// Cuts a share of what is asked for.
  bool cut(double share) {
    PruneOptions some = options;
    if (auto &target = some.allocation.target) {
      double whole = target->isShare ? 1 : before;
      if (share < 1)
        target->value = whole - share * (whole - target->value);
    } else {
      some.allocation.ratio *= share;
    }
    if (!command.load())
      return false;
    Progress progress("pruning " + command.getInput());
    FailureOr<PruneOutcome> done =
        pruneModel(command, arguments, some, progress);
    if (failed(done))
      return false;
    outcome = std::move(*done);
    if (outcome.report.target)
      before = outcome.report.target->before;
    return true;
  }

  std::optional<double> attempt(double share) {
    if (!cut(share))
      return std::nullopt;
    return evaluate(evaluation, command.getModule());
  }

  StructureCommand &command;
  const Arguments &arguments;
  const PruneOptions &options;
  StringRef evaluation;
  /// Of the measure of an absolute target.
  double before = 0;
  PruneOutcome outcome;
};

} // namespace

int neuroplast::driver::pruneAsEvaluated(StructureCommand &command,
                                         const Arguments &arguments,
                                         const PruneOptions &options,
                                         PruneOutcome &result) {
  return EvaluatedPrune(command, arguments, options).run(result);
}
