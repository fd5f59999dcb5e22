//===- ModelLoader.h - Read, check and upgrade an ONNX model --------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_FRONTEND_ONNX_MODELLOADER_H
#define NEUROPLAST_LIB_FRONTEND_ONNX_MODELLOADER_H

#include "neuroplast/Frontend/ONNX/Import.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>
#include <string>

#include "onnx/onnx_pb.h"

namespace neuroplast {

/// A model at its final opset, with what its tensors point to.
struct LoadedModel {
  onnx::ModelProto proto;
  /// The opset of the file; the one of `proto` may be newer.
  int64_t originalOpset = 0;
  int64_t opset = 0;
  int64_t irVersion = 0; ///< Of the file.
  /// The types of the graph's outputs as far as the file declares them.
  llvm::StringMap<onnx::TypeProto> declaredOutputs;
  /// The model's own file, and the data of large tensors in it.
  std::shared_ptr<llvm::MemoryBuffer> file;
  std::vector<llvm::StringRef> inlineData;
  /// Mapped files of external data, by path.
  llvm::StringMap<std::shared_ptr<llvm::MemoryBuffer>> files;
  /// The folder in which external data must lie.
  std::string folder;
};

/// Reads what stands in a file of this path (text if it ends in `.onnxtext`),
/// applies the shapes and values of graph inputs, and runs the ONNX library's
/// steps. Errors say what is wrong in one line, without the file name.
llvm::Expected<std::shared_ptr<LoadedModel>>
loadModel(std::shared_ptr<llvm::MemoryBuffer> file, llvm::StringRef path,
          const ImportOptions &options);

/// The bytes of a tensor kept in the model's file, or in one beside the model:
/// mapped, within the model's folder, and within the file's bounds.
llvm::Expected<std::pair<std::shared_ptr<llvm::MemoryBuffer>, llvm::StringRef>>
mapExternalData(LoadedModel &model, const onnx::TensorProto &tensor);

} // namespace neuroplast

#endif // NEUROPLAST_LIB_FRONTEND_ONNX_MODELLOADER_H
