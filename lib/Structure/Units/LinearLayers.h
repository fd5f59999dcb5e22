//===- LinearLayers.h - Layers as matrices ----------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_STRUCTURE_UNITS_LINEARLAYERS_H
#define NEUROPLAST_LIB_STRUCTURE_UNITS_LINEARLAYERS_H

#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "neuroplast/Structure/Statistics.h"
#include "neuroplast/Structure/Units/UnitSelection.h"
#include <Eigen/Dense>
#include <map>

namespace neuroplast::structure {

using Matrix =
    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A linear op whose weight is a parameter of 32-bit floats, as a matrix with a
/// row for each result and a column for each element of a patch.
struct LinearLayer {
  neuro::LayerOpInterface op;
  neuro::ParamOp weight;
  neuro::LinearMap map;
  int64_t outs, patchSize;
  /// Why the layer is to stay as it is; empty if it is not: "frozen", "not
  /// named", "shared" (several ops read the weight).
  std::string reason;

  llvm::ArrayRef<int64_t> getWeightShape() const {
    return neuro::ParamOp(weight).getType().getShape();
  }
  /// Where the element of a row and a column lies among those of a weight with
  /// so many rows.
  int64_t getElement(int64_t out, int64_t column, int64_t numOuts) const;
  int64_t getElement(int64_t out, int64_t column) const {
    return getElement(out, column, outs);
  }
  /// The row and the column of an element.
  std::pair<int64_t, int64_t> getPlace(int64_t element) const;
  /// The trainable parameter that is added to the results, with an element for
  /// each; null if there is none.
  neuro::ParamOp findBias() const;
  /// Whether each channel is weighed apart, so that a unit weighs itself.
  bool isDepthwise() const { return map.blocks > 1 && countInputs() == 1; }
  /// The inputs of a patch, each of which has a column for every place of a
  /// kernel.
  int64_t countInputs() const;
  /// The weight; none if it cannot be read, or has what is no number.
  std::optional<Matrix> readWeight() const;
  /// What was seen of the patches; null if nothing was, or of others.
  const PatchStatistics *findStatistics(const Statistics *statistics) const;
};

/// All linear layers in the order of the module. `only` and `freeze` are
/// patterns of names of weights: only these, and not these.
std::vector<LinearLayer> listLinearLayers(mlir::ModuleOp module,
                                          llvm::ArrayRef<std::string> only,
                                          llvm::ArrayRef<std::string> freeze);

/// Those that can be changed, by the symbols of their weights.
std::map<llvm::StringRef, LinearLayer> indexLinearLayers(mlir::ModuleOp module);

/// Writes down in the history that a command did what no edit of units says.
void recordCommand(mlir::ModuleOp module, llvm::StringRef kind,
                   const llvm::json::Object &options);

} // namespace neuroplast::structure

#endif // NEUROPLAST_LIB_STRUCTURE_UNITS_LINEARLAYERS_H
