//===- Factorize.h - Layers of low rank -----------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_CUTS_FACTORIZE_H
#define NEUROPLAST_STRUCTURE_CUTS_FACTORIZE_H

#include "neuroplast/Structure/Statistics.h"
#include "neuroplast/Structure/Units/UnitSelection.h"

namespace neuroplast::structure {

/// What a layer is split into.
enum class FactorForm {
  /// Two ops with few results in between.
  Svd,
  /// Of kernels of several places three ops: few inputs, the kernel, few
  /// results. Others are split as by `Svd`.
  Tucker
};

struct FactorizeOptions {
  FactorForm form = FactorForm::Svd;
  /// The share of the squares of the results (or, without statistics, of the
  /// singular values) that is kept; from 0 to 1.
  double energy = 0.95;
  /// The rank of all layers, instead.
  std::optional<int64_t> rank;
  /// The share of the rank that a layer could have, instead; above 0 to be one.
  double rankShare = 0;
  /// Names of weights: only these, and not these.
  std::vector<std::string> only, freeze;
  /// What makes the ranks regard the data.
  const Statistics *statistics = nullptr;
  /// What asked for this, for the history.
  std::string command;

  llvm::json::Object toJson() const;
};

/// What became of one layer.
struct FactorizedLayer {
  std::string weight;
  int64_t outs = 0, patchSize = 0, rank = 0;
  /// Of the inputs, in Tucker's form; else zero.
  int64_t inRank = 0;
  /// The share of the energy that is kept.
  double energy = 0;
  /// Why the layer stays as it is; empty if it does not: "frozen", "not named",
  /// "grouped", "shared" (several ops read the weight), "of high rank" (two
  /// factors would have no fewer elements), "not understood".
  std::string reason;
};

struct FactorizeReport {
  FactorizeOptions options;
  NetworkSize before, after;
  std::vector<FactorizedLayer> layers;

  llvm::json::Object toJson() const;
  void print(llvm::raw_ostream &os) const;
};

/// Splits linear ops in two (or three), with so few results in between that
/// both together have fewer weights: the results are projected onto their
/// principal directions (those of the weight, without statistics). What the op
/// gives is the nearest of its rank to what it gave. Fails with an error at the
/// module if an option makes no sense, or a weight cannot be read.
llvm::FailureOr<FactorizeReport> factorize(mlir::ModuleOp module,
                                           const FactorizeOptions &options);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_CUTS_FACTORIZE_H
