//===- Plan.cpp - Cuts that are written down ------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Edits/Plan.h"
#include "neuroplast/Dialect/Neuro/IR/HistoryOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Structure/Edits/History.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

static constexpr int64_t kVersion = 1;

static llvm::Error readRule(const llvm::json::Object &rule, Plan &plan) {
  auto fail = [](const Twine &reason) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(), reason);
  };
  auto pattern = rule.getString("match");
  if (!pattern || pattern->empty())
    return fail("a rule of the plan needs 'match', a pattern of names");
  std::string name = pattern->str();
  for (const auto &[key, value] : rule)
    if (key != "match" && key != "ratio" && key != "freeze")
      return fail("the rule for '" + name + "' has '" + key.str() +
                  "', which rules have not");
  if (rule.getBoolean("freeze").value_or(false)) {
    if (rule.get("ratio"))
      return fail("the rule for '" + name + "' has a ratio, and freezes");
    plan.freeze.push_back(name);
    return llvm::Error::success();
  }
  auto ratio = rule.getNumber("ratio");
  if (!ratio || !(*ratio >= 0 && *ratio < 1))
    return fail("the rule for '" + name +
                "' needs a ratio, at least 0 and below 1, or 'freeze'");
  plan.ratios.push_back({name, *ratio});
  return llvm::Error::success();
}

llvm::Expected<Plan> Plan::parse(StringRef text) {
  auto fail = [](const Twine &reason) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(), reason);
  };
  auto value = llvm::json::parse(text);
  if (!value)
    return fail("the plan is no JSON: " + llvm::toString(value.takeError()));
  const llvm::json::Object *object = value->getAsObject();
  if (!object || object->getInteger("version") != kVersion)
    return fail("the plan is no object with 'version' " + Twine(kVersion));
  for (const auto &[key, entry] : *object)
    if (key != "version" && key != "rules" && key != "edit")
      return fail("the plan has '" + key.str() + "', which plans have not");
  Plan plan;
  if (object->get("rules")) {
    const llvm::json::Array *rules = object->getArray("rules");
    if (!rules)
      return fail("'rules' of the plan is no list");
    for (const llvm::json::Value &rule : *rules) {
      if (!rule.getAsObject())
        return fail("a rule of the plan is no object");
      if (llvm::Error error = readRule(*rule.getAsObject(), plan))
        return std::move(error);
    }
  }
  if (const llvm::json::Value *edit = object->get("edit"))
    plan.edit = llvm::json::Array{*edit};
  if (plan.edit && object->get("rules"))
    return fail("the plan has rules besides an edit, which leaves nothing to "
                "rule");
  return plan;
}

FailureOr<Edit> Plan::findEdit(const UnitAnalysis &analysis) const {
  ModuleOp module = analysis.getModule();
  OwningOpRef<ModuleOp> scratch(ModuleOp::create(module.getLoc()));
  neuro::HistoryOp history = neuro::getOrCreateHistory(*scratch);
  bool isKnown = true;
  auto getSymbol = [&](StringRef name) {
    auto param = module.lookupSymbol<neuro::ParamOp>(name);
    isKnown &= param != nullptr;
    return param ? param.getSymNameAttr() : StringAttr();
  };
  if (!neuro::fromJson(*edit, history, getSymbol))
    return module.emitError("the edit of the plan is malformed");
  if (!isKnown)
    return module.emitError("the plan names parameters that the network does "
                            "not have");
  return structure::findEdit(analysis, neuro::getLastEdit(*scratch));
}

std::optional<llvm::json::Object>
neuroplast::structure::makePlan(ModuleOp module) {
  neuro::HistoryOp history = neuro::findHistory(module);
  if (!history)
    return std::nullopt;
  llvm::json::Array edits =
      neuro::toJson(history, [](FlatSymbolRefAttr symbol) {
        return symbol.getValue().str();
      });
  return llvm::json::Object{{"version", kVersion},
                            {"edit", std::move(edits.back())}};
}
