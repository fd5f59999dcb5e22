//===- Edit.h - Changing the structure of a module ------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_EDIT_H
#define NEUROPLAST_STRUCTURE_EDIT_H

#include "neuroplast/Structure/PlaceLists.h"
#include "neuroplast/Structure/UnitAnalysis.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"

namespace neuroplast::structure {

/// New index -> old index, or `kFresh` for a unit that was not there.
struct IndexMap {
  static constexpr int64_t kFresh = -1;
  llvm::SmallVector<int64_t> entries;

  /// The map that keeps what is not in `removed` (ascending).
  static IndexMap keepAllBut(int64_t extent, llvm::ArrayRef<int64_t> removed);
  /// Whether the map only leaves out indices.
  bool isKeepList(int64_t extent) const;
};

/// For each unit set that changes the map over its units.
struct Edit {
  llvm::MapVector<unsigned, IndexMap> maps;
};

/// Which places an edit leaves.
class KeptPlaces {
public:
  KeptPlaces(const UnitAnalysis &analysis, const Edit &edit);

  bool contains(Node place) const;
  int64_t count(llvm::ArrayRef<Node> places) const;
  /// Whether equally many places are left in all blocks of an axis.
  bool hasEqualBlocks(const Axis &axis) const;
  /// The positions of the places that are left.
  std::vector<int64_t> list(llvm::ArrayRef<Node> places) const;

private:
  const AxisAlgebra &algebra;
  llvm::DenseSet<Node> removed;
};

/// What an edit did to one axis of one tensor: the old places that were kept,
/// for every block.
struct TensorEdit {
  std::string tensor;
  /// The name in the ONNX file; empty for constants of the graph.
  std::string sourceName;
  unsigned axis;
  unsigned blockAxis;
  PlaceLists kept;
};

/// Rewrites every parameter, type and attribute that the edit touches, at once.
/// On failure the module is as it was and an error has been emitted. The
/// analysis is invalid afterwards.
llvm::FailureOr<std::vector<TensorEdit>> applyEdit(const UnitAnalysis &analysis,
                                                   const Edit &edit);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_EDIT_H
