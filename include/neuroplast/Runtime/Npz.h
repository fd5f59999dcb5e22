//===- Npz.h - Read and write numpy archives ------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_RUNTIME_NPZ_H
#define NEUROPLAST_RUNTIME_NPZ_H

#include "neuroplast/Runtime/Model.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace neuroplast {

/// The arrays of an `.npz` file by name; those that nobody wants, unless null,
/// are left out.
llvm::Expected<NamedTensors>
readNpz(llvm::StringRef path,
        llvm::function_ref<bool(llvm::StringRef)> isWanted = nullptr);

/// Writes arrays to an `.npz` file, which appears only once it is complete.
llvm::Error writeNpz(llvm::StringRef path, const NamedTensors &tensors);

/// How the elements of an `.npy` array stand in its bytes.
struct NpyLayout {
  int32_t dtype = 0;
  std::vector<int64_t> shape;
  size_t start = 0;          ///< of the elements, which all follow
  uint64_t textBytes = 0;    ///< of an element; 0 if they are no strings
  bool isWideText = false;   ///< of 32-bit characters
  uint64_t elementBytes = 0; ///< of all elements
  bool isByRows = true;      ///< or else by columns
};

/// Reads what stands before the elements. Fails if it is not whole, or none.
llvm::Expected<NpyLayout> parseNpyHeader(llvm::StringRef bytes);
/// How many bytes of an array have to be there to see how long its header is,
/// and then that; zero if they begin no array.
inline constexpr size_t kNpyPrefix = 12;
size_t getNpyHeaderBytes(llvm::StringRef prefix);

/// Fails if the bytes are no array, or have too few or too many elements.
llvm::Expected<NpyLayout> parseNpyLayout(llvm::StringRef bytes);

/// One `.npy` array from or to bytes; what is stored by columns is given by
/// rows.
llvm::Expected<HostTensor> parseNpy(llvm::StringRef bytes);
std::string formatNpy(const HostTensor &tensor);

} // namespace neuroplast

#endif // NEUROPLAST_RUNTIME_NPZ_H
