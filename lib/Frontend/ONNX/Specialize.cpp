//===- Specialize.cpp - Networks for inputs of other sizes ----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Frontend/ONNX/Specialize.h"

#include "neuroplast/Frontend/ONNX/Export.h"

using namespace mlir;
using namespace neuroplast;

OwningOpRef<ModuleOp>
neuroplast::specialize(ModuleOp network,
                       const llvm::StringMap<SmallVector<int64_t>> &shapes,
                       MLIRContext *context) {
  std::string bytes;
  if (failed(onnx_frontend::exportBytes(network, bytes)))
    return nullptr;
  return importOnnx(llvm::MemoryBuffer::getMemBufferCopy(bytes), "network",
                    {shapes, {}}, context);
}
