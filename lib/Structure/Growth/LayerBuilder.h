//===- LayerBuilder.h - Layers like others ----------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_STRUCTURE_GROWTH_LAYERBUILDER_H
#define NEUROPLAST_LIB_STRUCTURE_GROWTH_LAYERBUILDER_H

#include "../Units/LinearLayers.h"

namespace neuroplast::structure {

/// Builds linear ops of the kind of a layer, each with a new parameter for a
/// weight, which is called after that of the layer and `part`.
class LayerBuilder {
public:
  LayerBuilder(const LinearLayer &layer, mlir::OpBuilder &builder)
      : layer(layer), builder(builder) {}

  /// The product of a matrix with what has the axes of the results of the
  /// layer, or of its data; null, with nothing built, if no op of its kind is
  /// one.
  mlir::Value multiply(mlir::Value value, llvm::StringRef part,
                       const Matrix &matrix, mlir::Value bias = nullptr);
  /// The layer on other data, with other weights (a row for each result), and
  /// without its bias, or with one of zeros.
  mlir::Value repeat(mlir::Value data, llvm::StringRef part,
                     const Matrix &weights, bool hasBias = false);
  /// Zeros in the place of a parameter with a number for each result of the
  /// layer: one for each of so many. Null if the value is none.
  mlir::Value addShift(mlir::Value like, llvm::StringRef part, int64_t outs);

  /// The elements of the parameters so far.
  int64_t countParameters() const { return parameters; }
  /// Erases what was built, which nothing uses.
  void eraseAll();

private:
  mlir::Value addWeight(llvm::StringRef part, const Matrix &weights,
                        llvm::ArrayRef<int64_t> shape);
  mlir::Value addParam(neuro::ParamOp like, llvm::StringRef part,
                       mlir::RankedTensorType type, std::string bytes);

  const LinearLayer &layer;
  mlir::OpBuilder &builder;
  int64_t parameters = 0;
  /// In the order in which they were built.
  llvm::SmallVector<mlir::Operation *> built;
};

} // namespace neuroplast::structure

#endif // NEUROPLAST_LIB_STRUCTURE_GROWTH_LAYERBUILDER_H
