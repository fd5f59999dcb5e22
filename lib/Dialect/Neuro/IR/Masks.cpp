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
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

bool neuroplast::neuro::isMask(ParamOp param) {
  return param.getShadowOf() &&
         isa<IntegerType>(param.getType().getElementType());
}

static constexpr llvm::StringLiteral kZeros = ".mask",
                                     kPlasticity = ".plasticity",
                                     kTasks = ".tasks";

static llvm::StringMap<ParamOp> listKind(ModuleOp module, StringRef suffix) {
  llvm::StringMap<ParamOp> masks;
  for (auto param : module.getOps<ParamOp>())
    if (isMask(param) &&
        param.getSymName().starts_with((*param.getShadowOf() + suffix).str()))
      masks[*param.getShadowOf()] = param;
  return masks;
}

llvm::StringMap<ParamOp> neuroplast::neuro::listMasks(ModuleOp module) {
  return listKind(module, kZeros);
}

llvm::StringMap<ParamOp> neuroplast::neuro::listPlasticity(ModuleOp module) {
  return listKind(module, kPlasticity);
}

static RankedTensorType getMaskType(RankedTensorType type) {
  return type.clone(IntegerType::get(
      type.getContext(), 8, IntegerType::SignednessSemantics::Unsigned));
}

/// Gives a parameter a mask of a kind, or another.
static ParamOp setMask(ParamOp param, StringRef suffix, ElementsAttr value) {
  auto module = param->getParentOfType<ModuleOp>();
  if (ParamOp known = listKind(module, suffix).lookup(param.getSymName())) {
    known.setValueAttr(value);
    return known;
  }
  OpBuilder builder(param);
  auto mask = ParamOp::create(
      builder, param.getLoc(), (param.getSymName() + suffix).str(), value,
      /*trainable=*/false, FlatSymbolRefAttr::get(param.getSymNameAttr()),
      /*source_name=*/StringAttr(), /*sym_visibility=*/StringAttr());
  mask->remove();
  SymbolTable(module).insert(mask, std::next(Block::iterator(param)));
  return mask;
}

/// A mask with ones where something holds of the number of an element.
static ElementsAttr makeMask(RankedTensorType like, StringRef name,
                             llvm::function_ref<bool(int64_t)> holds) {
  std::string bytes(like.getNumElements(), 0);
  for (auto [i, byte] : llvm::enumerate(bytes))
    byte = holds(static_cast<int64_t>(i));
  return makeElements(getMaskType(like), name, std::move(bytes));
}

bool neuroplast::neuro::maskZeros(ParamOp param) {
  std::optional<TensorElements> elements =
      TensorElements::read(param.getValue());
  if (!elements)
    return false;
  setMask(param, kZeros,
          makeMask(param.getType(), (param.getSymName() + kZeros).str(),
                   [&](int64_t i) { return elements->getNumber(i) != 0; }));
  return true;
}

ParamOp neuroplast::neuro::freezeWhole(ParamOp param) {
  return setMask(
      param, kPlasticity,
      DenseElementsAttr::get(getMaskType(param.getType()), APInt(8, 0)));
}

bool neuroplast::neuro::isFrozenWhole(ParamOp mask) {
  auto value = dyn_cast<DenseElementsAttr>(mask.getValue());
  return value && value.isSplat() && value.getSplatValue<APInt>().isZero();
}

void neuroplast::neuro::setPlasticity(
    ParamOp mask, llvm::function_ref<bool(int64_t)> learns) {
  mask.setValueAttr(makeMask(mask.getType(), mask.getSymName(), learns));
}

void neuroplast::neuro::freeAll(ModuleOp module) {
  for (StringRef kind : {kPlasticity, kTasks})
    for (auto &[name, mask] : listKind(module, kind))
      mask.erase();
}

llvm::StringMap<ParamOp> neuroplast::neuro::listTasks(ModuleOp module) {
  return listKind(module, kTasks);
}

void neuroplast::neuro::setTasks(ParamOp param,
                                 llvm::function_ref<int64_t(int64_t)> getTask) {
  std::string bytes(param.getType().getNumElements(), 0);
  for (auto [i, byte] : llvm::enumerate(bytes))
    byte = static_cast<char>(getTask(static_cast<int64_t>(i)));
  setMask(param, kTasks,
          makeElements(getMaskType(param.getType()),
                       (param.getSymName() + kTasks).str(), std::move(bytes)));
}

bool neuroplast::neuro::shareWithTask(ParamOp param, int64_t task) {
  auto module = param->getParentOfType<ModuleOp>();
  ParamOp zeros = listMasks(module).lookup(param.getSymName()),
          tasks = listTasks(module).lookup(param.getSymName());
  std::optional<TensorElements> kept = TensorElements::read(zeros.getValue()),
                                known;
  if (tasks)
    known = TensorElements::read(tasks.getValue());
  if (!kept || (tasks && !known))
    return false;
  auto isFree = [&](int64_t i) { return kept->getInteger(i) == 0; };
  setMask(param, kPlasticity,
          makeMask(param.getType(), (param.getSymName() + kPlasticity).str(),
                   isFree));
  setTasks(param, [&](int64_t i) {
    return isFree(i) ? task : known ? known->getInteger(i) : 1;
  });
  zeros.erase();
  return true;
}

int64_t neuroplast::neuro::countPlastic(ParamOp param,
                                        const llvm::StringMap<ParamOp> &masks) {
  int64_t size = param.getType().getNumElements();
  ParamOp mask = masks.lookup(param.getSymName());
  std::optional<TensorElements> elements =
      mask ? TensorElements::read(mask.getValue()) : std::nullopt;
  if (!elements)
    return size;
  return llvm::count_if(llvm::seq<int64_t>(0, size), [&](int64_t i) {
    return elements->getInteger(i) != 0;
  });
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
