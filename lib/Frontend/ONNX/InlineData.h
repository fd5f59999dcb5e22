//===- InlineData.h - Large tensors left where they are ---------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_FRONTEND_ONNX_INLINEDATA_H
#define NEUROPLAST_LIB_FRONTEND_ONNX_INLINEDATA_H

#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>
#include <vector>

namespace neuroplast {

/// The key under which a tensor of a model that was lightened has the number of
/// its data, as if they were in another file.
inline constexpr llvm::StringLiteral inlineDataKey = "neuroplast.inline";

/// An ONNX model in its wire format without the data of large initializers of
/// its graph.
struct LightModel {
  std::string bytes;
  /// The data that are missing, in the bytes of the model, by their numbers.
  std::vector<llvm::StringRef> data;
};

/// Leaves out what would be copied while a model is parsed: its weights. None
/// if the bytes are no message of this format.
std::optional<LightModel> lightenModel(llvm::StringRef model);

} // namespace neuroplast

#endif // NEUROPLAST_LIB_FRONTEND_ONNX_INLINEDATA_H
