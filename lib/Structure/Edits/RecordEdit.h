//===- RecordEdit.h - Writing down what an edit did -------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_STRUCTURE_EDITS_RECORDEDIT_H
#define NEUROPLAST_LIB_STRUCTURE_EDITS_RECORDEDIT_H

#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Structure/Edits/Edit.h"

namespace neuroplast::structure {

/// The first and the last place of something along an axis, and their number.
struct Standing {
  int64_t first = -1, last = -1, count = 0;

  void add(int64_t place) {
    if (count++ == 0)
      first = place;
    last = place;
  }
  bool operator==(const Standing &other) const {
    return first == other.first && last == other.last && count == other.count;
  }
};

/// Where every atom stands along an axis (of one block).
llvm::MapVector<Node, Standing> findStandings(const AxisAlgebra &algebra,
                                              llvm::ArrayRef<Node> places);

/// Appends an edit that has been carried out to the history of the module. The
/// analysis is that of before.
void recordEdit(
    const UnitAnalysis &analysis, const Edit &edit, const AxisEdit &axes,
    const EditOptions &options,
    llvm::ArrayRef<std::pair<neuro::ParamOp, mlir::ElementsAttr>> removed);

} // namespace neuroplast::structure

#endif // NEUROPLAST_LIB_STRUCTURE_EDITS_RECORDEDIT_H
