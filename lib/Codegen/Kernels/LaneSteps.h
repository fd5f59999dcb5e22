//===- LaneSteps.h - Vector by vector along a row ---------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_CODEGEN_KERNELS_LANESTEPS_H
#define NEUROPLAST_LIB_CODEGEN_KERNELS_LANESTEPS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace neuroplast {

/// Goes along the elements of a row by vectors: full ones, and one with a mask
/// where it ends.
class LaneSteps {
public:
  using Values = llvm::SmallVector<mlir::Value>;
  /// What a step does with the vector that begins at a place, on the lanes of
  /// the mask, or on all if there is none; returns what becomes of the values
  /// that go from step to step.
  using Body = llvm::function_ref<Values(mlir::OpBuilder &, mlir::Value place,
                                         mlir::Value mask, mlir::ValueRange)>;

  /// `size` is `ShapedType::kDynamic` where only `end` knows it.
  LaneSteps(mlir::Location location, int64_t size, mlir::Value end,
            int64_t width)
      : loc(location), size(size), end(end), width(width) {}

  /// All vectors from a place on, which have no values.
  void forEach(mlir::OpBuilder &builder, mlir::Value begin, Body body);

  /// Begins with vectors of `neutral`, and returns what becomes of them: each
  /// lane takes its share, and so do up to `copies` of each, so that no step
  /// waits for the one before.
  Values accumulate(mlir::OpBuilder &builder, mlir::ValueRange neutral,
                    int64_t copies, Body body,
                    llvm::function_ref<mlir::Value(mlir::OpBuilder &,
                                                   mlir::Value, mlir::Value)>
                        combine);

private:
  mlir::Value getWholeSteps(mlir::OpBuilder &builder, int64_t step);
  Values overRest(mlir::OpBuilder &builder, mlir::Value begin, Values values,
                  Body body);

  mlir::Location loc;
  int64_t size;
  mlir::Value end;
  int64_t width;
};

} // namespace neuroplast

#endif // NEUROPLAST_LIB_CODEGEN_KERNELS_LANESTEPS_H
