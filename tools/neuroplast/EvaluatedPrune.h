//===- EvaluatedPrune.h - Cuts that an evaluation allows ------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_EVALUATEDPRUNE_H
#define NEUROPLAST_TOOLS_NEUROPLAST_EVALUATEDPRUNE_H

#include "PruneModel.h"

namespace neuroplast::driver {

/// Prunes the model of a command as far as `--max-drop` allows what `--eval`
/// says to fall: the cut asked for, or the largest part of it that halving
/// finds. The exit code: 2 after a message if no cut is allowed.
int pruneAsEvaluated(StructureCommand &command, const Arguments &arguments,
                     const structure::PruneOptions &options,
                     PruneOutcome &result);

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_EVALUATEDPRUNE_H
