//===- Progress.cpp - What long work is at -------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Progress.h"

#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>

using namespace neuroplast::driver;

Progress::Progress(const llvm::Twine &work) : work(work.str()) {
  if (llvm::sys::Process::StandardErrIsDisplayed())
    thread = std::thread([this] { tick(); });
}

Progress::~Progress() {
  if (!thread.joinable())
    return;
  {
    std::lock_guard<std::mutex> lock(mutex);
    isDone = true;
  }
  ended.notify_all();
  thread.join();
}

void Progress::setPart(const llvm::Twine &name) {
  std::lock_guard<std::mutex> lock(mutex);
  part = name.str();
}

void Progress::tick() {
  std::unique_lock<std::mutex> lock(mutex);
  bool isShown = false;
  for (int seconds = 1;; ++seconds) {
    bool isOver = ended.wait_for(lock, std::chrono::seconds(1),
                                 [this] { return isDone; });
    // The start of the line, and nothing behind it.
    if (isShown)
      llvm::errs() << "\r\x1b[K";
    if (isOver)
      return;
    llvm::errs() << work << (part.empty() ? "" : ": ") << part << " ("
                 << seconds << " s)";
    isShown = true;
  }
}
