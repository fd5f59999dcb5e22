//===- Rewire.h - Weights that are zero, and others -------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A sparse network looks for better connections while it trains: the weakest of
// them are cut, and as many others join at zero, where gradients are largest
// (RigL, arXiv 1911.11134) or anywhere (SET, Mocanu et al., Nature
// Communications 9, 2018).
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_CUTS_REWIRE_H
#define NEUROPLAST_STRUCTURE_CUTS_REWIRE_H

#include "mlir/IR/BuiltinOps.h"
#include "neuroplast/Structure/Statistics.h"
#include "llvm/Support/JSON.h"

namespace neuroplast::structure {

struct RewireOptions {
  /// How much of the connections of each weight changes.
  double share = 0.3;
  /// Of a loss; connections join anywhere if it is null.
  const Gradients *gradients = nullptr;
  uint64_t seed = 0; ///< of where
  /// Names of weights: only these, and not these.
  std::vector<std::string> only, freeze;
  /// What asked for this, for the history.
  std::string command;

  llvm::json::Object toJson() const;
};

/// What became of one masked weight.
struct RewiredWeight {
  std::string weight;
  int64_t connections = 0, changed = 0;
};

struct RewireReport {
  RewireOptions options;
  std::vector<RewiredWeight> weights;

  llvm::json::Object toJson() const;
  void print(llvm::raw_ostream &os) const;
};

/// Gives masked weights (see `sparsify`) other connections, as many as they
/// had, with the smallest weight that is not zero; what an optimizer remembers
/// of old and new ones is forgotten. Fails with an error if an option makes no
/// sense, nothing is masked, or gradients do not fit.
llvm::FailureOr<RewireReport> rewire(mlir::ModuleOp module,
                                     const RewireOptions &options);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_CUTS_REWIRE_H
