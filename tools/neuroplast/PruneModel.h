//===- PruneModel.h - Cutting a model and fitting what is left
//---------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_PRUNEMODEL_H
#define NEUROPLAST_TOOLS_NEUROPLAST_PRUNEMODEL_H

#include "Progress.h"
#include "StructureCommand.h"
#include "neuroplast/Calibration/Reconstruct.h"
#include "neuroplast/Structure/Cuts/Prune.h"

namespace neuroplast::driver {

/// What pruning did.
struct PruneOutcome {
  structure::PruneReport report;
  /// None without data to fit to.
  std::optional<std::vector<calibration::RefittedLayer>> layers;
};

/// What the criterion of some options reads of data, if it does: the archive of
/// `--stats`, or what a model with the sizes of the batches sees of them. Fails
/// after a message.
llvm::FailureOr<structure::Statistics>
provideStatistics(const Arguments &arguments, structure::Criterion criterion,
                  mlir::ModuleOp fixed, llvm::ArrayRef<NamedTensors> batches,
                  uint64_t seed, Progress &progress);

/// What a criterion reads of the model of a command, on the data or from the
/// file that the options name; none without either. Fails after a message.
llvm::FailureOr<structure::Statistics>
provideStatistics(const StructureCommand &command, const Arguments &arguments,
                  structure::Criterion criterion, Progress &progress);

/// Prunes the model that a command has loaded, by statistics of its data if the
/// criterion regards them, and fits what is left to the data. Where the sizes
/// of the inputs matter, that is done to the model with these sizes, and what
/// it came to then carried over.
llvm::FailureOr<PruneOutcome> pruneModel(StructureCommand &command,
                                         const Arguments &arguments,
                                         structure::PruneOptions options,
                                         Progress &progress);

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_PRUNEMODEL_H
