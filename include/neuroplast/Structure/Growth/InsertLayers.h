//===- InsertLayers.h - Depth that joins ------------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_GROWTH_INSERTLAYERS_H
#define NEUROPLAST_STRUCTURE_GROWTH_INSERTLAYERS_H

#include "neuroplast/Structure/Units/Inspect.h"
#include "llvm/Support/JSON.h"

namespace neuroplast::structure {

struct InsertOptions {
  /// Patterns of names of nodes. After these a layer joins: the identity, and
  /// the activation again where the node is one that changes nothing the second
  /// time (Net2DeeperNet, arXiv 1511.05641); of another activation f it is
  /// x + 0 f(A x).
  std::vector<std::string> after;
  /// Beside these linear layers a branch joins: y + 0 A x (as arXiv 2106.09685
  /// has it).
  std::vector<std::string> beside;
  /// The results of A; if none, as many as the layer has, or, beside it, a
  /// quarter.
  std::optional<int64_t> hidden;
  /// Whether what joins after nodes is a layer of random weights, and the
  /// activation of the node again, instead, which changes what is computed.
  bool isRandom = false;
  uint64_t seed = 0;
  /// What asked for this, for the history.
  std::string command;

  llvm::json::Object toJson() const;
};

/// A layer that joined, or why none could.
struct InsertedLayer {
  std::string node;
  /// "identity", "identity and activation", "residual", "random" or "branch".
  std::string form;
  int64_t parameters = 0;
  std::string obstacle;
};

struct InsertReport {
  InsertOptions options;
  NetworkSize before, after;
  std::vector<InsertedLayer> layers;

  llvm::json::Object toJson() const;
  void print(llvm::raw_ostream &os) const;
};

/// Adds layers that, but for random ones, change nothing of what is computed
/// yet. Fails with an error at the module if a pattern matches no node, or an
/// option makes no sense.
llvm::FailureOr<InsertReport> insertLayers(mlir::ModuleOp module,
                                           const InsertOptions &options);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_GROWTH_INSERTLAYERS_H
