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

namespace neuroplast {

/// A tensor as an attribute. Large ones are resources over the bytes of the
/// model, which they keep alive.
llvm::Expected<mlir::ElementsAttr>
convertTensor(const std::shared_ptr<LoadedModel> &model,
              const onnx::TensorProto &tensor, llvm::StringRef name,
              mlir::MLIRContext *context);

/// The bytes of an elements attribute as ONNX stores them, row by row.
llvm::Expected<std::string> getRawBytes(mlir::ElementsAttr value);

/// An attribute over bytes that it owns: a resource if they are many.
mlir::ElementsAttr makeElements(mlir::RankedTensorType type,
                                llvm::StringRef name, std::string bytes);

/// The integers of a constant; none if it is no integer tensor.
std::optional<llvm::SmallVector<int64_t>> getIntegers(mlir::ElementsAttr value);
/// The floats of a constant; none if it is no float tensor.
std::optional<llvm::SmallVector<double>> getFloats(mlir::ElementsAttr value);

} // namespace neuroplast

#endif // NEUROPLAST_LIB_FRONTEND_ONNX_TENSORS_H
