//===- NodeChecks.h - What the library trusts and should not --------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_FRONTEND_ONNX_NODECHECKS_H
#define NEUROPLAST_LIB_FRONTEND_ONNX_NODECHECKS_H

#include "llvm/Support/Error.h"

#include "onnx/onnx_pb.h"

namespace neuroplast {

/// Refuses nodes on which the library's shape inference (1.23.2) reads outside
/// its lists: it takes some attributes as they come. Found by
/// `test/Property/robustness.py`.
llvm::Error checkNodes(const onnx::GraphProto &graph);

} // namespace neuroplast

#endif // NEUROPLAST_LIB_FRONTEND_ONNX_NODECHECKS_H
