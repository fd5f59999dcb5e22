//===- KernelInterfaces.td - What kernel ops have in common *- tablegen -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_KERNEL_IR_KERNELINTERFACES
#define NEUROPLAST_DIALECT_KERNEL_IR_KERNELINTERFACES

include "mlir/IR/OpBase.td"

def Kernel_KernelOpInterface : OpInterface<"KernelOpInterface"> {
  let cppNamespace = "::neuroplast::kernel";
  let description = [{
    An op that becomes a function of its own. What it takes is said by itself, so
    that passes that weigh it, or show it, need not know it.
  }];
  let methods = [
    InterfaceMethod<"The loops that the op goes around, one nest after the other.",
                    "::llvm::SmallVector<::neuroplast::kernel::LoopWork>", "getWork">
  ];
}

#endif // NEUROPLAST_DIALECT_KERNEL_IR_KERNELINTERFACES
