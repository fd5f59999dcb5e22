//===- TensorData.h - The elements of parameters as bytes -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_TENSORDATA_H
#define NEUROPLAST_STRUCTURE_TENSORDATA_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include <optional>
#include <string>
#include <vector>

namespace neuroplast::structure {

/// Places of an axis: one list, or one for each block of the tensor.
using PlaceLists = std::vector<std::vector<int64_t>>;

/// The elements of a constant tensor in row-major order, booleans as bytes.
class TensorData {
public:
  /// None if the attribute is of a kind whose elements cannot be read, or its
  /// data are missing.
  static std::optional<TensorData> read(mlir::ElementsAttr attr);

  mlir::RankedTensorType getType() const { return type; }
  unsigned getElementBytes() const { return elementBytes; }
  llvm::ArrayRef<char> getBytes() const {
    return owned.empty() ? bytes : llvm::ArrayRef<char>(owned);
  }
  /// The element as a number; zero for types that are none.
  double getNumber(int64_t index) const;

  /// The elements at the listed places of every axis. The blocks are the equal
  /// parts of the tensor along `blockAxis`.
  std::vector<char> gather(llvm::ArrayRef<PlaceLists> places,
                           unsigned blockAxis) const;

  /// An attribute of the kind of `like` with other contents. A blob is named
  /// after `name`.
  static mlir::ElementsAttr write(mlir::RankedTensorType type,
                                  llvm::ArrayRef<char> bytes,
                                  mlir::ElementsAttr like,
                                  llvm::StringRef name);

private:
  mlir::RankedTensorType type;
  unsigned elementBytes = 0;
  llvm::ArrayRef<char> bytes;
  /// Holds the elements where the attribute does not list them as bytes.
  std::vector<char> owned;
};

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_TENSORDATA_H
