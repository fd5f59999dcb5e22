//===- Processes.h - Processes that learn together --------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LEARNING_PROCESSES_H
#define NEUROPLAST_LEARNING_PROCESSES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>

namespace neuroplast::learning {

/// The processes that one was started among, as by `mpirun`. They add up what
/// each of them has, on a thread of its own, while the others of a process go
/// on.
class Processes {
public:
  /// Null if this process is alone. Fails if it is not, and cannot reach the
  /// others. They are joined once, for good.
  static llvm::Expected<Processes *> join();
  /// Whether this process was started among others.
  static bool areStarted();

  int64_t getNumber() const { return number; } ///< of this one, from zero
  int64_t getCount() const { return count; }
  bool isFirst() const { return number == 0; }

  /// Makes numbers the sums of those of all processes, which all call this.
  void addUp(llvm::MutableArrayRef<double> numbers);
  /// Has to be called when nothing went wrong: one that ends without takes the
  /// others along.
  void leave();

  /// What code in memory calls to add up, by name (`neuro-lower-all-reduce`).
  static std::vector<std::pair<llvm::StringRef, void *>> listFunctions();
  /// Floats, or doubles, are to be added up; they may change from now on.
  void start(void *numbers, int64_t count, bool isDouble);
  /// Waits until that is done.
  void finish(void *numbers);

private:
  using AddUp = void(void *, int64_t, int32_t);
  Processes(int64_t number, int64_t count, AddUp *addUpFunction,
            void (*leaveFunction)())
      : number(number), count(count), addUpFunction(addUpFunction),
        leaveFunction(leaveFunction) {}
  static llvm::Expected<Processes *> load();
  /// Adds up what is started, for ever.
  void work();

  struct Sum {
    void *numbers;
    int64_t count;
    bool isDouble;
  };
  int64_t number, count;
  AddUp *addUpFunction;
  void (*leaveFunction)();
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Sum> waiting;
  int64_t numStarted = 0, numDone = 0;
  std::map<void *, int64_t> started; ///< as which one each was started last
};

} // namespace neuroplast::learning

#endif // NEUROPLAST_LEARNING_PROCESSES_H
