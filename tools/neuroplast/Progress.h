//===- Progress.h - What long work is at ------------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_PROGRESS_H
#define NEUROPLAST_TOOLS_NEUROPLAST_PROGRESS_H

#include "llvm/ADT/Twine.h"

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace neuroplast::driver {

/// Says on the terminal, while it lives, what the program is doing and for how
/// many seconds it has been. The line appears after the first second and goes
/// without a trace. Nothing is said where standard error is no terminal.
class Progress {
public:
  explicit Progress(const llvm::Twine &work);
  ~Progress();
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;

  /// What the work is at; shown from now on.
  void setPart(const llvm::Twine &name);

private:
  void tick();

  std::string work, part;
  std::mutex mutex;
  std::condition_variable ended;
  bool isDone = false;
  std::thread thread;
};

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_PROGRESS_H
