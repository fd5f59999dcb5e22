//===- OpenParams.h - Parameters that may change size -----------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A network whose units may come and go after it was compiled takes the
// parameters of these units as arguments, with axes whose size is known at run
// time only. Nothing else of the network may then depend on how many units
// there are.
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_EDITS_OPENPARAMS_H
#define NEUROPLAST_STRUCTURE_EDITS_OPENPARAMS_H

#include "neuroplast/Structure/Units/UnitSelection.h"

namespace neuroplast::structure {

/// A unit set that was asked for.
struct OpenedSet {
  UnitSetSummary summary;
  /// Why it keeps its size; empty if it is open.
  std::string reason;

  void print(llvm::raw_ostream &os) const;
};

/// Makes every parameter that carries a unit of the selected sets an argument
/// of `main` behind its inputs, marked by `neuro.param`, and leaves the sizes
/// of these sets open everywhere. Sets on which an attribute of an op depends
/// keep their sizes. Fails, after an error, if there is no `main`, a pattern
/// matches nothing, or no set can be opened.
llvm::FailureOr<std::vector<OpenedSet>>
openParams(mlir::ModuleOp module, const UnitSelection &selection);

/// The same for the sets all of whose places are open (-1) in these shapes of
/// parameters by name: a network that was grown is opened as it was before.
/// Fails, after an error, if there are none.
llvm::LogicalResult
openParams(mlir::ModuleOp module,
           const llvm::StringMap<llvm::SmallVector<int64_t>> &shapes);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_EDITS_OPENPARAMS_H
