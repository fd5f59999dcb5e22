//===- Masks.h - Which weights stay zero ------------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A mask is a shadow of whole numbers: 0 where a weight is zero and stays so, 1
// elsewhere. Edits of units take it along as they do any shadow; weights of
// newborns are not masked.
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_MASKS_H
#define NEUROPLAST_DIALECT_NEURO_IR_MASKS_H

#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "llvm/ADT/StringMap.h"

namespace neuroplast::neuro {

/// Whether a parameter is a mask, of either kind: integers beside another one.
bool isMask(ParamOp param);
/// The masks of a module that say where a parameter is zero and stays so, by
/// the symbol of what they mask.
llvm::StringMap<ParamOp> listMasks(mlir::ModuleOp module);
/// Gives a parameter a mask, or another, with zeros where it is zero. False if
/// it cannot be read.
bool maskZeros(ParamOp param);

/// Masks parameters where those of the same names and shapes in another module
/// are masked: they become zero there. False if one cannot be read.
bool copyMasks(mlir::ModuleOp from, mlir::ModuleOp to);

/// Those that say which elements learn: the others stay as they are. Newborns
/// learn.
llvm::StringMap<ParamOp> listPlasticity(mlir::ModuleOp module);
/// Lets no element of a parameter learn that it has now.
ParamOp freezeWhole(ParamOp param);
/// Whether such a mask lets nothing learn.
bool isFrozenWhole(ParamOp mask);
/// Says anew which elements learn.
void setPlasticity(ParamOp mask, llvm::function_ref<bool(int64_t)> learns);
/// Lets everything learn.
void freeAll(mlir::ModuleOp module);

/// Of parameters whose elements several tasks share, by their symbols: the
/// number of the task with which an element came into use, counted from 1,
/// which newborns have, too.
llvm::StringMap<ParamOp> listTasks(mlir::ModuleOp module);
void setTasks(ParamOp param, llvm::function_ref<int64_t(int64_t)> getTask);
/// Lets what is masked of a parameter come into use for a task, of up to
/// `kMostTasks`, and that alone learn. False if it cannot be read.
bool shareWithTask(ParamOp param, int64_t task);
inline constexpr int64_t kMostTasks = 255;

/// How many elements of a parameter learn, by the masks of its module.
int64_t countPlastic(ParamOp param, const llvm::StringMap<ParamOp> &masks);

} // namespace neuroplast::neuro

#endif // NEUROPLAST_DIALECT_NEURO_IR_MASKS_H
