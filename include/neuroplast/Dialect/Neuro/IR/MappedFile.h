//===- MappedFile.h - Files that are read where they lie ------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_MAPPEDFILE_H
#define NEUROPLAST_DIALECT_NEURO_IR_MAPPEDFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/ErrorOr.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>

namespace neuroplast {

/// The bytes of a file, mapped into memory if they are many.
llvm::ErrorOr<std::shared_ptr<llvm::MemoryBuffer>>
mapFile(llvm::StringRef path);

/// Takes bytes that lie in a mapped file out of this process until they are
/// read again, so that a pass over all weights does not hold all of them. Bytes
/// that lie elsewhere stay.
void releasePages(llvm::ArrayRef<char> bytes);

} // namespace neuroplast

#endif // NEUROPLAST_DIALECT_NEURO_IR_MAPPEDFILE_H
