//===- RuleInstance.cpp - Axis rules as places of the algebra -------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RuleInstance.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

using namespace neuroplast::structure;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;
using neuroplast::neuro::AxisExpr;
using neuroplast::neuro::AxisFactor;
using neuroplast::neuro::AxisRule;
using neuroplast::neuro::FactorRole;

RuleInstance::RuleInstance(const AxisRule &rule, AxisAlgebra &algebra,
                           StringRef node)
    : rule(rule), algebra(algebra), node(node), blockOf(rule.factors.size()) {
  for (const auto *lists : {&rule.operands, &rule.results})
    for (const auto &axes : *lists)
      for (const AxisExpr &expr : axes)
        for (const auto &term : expr.terms)
          for (size_t i = 1; i < term.size(); ++i)
            if (rule.factors[term[i - 1]].role == FactorRole::Block)
              blockOf[term[i]] = term[i - 1];
  for (auto [index, factor] : llvm::enumerate(rule.factors))
    factors.push_back(instantiate(factor, blockOf[index]));
}

void RuleInstance::pin(const AxisFactor &factor, const Axis &axis) {
  if (!factor.pin.empty())
    algebra.pin(axis, node.empty() ? factor.pin
                                   : factor.pin + " at '" + node.str() + "'");
}

void RuleInstance::adopt(const AxisExpr &expr, const Axis &axis) {
  if (!axis.isOpen() || expr.terms.size() != 1 || expr.terms[0].size() != 1)
    return;
  unsigned index = expr.terms[0][0];
  const AxisFactor &factor = rule.factors[index];
  bool edits = factor.role == FactorRole::Plain || !factor.pin.empty();
  if (!edits || !factors[index].isDynamic())
    return;
  factors[index] = axis;
  pin(factor, axis);
}

Axis RuleInstance::evaluate(const AxisExpr &expr) {
  SmallVector<Axis> parts;
  for (const auto &term : expr.terms) {
    // A block factor and what it numbers are one run of places.
    SmallVector<Axis> product;
    for (size_t i = 0; i < term.size(); ++i) {
      if (i + 1 < term.size() && blockOf[term[i + 1]] == term[i])
        continue;
      // The other way round, the blocks take turns.
      if (i + 1 < term.size() && blockOf[term[i]] == term[i + 1]) {
        product.push_back(algebra.interleaveBlocks(factors[term[i++]]));
        continue;
      }
      bool numbered = i > 0 && blockOf[term[i]] == term[i - 1];
      const Axis &factor = factors[term[i]];
      product.push_back(numbered ? algebra.flattenBlocks(factor) : factor);
    }
    parts.push_back(product.empty() ? AxisAlgebra::makeKeptAxis(1)
                                    : algebra.product(product));
  }
  Axis axis =
      parts.size() == 1 ? std::move(parts.front()) : algebra.concat(parts);
  return expr.reversed ? algebra.reverse(axis) : axis;
}

unsigned RuleInstance::getBlockAxis(ArrayRef<AxisExpr> axes) const {
  for (auto [index, expr] : llvm::enumerate(axes))
    for (const auto &term : expr.terms)
      if (!term.empty() && rule.factors[term.front()].role == FactorRole::Block)
        return index;
  return 0;
}

Axis RuleInstance::instantiate(const AxisFactor &factor,
                               std::optional<unsigned> block) {
  bool edits = factor.role == FactorRole::Plain || !factor.pin.empty();
  if (!edits || factor.extent == AxisRule::kDynamic)
    return AxisAlgebra::makeKeptAxis(factor.extent);
  unsigned blocks = block ? rule.factors[*block].extent : 1;
  Axis axis = algebra.makeAxis(factor.extent, blocks);
  pin(factor, axis);
  algebra.requireEqualCounts(axis);
  return axis;
}
