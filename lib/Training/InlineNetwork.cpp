//===- InlineNetwork.cpp - A network as a part of another -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InlineNetwork.h"
#include "mlir/IR/IRMapping.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"

using namespace mlir;
using namespace neuroplast;

StringRef neuroplast::training::getArgumentName(func::FuncOp function,
                                                BlockArgument argument) {
  auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                    "neuro.name");
  return name ? name.getValue() : StringRef();
}

Value neuroplast::training::inlineNetwork(
    OpBuilder &builder, func::FuncOp main, SymbolTable &symbols,
    ModuleOp network, const InlineOptions &options,
    const llvm::StringMap<Value> &inputs) {
  auto other = network.lookupSymbol<func::FuncOp>("main");
  if (!other || !other.getBody().hasOneBlock() || other.getNumResults() == 0) {
    network.emitError("has no function 'main' of one block with a result");
    return {};
  }
  IRMapping values;
  for (BlockArgument argument : other.getArguments()) {
    StringRef name = getArgumentName(other, argument);
    Value same = inputs.lookup(name);
    if (!same || same.getType() != argument.getType()) {
      network.emitError() << "has an input " << (name.empty() ? "?" : name)
                          << " of type " << argument.getType()
                          << options.obstacle;
      return {};
    }
    values.map(argument, same);
  }
  llvm::StringMap<StringAttr> names;
  for (auto param : network.getOps<neuro::ParamOp>()) {
    if (param.getShadowOf())
      continue;
    auto copy = cast<neuro::ParamOp>(param->clone());
    copy.setSymName((options.prefix + param.getSymName()).str());
    copy.setSourceNameAttr(StringAttr());
    copy.setTrainable(false);
    symbols.insert(copy, Block::iterator(main));
    names[param.getSymName()] = copy.getSymNameAttr();
  }
  for (Operation &op : other.front().without_terminator()) {
    Operation *copy = builder.clone(op, values);
    copy->walk([&](neuro::GetParamOp read) {
      read.setNameAttr(FlatSymbolRefAttr::get(names.lookup(read.getName())));
    });
  }
  return values.lookup(other.front().getTerminator()->getOperand(0));
}
