//===- NpzTest.cpp - Tests of numpy archives ------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Runtime/Npz.h"
#include "llvm/Support/FileSystem.h"
#include "gtest/gtest.h"

using namespace neuroplast;

namespace {

HostTensor makeTensor(int32_t dtype, std::vector<int64_t> shape) {
  HostTensor tensor;
  tensor.dtype = dtype;
  tensor.shape = std::move(shape);
  tensor.bytes.resize(tensor.getNumElements() * getElementBytes(dtype));
  for (size_t i = 0; i < tensor.bytes.size(); ++i)
    tensor.bytes[i] = static_cast<char>(i);
  return tensor;
}

/// An array of 32-bit floats with the given header and data.
std::string makeNpy(llvm::StringRef header, size_t dataBytes) {
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes.push_back(static_cast<char>(header.size() & 0xff));
  bytes.push_back(static_cast<char>(header.size() >> 8));
  return bytes + header.str() + std::string(dataBytes, '\0');
}

std::string getError(llvm::StringRef npy) {
  auto tensor = parseNpy(npy);
  return tensor ? "" : llvm::toString(tensor.takeError());
}

TEST(Npy, EveryTypeComesBack) {
  for (int32_t dtype :
       {NEUROPLAST_FLOAT32, NEUROPLAST_FLOAT64, NEUROPLAST_FLOAT16,
        NEUROPLAST_BFLOAT16, NEUROPLAST_BOOL, NEUROPLAST_INT8, NEUROPLAST_INT16,
        NEUROPLAST_INT32, NEUROPLAST_INT64, NEUROPLAST_UINT8, NEUROPLAST_UINT16,
        NEUROPLAST_UINT32, NEUROPLAST_UINT64}) {
    HostTensor tensor = makeTensor(dtype, {2, 3});
    auto parsed = parseNpy(formatNpy(tensor));
    ASSERT_TRUE(static_cast<bool>(parsed))
        << llvm::toString(parsed.takeError());
    EXPECT_EQ(parsed->dtype, dtype);
    EXPECT_EQ(parsed->shape, tensor.shape);
    EXPECT_EQ(parsed->bytes, tensor.bytes);
  }
}

TEST(Npy, NarrowFloatsOfExtensionsAreRead) {
  for (auto [descr, dtype] : {std::pair("<V2", NEUROPLAST_BFLOAT16),
                              std::pair("|V1", NEUROPLAST_FLOAT8E4M3FN),
                              std::pair("<V1", NEUROPLAST_FLOAT8E4M3FN),
                              std::pair("<f1", NEUROPLAST_FLOAT8E4M3FN)}) {
    auto parsed = parseNpy(makeNpy(std::string("{'descr': '") + descr +
                                       "', 'fortran_order': False, "
                                       "'shape': (2,), }\n",
                                   2 * getElementBytes(dtype)));
    ASSERT_TRUE(static_cast<bool>(parsed)) << descr;
    EXPECT_EQ(parsed->dtype, dtype);
  }
}

TEST(Npy, TextsComeBack) {
  HostTensor tensor;
  tensor.shape = {2, 2};
  tensor.setTexts({"a", "", "\xc3\xa9t\xc3\xa9", "\xf0\x9f\x98\x80 longer"});
  auto parsed = parseNpy(formatNpy(tensor));
  ASSERT_TRUE(static_cast<bool>(parsed)) << llvm::toString(parsed.takeError());
  EXPECT_EQ(parsed->dtype, NEUROPLAST_STRING);
  EXPECT_EQ(*parsed->texts, *tensor.texts);
  // The pointers stay good in a copy.
  HostTensor copy = *parsed;
  parsed = makeTensor(NEUROPLAST_BOOL, {});
  const char *first = nullptr;
  memcpy(&first, copy.bytes.data(), sizeof first);
  EXPECT_STREQ(first, "a");
}

TEST(Npy, ScalarsAndEmptyArraysComeBack) {
  for (std::vector<int64_t> shape :
       {std::vector<int64_t>{}, std::vector<int64_t>{1},
        std::vector<int64_t>{0, 4}}) {
    HostTensor tensor = makeTensor(NEUROPLAST_INT64, shape);
    auto parsed = parseNpy(formatNpy(tensor));
    ASSERT_TRUE(static_cast<bool>(parsed))
        << llvm::toString(parsed.takeError());
    EXPECT_EQ(parsed->shape, shape);
    EXPECT_EQ(parsed->bytes, tensor.bytes);
  }
}

TEST(Npy, ColumnsBecomeRows) {
  std::string npy = makeNpy("{'descr': '|u1', 'fortran_order': True, "
                            "'shape': (2, 3), }",
                            6);
  for (int i = 0; i < 6; ++i)
    npy[npy.size() - 6 + i] = static_cast<char>(i);
  auto parsed = parseNpy(npy);
  ASSERT_TRUE(static_cast<bool>(parsed)) << llvm::toString(parsed.takeError());
  EXPECT_EQ(parsed->shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(parsed->bytes, (std::vector<char>{0, 2, 4, 1, 3, 5}));
}

TEST(Npy, MalformedArraysAreRefused) {
  EXPECT_EQ(getError(""), "is no numpy array");
  EXPECT_EQ(getError("PK, but no array"), "is no numpy array");
  std::string whole = formatNpy(makeTensor(NEUROPLAST_FLOAT32, {4}));
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_NE(getError(llvm::StringRef(whole).take_front(length)), "");
  EXPECT_NE(getError(makeNpy("{}", 0)), "");
  EXPECT_EQ(getError(makeNpy("{'descr': '<c8', 'fortran_order': False, "
                             "'shape': (1,), }",
                             8)),
            "has element type '<c8', which is not supported");
}

TEST(Npy, SizesThatOverflowAreRefused) {
  EXPECT_EQ(getError(makeNpy("{'descr': '<f4', 'fortran_order': False, "
                             "'shape': (4611686018427387904, 4), }",
                             0)),
            "has a malformed shape");
  EXPECT_EQ(getError(makeNpy("{'descr': '<f4', 'fortran_order': False, "
                             "'shape': (-1,), }",
                             0)),
            "has a malformed shape");
}

TEST(Npz, ArchivesComeBack) {
  llvm::SmallString<128> folder;
  ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("npz", folder));
  std::string path = (folder + "/a.npz").str();
  NamedTensors tensors;
  tensors["x"] = makeTensor(NEUROPLAST_FLOAT32, {2, 5});
  tensors["with/slash and space"] = makeTensor(NEUROPLAST_BOOL, {3});
  ASSERT_FALSE(static_cast<bool>(writeNpz(path, tensors)));
  auto read = readNpz(path);
  ASSERT_TRUE(static_cast<bool>(read)) << llvm::toString(read.takeError());
  ASSERT_EQ(read->size(), tensors.size());
  for (const auto &[name, tensor] : tensors) {
    EXPECT_EQ((*read)[name].shape, tensor.shape);
    EXPECT_EQ((*read)[name].bytes, tensor.bytes);
  }
  llvm::sys::fs::remove_directories(folder);
}

TEST(Npz, MissingFilesAreRefused) {
  auto read = readNpz("/nonexistent/a.npz");
  EXPECT_FALSE(static_cast<bool>(read));
  llvm::consumeError(read.takeError());
}

} // namespace
