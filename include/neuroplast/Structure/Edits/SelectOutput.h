//===- SelectOutput.h - The network of one task -----------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_EDITS_SELECTOUTPUT_H
#define NEUROPLAST_STRUCTURE_EDITS_SELECTOUTPUT_H

#include "neuroplast/Structure/Units/Inspect.h"

namespace neuroplast::structure {

struct SelectReport {
  std::string output;
  /// Which task the output is of: the first one, or the n-th that `transfer`
  /// added.
  int64_t task = 1;
  /// Weights that later tasks use, which are zero now.
  int64_t left = 0;
  NetworkSize before, after;

  llvm::json::Object toJson() const;
  void print(llvm::raw_ostream &os) const;
};

/// Leaves of a network what makes one output, with the weights that were in use
/// when its task was learnt (`Freeze::Kept`); all of it may learn again. Units
/// that only other outputs read are left: they are dead then. Fails with an
/// error if there is no such output.
llvm::FailureOr<SelectReport> selectOutput(mlir::ModuleOp module,
                                           llvm::StringRef output);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_EDITS_SELECTOUTPUT_H
