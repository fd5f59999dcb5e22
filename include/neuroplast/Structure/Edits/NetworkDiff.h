//===- NetworkDiff.h - What edits made of a network -------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_EDITS_NETWORKDIFF_H
#define NEUROPLAST_STRUCTURE_EDITS_NETWORKDIFF_H

#include "neuroplast/Structure/Units/Inspect.h"
#include "llvm/ADT/SetVector.h"

namespace neuroplast::structure {

/// An op of a network, with what is inside it, or an input or output of it.
struct NetworkNode {
  std::string name;
  std::string op; ///< "input" and "output" for those of the network.
  /// Of what it gives, as "1x64x?"; empty if that is no tensor.
  std::string shape;
  /// The units along each axis of what it gives that has some.
  llvm::SmallVector<int64_t, 2> units;
  int64_t parameters = 0;
  /// None where a shape that decides them is dynamic.
  std::optional<int64_t> flops = 0;
};

/// A node of either network or of both.
struct NodeDiff {
  std::optional<NetworkNode> before, after;
  /// How many of its units edits took away and how many they added, where the
  /// history tells: a recycled one is both.
  int64_t removed = 0, added = 0;
  /// The nodes whose values it takes in either network, by their index.
  llvm::SetVector<unsigned> inputs;
};

/// What an edit did to the units that stand along an axis of a parameter.
struct UnitsEdit {
  std::string param; ///< As the ONNX file names it.
  int64_t axis = 0;
  int64_t before = 0, after = 0;
  int64_t removed = 0, added = 0;
};

/// An edit that came between two networks.
struct EditSummary {
  std::string kind;
  std::string options; ///< A JSON object.
  std::vector<UnitsEdit> units;
};

struct NetworkDiff {
  NetworkSize before, after;
  /// Nodes come after those before them, in the order of the networks.
  std::vector<NodeDiff> nodes;
  std::vector<EditSummary> edits;

  llvm::json::Object toJson() const;
};

/// Compares a network with what became of it. Nodes are the same if their ops
/// and names are, and in their order where several have one name.
NetworkDiff compareNetworks(mlir::ModuleOp before, mlir::ModuleOp after);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_EDITS_NETWORKDIFF_H
