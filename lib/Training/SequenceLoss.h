//===- SequenceLoss.h - Losses of sequences without times -------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_TRAINING_SEQUENCELOSS_H
#define NEUROPLAST_LIB_TRAINING_SEQUENCELOSS_H

#include "neuroplast/Dialect/Neuro/IR/Gradient.h"

namespace neuroplast::training {

/// The negative logarithm of the probability of labels, however they are spread
/// over time (connectionist temporal classification, Graves et al., ICML 2006),
/// divided by their number, for each example: a vector.
///
/// `logarithms` are those of probabilities, examples x times x classes;
/// `labels`, examples x places, are integers, negative where an example has no
/// more of them. `blank` is the class of a time that says nothing. Sizes are
/// static.
neuro::Term buildSequenceLoss(const neuro::Term &logarithms,
                              const neuro::Term &labels, int64_t blank);

} // namespace neuroplast::training

#endif // NEUROPLAST_LIB_TRAINING_SEQUENCELOSS_H
