//===- ParamArguments.cpp - Parameters that main takes --------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"

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

static constexpr llvm::StringLiteral kSizes = "neuro.sizes";

void neuro::setSizeNumbers(func::FuncOp function, unsigned argument,
                           ArrayRef<int64_t> numbers) {
  function.setArgAttr(argument, kSizes,
                      DenseI64ArrayAttr::get(function.getContext(), numbers));
}

ArrayRef<int64_t> neuro::getSizeNumbers(BlockArgument argument) {
  auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
  auto numbers = function ? function.getArgAttrOfType<DenseI64ArrayAttr>(
                                argument.getArgNumber(), kSizes)
                          : DenseI64ArrayAttr();
  return numbers ? numbers.asArrayRef() : ArrayRef<int64_t>();
}

StringAttr neuro::getSizeName(BlockArgument argument, int64_t axis) {
  auto function =
      dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
  auto names = function ? function.getArgAttrOfType<ArrayAttr>(
                              argument.getArgNumber(), "neuro.dims")
                        : ArrayAttr();
  auto name = names && axis < static_cast<int64_t>(names.size())
                  ? dyn_cast<StringAttr>(names[axis])
                  : StringAttr();
  if (!name || llvm::is_contained({"", "?", "-1", "None", "unk"}, name))
    return {};
  return name;
}

neuro::ParamOp neuro::findParam(SymbolTable &symbols, Value value) {
  if (auto read = value.getDefiningOp<GetParamOp>())
    return symbols.lookup<ParamOp>(read.getName());
  auto argument = dyn_cast<BlockArgument>(value);
  auto function =
      argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp())
               : func::FuncOp();
  auto symbol = function ? getArgumentParam(function, argument.getArgNumber())
                         : FlatSymbolRefAttr();
  return symbol ? symbols.lookup<ParamOp>(symbol.getValue()) : ParamOp();
}
