//===- Masks.cpp - Which weights stay zero --------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/Masks.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

bool neuroplast::neuro::isMask(ParamOp param) {
  return param.getShadowOf() &&
         isa<IntegerType>(param.getType().getElementType());
}

llvm::StringMap<ParamOp> neuroplast::neuro::listMasks(ModuleOp module) {
  llvm::StringMap<ParamOp> masks;
  for (auto param : module.getOps<ParamOp>())
    if (isMask(param))
      masks[*param.getShadowOf()] = param;
  return masks;
}

bool neuroplast::neuro::maskZeros(ParamOp param) {
  std::optional<TensorElements> elements =
      TensorElements::read(param.getValue());
  if (!elements)
    return false;
  std::string bytes(param.getType().getNumElements(), 0);
  for (auto [i, byte] : llvm::enumerate(bytes))
    byte = elements->getNumber(i) != 0;
  auto module = param->getParentOfType<ModuleOp>();
  OpBuilder builder(param);
  builder.setInsertionPointAfter(param);
  auto type =
      RankedTensorType::get(param.getType().getShape(),
                            builder.getIntegerType(8, /*isSigned=*/false));
  std::string name = (param.getSymName() + ".mask").str();
  ElementsAttr value = makeElements(type, name, std::move(bytes));
  if (ParamOp known = listMasks(module).lookup(param.getSymName())) {
    known.setValueAttr(value);
    return true;
  }
  auto mask = ParamOp::create(
      builder, param.getLoc(), name, value, /*trainable=*/false,
      FlatSymbolRefAttr::get(param.getSymNameAttr()),
      /*source_name=*/StringAttr(), /*sym_visibility=*/StringAttr());
  mask->remove();
  SymbolTable(module).insert(mask, std::next(Block::iterator(param)));
  return true;
}

bool neuroplast::neuro::copyMasks(ModuleOp from, ModuleOp to) {
  SymbolTable symbols(to);
  for (auto &[name, mask] : listMasks(from)) {
    auto param = symbols.lookup<ParamOp>(name);
    if (!param || param.getType().getShape() != mask.getType().getShape())
      continue;
    std::optional<TensorElements> kept = TensorElements::read(mask.getValue()),
                                  values =
                                      TensorElements::read(param.getValue());
    if (!kept || !values)
      return false;
    unsigned size = values->getElementBytes();
    std::string bytes(values->getBytes().begin(), values->getBytes().end());
    for (int64_t i = 0; i < param.getType().getNumElements(); ++i)
      if (kept->getNumber(i) == 0)
        std::fill_n(bytes.begin() + i * size, size, 0);
    param.setValueAttr(
        makeElements(param.getType(), param.getSymName(), std::move(bytes)));
    if (!maskZeros(param))
      return false;
  }
  return true;
}
