//===- NeuroDialect.cpp - The neuro dialect -------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AxisRules/External.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "neuroplast/Dialect/Neuro/IR/History.h"
#include "neuroplast/Dialect/Neuro/IR/Neuro.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace neuroplast::neuro;

#include "neuroplast/Dialect/Neuro/IR/NeuroDialect.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "neuroplast/Dialect/Neuro/IR/NeuroTypes.cpp.inc"

#include "neuroplast/Dialect/Neuro/IR/NeuroInterfaces.cpp.inc"

void NeuroDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "neuroplast/Dialect/Neuro/IR/NeuroOps.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "neuroplast/Dialect/Neuro/IR/NeuroTypes.cpp.inc"
      >();
  detail::attachExternalAxisRules(*getContext());
}

Operation *NeuroDialect::materializeConstant(OpBuilder &builder,
                                             Attribute value, Type type,
                                             Location loc) {
  if (auto elements = dyn_cast<ElementsAttr>(value))
    if (elements.getType() == type)
      return ConstantOp::create(builder, loc, type, elements);
  return nullptr;
}
