//===- ZeroPropagation.cpp - Where ops keep zeros at zero -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace neuroplast::neuro;

bool neuroplast::neuro::detail::isConstantInRange(Value value, double least,
                                                  double most) {
  if (!value)
    return true;
  auto constant = value.getDefiningOp<ConstantOp>();
  if (!constant)
    return false;
  std::optional<TensorElements> elements =
      TensorElements::read(constant.getValue());
  if (!elements)
    return false;
  for (int64_t i = 0, end = elements->getType().getNumElements(); i < end; ++i)
    if (double number = elements->getNumber(i);
        !(number >= least && number <= most))
      return false;
  return true;
}

/// A gate that is fed zeros is half open, but what it lets in is zero, and so
/// is the state that it lets stay. The first function is that of the gates,
/// where there are gates.
bool neuroplast::neuro::detail::keepsStatesAtZero(
    std::optional<ArrayAttr> activations, size_t functions) {
  if (!activations)
    return true;
  for (auto [index, name] :
       llvm::enumerate(activations->getAsRange<StringAttr>())) {
    bool isGate = functions > 1 && index % functions == 0;
    bool isZeroAtZero =
        llvm::StringSwitch<bool>(name.getValue().lower())
            .Cases({"tanh", "relu", "elu", "softsign", "scaledtanh"}, true)
            .Cases({"leakyrelu", "thresholdedrelu"}, true)
            .Default(false);
    if (!isGate && !isZeroAtZero)
      return false;
  }
  return true;
}
