//===- SelectOutput.cpp - The network of one task -------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Edits/SelectOutput.h"
#include "../Units/LinearLayers.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "neuroplast/Dialect/Neuro/IR/Masks.h"
#include "neuroplast/Structure/Growth/Transfer.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

llvm::json::Object SelectReport::toJson() const {
  return llvm::json::Object{{"output", output},
                            {"task", task},
                            {"weights_left_out", left},
                            {"before", before.toJson()},
                            {"after", after.toJson()}};
}

void SelectReport::print(llvm::raw_ostream &os) const {
  os << "output: '" << output << "' of task " << task << '\n';
  if (left > 0)
    os << "left out: " << left << " weights of later tasks\n";
}

/// Makes weights zero that came into use for later tasks. Their number, or an
/// error.
static FailureOr<int64_t> leaveOutLater(ModuleOp module, int64_t task) {
  int64_t left = 0;
  SymbolTable symbols(module);
  for (auto &[name, mask] : neuro::listTasks(module)) {
    auto param = symbols.lookup<neuro::ParamOp>(name);
    std::optional<TensorElements> tasks = TensorElements::read(mask.getValue()),
                                  values =
                                      TensorElements::read(param.getValue());
    if (!tasks || !values)
      return param.emitError("the elements of @") << name << " cannot be read";
    std::string bytes(values->getBytes().begin(), values->getBytes().end());
    unsigned size = values->getElementBytes();
    for (int64_t i = 0; i < param.getType().getNumElements(); ++i)
      if (tasks->getInteger(i) > task) {
        std::fill_n(bytes.begin() + i * size, size, 0);
        ++left;
      }
    param.setValueAttr(
        makeElements(param.getType(), param.getSymName(), std::move(bytes)));
    neuro::maskZeros(param);
  }
  return left;
}

/// Erases what nobody reads: ops of a block, and parameters, with what is kept
/// about them.
static void eraseUnread(ModuleOp module, Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op))
      op.erase();
  llvm::StringMap<SmallVector<neuro::ParamOp>> shadows;
  SmallVector<neuro::ParamOp> params;
  for (auto param : module.getOps<neuro::ParamOp>())
    if (auto of = param.getShadowOf())
      shadows[*of].push_back(param);
    else
      params.push_back(param);
  for (neuro::ParamOp param : params) {
    auto uses = SymbolTable::getSymbolUses(param, module);
    if (!uses || llvm::any_of(*uses, [](const SymbolTable::SymbolUse &use) {
          return !isa<neuro::ParamOp>(use.getUser());
        }))
      continue;
    for (neuro::ParamOp shadow : shadows.lookup(param.getSymName()))
      shadow.erase();
    param.erase();
  }
}

FailureOr<SelectReport> neuroplast::structure::selectOutput(ModuleOp module,
                                                            StringRef output) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || !main.getBody().hasOneBlock())
    return module.emitError("has no function 'main' of one block"), failure();
  SmallVector<StringRef> names;
  for (unsigned i = 0; i < main.getNumResults(); ++i) {
    auto name = main.getResultAttrOfType<StringAttr>(i, "neuro.name");
    names.push_back(name ? name.getValue() : StringRef());
  }
  auto found = llvm::find(names, output);
  if (found == names.end())
    return main.emitError("has no output '")
               << output << "', but '" << llvm::join(names, "', '") << "'",
           failure();
  auto index = static_cast<unsigned>(found - names.begin());
  SelectReport report;
  report.output = output.str();
  report.before = measure(UnitAnalysis(module));
  SmallVector<std::string> added = listAddedOutputs(module);
  if (auto it = llvm::find(added, output); it != added.end())
    report.task = kFirstTask + 1 + (it - added.begin());
  FailureOr<int64_t> left = leaveOutLater(module, report.task);
  if (failed(left))
    return failure();
  report.left = *left;
  neuro::freeAll(module);
  llvm::BitVector others(main.getNumResults(), true);
  others.reset(index);
  main.front().getTerminator()->eraseOperands(others);
  if (failed(main.eraseResults(others)))
    return failure();
  eraseUnread(module, main.front());
  recordCommand(module, "select", llvm::json::Object{{"output", output}});
  report.after = measure(UnitAnalysis(module));
  return report;
}
