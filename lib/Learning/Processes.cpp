//===- Processes.cpp - Processes that learn together ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Learning/Processes.h"

#include "Mpi/Messages.h"
#include "neuroplast/Runtime/Abi.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <cassert>
#include <cstdlib>
#include <dlfcn.h>
#include <thread>

using namespace neuroplast;
using namespace neuroplast::learning;

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

bool Processes::areStarted() {
  // Of Open MPI, and of MPICH and its kin.
  for (const char *variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"})
    if (const char *size = std::getenv(variable); size && std::atoi(size) > 1)
      return true;
  return false;
}

/// All that code in memory can reach; null while there are no others.
static Processes *joined = nullptr;

llvm::Expected<Processes *> Processes::join() {
  if (joined || !areStarted())
    return joined;
  auto loaded = load();
  if (!loaded)
    return loaded.takeError();
  joined = *loaded;
  std::thread([] { joined->work(); }).detach();
  return joined;
}

llvm::Expected<Processes *> Processes::load() {
  // It lies beside the program, as the programs of a build do.
  std::string program = llvm::sys::fs::getMainExecutable(
      nullptr, reinterpret_cast<void *>(&Processes::areStarted));
  llvm::SmallString<128> path(llvm::sys::path::parent_path(program));
  llvm::sys::path::append(path, "libneuroplast-mpi.so");
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (!library)
    return makeError("was started among other processes, and cannot reach "
                     "them without the library that speaks MPI: " +
                     llvm::Twine(dlerror()));
  auto find = [&](const char *name) { return dlsym(library, name); };
  auto *joinFunction =
      reinterpret_cast<decltype(&neuroplast_join)>(find("neuroplast_join"));
  auto *addUpFunction =
      reinterpret_cast<decltype(&neuroplast_add_up)>(find("neuroplast_add_up"));
  auto *leaveFunction =
      reinterpret_cast<decltype(&neuroplast_leave)>(find("neuroplast_leave"));
  int32_t number = 0, count = 0;
  if (!joinFunction || !addUpFunction || !leaveFunction ||
      joinFunction(&number, &count) != 0)
    return makeError("was started among other processes, and MPI cannot reach "
                     "them");
  return new Processes(number, count, addUpFunction, leaveFunction);
}

void Processes::work() {
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [&] { return !waiting.empty(); });
    Sum sum = waiting.front();
    waiting.pop_front();
    lock.unlock();
    addUpFunction(sum.numbers, sum.count, sum.isDouble);
    lock.lock();
    ++numDone;
    changed.notify_all();
  }
}

void Processes::start(void *numbers, int64_t length, bool isDouble) {
  std::lock_guard lock(mutex);
  waiting.push_back({numbers, length, isDouble});
  started[numbers] = ++numStarted;
  changed.notify_all();
}

void Processes::finish(void *numbers) {
  std::unique_lock lock(mutex);
  auto it = started.find(numbers);
  assert(it != started.end() && "what is finished was started");
  changed.wait(lock, [&] { return numDone >= it->second; });
  started.erase(it);
}

void Processes::addUp(llvm::MutableArrayRef<double> numbers) {
  start(numbers.data(), static_cast<int64_t>(numbers.size()),
        /*isDouble=*/true);
  finish(numbers.data());
}

void Processes::leave() { leaveFunction(); }

static void startAllReduce(void *numbers, int64_t count, int32_t type) {
  joined->start(numbers, count, type == NEUROPLAST_FLOAT64);
}

static void finishAllReduce(void *numbers) { joined->finish(numbers); }

std::vector<std::pair<llvm::StringRef, void *>> Processes::listFunctions() {
  return {{"neuroplast_start_all_reduce",
           reinterpret_cast<void *>(&startAllReduce)},
          {"neuroplast_finish_all_reduce",
           reinterpret_cast<void *>(&finishAllReduce)}};
}
