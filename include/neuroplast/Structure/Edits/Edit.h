//===- Edit.h - Changing the structure of a module ------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_EDITS_EDIT_H
#define NEUROPLAST_STRUCTURE_EDITS_EDIT_H

#include "neuroplast/Structure/Axes/AxisEdit.h"
#include "neuroplast/Structure/Units/Inspect.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

namespace neuroplast::structure {

/// For each unit set that changes the map over its units.
struct Edit {
  llvm::MapVector<unsigned, IndexMap> maps;

  /// What the edit makes of all axes.
  AxisEdit apply(const UnitAnalysis &analysis) const;
  /// Leaves out the maps of groups that no edit can change like that; the
  /// others do not depend on them.
  void dropConflicts(const UnitAnalysis &analysis);
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

/// A list of objects with "tensor", "source_name", "axis", "block_axis" and
/// "sources".
llvm::json::Array toJson(llvm::ArrayRef<TensorEdit> edits);

/// One tensor in the middle of an edit.
struct TensorRewrite {
  mlir::Operation *tensor;
  mlir::RankedTensorType type;
  /// Its axes, as the analysis has them.
  const TensorPlaces &places;
  /// By axis.
  llvm::ArrayRef<PlaceLists> sources;
  /// The new elements; those of fresh places are zero.
  llvm::MutableArrayRef<char> bytes;
};
/// The elements that stand at a fresh place, in their order.
llvm::SmallVector<int64_t> listFresh(const TensorRewrite &tensor);

/// What was given values of a tensor that an edit rewrites.
enum class Filled {
  Newborns,
  /// Elements that were there have changed, too.
  Others,
  /// They have, and the history must keep what they were.
  OthersToKeep
};
/// Gives a tensor what an edit leaves open: the elements of fresh places; or
/// fails with an error.
using TensorFiller = llvm::function_ref<llvm::FailureOr<Filled>(
    const AxisEdit &, TensorRewrite)>;

/// Fails with an error if a tensor may not become one of another type. It is
/// asked before memory is taken for that.
using TensorGate = llvm::function_ref<llvm::LogicalResult(
    mlir::Operation *, mlir::RankedTensorType)>;

/// How an edit is carried out.
struct EditOptions {
  /// Without one, elements of fresh places are zero.
  TensorFiller fill = {};
  TensorGate fits = {};
  /// What the history of the module says of the edit: its kind, and a JSON
  /// object that tells how to do it again. Without a kind it says nothing.
  std::string kind = "edit", description = "{}";
  /// Keep the removed elements in the history, so that they can be put back.
  bool keepRemoved = false;

  /// Those of a request, which the history tells.
  template <typename Request>
  static EditOptions record(llvm::StringRef kind, const Request &request) {
    EditOptions options;
    options.kind = kind.str();
    options.description =
        llvm::formatv("{0}", llvm::json::Value(request.toJson()));
    options.keepRemoved = request.keepRemoved;
    return options;
  }
};

/// Rewrites every parameter, shadow, type and attribute that the edit touches,
/// at once, and nothing else. On failure the module is as it was and an error
/// has been emitted. The analysis is invalid afterwards.
llvm::FailureOr<std::vector<TensorEdit>>
applyEdit(const UnitAnalysis &analysis, const Edit &edit,
          const EditOptions &options = {});
/// The same for any atoms. The history is left alone.
llvm::FailureOr<std::vector<TensorEdit>> applyMaps(const UnitAnalysis &analysis,
                                                   llvm::ArrayRef<AtomMap> maps,
                                                   TensorFiller fill,
                                                   TensorGate fits);

/// The sizes that the network would have after an edit, without
/// `innerParameters`; no weight is read. None if the edit cannot be made.
std::optional<NetworkSize> measureEdited(const UnitAnalysis &analysis,
                                         const Edit &edit);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_EDITS_EDIT_H
