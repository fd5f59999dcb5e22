//===- Learn.h - neuroplast train --learn -----------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_LEARN_H
#define NEUROPLAST_TOOLS_NEUROPLAST_LEARN_H

#include "Arguments.h"

namespace neuroplast::driver {

/// The options of a training that learns from a stream.
std::vector<OptionSpec> getLearnSpecs();

/// Learns from a stream, while structures may change; the exit code.
int learnFromStream(const Arguments &arguments);

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_LEARN_H
