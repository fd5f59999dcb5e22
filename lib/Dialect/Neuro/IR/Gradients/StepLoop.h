//===- StepLoop.h - Loops over the steps of sequences -----------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_DIALECT_NEURO_IR_GRADIENTS_STEPLOOP_H
#define NEUROPLAST_LIB_DIALECT_NEURO_IR_GRADIENTS_STEPLOOP_H

#include "neuroplast/Dialect/Neuro/IR/Gradient.h"

namespace neuroplast::neuro {

/// A loop over the steps of sequences, steps x batch x features, that makes
/// another sequence, steps x batch x (gates x hidden).
struct StepLoop {
  TermBuilder &at;
  mlir::Type compute; ///< of all elements
  int64_t steps, batch, hidden;

  /// Puts parts, one for each gate or some gates x hidden units, side by side
  /// into the row that a step gives to the sequence, from a gate on, and
  /// returns them as they stand there, where products may read them.
  using Keep =
      llvm::function_ref<Term(int64_t first, llvm::ArrayRef<Term> parts)>;
  /// What a step computes with: the factors of its step, and the states, which
  /// it replaces.
  using Body =
      llvm::function_ref<void(llvm::ArrayRef<Term> factors,
                              llvm::MutableArrayRef<Term> states, Keep keep)>;

  /// Goes through the steps of `factors`, from the first or from the last one,
  /// and makes a sequence of what the body keeps: rows of so many gates, in the
  /// order of the factors. Behind it, `states` are the last ones.
  Term run(llvm::ArrayRef<Term> factors, llvm::SmallVectorImpl<Term> &states,
           int64_t count, bool isBackwards, Body body);
};

} // namespace neuroplast::neuro

#endif // NEUROPLAST_LIB_DIALECT_NEURO_IR_GRADIENTS_STEPLOOP_H
