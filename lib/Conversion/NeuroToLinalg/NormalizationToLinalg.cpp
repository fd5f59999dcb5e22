//===- NormalizationToLinalg.cpp - Normalization ops to linalg ------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"

using namespace mlir;
using namespace neuroplast;

void neuroplast::populateNormalizationToLinalgPatterns(TypeConverter &converter,
                                              RewritePatternSet &patterns) {
  (void)converter;
  (void)patterns;
}
