//===- MappedFile.cpp - Files that are read where they lie ----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/MappedFile.h"
#include "llvm/Support/Process.h"
#include <map>
#include <mutex>
#include <sys/mman.h>

using namespace neuroplast;

namespace {

/// What is mapped now. Pages of other memory would lose what they hold.
struct MappedRanges {
  std::mutex mutex;
  std::map<const char *, const char *> endByStart;
};

MappedRanges &getRanges() {
  static MappedRanges ranges;
  return ranges;
}

} // namespace

llvm::ErrorOr<std::shared_ptr<llvm::MemoryBuffer>>
neuroplast::mapFile(llvm::StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return buffer.getError();
  if ((*buffer)->getBufferKind() != llvm::MemoryBuffer::MemoryBuffer_MMap)
    return std::shared_ptr<llvm::MemoryBuffer>(std::move(*buffer));
  MappedRanges &ranges = getRanges();
  std::lock_guard<std::mutex> lock(ranges.mutex);
  ranges.endByStart[(*buffer)->getBufferStart()] = (*buffer)->getBufferEnd();
  return std::shared_ptr<llvm::MemoryBuffer>(
      buffer->release(), [](llvm::MemoryBuffer *mapped) {
        MappedRanges &ranges = getRanges();
        std::lock_guard<std::mutex> lock(ranges.mutex);
        ranges.endByStart.erase(mapped->getBufferStart());
        delete mapped;
      });
}

void neuroplast::releasePages(llvm::ArrayRef<char> bytes) {
  MappedRanges &ranges = getRanges();
  std::lock_guard<std::mutex> lock(ranges.mutex);
  auto it = ranges.endByStart.upper_bound(bytes.begin());
  if (it == ranges.endByStart.begin())
    return;
  const char *end = std::prev(it)->second;
  // The pages that lie within the bytes.
  uintptr_t page = llvm::sys::Process::getPageSizeEstimate();
  uintptr_t first = reinterpret_cast<uintptr_t>(bytes.begin());
  uintptr_t last = reinterpret_cast<uintptr_t>(bytes.end());
  first = (first + page - 1) / page * page;
  last = last / page * page;
  if (bytes.end() <= end && first < last)
    madvise(reinterpret_cast<void *>(first), last - first, MADV_DONTNEED);
}
