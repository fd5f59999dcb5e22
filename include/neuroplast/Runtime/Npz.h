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

namespace neuroplast {

/// The arrays of an `.npz` file by name, in C order.
llvm::Expected<NamedTensors> readNpz(llvm::StringRef path);

/// Writes arrays to an `.npz` file, which appears only once it is complete.
llvm::Error writeNpz(llvm::StringRef path, const NamedTensors &tensors);

/// One `.npy` array from or to bytes.
llvm::Expected<HostTensor> parseNpy(llvm::StringRef bytes);
std::string formatNpy(const HostTensor &tensor);

} // namespace neuroplast

#endif // NEUROPLAST_RUNTIME_NPZ_H
