//===- OperatorVersions.h - Meanings of operators by opset ------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_FRONTEND_ONNX_OPERATORVERSIONS_H
#define NEUROPLAST_LIB_FRONTEND_ONNX_OPERATORVERSIONS_H

#include <cstdint>
#include <onnx/onnx_pb.h>

namespace neuroplast {

/// The operator set that the dialect follows, and to which models are lifted.
int64_t getNewestOpset();

/// The version of the standard operator set that a model asks for.
int64_t getOpset(const onnx::ModelProto &model);

/// True if `node`, of the standard domain, means at `opset` what it would mean
/// at getNewestOpset(): each attribute is known there with the same default,
/// and the operands are the same. False as well for operators that either one
/// lacks.
bool hasNewestMeaning(const onnx::NodeProto &node, int64_t opset);

/// True if both graphs take and give tensors of the same types and ranks.
/// The converter of ONNX changes them where an operator lost an axis.
bool haveSameInterface(const onnx::GraphProto &a, const onnx::GraphProto &b);

} // namespace neuroplast

#endif // NEUROPLAST_LIB_FRONTEND_ONNX_OPERATORVERSIONS_H
