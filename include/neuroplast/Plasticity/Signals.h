//===- Signals.h - What a network is like at a moment -----------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Numbers by which it is decided whether a network grows, shrinks or begins
// anew in parts.
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_PLASTICITY_SIGNALS_H
#define NEUROPLAST_PLASTICITY_SIGNALS_H

#include "mlir/IR/BuiltinOps.h"
#include "neuroplast/Structure/Statistics.h"
#include <optional>
#include <string>

namespace neuroplast::plasticity {

enum class Signal {
  /// The loss on validation data.
  Loss,
  /// The share of the validation data that is classified rightly.
  Accuracy,
  /// By which share the loss on validation data has fallen since a mark: little
  /// on a plateau.
  Progress,
  /// How far the parameters have come since a mark, by how long they were.
  Drift,
  /// The share of the units that do next to nothing (ReDo, arXiv 2302.12902).
  Dormant,
  /// In how many directions what layers read varies, by how many there are.
  Rank,
  /// How much of the gradients of batches they have in common (of the natural
  /// expansion score of SENN, arXiv 2307.04526).
  Gain
};

/// "loss", "accuracy", "progress", "drift", "dormant", "rank" or "gain".
std::optional<Signal> parseSignal(llvm::StringRef name);
llvm::StringRef getName(Signal signal);
/// All names, as a text for messages.
std::string listSignals();
/// Whether a signal compares a network with a former one.
bool looksBack(Signal signal);
/// Whether a signal is about how well a network does on validation data.
bool readsScore(Signal signal);

/// The root of the sum of the squares of what the parameters that learn have
/// changed by, relative to that of what they were in a former state, which is
/// brought to the structure of now and changes; newborns count not. Fails,
/// after an error, where `rewind` does, or if a parameter cannot be read.
llvm::FailureOr<double> measureDrift(mlir::ModuleOp former, mlir::ModuleOp now);

/// The share of the units that give at most a tenth of what the units of their
/// set give on average, over all sets that may change and that data reach; zero
/// if there are none. Fails, after an error, as `scoreUnits` does.
llvm::FailureOr<double>
measureDormantShare(mlir::ModuleOp module,
                    const structure::Statistics &statistics);

/// The participation ratio of the covariances of what layers read, which is the
/// square of the trace by the sum of all squares, by the number of elements;
/// the mean over layers and their blocks that read anything that varies. One if
/// all elements vary alike and by themselves. The statistics have products.
double measureRank(const structure::Statistics &statistics);

/// The mean, over the elements of parameters, of the square of the mean
/// gradient by the mean square, of batches: one if they all agree, and one by
/// their number if nothing but chance is left.
double measureGain(const structure::Gradients &gradients);

} // namespace neuroplast::plasticity

#endif // NEUROPLAST_PLASTICITY_SIGNALS_H
