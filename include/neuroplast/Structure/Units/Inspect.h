//===- Inspect.h - What a network consists of -----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_UNITS_INSPECT_H
#define NEUROPLAST_STRUCTURE_UNITS_INSPECT_H

#include "neuroplast/Structure/Units/UnitAnalysis.h"
#include "llvm/Support/JSON.h"

namespace neuroplast::structure {

/// The size of one op: the parameters it reads and the operations it takes.
struct LayerSize {
  std::string name;
  std::string op;
  int64_t parameters = 0;
  /// None where a shape that decides it is dynamic.
  std::optional<int64_t> flops;
};

/// The sizes of a network. Parameters are the elements of all `neuro.param`.
struct NetworkSize {
  std::vector<LayerSize> layers;
  int64_t parameters = 0;
  /// Floating-point parameters that no place of a graph input or output
  /// carries.
  int64_t innerParameters = 0;
  /// What all parameters take in memory.
  int64_t parameterBytes = 0;
  int64_t flops = 0;
  /// Whether some op is missing from `flops`.
  bool flopsIncomplete = false;

  void addParameter(mlir::RankedTensorType type);
  /// Also adds up their operations.
  void setLayers(std::vector<LayerSize> list);
  /// Takes over the operations of the same network with other input sizes.
  void setFlops(const NetworkSize &other);
  llvm::json::Object toJson() const;
};

/// One unit set as users see it.
struct UnitSetSummary {
  unsigned set;
  unsigned group;
  int64_t units = 0;
  bool isInner = false;
  /// The fewest places that a unit has along an axis of a parameter.
  int64_t placesPerUnit = 1;
  std::vector<std::string> members;
  std::vector<std::string> pins;
  std::vector<std::string> notZeroInvariant;
};

struct Inspection {
  NetworkSize size;
  /// Sets that a parameter carries.
  std::vector<UnitSetSummary> sets;

  llvm::json::Object toJson() const;
  void print(llvm::raw_ostream &os) const;
};

/// The elements of all parameters, without shadows.
int64_t countParameters(mlir::ModuleOp module);
NetworkSize measure(const UnitAnalysis &analysis);
/// What an op costs.
LayerSize measureLayer(neuro::CostOpInterface op);
/// The ops of a module, with what they cost.
std::vector<LayerSize> measureLayers(mlir::ModuleOp module);
std::vector<UnitSetSummary> summarizeSets(const UnitAnalysis &analysis);
/// Units, pins, parameters and operations of a module.
Inspection inspect(mlir::ModuleOp module);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_UNITS_INSPECT_H
