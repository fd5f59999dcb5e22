//===- Sparsify.h - Weights that are zero -----------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_CUTS_SPARSIFY_H
#define NEUROPLAST_STRUCTURE_CUTS_SPARSIFY_H

#include "neuroplast/Structure/Statistics.h"
#include "neuroplast/Structure/Units/UnitSelection.h"

namespace neuroplast::structure {

/// Which weights of a layer go first.
enum class SparsityCriterion {
  /// The smallest ones.
  Magnitude,
  /// In each row those that add least to the result: magnitude times the root
  /// mean square of what they weigh (Wanda, arXiv 2306.11695).
  Wanda,
  /// Column after column those whose loss the columns that follow can make up
  /// for best, which then do (SparseGPT, arXiv 2301.00774).
  SparseGpt,
  /// Any, drawn by a seed: what the others have to be better than.
  Random
};

std::optional<SparsityCriterion> parseSparsityCriterion(llvm::StringRef name);
llvm::StringRef getName(SparsityCriterion criterion);

/// At most `kept` weights of `group` that follow each other along the axis of
/// inputs are no zeros, as "2:4".
struct SparsityPattern {
  int64_t kept, group;

  static std::optional<SparsityPattern> parse(llvm::StringRef text);
};

struct SparsifyOptions {
  /// The share of the weights of every layer that becomes zero, or of those
  /// that are no zeros yet.
  double sparsity = 0.5;
  bool isOfRest = false;
  /// What takes its place.
  std::optional<SparsityPattern> pattern;
  /// Weights become zero in blocks of so many outputs times so many inputs.
  std::pair<int64_t, int64_t> block = {1, 1};
  SparsityCriterion criterion = SparsityCriterion::Magnitude;
  uint64_t seed = 0; ///< of `Random`
  /// Names of weights: only these, and not these.
  std::vector<std::string> only, freeze;
  /// Needed by `Wanda` and `SparseGpt`; `SparseGpt` needs products.
  const Statistics *statistics = nullptr;
  /// What asked for this, for the history.
  std::string command;

  llvm::json::Object toJson() const;
};

/// What became of one layer.
struct SparseLayer {
  std::string weight;
  int64_t elements = 0, zeros = 0;
  /// The mean square of what the result lost, as a share of that of the result;
  /// negative if it is not known.
  double error = -1;
  /// Why the layer stays as it is; empty if it does not: "frozen" (or a part of
  /// it, which a pattern or weights that make up for others would change), "not
  /// named",
  /// "shared", "no statistics", "one input" (of which no group can be made).
  std::string reason;
};

struct SparsifyReport {
  SparsifyOptions options;
  std::vector<SparseLayer> layers;

  llvm::json::Object toJson() const;
  void print(llvm::raw_ostream &os) const;
};

/// Sets weights of linear layers to zero, and masks them (`neuro::maskZeros`),
/// so that what trains or fits weights later leaves them alone. Weights that do
/// not learn (`neuro::listPlasticity`) stay, and count for no share. Fails with
/// an error at the module if an option makes no sense, or a weight cannot be
/// read.
llvm::FailureOr<SparsifyReport> sparsify(mlir::ModuleOp module,
                                         const SparsifyOptions &options);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_CUTS_SPARSIFY_H
