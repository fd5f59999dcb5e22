//===- ParamTensors.cpp - Parameters of modules as tensors ----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Learning/ParamTensors.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "neuroplast/Dialect/Neuro/IR/ElementTypes.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"

using namespace neuroplast;
using namespace neuroplast::learning;

HostTensor learning::readParameter(neuro::ParamOp param) {
  auto elements = TensorElements::read(param.getValue());
  HostTensor tensor;
  tensor.dtype = getElementTypeNumber(param.getType().getElementType());
  tensor.shape = param.getType().getShape().vec();
  if (elements)
    tensor.bytes.assign(elements->getBytes().begin(),
                        elements->getBytes().end());
  return tensor;
}

NamedTensors learning::readParamArguments(mlir::ModuleOp module) {
  NamedTensors tensors;
  auto main = module.lookupSymbol<mlir::func::FuncOp>("main");
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    auto symbol = neuro::getArgumentParam(main, i);
    if (!symbol)
      continue;
    auto param = module.lookupSymbol<neuro::ParamOp>(symbol.getValue());
    auto name = main.getArgAttrOfType<mlir::StringAttr>(i, "neuro.name");
    tensors[name.str()] = readParameter(param);
  }
  return tensors;
}

void neuroplast::learning::writeParameters(NamedTensors params,
                                           mlir::ModuleOp module) {
  for (auto param : module.getOps<neuro::ParamOp>()) {
    auto it = params.find(neuro::getUserName(param).str());
    if (it == params.end())
      continue;
    auto owner =
        std::make_shared<std::vector<char>>(std::move(it->second.bytes));
    llvm::StringRef bytes(owner->data(), owner->size());
    param.setValueAttr(
        makeElements(param.getType(), param.getSymName(), bytes, owner));
  }
}
