//===- Neuro.h - The neuro dialect ------------------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// All ops. What needs some of them names their headers: it is compiled anew
// when these change, and not when others do.

#ifndef NEUROPLAST_DIALECT_NEURO_IR_NEURO_H
#define NEUROPLAST_DIALECT_NEURO_IR_NEURO_H

#include "neuroplast/Dialect/Neuro/IR/ContractionOps.h"
#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"
#include "neuroplast/Dialect/Neuro/IR/HistoryOps.h"
#include "neuroplast/Dialect/Neuro/IR/IndexingOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/NormalizationOps.h"
#include "neuroplast/Dialect/Neuro/IR/PoolingOps.h"
#include "neuroplast/Dialect/Neuro/IR/RandomOps.h"
#include "neuroplast/Dialect/Neuro/IR/ReductionOps.h"
#include "neuroplast/Dialect/Neuro/IR/SequenceModelOps.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"
#include "neuroplast/Dialect/Neuro/IR/SignalOps.h"
#include "neuroplast/Dialect/Neuro/IR/TextOps.h"

#endif // NEUROPLAST_DIALECT_NEURO_IR_NEURO_H
