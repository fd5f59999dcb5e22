//===- TensorElementsTest.cpp - Tests of the elements of constants --------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OwningOpRef.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace neuroplast;

namespace {

class TensorElementsTest : public testing::Test {
protected:
  RankedTensorType getType(ArrayRef<int64_t> shape, Type element) {
    return RankedTensorType::get(shape, element);
  }

  /// The bytes of these values.
  template <typename T> static std::string pack(ArrayRef<T> values) {
    return std::string(reinterpret_cast<const char *>(values.data()),
                       values.size() * sizeof(T));
  }

  MLIRContext context;
  Builder b{&context};
};

/// What is made of bytes reads as these bytes, whatever form it has.
TEST_F(TensorElementsTest, ReadsWhatWasMade) {
  Type unsignedByte = b.getIntegerType(8, /*isSigned=*/false);
  Type elements[] = {b.getI1Type(),  b.getI8Type(),  unsignedByte,
                     b.getI64Type(), b.getF16Type(), b.getF32Type()};
  for (Type element : elements)
    for (int64_t count : {0, 1, 3, 16, 17, 100})
      for (bool isSplat : {false, true}) {
        unsigned bits = element.getIntOrFloatBitWidth();
        std::string bytes(count * (bits == 1 ? 1 : bits / 8), '\0');
        for (size_t i = 0; i < bytes.size() && !isSplat; ++i)
          bytes[i] = bits == 1 ? i % 3 == 0 : i * 37;
        auto attr = makeElements(getType(count, element), "x", bytes);
        EXPECT_EQ(isa<DenseResourceElementsAttr>(attr),
                  count > 16 && !isSplat && bits > 1);
        auto read = TensorElements::read(attr);
        ASSERT_TRUE(read.has_value());
        EXPECT_EQ(std::string(read->getBytes().begin(), read->getBytes().end()),
                  bytes);
      }
}

TEST_F(TensorElementsTest, ReadsNumbers) {
  auto integers = makeElements(getType(3, b.getI8Type()), "x",
                               pack<int8_t>({-128, 0, 127}));
  EXPECT_EQ(*getIntegers(integers), (SmallVector<int64_t>{-128, 0, 127}));
  EXPECT_FALSE(getFloats(integers).has_value());
  Type byte = b.getIntegerType(8, /*isSigned=*/false);
  auto bytes = makeElements(getType(2, byte), "x", pack<uint8_t>({200, 1}));
  EXPECT_EQ(*getIntegers(bytes), (SmallVector<int64_t>{200, 1}));
  auto flags =
      makeElements(getType(2, b.getI1Type()), "x", pack<int8_t>({1, 0}));
  EXPECT_EQ(*getIntegers(flags), (SmallVector<int64_t>{1, 0}));
  auto halves = makeElements(getType(2, b.getF16Type()), "x",
                             pack<uint16_t>({0x3c00, 0xc000}));
  EXPECT_EQ(*getFloats(halves), (SmallVector<double>{1, -2}));
  EXPECT_EQ(TensorElements::read(halves)->getNumber(1), -2);
}

TEST_F(TensorElementsTest, ReleasesOnlyWhatIsUnused) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(b.getUnknownLoc());
  auto make = [&](std::weak_ptr<std::string> &watched) {
    std::string bytes(400, 'a');
    bytes[0] = 'b';
    auto owner = std::make_shared<std::string>(std::move(bytes));
    watched = owner;
    return makeElements(getType(100, b.getF32Type()), "w", *owner, owner);
  };
  std::weak_ptr<std::string> first, second;
  (*module)->setAttr("a", b.getArrayAttr(make(first)));
  ElementsAttr replaced = make(second);
  releaseUnusedElements(&context, *module);
  EXPECT_FALSE(first.expired());
  EXPECT_TRUE(second.expired());
  EXPECT_FALSE(TensorElements::read(replaced).has_value());
}

} // namespace
