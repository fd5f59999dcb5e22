//===- Tensors.h - Types and constant tensors of ONNX ---------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_FRONTEND_ONNX_TENSORS_H
#define NEUROPLAST_LIB_FRONTEND_ONNX_TENSORS_H

#include "ModelLoader.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "neuroplast/Dialect/Neuro/IR/ElementTypes.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"

namespace neuroplast {

/// A tensor as an attribute. Large ones are resources over the bytes of the
/// model, which they keep alive.
llvm::Expected<mlir::ElementsAttr>
convertTensor(const std::shared_ptr<LoadedModel> &model,
              const onnx::TensorProto &tensor, llvm::StringRef name,
              mlir::MLIRContext *context);

} // namespace neuroplast

#endif // NEUROPLAST_LIB_FRONTEND_ONNX_TENSORS_H
