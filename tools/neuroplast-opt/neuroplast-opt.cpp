//===- neuroplast-opt.cpp - Run passes on a module ------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "neuroplast/Conversion/Passes.h"
#include "neuroplast/Dialect/Neuro/IR/Neuro.h"
#include "neuroplast/Structure/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllPasses();
  neuroplast::structure::registerStructurePasses();
  neuroplast::registerNeuroplastConversionPasses();
  registry.insert<neuroplast::neuro::NeuroDialect>();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "Neuroplast pass driver\n", registry));
}
