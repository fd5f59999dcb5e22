//===- GrowthByLoss.h - Units that a loss asks for --------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LEARNING_GROWTHBYLOSS_H
#define NEUROPLAST_LEARNING_GROWTHBYLOSS_H

#include "neuroplast/Learning/LearningTask.h"
#include "neuroplast/Structure/Growth/Dropin.h"

namespace neuroplast::learning {

/// Lets units join the network `module` whose weights, by `growth.init`, are
/// those that a loss on examples has most use for: `GradMax`, after which the
/// network computes what it did, `Tiny` or `Split`. `task.network` gives that
/// network as it was. An error may have been reported.
llvm::Expected<structure::DropinReport>
growByLoss(mlir::ModuleOp module, const structure::DropinOptions &growth,
           const LearningTask &task, const TrainingOptions &options,
           const Examples &examples, int64_t powerSteps);

} // namespace neuroplast::learning

#endif // NEUROPLAST_LEARNING_GROWTHBYLOSS_H
