//===- Plasticity.h - What of a network may change ---------------*- C++
//-*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_TRAINING_PLASTICITY_H
#define NEUROPLAST_LIB_TRAINING_PLASTICITY_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Training/TrainStep.h"
#include "llvm/ADT/StringMap.h"

namespace neuroplast::training {

/// The state that adds gradients up.
inline constexpr llvm::StringLiteral kSum = "sum";

/// Which parameters of a module a training may change.
class Plasticity {
public:
  Plasticity(mlir::ModuleOp module, const StepOptions &options);

  bool isFrozen(neuro::ParamOp param) const;
  bool learns(neuro::ParamOp param) const;
  /// What says which of its elements learn; null if all do.
  neuro::ParamOp getMask(neuro::ParamOp param) const {
    return masks.lookup(param.getSymName());
  }

private:
  const StepOptions &options;
  llvm::StringMap<neuro::ParamOp> masks; ///< by what they mask
};

/// What remembers statistics of its data.
llvm::SmallVector<neuro::LayerOpInterface>
listRemembering(mlir::func::FuncOp main);

/// The mean and the variance that it remembers, if these are parameters that
/// are not to stay as they are.
std::optional<std::pair<neuro::ParamOp, neuro::ParamOp>>
findStatistics(mlir::SymbolTable &symbols, neuro::LayerOpInterface op,
               const Plasticity &plasticity);

} // namespace neuroplast::training

#endif // NEUROPLAST_LIB_TRAINING_PLASTICITY_H
