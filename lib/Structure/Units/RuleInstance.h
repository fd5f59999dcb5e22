//===- RuleInstance.h - Axis rules as places of the algebra ---------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_STRUCTURE_UNITS_RULEINSTANCE_H
#define NEUROPLAST_LIB_STRUCTURE_UNITS_RULEINSTANCE_H

#include "neuroplast/Dialect/Neuro/IR/AxisRule.h"
#include "neuroplast/Structure/Axes/AxisAlgebra.h"
#include <optional>

namespace neuroplast::structure {

/// One rule with an axis of new atoms for every factor that may be edited.
/// Block factors number the blocks of the axes that follow them in a product.
class RuleInstance {
public:
  /// `node` names the op in the reasons of pins.
  RuleInstance(const neuro::AxisRule &rule, AxisAlgebra &algebra,
               llvm::StringRef node);

  /// Where an operand has an open axis that the rule calls a factor of unknown
  /// size, the factor is that.
  void adopt(const neuro::AxisExpr &expr, const Axis &axis);
  /// The places of an axis that the rule describes.
  Axis evaluate(const neuro::AxisExpr &expr);
  /// The axis of a tensor along which the blocks of its blocked axes follow
  /// each other.
  unsigned getBlockAxis(llvm::ArrayRef<neuro::AxisExpr> axes) const;

  /// By factor of the rule.
  llvm::ArrayRef<Axis> getFactors() const { return factors; }

private:
  Axis instantiate(const neuro::AxisFactor &factor,
                   std::optional<unsigned> block);

  /// Pins the factor if the rule does.
  void pin(const neuro::AxisFactor &factor, const Axis &axis);

  const neuro::AxisRule &rule;
  AxisAlgebra &algebra;
  llvm::StringRef node;
  /// The block factor that numbers the copies of a factor.
  std::vector<std::optional<unsigned>> blockOf;
  std::vector<Axis> factors;
};

} // namespace neuroplast::structure

#endif // NEUROPLAST_LIB_STRUCTURE_UNITS_RULEINSTANCE_H
