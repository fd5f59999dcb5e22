//===- RulePasses.cpp - Passes over axis rules ----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "neuroplast/Dialect/Neuro/IR/NeuroDialect.h"
#include "neuroplast/Structure/Passes.h"
#include "llvm/Support/JSON.h"

namespace neuroplast::structure {
#define GEN_PASS_DEF_NEUROPRINTAXISRULES
#define GEN_PASS_DEF_NEUROTESTRULE
#include "neuroplast/Structure/Passes.h.inc"
} // namespace neuroplast::structure

using namespace mlir;
using namespace neuroplast;

namespace {

llvm::json::Array toJson(ArrayRef<neuro::AxisExpr> axes) {
  llvm::json::Array list;
  for (const neuro::AxisExpr &axis : axes) {
    llvm::json::Array terms;
    for (const auto &term : axis.terms)
      terms.push_back(llvm::json::Array(term));
    list.push_back(llvm::json::Object{{"terms", std::move(terms)},
                                      {"reversed", axis.reversed}});
  }
  return list;
}

llvm::json::Array toJson(ArrayRef<neuro::TensorAxes> tensors) {
  llvm::json::Array list;
  for (const neuro::TensorAxes &axes : tensors)
    list.push_back(toJson(ArrayRef<neuro::AxisExpr>(axes)));
  return list;
}

StringRef getName(neuro::FactorRole role) {
  switch (role) {
  case neuro::FactorRole::Plain:
    return "plain";
  case neuro::FactorRole::Block:
    return "block";
  case neuro::FactorRole::Fixed:
    return "fixed";
  case neuro::FactorRole::Spatial:
    return "spatial";
  }
  return "";
}

/// A rule, and where its operands and results stand in the function.
llvm::json::Object toJson(neuro::AxisRuleOpInterface op) {
  neuro::AxisRule rule = op.getAxisRule();
  llvm::json::Array factors, arguments, outputs, equations;
  for (const auto &[left, right] : rule.equations)
    equations.push_back(toJson(ArrayRef<neuro::AxisExpr>{left, right}));
  for (const neuro::AxisFactor &factor : rule.factors)
    factors.push_back(llvm::json::Object{
        {"name", factor.name},
        {"extent",
         factor.extent == neuro::AxisRule::kDynamic ? -1 : factor.extent},
        {"role", getName(factor.role)},
        {"zero_invariant", factor.zeroInvariant},
        {"pin", factor.pin}});
  for (Value operand : op->getOperands()) {
    auto argument = dyn_cast<BlockArgument>(operand);
    arguments.push_back(argument ? static_cast<int64_t>(argument.getArgNumber())
                                 : -1);
  }
  for (Value result : op->getResults()) {
    int64_t position = -1;
    for (OpOperand &use : result.getUses())
      if (isa<func::ReturnOp>(use.getOwner()))
        position = use.getOperandNumber();
    outputs.push_back(position);
  }
  return llvm::json::Object{
      {"op", op->getName().getStringRef()}, {"rule", rule.str()},
      {"factors", std::move(factors)},      {"operands", toJson(rule.operands)},
      {"results", toJson(rule.results)},    {"equations", std::move(equations)},
      {"arguments", std::move(arguments)},  {"outputs", std::move(outputs)}};
}

struct PrintAxisRules
    : structure::impl::NeuroPrintAxisRulesBase<PrintAxisRules> {
  using NeuroPrintAxisRulesBase::NeuroPrintAxisRulesBase;

  void runOnOperation() override {
    getOperation().walk([&](neuro::AxisRuleOpInterface op) {
      if (json)
        llvm::errs() << llvm::json::Value(toJson(op)) << '\n';
      else
        llvm::errs() << op->getName() << ": " << op.getAxisRule().str() << '\n';
    });
    markAllAnalysesPreserved();
  }
};

struct TestRule : structure::impl::NeuroTestRuleBase<TestRule> {
  using NeuroTestRuleBase::NeuroTestRuleBase;

  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    SmallVector<neuro::AxisRuleOpInterface> ops;
    if (main)
      main.walk([&](neuro::AxisRuleOpInterface op) { ops.push_back(op); });
    if (ops.size() != 1 ||
        !llvm::all_of(ops[0]->getOperands(), [](Value operand) {
          return isa<BlockArgument>(operand);
        })) {
      getOperation().emitError("there is not one op over arguments alone");
      return signalPassFailure();
    }
    neuro::AxisRuleOpInterface op = ops[0];
    neuro::AxisRule rule = op.getAxisRule();
    SmallVector<int64_t> sizes;
    for (const neuro::AxisFactor &factor : rule.factors)
      sizes.push_back(factor.extent);
    for (StringRef entry : extents) {
      auto [name, size] = entry.split(':');
      for (auto [index, factor] : llvm::enumerate(rule.factors))
        if (factor.name == name && size.getAsInteger(10, sizes[index])) {
          getOperation().emitError("'")
              << entry << "' is no factor with an extent";
          return signalPassFailure();
        }
    }
    op.setFactorExtents(sizes);
    auto resize = [&](Value value, ArrayRef<neuro::AxisExpr> axes) {
      auto type = dyn_cast<RankedTensorType>(value.getType());
      if (!type)
        return;
      SmallVector<int64_t> shape(type.getShape());
      for (auto [size, axis] : llvm::zip_equal(shape, axes))
        if (!ShapedType::isDynamic(size))
          size = neuro::AxisRule::getExtent(axis, sizes);
      value.setType(type.clone(shape));
    };
    for (auto [operand, axes] :
         llvm::zip_equal(op->getOperands(), rule.operands))
      resize(operand, axes);
    for (auto [result, axes] : llvm::zip_equal(op->getResults(), rule.results))
      resize(result, axes);
    main.setFunctionType(FunctionType::get(
        &getContext(), main.getBody().front().getArgumentTypes(),
        main.getBody().front().getTerminator()->getOperandTypes()));
  }
};

} // namespace
