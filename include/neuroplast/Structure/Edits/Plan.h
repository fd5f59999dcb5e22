//===- Plan.h - Cuts that are written down --------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A plan is a JSON object. What it says of the units by their tensors, which
// patterns describe as `--only` does:
//
//   {"version": 1,
//    "rules": [{"match": "conv1*", "ratio": 0.25},
//              {"match": "classifier", "freeze": true}]}
//
// Or it has an `edit`, as a history has it, which says for each unit whether it
// stays. `PlanSchema.json` is its JSON schema.
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_EDITS_PLAN_H
#define NEUROPLAST_STRUCTURE_EDITS_PLAN_H

#include "neuroplast/Structure/Edits/Edit.h"

namespace neuroplast::structure {

/// A share of their own for the sets whose members match a pattern.
struct RatioOverride {
  std::string pattern;
  double ratio;
};

struct Plan {
  std::vector<RatioOverride> ratios;
  std::vector<std::string> freeze;
  /// The edit, as a list of one in JSON; absent if the plan has none.
  std::optional<llvm::json::Array> edit;

  /// Fails if the text is no plan, and says why.
  static llvm::Expected<Plan> parse(llvm::StringRef text);

  /// The units that the edit of a plan changes. Fails with an error if it does
  /// not fit the network.
  llvm::FailureOr<Edit> findEdit(const UnitAnalysis &analysis) const;
};

/// The plan that does the last edit of a module's history again; none if there
/// is no history.
std::optional<llvm::json::Object> makePlan(mlir::ModuleOp module);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_EDITS_PLAN_H
