//===- Batches.h - Data for calibration -----------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_CALIBRATION_BATCHES_H
#define NEUROPLAST_CALIBRATION_BATCHES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "neuroplast/Runtime/Model.h"

namespace neuroplast::calibration {

/// Cuts examples, which the first axis of every array counts, into batches that
/// the function `main` of a model takes. Its batches have the size that it
/// fixes, or one that divides the number of examples, at most `most`; if `most`
/// is 0, or the arrays count differently, all data are one batch. Examples that
/// fill no batch are left out. Fails if the arrays are not the model's inputs.
llvm::Expected<std::vector<NamedTensors>>
makeBatches(mlir::func::FuncOp main, const NamedTensors &data, int64_t most);

} // namespace neuroplast::calibration

#endif // NEUROPLAST_CALIBRATION_BATCHES_H
