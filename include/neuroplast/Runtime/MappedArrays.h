//===- MappedArrays.h - Arrays that stay in their files ---------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_RUNTIME_MAPPEDARRAYS_H
#define NEUROPLAST_RUNTIME_MAPPEDARRAYS_H

#include "neuroplast/Runtime/Model.h"

namespace neuroplast {

/// A dense array, row by row, in a mapped file if it stands there so, else in
/// memory.
struct MappedArray {
  int32_t dtype = 0; ///< As in the C interface.
  std::vector<int64_t> shape;
  llvm::ArrayRef<char> bytes;
  std::shared_ptr<const void> owner; ///< of the bytes
};

/// A file, or the files of a folder that end so, by their names.
llvm::Expected<std::vector<std::string>> listFiles(llvm::StringRef path,
                                                   llvm::StringRef ending = "");

using MappedArrays = std::map<std::string, MappedArray>;

/// Opens the arrays of an `.npz` file, or of a folder with an `.npy` file for
/// each. What is compressed or stored column by column is read into memory.
llvm::Expected<MappedArrays> mapArrays(llvm::StringRef path);

} // namespace neuroplast

#endif // NEUROPLAST_RUNTIME_MAPPEDARRAYS_H
