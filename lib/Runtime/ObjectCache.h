//===- ObjectCache.h - Object files of earlier compilations -----*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_RUNTIME_OBJECTCACHE_H
#define NEUROPLAST_LIB_RUNTIME_OBJECTCACHE_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Caching.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

namespace neuroplast {

/// Object files on disk by the text that they were made of. They lie in the
/// folder that the environment variable NEUROPLAST_CACHE names, else in
/// `neuroplast` in the user's cache folder; the variable may also say `off`.
/// Without a folder that can be written to, nothing is kept. Several processes
/// and threads may use it at once.
class ObjectCache {
public:
  using Object = llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>;

  ObjectCache();

  /// What was made of `content` by this very compiler, or what `make` makes of
  /// it now.
  Object get(llvm::StringRef content, llvm::function_ref<Object()> make) const;

  /// Removes what was not used for long, or is too much; at most now and then.
  void prune() const;

private:
  std::string folder;   ///< Empty if nothing is kept.
  std::string compiler; ///< Tells this one from others.
};

} // namespace neuroplast

#endif // NEUROPLAST_LIB_RUNTIME_OBJECTCACHE_H
