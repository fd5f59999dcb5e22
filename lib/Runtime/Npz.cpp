//===- Npz.cpp - Read and write numpy archives ----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Runtime/Npz.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"

#include <zip.h>

using namespace neuroplast;
using llvm::StringRef;

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

namespace {
struct TypeName {
  int32_t dtype;
  const char *descr;
};
} // namespace

// numpy has no bfloat16 and no 8-bit floats; its extensions store them as
// opaque bytes (or, one of the latter, as a float of one byte), which do not
// say which of the latter they are.
static constexpr TypeName typeNames[] = {
    {NEUROPLAST_FLOAT32, "<f4"},  {NEUROPLAST_FLOAT64, "<f8"},
    {NEUROPLAST_FLOAT16, "<f2"},  {NEUROPLAST_INT8, "|i1"},
    {NEUROPLAST_INT16, "<i2"},    {NEUROPLAST_INT32, "<i4"},
    {NEUROPLAST_INT64, "<i8"},    {NEUROPLAST_UINT8, "|u1"},
    {NEUROPLAST_UINT16, "<u2"},   {NEUROPLAST_UINT32, "<u4"},
    {NEUROPLAST_UINT64, "<u8"},   {NEUROPLAST_BOOL, "|b1"},
    {NEUROPLAST_BFLOAT16, "|V2"}, {NEUROPLAST_FLOAT8E4M3FN, "|V1"}};

/// The text after `key` in the header's dictionary.
static StringRef findEntry(StringRef header, StringRef key) {
  size_t at = header.find(("'" + key + "'").str());
  if (at == StringRef::npos)
    return StringRef();
  return header.drop_front(at).split(':').second.ltrim();
}

/// The bytes of an element of text that is described as '<U5' (in UTF-32) or
/// '|S5'; 0 for other elements.
static uint64_t getTextBytes(StringRef descr) {
  uint64_t length = 0;
  char kind = descr.size() > 2 ? descr[1] : '\0';
  if ((kind != 'U' && kind != 'S') ||
      descr.drop_front(2).getAsInteger(10, length))
    return 0;
  // An array of empty texts has elements of one character.
  return kind == 'U' ? 4 * length : length;
}

/// The texts of an array, without the zeros that fill them up.
static std::vector<std::string> readTexts(StringRef data, uint64_t size,
                                          bool isWide) {
  std::vector<std::string> texts;
  for (; !data.empty(); data = data.drop_front(size)) {
    StringRef element = data.take_front(size);
    std::string text;
    if (isWide) {
      for (; !element.empty(); element = element.drop_front(4)) {
        uint32_t code = 0;
        memcpy(&code, element.data(), 4);
        char buffer[UNI_MAX_UTF8_BYTES_PER_CODE_POINT], *end = buffer;
        if (code && llvm::ConvertCodePointToUTF8(code, end))
          text.append(buffer, end);
      }
    } else {
      text = element.rtrim('\0').str();
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

/// Texts as elements of equal length in UTF-32, and that length.
static std::pair<std::string, size_t>
formatTexts(const std::vector<std::string> &texts) {
  std::vector<std::vector<llvm::UTF32>> wide;
  size_t longest = 1;
  for (const std::string &text : texts) {
    std::vector<llvm::UTF32> &codes = wide.emplace_back(text.size());
    auto *from = reinterpret_cast<const llvm::UTF8 *>(text.data());
    llvm::UTF32 *to = codes.data();
    llvm::ConvertUTF8toUTF32(&from, from + text.size(), &to, to + codes.size(),
                             llvm::lenientConversion);
    codes.resize(to - codes.data());
    longest = std::max(longest, codes.size());
  }
  std::string bytes;
  for (std::vector<llvm::UTF32> &codes : wide) {
    codes.resize(longest);
    bytes.append(reinterpret_cast<const char *>(codes.data()), 4 * longest);
  }
  return {bytes, longest};
}

/// Where the text of a header starts.
static size_t getNpyTextStart(StringRef prefix) {
  return prefix[6] == 1 ? 10 : 12;
}

size_t neuroplast::getNpyHeaderBytes(StringRef prefix) {
  if (!prefix.starts_with("\x93NUMPY") || prefix.size() < kNpyPrefix)
    return 0;
  size_t start = getNpyTextStart(prefix), length = 0;
  for (size_t i = start - 1; i >= 8; --i)
    length = length << 8 | static_cast<uint8_t>(prefix[i]);
  return start + length;
}

llvm::Expected<NpyLayout> neuroplast::parseNpyHeader(StringRef bytes) {
  size_t end = getNpyHeaderBytes(bytes);
  if (end == 0)
    return makeError("is no numpy array");
  if (bytes.size() < end)
    return makeError("is truncated");
  StringRef header = bytes.take_front(end).drop_front(getNpyTextStart(bytes));
  NpyLayout tensor;
  StringRef descr = findEntry(header, "descr").drop_front().split('\'').first;
  for (const TypeName &name : typeNames)
    if (descr == name.descr || descr == StringRef(name.descr).drop_front())
      tensor.dtype = name.dtype;
  // Bytes have no order, but some writers give them one.
  if (descr == "<V2")
    tensor.dtype = NEUROPLAST_BFLOAT16;
  if (descr == "<V1" || descr == "<f1")
    tensor.dtype = NEUROPLAST_FLOAT8E4M3FN;
  tensor.textBytes = getTextBytes(descr);
  tensor.isWideText = tensor.textBytes && descr[1] == 'U';
  if (tensor.textBytes)
    tensor.dtype = NEUROPLAST_STRING;
  if (!tensor.dtype)
    return makeError("has element type '" + descr +
                     "', which is not supported");
  tensor.isByRows = !findEntry(header, "fortran_order").starts_with("True");
  StringRef shape = findEntry(header, "shape").drop_front().split(')').first;
  uint64_t size =
      tensor.textBytes ? tensor.textBytes : getElementBytes(tensor.dtype);
  while (!shape.trim().empty()) {
    auto [number, rest] = shape.split(',');
    int64_t value = 0, product = 0;
    if (number.trim().getAsInteger(10, value) || value < 0)
      return makeError("has a malformed shape");
    tensor.shape.push_back(value);
    // No array is that large; what follows may then multiply sizes freely.
    if (llvm::MulOverflow(static_cast<int64_t>(size), value, product))
      return makeError("has a malformed shape");
    size = product;
    shape = rest;
  }
  tensor.start = end;
  tensor.elementBytes = size;
  return tensor;
}

llvm::Expected<NpyLayout> neuroplast::parseNpyLayout(StringRef bytes) {
  auto layout = parseNpyHeader(bytes);
  if (layout && bytes.size() - layout->start != layout->elementBytes)
    return makeError("has " + llvm::Twine(bytes.size() - layout->start) +
                     " bytes, expected " + llvm::Twine(layout->elementBytes));
  return layout;
}

/// Elements that are stored by columns, by rows.
static std::string
orderByRows(StringRef data, const std::vector<int64_t> &shape, uint64_t size) {
  std::string rows(data.size(), 0);
  std::vector<int64_t> index(shape.size(), 0), steps(shape.size(), 1);
  for (size_t axis = 1; axis < shape.size(); ++axis)
    steps[axis] = steps[axis - 1] * shape[axis - 1];
  for (uint64_t place = 0; place < data.size(); place += size) {
    int64_t from = 0;
    for (auto [i, step] : llvm::zip_equal(index, steps))
      from += i * step;
    std::memcpy(&rows[place], data.data() + from * size, size);
    for (size_t axis = shape.size(); axis-- > 0;) {
      if (++index[axis] < shape[axis])
        break;
      index[axis] = 0;
    }
  }
  return rows;
}

llvm::Expected<HostTensor> neuroplast::parseNpy(StringRef bytes) {
  auto layout = parseNpyLayout(bytes);
  if (!layout)
    return layout.takeError();
  HostTensor tensor;
  tensor.dtype = layout->dtype;
  tensor.shape = layout->shape;
  StringRef data = bytes.drop_front(layout->start);
  std::string rows;
  if (!layout->isByRows && tensor.shape.size() > 1) {
    rows = orderByRows(data, tensor.shape,
                       layout->textBytes ? layout->textBytes
                                         : getElementBytes(tensor.dtype));
    data = rows;
  }
  if (layout->textBytes)
    tensor.setTexts(readTexts(data, layout->textBytes, layout->isWideText));
  else
    tensor.bytes.assign(data.begin(), data.end());
  return tensor;
}

std::string neuroplast::formatNpy(const HostTensor &tensor) {
  std::string header = "{'descr': '";
  bool isFloat8 = tensor.dtype >= NEUROPLAST_FLOAT8E4M3FN;
  for (const TypeName &name : typeNames)
    if (name.dtype == (isFloat8 ? NEUROPLAST_FLOAT8E4M3FN : tensor.dtype))
      header += name.descr;
  std::string texts;
  if (tensor.dtype == NEUROPLAST_STRING) {
    size_t length = 0;
    std::tie(texts, length) = formatTexts(*tensor.texts);
    header += "<U" + std::to_string(length);
  }
  header += "', 'fortran_order': False, 'shape': (";
  for (int64_t size : tensor.shape)
    header += std::to_string(size) + ", ";
  header += "), }";
  while ((10 + header.size() + 1) % 64)
    header += ' ';
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes.push_back(static_cast<char>(header.size() & 0xff));
  bytes.push_back(static_cast<char>(header.size() >> 8));
  bytes += header;
  if (tensor.dtype == NEUROPLAST_STRING)
    return bytes + texts;
  bytes.append(tensor.bytes.begin(), tensor.bytes.end());
  return bytes;
}

llvm::Expected<NamedTensors>
neuroplast::readNpz(StringRef path,
                    llvm::function_ref<bool(StringRef)> isWanted) {
  int code = 0;
  zip_t *archive = zip_open(path.str().c_str(), ZIP_RDONLY, &code);
  if (!archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    std::string text = zip_error_strerror(&error);
    zip_error_fini(&error);
    return makeError("'" + path + "' is no numpy archive: " + text);
  }
  NamedTensors tensors;
  llvm::Error failure = llvm::Error::success();
  zip_int64_t count = zip_get_num_entries(archive, 0);
  for (zip_int64_t i = 0; i < count && !failure; ++i) {
    zip_stat_t status;
    zip_file_t *file = nullptr;
    StringRef name;
    if (zip_stat_index(archive, i, 0, &status) == 0) {
      name = status.name;
      name.consume_back(".npy");
      if (isWanted && !isWanted(name))
        continue;
      file = zip_fopen_index(archive, i, 0);
    }
    if (!file) {
      failure = makeError("'" + path + "' is damaged");
      break;
    }
    // Read in pieces: the size that the archive claims is not trusted.
    std::string bytes;
    char buffer[1 << 16];
    zip_int64_t got = 0;
    while ((got = zip_fread(file, buffer, sizeof buffer)) > 0)
      bytes.append(buffer, got);
    zip_fclose(file);
    auto tensor = got < 0 ? llvm::Expected<HostTensor>(makeError("is damaged"))
                          : parseNpy(bytes);
    if (tensor)
      tensors[name.str()] = std::move(*tensor);
    else
      failure = makeError("'" + name + "' in '" + path + "' " +
                          llvm::toString(tensor.takeError()));
  }
  zip_discard(archive);
  if (failure)
    return std::move(failure);
  return tensors;
}

llvm::Error neuroplast::writeNpz(StringRef path, const NamedTensors &tensors) {
  llvm::SmallString<128> temporary;
  if (std::error_code code =
          llvm::sys::fs::createUniqueFile(path + ".%%%%%%", temporary))
    return makeError("cannot write '" + path + "': " + code.message());
  int code = 0;
  zip_t *archive =
      zip_open(temporary.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code);
  bool isGood = archive != nullptr;
  std::vector<std::string> contents; // alive until the archive is closed
  contents.reserve(tensors.size());
  for (const auto &[name, tensor] : tensors) {
    if (!isGood)
      break;
    contents.push_back(formatNpy(tensor));
    zip_source_t *source = zip_source_buffer(archive, contents.back().data(),
                                             contents.back().size(), 0);
    zip_int64_t index = zip_file_add(archive, (name + ".npy").c_str(), source,
                                     ZIP_FL_OVERWRITE);
    isGood = index >= 0 &&
             zip_set_file_compression(archive, index, ZIP_CM_STORE, 0) == 0;
  }
  isGood = isGood && zip_close(archive) == 0;
  std::string reason;
  if (archive && !isGood) {
    reason = std::string(": ") + zip_strerror(archive);
    zip_discard(archive);
  }
  if (isGood && !llvm::sys::fs::rename(temporary, path))
    return llvm::Error::success();
  llvm::sys::fs::remove(temporary);
  return makeError("cannot write '" + path + "'" + reason);
}
