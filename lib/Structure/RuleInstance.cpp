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
    : rule(rule), algebra(algebra), blockOf(rule.factors.size()) {
  for (const auto *lists : {&rule.operands, &rule.results})
    for (const auto &axes : *lists)
      for (const AxisExpr &expr : axes)
        for (const auto &term : expr.terms)
          for (size_t i = 1; i < term.size(); ++i)
            if (rule.factors[term[i - 1]].role == FactorRole::Block)
              blockOf[term[i]] = term[i - 1];
  for (auto [index, factor] : llvm::enumerate(rule.factors))
    factors.push_back(instantiate(factor, blockOf[index], node));
}

Axis RuleInstance::evaluate(const AxisExpr &expr) {
  SmallVector<Axis> parts;
  for (const auto &term : expr.terms) {
    // A block factor and what it numbers are one run of places.
    SmallVector<Axis> product;
    for (size_t i = 0; i < term.size(); ++i) {
      if (i + 1 < term.size() && blockOf[term[i + 1]] == term[i])
        continue;
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
                               std::optional<unsigned> block, StringRef node) {
  bool edits = factor.role == FactorRole::Plain || !factor.pin.empty();
  if (!edits || factor.extent == AxisRule::kDynamic)
    return AxisAlgebra::makeKeptAxis(factor.extent);
  unsigned blocks = block ? rule.factors[*block].extent : 1;
  Axis axis = algebra.makeAxis(factor.extent, blocks);
  if (!factor.pin.empty())
    algebra.pin(axis, node.empty() ? factor.pin
                                   : factor.pin + " at '" + node.str() + "'");
  algebra.requireEqualCounts(axis);
  return axis;
}
