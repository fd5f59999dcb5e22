//===- NeuroOps.td - All ops of the neuro dialect ----------*- tablegen -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_NEUROOPS
#define NEUROPLAST_DIALECT_NEURO_IR_NEUROOPS

include "neuroplast/Dialect/Neuro/IR/ContractionOps.td"
include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.td"
include "neuroplast/Dialect/Neuro/IR/HistoryOps.td"
include "neuroplast/Dialect/Neuro/IR/IndexingOps.td"
include "neuroplast/Dialect/Neuro/IR/ModuleOps.td"
include "neuroplast/Dialect/Neuro/IR/NormalizationOps.td"
include "neuroplast/Dialect/Neuro/IR/PoolingOps.td"
include "neuroplast/Dialect/Neuro/IR/RandomOps.td"
include "neuroplast/Dialect/Neuro/IR/ReductionOps.td"
include "neuroplast/Dialect/Neuro/IR/SequenceModelOps.td"
include "neuroplast/Dialect/Neuro/IR/ShapeOps.td"
include "neuroplast/Dialect/Neuro/IR/SignalOps.td"
include "neuroplast/Dialect/Neuro/IR/TextOps.td"

#endif // NEUROPLAST_DIALECT_NEURO_IR_NEUROOPS
