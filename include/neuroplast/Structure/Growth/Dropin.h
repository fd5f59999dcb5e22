//===- Dropin.h - Adding units to a network ---------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_GROWTH_DROPIN_H
#define NEUROPLAST_STRUCTURE_GROWTH_DROPIN_H

#include "neuroplast/Structure/Edits/Edit.h"
#include "neuroplast/Structure/Units/UnitSelection.h"
#include <map>

namespace neuroplast::structure {

/// What the weights of units are that join a network. All but `Random`
/// leave what the network computes as it is, until gradients say more.
enum class Init {
  /// Incoming weights are random, outgoing ones zero.
  ZeroOut,
  /// Two and two have the same random incoming weights, and opposite outgoing
  /// ones.
  Pair,
  /// Copies of old units that share their outgoing weights (Net2WiderNet,
  /// arXiv 1511.05641).
  Net2Wider,
  /// As `Net2Wider`; `SplitGrowth` moves them and the old units apart.
  Split,
  /// As `ZeroOut`; `GradientGrowth` gives them other incoming weights.
  GradMax,
  /// As `ZeroOut`; `TinyGrowth` gives them others.
  Tiny,
  /// Incoming and outgoing weights are random.
  Random
};

/// "zero-out", "pair", "net2wider", "split", "gradmax", "tiny" or "random".
std::optional<Init> parseInit(llvm::StringRef name);
llvm::StringRef getName(Init init);
/// Whether newborns begin as copies of old units.
bool makesCopies(Init init);
/// Whether `dropin` leaves the weights to gradients of a loss on examples.
bool needsGradients(Init init);

struct DropinOptions : EditRequest {
  Init init = Init::ZeroOut;
  /// How many units join every set, or, if none, which share of it.
  std::optional<int64_t> units;
  double share = 0.25;
  /// Whether what an optimizer remembers of gradients begins, of newborns, as
  /// the mean over the old units, and not at zero (arXiv 2605.15435).
  bool transplant = false;
  /// By set, which units are copied, one after the other; all from the first on
  /// where nothing is said.
  std::map<unsigned, std::vector<int64_t>> donors = {};

  llvm::json::Object toJson() const;
  /// What the weights of newborns depend on, from the text that `toJson` gives.
  static std::optional<DropinOptions> fromJson(llvm::StringRef text);
};

/// What became of one unit set.
struct GrownSet {
  UnitSetSummary summary;
  int64_t added = 0;
  /// Of newborns that are copies, the units that they are copies of.
  std::vector<int64_t> donors;
  /// Why nothing was added, empty if something was: "pinned", "frozen", "not
  /// named", "inner", "equal counts", or why it could not be done unnoticed.
  std::string reason;
};

struct DropinReport {
  DropinOptions options;
  NetworkSize before, after;
  std::vector<GrownSet> sets;
  std::vector<TensorEdit> edits;
  /// The loss on examples before and after, if newborns have weights by it that
  /// change what the network computes.
  std::optional<std::pair<double, double>> loss;

  llvm::json::Object toJson() const;
  /// What became of each unit set, and why; without `all`, of those that could
  /// not grow unnoticed only.
  void printSets(llvm::raw_ostream &os, bool all) const;
};

/// Adds units. On failure the module is as it was and an error has been
/// emitted.
llvm::FailureOr<DropinReport> dropin(mlir::ModuleOp module,
                                     const DropinOptions &options);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_GROWTH_DROPIN_H
