//===- ExampleStream.h - Examples that come and go --------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LEARNING_EXAMPLESTREAM_H
#define NEUROPLAST_LEARNING_EXAMPLESTREAM_H

#include "neuroplast/Runtime/Model.h"

#include <cstdio>

namespace neuroplast::learning {

/// Examples that come one after the other and are seen once: inputs by their
/// names, and "labels". No more of them is in memory than was asked for, or
/// than came in one piece.
class ExampleStream {
public:
  virtual ~ExampleStream() = default;
  /// The next examples, at most so many; none at the end. Waits for them.
  virtual llvm::Expected<std::optional<NamedTensors>> read(int64_t most) = 0;
};

/// Reads the archives of a folder in the order of their names, those that
/// appear there later among them, each once; one of a name before that of the
/// last is not seen. It ends when none has come for so many seconds. Archives
/// have to appear whole, as by being renamed.
std::unique_ptr<ExampleStream> readFolder(llvm::StringRef path,
                                          llvm::StringRef labels,
                                          bool needsLabels, double patience);

/// Reads arrays in numpy's format that follow one another: of each name one,
/// and so on, until the file ends. The file stays open.
std::unique_ptr<ExampleStream> readPipe(std::FILE *file,
                                        std::vector<std::string> names);

/// Makes batches of so many examples of a stream; those that fill none wait for
/// others.
class StreamBatches {
public:
  StreamBatches(std::unique_ptr<ExampleStream> stream, int64_t size)
      : stream(std::move(stream)), size(size) {}

  /// The next batch; none at the end.
  llvm::Expected<std::optional<NamedTensors>> read();

private:
  std::unique_ptr<ExampleStream> stream;
  int64_t size;
  NamedTensors rest; ///< examples that were read and not given
};

} // namespace neuroplast::learning

#endif // NEUROPLAST_LEARNING_EXAMPLESTREAM_H
