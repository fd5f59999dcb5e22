//===- MappedArrays.cpp - Arrays that stay in their files -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An archive without compression holds its arrays as they are. Where they stand
// in it is read here (PKWARE's APPNOTE, 4.3 and 4.5.3); all else is libzip's.
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Runtime/MappedArrays.h"

#include "neuroplast/Dialect/Neuro/IR/MappedFile.h"
#include "neuroplast/Runtime/Npz.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace neuroplast;
using llvm::StringRef;

namespace {

/// Reads numbers of a file; those beyond its end are zero.
struct Bytes {
  StringRef text;

  template <typename T> uint64_t get(uint64_t at) const {
    if (at > text.size() || text.size() - at < sizeof(T))
      return 0;
    return llvm::support::endian::read<T, llvm::endianness::little>(
        text.data() + at);
  }
  StringRef slice(uint64_t at, uint64_t size) const {
    return at <= text.size() && size <= text.size() - at ? text.substr(at, size)
                                                         : StringRef();
  }
};

/// An entry of the directory of an archive.
struct Entry {
  StringRef name;
  uint64_t method, stored, size, header;
};

constexpr uint64_t kNarrow = 0xffffffff; ///< The number is among the extras.

/// Replaces the numbers of an entry that are too large for 32 bits.
void widen(const Bytes &extras, Entry &entry) {
  for (uint64_t at = 0; at + 4 <= extras.text.size();
       at += 4 + extras.get<uint16_t>(at + 2)) {
    if (extras.get<uint16_t>(at) != 1)
      continue;
    uint64_t next = at + 4;
    for (uint64_t *number : {&entry.size, &entry.stored, &entry.header})
      if (*number == kNarrow) {
        *number = extras.get<uint64_t>(next);
        next += 8;
      }
    return;
  }
}

/// The contents of the entries of an archive that are not compressed, by name;
/// those that cannot be found are left out.
llvm::StringMap<StringRef> listStored(StringRef archive) {
  llvm::StringMap<StringRef> stored;
  Bytes file{archive};
  size_t end = archive.rfind("PK\x05\x06");
  if (end == StringRef::npos)
    return stored;
  uint64_t count = file.get<uint16_t>(end + 10),
           at = file.get<uint32_t>(end + 16);
  if (count == 0xffff || at == kNarrow) {
    uint64_t wide = end >= 20 ? file.get<uint64_t>(end - 20 + 8) : 0;
    if (file.slice(wide, 4) != "PK\x06\x06")
      return stored;
    count = file.get<uint64_t>(wide + 32);
    at = file.get<uint64_t>(wide + 48);
  }
  for (; count > 0 && file.slice(at, 4) == "PK\x01\x02"; --count) {
    uint64_t name = file.get<uint16_t>(at + 28),
             extras = file.get<uint16_t>(at + 30),
             comment = file.get<uint16_t>(at + 32);
    Entry entry{file.slice(at + 46, name), file.get<uint16_t>(at + 10),
                file.get<uint32_t>(at + 20), file.get<uint32_t>(at + 24),
                file.get<uint32_t>(at + 42)};
    widen({file.slice(at + 46 + name, extras)}, entry);
    at += 46 + name + extras + comment;
    if (entry.method != 0 || entry.stored != entry.size ||
        file.slice(entry.header, 4) != "PK\x03\x04")
      continue;
    uint64_t start = entry.header + 30 + file.get<uint16_t>(entry.header + 26) +
                     file.get<uint16_t>(entry.header + 28);
    if (StringRef contents = file.slice(start, entry.size); !contents.empty())
      stored[entry.name] = contents;
  }
  return stored;
}

MappedArray keep(HostTensor tensor) {
  auto kept = std::make_shared<HostTensor>(std::move(tensor));
  return {kept->dtype, kept->shape, kept->bytes, kept};
}

/// The array that some bytes of a mapped file are.
llvm::Expected<MappedArray> view(StringRef bytes,
                                 std::shared_ptr<const void> owner) {
  auto layout = parseNpyLayout(bytes);
  if (!layout)
    return layout.takeError();
  if (layout->isByRows && layout->dtype != NEUROPLAST_STRING) {
    StringRef elements = bytes.drop_front(layout->start);
    return MappedArray{layout->dtype, layout->shape,
                       llvm::ArrayRef(elements.data(), elements.size()),
                       std::move(owner)};
  }
  auto tensor = parseNpy(bytes);
  if (!tensor)
    return tensor.takeError();
  return keep(std::move(*tensor));
}

llvm::Expected<MappedArrays> mapFolder(StringRef folder) {
  auto paths = listFiles(folder, ".npy");
  if (!paths)
    return paths.takeError();
  MappedArrays arrays;
  for (const std::string &path : *paths) {
    auto file = mapFile(path);
    if (!file)
      return llvm::createStringError("'" + path +
                                     "': " + file.getError().message());
    auto array = view((*file)->getBuffer(), *file);
    if (!array)
      return llvm::createStringError("'" + path + "' " +
                                     llvm::toString(array.takeError()));
    arrays[llvm::sys::path::stem(path).str()] = std::move(*array);
  }
  return arrays;
}

} // namespace

llvm::Expected<std::vector<std::string>>
neuroplast::listFiles(StringRef path, StringRef ending) {
  std::vector<std::string> files;
  if (!llvm::sys::fs::is_directory(path)) {
    files.push_back(path.str());
    return files;
  }
  std::error_code code;
  for (llvm::sys::fs::directory_iterator it(path, code), end;
       it != end && !code; it.increment(code))
    if (StringRef(it->path()).ends_with(ending))
      files.push_back(it->path());
  if (code)
    return llvm::createStringError("'" + path + "': " + code.message());
  llvm::sort(files);
  return files;
}

llvm::Expected<MappedArrays> neuroplast::mapArrays(StringRef path) {
  if (llvm::sys::fs::is_directory(path))
    return mapFolder(path);
  auto file = mapFile(path);
  if (!file)
    return llvm::createStringError("'" + path +
                                   "': " + file.getError().message());
  llvm::StringMap<StringRef> stored = listStored((*file)->getBuffer());
  MappedArrays arrays;
  auto rest = readNpz(path, [&](StringRef name) {
    auto it = stored.find((name + ".npy").str());
    if (it == stored.end())
      return true;
    auto array = view(it->second, *file);
    // Whoever reads it all says what is wrong.
    if (!array)
      return llvm::consumeError(array.takeError()), true;
    arrays[name.str()] = std::move(*array);
    return false;
  });
  if (!rest)
    return rest.takeError();
  for (auto &[name, tensor] : *rest)
    arrays[name] = keep(std::move(tensor));
  return arrays;
}
