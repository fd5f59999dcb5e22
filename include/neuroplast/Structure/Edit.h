//===- Edit.h - Changing the structure of a module ------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_EDIT_H
#define NEUROPLAST_STRUCTURE_EDIT_H

#include "neuroplast/Structure/AxisEdit.h"
#include "neuroplast/Structure/UnitAnalysis.h"
#include "llvm/ADT/MapVector.h"

namespace neuroplast::structure {

/// For each unit set that changes the map over its units.
struct Edit {
  llvm::MapVector<unsigned, IndexMap> maps;

  /// What the edit makes of all axes.
  AxisEdit apply(const UnitAnalysis &analysis) const;
};

/// What an edit does to one axis of one tensor: for every block and new place
/// the old place, or `IndexMap::kFresh`.
struct TensorEdit {
  std::string tensor;
  /// The name in the ONNX file; empty for constants of the graph.
  std::string sourceName;
  unsigned axis;
  unsigned blockAxis;
  PlaceLists sources;
};

/// Rewrites every parameter, shadow, type and attribute that the edit touches,
/// at once, and nothing else. Elements of fresh places are zero. On failure the
/// module is as it was and an error has been emitted. The analysis is invalid
/// afterwards.
llvm::FailureOr<std::vector<TensorEdit>> applyEdit(const UnitAnalysis &analysis,
                                                   const Edit &edit);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_EDIT_H
