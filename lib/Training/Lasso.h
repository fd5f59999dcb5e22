//===- Lasso.h - Weights that are drawn to zero -----------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_TRAINING_LASSO_H
#define NEUROPLAST_LIB_TRAINING_LASSO_H

#include "UpdateBuilder.h"
#include "neuroplast/Structure/Units/VanishingUnits.h"

namespace neuroplast::training {

/// Draws weights to zero behind an update, which reaches it: elements one by
/// one (`StepOptions::lasso`), then all that makes a unit together
/// (`groupLasso`), which is the proximal step of the sparse-group lasso (Simon
/// et al., doi 10.1080/10618600.2012.681250).
class Lasso {
public:
  Lasso(const neuro::TermBuilder &at, const StepOptions &options,
        mlir::Value rate)
      : at(at), options(options), rate(rate) {}

  /// The parameters of the learners, in their order, with what makes the units
  /// among them.
  void shrink(llvm::ArrayRef<Learner> learners,
              llvm::ArrayRef<structure::MadeUnits> units,
              llvm::MutableArrayRef<neuro::Term> parameters);

private:
  neuro::Term makeIndices(llvm::ArrayRef<int64_t> indices);
  neuro::Term pick(const neuro::Term &list, llvm::ArrayRef<int64_t> places);
  /// What is left of each of some units, as a factor.
  neuro::Term
  buildFactors(const structure::MadeUnits &units,
               const llvm::DenseMap<mlir::Operation *, size_t> &positions,
               llvm::ArrayRef<neuro::Term> parameters);
  void shrinkUnits(llvm::ArrayRef<Learner> learners,
                   llvm::ArrayRef<structure::MadeUnits> units,
                   llvm::MutableArrayRef<neuro::Term> parameters);

  neuro::TermBuilder at;
  const StepOptions &options;
  mlir::Value rate;
};

} // namespace neuroplast::training

#endif // NEUROPLAST_LIB_TRAINING_LASSO_H
