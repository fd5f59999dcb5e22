//===- OperatorUpgrades.h - What the library's upgrade gets wrong ---------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_FRONTEND_ONNX_OPERATORUPGRADES_H
#define NEUROPLAST_LIB_FRONTEND_ONNX_OPERATORUPGRADES_H

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

#include "onnx/onnx_pb.h"

namespace neuroplast {

/// Keeps what some old operators meant over the library's conversion to a newer
/// opset, which leaves it out. `test/Property/sweep.py` compares every operator
/// and version with the model before.
class OperatorUpgrades {
public:
  /// Rewrites what the converter would take for something else, and remembers
  /// what it drops. Fails where the newest opset cannot say what is meant.
  llvm::Error prepare(onnx::GraphProto &graph, int64_t opset);
  /// Writes what was dropped to the converted graph.
  void finish(onnx::GraphProto &graph) const;

private:
  /// How a resize rounds to the nearest element, by the name of its result.
  llvm::StringMap<std::string> nearestModes;
  /// Whether the bounds of Clip were attributes.
  bool hasClipAttributes = false;
};

} // namespace neuroplast

#endif // NEUROPLAST_LIB_FRONTEND_ONNX_OPERATORUPGRADES_H
