//===- LayerwiseRun.h - Running a network piece by piece ------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compiles and runs a network up to one op after the other on all data, so that
// what flows there can be read, and weights of later ops changed in between:
// each op still runs once. Between two stops only the values that later ops
// need are held.
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_CALIBRATION_LAYERWISERUN_H
#define NEUROPLAST_CALIBRATION_LAYERWISERUN_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "neuroplast/Runtime/Model.h"

namespace neuroplast::calibration {

class LayerwiseRun {
public:
  /// Runs the function `main` of a module on some batches of its inputs by
  /// name. The sizes of the module are those of the batches.
  LayerwiseRun(mlir::ModuleOp module, llvm::ArrayRef<NamedTensors> batches,
               llvm::ArrayRef<size_t> chosen);

  /// The numbers of batches, spread over all, that are not more than memory has
  /// room for while they wait for the layers of a network: what they fill at
  /// once is a gibibyte at most. A warning tells if others are left out.
  static std::vector<size_t> choose(mlir::ModuleOp module,
                                    llvm::ArrayRef<NamedTensors> batches);

  /// Whether the ops before and after `op` can run apart: it is a top-level op
  /// of `main`, and only tensors pass it.
  bool canStopAt(mlir::Operation *op) const;
  /// Runs what comes before `op`, and `op` itself if `inclusive`. Stops are in
  /// the order of the ops.
  llvm::Error runUntil(mlir::Operation *op, bool inclusive);
  /// A value for each batch: an operand of the op at which the run stands, or
  /// one of its results if it ran.
  llvm::ArrayRef<HostTensor> getValue(mlir::Value value) const;

private:
  /// Whether a copy of the op goes wherever its results are needed.
  static bool isCopied(mlir::Operation *op);
  /// The tensors that an op needs, also through copied ops.
  void collectInputs(mlir::Operation *op,
                     llvm::SmallVectorImpl<mlir::Value> &inputs) const;
  /// The most bytes of a batch that are there at once.
  double measurePeak() const;
  llvm::Error runSegment(llvm::ArrayRef<mlir::Operation *> ops,
                         llvm::ArrayRef<mlir::Value> results);

  mlir::func::FuncOp main;
  size_t numBatches;
  /// Ops of `main` in order, and how many of them ran.
  std::vector<mlir::Operation *> ops;
  size_t position = 0;
  llvm::DenseMap<mlir::Operation *, size_t> indexOf;
  /// By value, the number of the last op that needs it.
  llvm::DenseMap<mlir::Value, size_t> lastUse;
  llvm::DenseMap<mlir::Value, std::vector<HostTensor>> values;
};

} // namespace neuroplast::calibration

#endif // NEUROPLAST_CALIBRATION_LAYERWISERUN_H
