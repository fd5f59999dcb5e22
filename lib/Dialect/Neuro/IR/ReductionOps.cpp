//===- ReductionOps.cpp - Members of these ops ----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/Neuro.h"

using namespace mlir;
using namespace neuroplast::neuro;

// Stand-ins, to be replaced by the real members.
#define INFER(OP)                                                              \
  LogicalResult OP::inferReturnTypes(                                          \
      MLIRContext *, std::optional<Location> location, Adaptor,                \
      SmallVectorImpl<Type> &) {                                               \
    return emitOptionalError(location, "'", OP::getOperationName(),            \
                             "' has no type inference");                       \
  }

INFER(ArgMaxOp)
INFER(ArgMinOp)
INFER(TopKOp)
