//===- OpsetLowering.h - Say a graph in an older opset --------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_FRONTEND_ONNX_OPSETLOWERING_H
#define NEUROPLAST_LIB_FRONTEND_ONNX_OPSETLOWERING_H

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringMap.h"

#include <string>

#include "onnx/onnx_pb.h"

namespace neuroplast::onnx_frontend {

/// Element types and ranks of the values of a graph, by name.
using ValueTypes = llvm::StringMap<mlir::RankedTensorType>;

/// Rewrites the nodes of a graph, which are those of the newest opset, as nodes
/// of an older one that mean the same. Returns why that cannot be, and leaves
/// the graph as it was then; empty if it was done.
std::string lowerOpset(::onnx::GraphProto &graph, const ValueTypes &types,
                       int64_t opset);

} // namespace neuroplast::onnx_frontend

#endif // NEUROPLAST_LIB_FRONTEND_ONNX_OPSETLOWERING_H
