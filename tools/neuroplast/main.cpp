//===- main.cpp - The command-line driver ---------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "llvm/Support/InitLLVM.h"

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  neuroplast::driver::endProcess(neuroplast::driver::runCommand(
      {argv + 1, static_cast<size_t>(std::max(argc - 1, 0))}));
}
