//===- TrainingOptions.cpp - What a training is asked to do ---------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Learning/TrainingOptions.h"

#include "llvm/Support/raw_ostream.h"

using namespace neuroplast;
using namespace neuroplast::learning;

training::Schedule TrainingOptions::scheduleFor(int64_t stepsPerEpoch) const {
  training::Schedule result = schedule;
  result.steps = epochs * stepsPerEpoch;
  result.every = schedule.every * stepsPerEpoch;
  return result;
}

std::string TrainingOptions::describe() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  const training::Loss &loss = step.loss;
  const training::Optimizer &o = step.optimizer;
  os << "loss " << static_cast<int>(loss.kind) << ' ' << loss.smoothing << ' '
     << loss.delta << ' ' << loss.temperature << ' ' << loss.blank << ' '
     << loss.blankWeight << ' ' << lossNetwork << "; optimizer "
     << static_cast<int>(o.kind) << ' ' << o.momentum << ' ' << o.isNesterov
     << ' ' << o.weightDecay << ' ' << o.countsOwnSteps << "; clip "
     << step.clipNorm << "; schedule " << static_cast<int>(schedule.kind) << ' '
     << schedule.rate << ' ' << schedule.warmup << ' ' << schedule.every << ' '
     << schedule.factor << "; batch " << batch << " x " << step.parts << " x "
     << getNumProcesses() << "; seed " << seed << "; patience " << patience
     << "; frozen";
  for (const std::string &pattern : frozen)
    os << ' ' << pattern;
  if (averagingDecay)
    os << "; average " << *averagingDecay << ' ' << averagingStart;
  for (const std::string &pattern : unfrozen)
    os << "; unfrozen " << pattern;
  for (const std::string &pattern : undecayed)
    os << "; no decay of " << pattern;
  if (step.lasso > 0 || step.groupLasso > 0)
    os << "; lasso " << step.lasso << ' ' << step.groupLasso;
  if (step.holdStrength > 0)
    os << "; hold " << step.holdStrength;
  os << "; dropout";
  for (const std::string &text : dropouts)
    os << ' ' << text;
  for (const training::Hint &hint : step.hints)
    os << "; hint " << hint.pattern << ' ' << hint.weight << ' '
       << static_cast<int>(hint.kind);
  for (const std::string &name : growable)
    os << "; growable " << name;
  // Where the end of the training decides what comes before, it may not move.
  if (schedule.kind != training::Schedule::Kind::Constant &&
      schedule.kind != training::Schedule::Kind::Step)
    os << "; epochs " << epochs;
  return text;
}
