//===- DerivedParams.cpp - Parameters made of others ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Codegen/DerivedParams.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"

#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace neuroplast;

static constexpr StringLiteral kDerived = "neuro.derived";

neuro::ParamOp neuroplast::createDerivedParam(SymbolTable &symbols,
                                              Block::iterator before,
                                              Location location, StringRef name,
                                              ElementsAttr value) {
  OpBuilder builder(before->getBlock(), before);
  auto param = neuro::ParamOp::create(
      builder, location, name, value, /*trainable=*/false,
      /*shadow_of=*/FlatSymbolRefAttr(), /*source_name=*/StringAttr(),
      /*sym_visibility=*/StringAttr());
  param->setDiscardableAttr(kDerived, builder.getUnitAttr());
  param->remove();
  symbols.insert(param, before);
  return param;
}

static void releaseData(neuro::ParamOp param) {
  auto resource = dyn_cast<DenseResourceElementsAttr>(param.getValue());
  if (!resource || !param->hasAttr(kDerived))
    return;
  auto &manager =
      DenseResourceElementsHandle::getManagerInterface(param.getContext())
          .getBlobManager();
  manager.update(resource.getRawHandle().getKey(), AsmResourceBlob());
}

void neuroplast::eraseParam(SymbolTable &symbols, neuro::ParamOp param) {
  releaseData(param);
  symbols.erase(param);
}

void neuroplast::releaseDerivedParams(ModuleOp module) {
  for (auto param : module.getOps<neuro::ParamOp>())
    releaseData(param);
}
