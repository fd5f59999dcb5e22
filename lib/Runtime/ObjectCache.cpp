//===- ObjectCache.cpp - Object files of earlier compilations -------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ObjectCache.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/CachePruning.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"

#include <dlfcn.h>

using namespace neuroplast;

using Digest = llvm::BLAKE3Result<16>;

static Digest hash(llvm::ArrayRef<llvm::StringRef> parts) {
  llvm::BLAKE3 state;
  for (llvm::StringRef part : parts) {
    uint64_t size = part.size();
    state.update(
        llvm::ArrayRef(reinterpret_cast<const uint8_t *>(&size), sizeof size));
    state.update(part);
  }
  return state.final<16>();
}

/// A digest of the file that this code was loaded from: what it makes of a text
/// changes with it.
static std::string describeCompiler() {
  Dl_info info;
  if (!dladdr(reinterpret_cast<void *>(&describeCompiler), &info))
    return "";
  llvm::StringRef path = llvm::StringRef(info.dli_fname).contains('/')
                             ? info.dli_fname
                             : "/proc/self/exe";
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  if (!file)
    return "";
  return llvm::toHex(hash({(*file)->getBuffer(), LLVM_VERSION_STRING}));
}

ObjectCache::ObjectCache() {
  llvm::SmallString<128> path;
  if (auto given = llvm::sys::Process::GetEnv("NEUROPLAST_CACHE")) {
    if (*given == "off")
      return;
    path = *given;
  } else if (llvm::sys::path::cache_directory(path)) {
    llvm::sys::path::append(path, "neuroplast");
  }
  if (path.empty() || llvm::sys::fs::create_directories(path) ||
      !llvm::sys::fs::is_directory(path) ||
      llvm::sys::fs::access(path, llvm::sys::fs::AccessMode::Write))
    return;
  static const std::string known = describeCompiler();
  compiler = known;
  if (!compiler.empty())
    folder = path.str().str();
}

ObjectCache::Object ObjectCache::get(llvm::StringRef content,
                                     llvm::function_ref<Object()> make) const {
  if (folder.empty())
    return make();
  std::unique_ptr<llvm::MemoryBuffer> found;
  auto cache =
      llvm::localCache("object cache", "neuroplast", folder,
                       [&](unsigned, const llvm::Twine &,
                           std::unique_ptr<llvm::MemoryBuffer> buffer) {
                         found = std::move(buffer);
                       });
  if (!cache)
    return cache.takeError();
  auto add = (*cache)(0, llvm::toHex(hash({content, compiler})), "kernel");
  if (!add)
    return add.takeError();
  if (!*add)
    return std::move(found);
  Object made = make();
  if (!made)
    return made;
  auto stream = (*add)(0, "kernel");
  if (!stream)
    return stream.takeError();
  *(*stream)->OS << (*made)->getBuffer();
  if (llvm::Error error = (*stream)->commit())
    return std::move(error);
  return made;
}

void ObjectCache::prune() const {
  if (folder.empty())
    return;
  llvm::CachePruningPolicy policy;
  policy.MaxSizeBytes = uint64_t(1) << 30;
  llvm::pruneCache(folder, policy);
}
