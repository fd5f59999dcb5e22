//===- TensorElements.h - The elements of constants -------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_TENSORELEMENTS_H
#define NEUROPLAST_DIALECT_NEURO_IR_TENSORELEMENTS_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include <cstring>
#include <memory>
#include <optional>
#include <string>

namespace neuroplast {

/// The elements of a constant tensor in row-major order, as ONNX and the C
/// interface store them: booleans take a byte each. What the attribute lists as
/// bytes is not copied; it has to outlive this.
class TensorElements {
public:
  /// None if the elements are no numbers of whole bytes, or are missing.
  static std::optional<TensorElements> read(mlir::ElementsAttr attr);

  /// A view of bytes that list the elements of a tensor of this type.
  static TensorElements view(mlir::RankedTensorType type,
                             llvm::ArrayRef<char> bytes);

  mlir::RankedTensorType getType() const { return type; }
  /// Bytes of one element.
  unsigned getElementBytes() const { return elementBytes; }
  llvm::ArrayRef<char> getBytes() const {
    return owned.empty() ? bytes : llvm::ArrayRef<char>(owned);
  }
  /// An element of a tensor of floats or integers.
  double getNumber(int64_t index) const {
    if (!isSingle)
      return convertNumber(index);
    float number;
    std::memcpy(&number, getBytes().data() + index * sizeof number,
                sizeof number);
    return number;
  }
  /// An element of a tensor of integers.
  int64_t getInteger(int64_t index) const;

private:
  mlir::RankedTensorType type;
  unsigned elementBytes = 0;
  bool isSingle = false; ///< They are f32, as nearly all are.
  llvm::ArrayRef<char> bytes;
  /// Holds the elements where the attribute does not list them as bytes.
  std::string owned;

  void setType(mlir::RankedTensorType newType);
  double convertNumber(int64_t index) const;
  /// The bits of an element.
  uint64_t getBits(int64_t index) const;
};

/// Writes a number as an element of this type, rounded to the nearest.
void writeNumber(mlir::Type elementType, double number, char *element);

/// The integers of a constant; none if it is no integer tensor.
std::optional<llvm::SmallVector<int64_t>> getIntegers(mlir::ElementsAttr value);
/// The floats of a constant; none if it is no float tensor.
std::optional<llvm::SmallVector<double>> getFloats(mlir::ElementsAttr value);

/// Whether a constant is one number so often that it is made where it is
/// needed, rather than stored.
bool isLargeSplat(mlir::ElementsAttr value);

/// An attribute over bytes that `owner` keeps alive: a resource called `name`
/// if they are many and not all the same.
mlir::ElementsAttr makeElements(mlir::RankedTensorType type,
                                llvm::StringRef name, llvm::StringRef bytes,
                                std::shared_ptr<void> owner);
/// The same over bytes that it owns.
mlir::ElementsAttr makeElements(mlir::RankedTensorType type,
                                llvm::StringRef name, std::string bytes);

/// Frees the data of the resources of a context that none of these modules
/// uses. They are all that are still needed there: copies that are not listed
/// lose their data. An edit leaves the replaced weights for its caller, who
/// alone knows that.
void releaseUnusedElements(mlir::MLIRContext *context,
                           llvm::ArrayRef<mlir::ModuleOp> needed);

} // namespace neuroplast

#endif // NEUROPLAST_DIALECT_NEURO_IR_TENSORELEMENTS_H
