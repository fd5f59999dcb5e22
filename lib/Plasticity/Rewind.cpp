//===- Rewind.cpp - Former weights in the structure of now ----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Plasticity/Rewind.h"
#include "neuroplast/Dialect/Neuro/IR/History.h"
#include "neuroplast/Dialect/Neuro/IR/HistoryOps.h"
#include "neuroplast/Dialect/Neuro/IR/Masks.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "neuroplast/Structure/Draw.h"
#include "neuroplast/Structure/Edits/History.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace neuroplast;

LogicalResult neuroplast::plasticity::rewind(ModuleOp former, ModuleOp now) {
  int64_t known = structure::countEdits(former);
  if (neuro::HistoryOp history = neuro::findHistory(now))
    for (auto [index, edit] :
         llvm::enumerate(history.getBody().getOps<neuro::EditOp>())) {
      // What it was told to make sparse is in the masks.
      bool isOfMasks =
          edit.getKind() == "sparsify" || edit.getKind() == "rewire";
      if (static_cast<int64_t>(index) >= known && !isOfMasks &&
          failed(structure::replay(former, edit)))
        return failure();
    }
  if (!neuro::copyMasks(now, former))
    return former.emitError("has a masked parameter that cannot be read");
  return success();
}

/// Gives a parameter of floats other elements: `change` makes them of the mean
/// of all, their deviation, the old one, and a normal number. Fails, after an
/// error, if it cannot be read.
static LogicalResult changeElements(
    neuro::ParamOp param, uint64_t seed,
    llvm::function_ref<double(double, double, double, double)> change) {
  RankedTensorType type = param.getType();
  int64_t count = type.getNumElements();
  auto values = TensorElements::read(param.getValue());
  if (!values)
    return param.emitError("cannot be read");
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < count; ++i)
    sum += values->getNumber(i);
  double mean = sum / static_cast<double>(std::max<int64_t>(count, 1));
  for (int64_t i = 0; i < count; ++i)
    squares += std::pow(values->getNumber(i) - mean, 2);
  double deviation =
      std::sqrt(squares / static_cast<double>(std::max<int64_t>(count, 1)));
  uint64_t own = seed + llvm::xxh3_64bits(param.getSymName());
  std::string bytes(count * values->getElementBytes(), 0);
  for (int64_t i = 0; i < count; ++i)
    writeNumber(type.getElementType(),
                change(mean, deviation, values->getNumber(i),
                       structure::drawNormal(own, i)),
                bytes.data() + i * values->getElementBytes());
  param.setValueAttr(makeElements(type, param.getSymName(), std::move(bytes)));
  return success();
}

static bool isNumeric(neuro::ParamOp param) {
  return isa<FloatType>(param.getType().getElementType()) &&
         !param.getShadowOf();
}

LogicalResult neuroplast::plasticity::redraw(ModuleOp module, uint64_t seed) {
  auto draw = [](double mean, double deviation, double old, double normal) {
    return deviation == 0 ? old : mean + deviation * normal;
  };
  for (auto param : module.getOps<neuro::ParamOp>())
    if (isNumeric(param) && failed(changeElements(param, seed, draw)))
      return failure();
  return success();
}

LogicalResult neuroplast::plasticity::perturb(ModuleOp module, double keep,
                                              double noise, uint64_t seed) {
  auto change = [&](double, double deviation, double old, double normal) {
    return keep * old + noise * deviation * normal;
  };
  for (auto param : module.getOps<neuro::ParamOp>())
    if (isNumeric(param) && param.getTrainable() &&
        failed(changeElements(param, seed, change)))
      return failure();
  return success();
}
