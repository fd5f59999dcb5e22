//===- ParamArguments.cpp - Parameters that main takes --------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"

using namespace mlir;
using namespace neuroplast;

StringRef neuro::getUserName(ParamOp param) {
  return param.getSourceName() ? *param.getSourceName() : param.getSymName();
}

BlockArgument neuro::addParamArgument(func::FuncOp function, ParamOp param,
                                      RankedTensorType type) {
  Builder b(function.getContext());
  auto attributes = b.getDictionaryAttr(
      {b.getNamedAttr("neuro.name", b.getStringAttr(getUserName(param))),
       b.getNamedAttr("neuro.param",
                      FlatSymbolRefAttr::get(param.getSymNameAttr()))});
  unsigned index = function.getNumArguments();
  if (failed(function.insertArgument(index, type, attributes, param.getLoc())))
    llvm_unreachable("every type is one of an argument");
  return function.getArgument(index);
}

FlatSymbolRefAttr neuro::getArgumentParam(func::FuncOp function,
                                          unsigned argument) {
  return function.getArgAttrOfType<FlatSymbolRefAttr>(argument, "neuro.param");
}
