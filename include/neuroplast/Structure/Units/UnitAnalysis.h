//===- UnitAnalysis.h - The units of a module -----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Unites the factors of all axis rules of a module. Decides nothing: what to do
// with the units is for others to choose.
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_UNITS_UNITANALYSIS_H
#define NEUROPLAST_STRUCTURE_UNITS_UNITANALYSIS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "neuroplast/Dialect/Neuro/IR/NeuroDialect.h"
#include "neuroplast/Structure/Axes/UnitGroups.h"
#include "llvm/ADT/SetVector.h"
#include <memory>
#include <optional>

namespace neuroplast::structure {

/// The axes of a tensor. Axes of parameters that nothing reads are unknown.
struct TensorPlaces {
  std::vector<std::optional<Axis>> axes;
  /// The axis whose equal parts are the blocks of blocked axes.
  unsigned blockAxis = 0;
};

/// A run of places of a parameter axis.
struct MemberRun {
  unsigned axis;
  /// Absent where the axis is the same in all blocks.
  std::optional<unsigned> block;
  /// Inclusive ranges of places.
  llvm::SmallVector<std::pair<int64_t, int64_t>> ranges;
  bool isWholeAxis;
};

/// A tensor that an edit of a unit set rewrites: a `neuro.param`, or a
/// constant.
struct Member {
  mlir::Operation *tensor;
  llvm::SmallVector<MemberRun, 1> runs;
};

class UnitAnalysis {
public:
  explicit UnitAnalysis(mlir::ModuleOp module);

  mlir::ModuleOp getModule() const { return module; }
  const AxisAlgebra &getAlgebra() const { return algebra; }
  const UnitGroups &getUnits() const { return *units; }

  /// The places of a tensor value; none for values of other types.
  const TensorPlaces *getPlaces(mlir::Value value) const;
  /// The places of a `neuro.param`.
  const TensorPlaces *getPlaces(mlir::Operation *param) const;
  /// The factors of the rule of an op, in its order; empty if it has none.
  llvm::ArrayRef<Axis> getFactors(mlir::Operation *op) const;
  /// The sets that have units along an axis.
  llvm::SetVector<unsigned> findSets(const Axis &axis) const;

  /// All parameters, and the constants that an edit may rewrite, in the order
  /// of the module.
  llvm::ArrayRef<mlir::Operation *> getTensors() const { return tensors; }
  /// What an edit of each unit set rewrites, by the index of the set.
  std::vector<std::vector<Member>> collectMembers() const;

  void print(llvm::raw_ostream &os) const;

private:
  /// What is known of a value; nothing yet if it was not met before.
  TensorPlaces &place(mlir::Value value);
  /// States what an axis of a tensor is, or that it is this, too.
  void assign(TensorPlaces &places, unsigned index, const Axis &axis,
              llvm::StringRef where);
  /// States that two values have the same places.
  void relate(mlir::Value a, mlir::Value b, llvm::StringRef where);
  void pinValue(mlir::Value value, llvm::StringRef reason);

  void visit(mlir::Operation *op);
  /// The inputs and outputs of the graph stay.
  void visitInputs(mlir::func::FuncOp func);
  void visitOutputs(mlir::func::ReturnOp ret);
  void visitRule(neuro::AxisRuleOpInterface op);
  /// What flows from an op into its regions, between them and out of them has
  /// the same places everywhere.
  void visitBranch(mlir::RegionBranchOpInterface op);
  /// Pins all that the op touches.
  void visitUnknown(mlir::Operation *op);

  mlir::ModuleOp module;
  AxisAlgebra algebra;
  std::unique_ptr<UnitGroups> units;
  std::vector<std::unique_ptr<TensorPlaces>> storage;
  llvm::DenseMap<mlir::Value, TensorPlaces *> ofValue;
  llvm::DenseMap<mlir::Operation *, TensorPlaces *> ofParam;
  mlir::SymbolTableCollection symbols;
  llvm::DenseMap<mlir::Operation *, std::vector<Axis>> factorsOf;
  /// What slices leave out.
  std::vector<Axis> droppedParts;
  std::vector<mlir::Operation *> tensors;
};

/// The value of a `neuro.param` or `neuro.constant`; null for other ops.
mlir::ElementsAttr getTensorValue(mlir::Operation *tensor);
/// "@name" of a parameter, or "constant" with the name of its location.
std::string getTensorName(mlir::Operation *tensor);
/// The ONNX node name in a location; empty if there is none.
llvm::StringRef getNodeName(mlir::Location location);
/// "'neuro.conv' at 'name'", or the first half if the op has no name.
std::string describe(mlir::Operation *op);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_UNITS_UNITANALYSIS_H
