//===- Transfer.h - A second task beside the first --------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A network that has learned one task is made ready for another: its body
// stays, units join it, and a new head reads what both have found. What old
// units read of new ones stays zero, so that the first task is done as before,
// to the bit (as with the columns of progressive networks, arXiv 1606.04671, in
// one network).
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_GROWTH_TRANSFER_H
#define NEUROPLAST_STRUCTURE_GROWTH_TRANSFER_H

#include "neuroplast/Structure/Growth/Dropin.h"

namespace neuroplast::structure {

/// What stays as it is while the new head learns.
enum class Freeze {
  Units,   ///< Old units whole: the first task is done as before.
  Weights, ///< Old weights; old units may listen to new ones.
  Kept,    ///< All but weights that `sparsify` masked, which come into use for
           ///< the new task (PackNet, arXiv 1711.05769).
  Nothing
};

std::optional<Freeze> parseFreeze(llvm::StringRef name);
llvm::StringRef getName(Freeze freeze);

struct TransferOptions {
  /// The results of the new head, which becomes the first output.
  int64_t outputs = 0;
  /// The name of that output; if empty, that of the old one and ".new".
  std::string outputName;
  /// What joins first, one after the other.
  std::vector<DropinOptions> growth;
  Freeze freeze = Freeze::Units;
  uint64_t seed = 0;
  std::string command;

  llvm::json::Object toJson() const;
};

/// Reads "PATTERN=12", or "PATTERN=25%" of what there is; none if a text is
/// neither.
std::optional<DropinOptions> parseGrowth(llvm::StringRef text, uint64_t seed);

/// The number of the task that a network had before any other.
inline constexpr int64_t kFirstTask = 1;
/// The outputs that transfers have added, the first one first.
llvm::SmallVector<std::string> listAddedOutputs(mlir::ModuleOp module);

struct TransferReport {
  TransferOptions options;
  NetworkSize before, after;
  std::vector<DropinReport> growth;
  /// What the head gives, and the layer that it is like; or the output on
  /// which it is, where that is of no layer.
  std::string outputName, layer;
  bool isOnTop = false;
  int64_t learning = 0; ///< elements of parameters that learn

  llvm::json::Object toJson() const;
  void print(llvm::raw_ostream &os) const;
};

/// The head is like the linear layer whose results the first output is, or else
/// a layer on the last axis of that output, as of an encoder. Fails, after an
/// error, if that is no batch of vectors, or units cannot join where they are
/// to.
llvm::FailureOr<TransferReport> transfer(mlir::ModuleOp module,
                                         const TransferOptions &options);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_GROWTH_TRANSFER_H
