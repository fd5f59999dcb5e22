//===- ElementTypes.cpp - Numbers of element types ------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/ElementTypes.h"
#include "neuroplast/Dialect/Neuro/IR/NeuroDialect.h"

using namespace mlir;
using namespace neuroplast;

namespace {
/// An element type, made on demand, and its number in ONNX.
struct NumberedType {
  int32_t number;
  Type (*make)(MLIRContext *);
};
} // namespace

template <typename T> static Type make(MLIRContext *context) {
  return T::get(context);
}
template <unsigned width> static Type makeInteger(MLIRContext *context) {
  return IntegerType::get(context, width);
}
template <unsigned width> static Type makeUnsigned(MLIRContext *context) {
  return IntegerType::get(context, width, IntegerType::Unsigned);
}

static constexpr NumberedType numberedTypes[] = {
    {1, make<Float32Type>},       {2, makeUnsigned<8>},
    {3, makeInteger<8>},          {4, makeUnsigned<16>},
    {5, makeInteger<16>},         {6, makeInteger<32>},
    {7, makeInteger<64>},         {8, make<neuro::StringType>},
    {9, makeInteger<1>},          {10, make<Float16Type>},
    {11, make<Float64Type>},      {12, makeUnsigned<32>},
    {13, makeUnsigned<64>},       {16, make<BFloat16Type>},
    {17, make<Float8E4M3FNType>}, {18, make<Float8E4M3FNUZType>},
    {19, make<Float8E5M2Type>},   {20, make<Float8E5M2FNUZType>},
};

Type neuroplast::getElementType(int32_t number, MLIRContext *context) {
  for (const NumberedType &entry : numberedTypes)
    if (entry.number == number)
      return entry.make(context);
  return Type();
}

int32_t neuroplast::getElementTypeNumber(Type elementType) {
  for (const NumberedType &entry : numberedTypes)
    if (entry.make(elementType.getContext()) == elementType)
      return entry.number;
  return 0;
}
