//===- TensorTypes.h - The gate that every tensor type passes ---*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Sizes come from files and command lines that nobody here chose. Arithmetic on
// them saturates, so that an overflow cannot pass for a small size, and what is
// inferred, imported, parsed or given by a user passes one check.

#ifndef NEUROPLAST_DIALECT_NEURO_IR_TENSORTYPES_H
#define NEUROPLAST_DIALECT_NEURO_IR_TENSORTYPES_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"

#include <optional>
#include <string>

namespace neuroplast::neuro {

/// The most bytes of a tensor: any offset into it can still be added to
/// another without overflow.
inline constexpr int64_t maxTensorBytes = int64_t(1) << 62;

/// Sum and product of sizes: dynamic if one of them is,
/// and beyond any size a tensor may have if it overflows.
int64_t addSizes(int64_t lhs, int64_t rhs);
int64_t mulSizes(int64_t lhs, int64_t rhs);
/// The number of elements of a shape, by the same rules.
int64_t countElements(llvm::ArrayRef<int64_t> shape);

/// Says why no tensor can have this shape, as the end of a sentence that names
/// it ("has a negative size, -2, along axis 0"); none if one can.
std::optional<std::string> findShapeProblem(llvm::ArrayRef<int64_t> shape,
                                            mlir::Type elementType);
/// The same for a type, which may be a sequence or an optional of tensors.
std::optional<std::string> findTypeProblem(mlir::Type type);

/// Checks what an op infers for its results.
mlir::LogicalResult verifyInferredTypes(llvm::StringRef opName,
                                        std::optional<mlir::Location> location,
                                        llvm::ArrayRef<mlir::Type> types);

/// Checks the types of all operands and results.
mlir::LogicalResult verifySoundTypes(mlir::Operation *op);

/// Marks the ops all of whose tensors have shapes that tensors can have.
template <typename ConcreteOp>
class SoundTypes : public mlir::OpTrait::TraitBase<ConcreteOp, SoundTypes> {
public:
  static mlir::LogicalResult verifyTrait(mlir::Operation *op) {
    return verifySoundTypes(op);
  }
};

} // namespace neuroplast::neuro

#endif // NEUROPLAST_DIALECT_NEURO_IR_TENSORTYPES_H
