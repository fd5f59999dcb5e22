//===- Arguments.h - The arguments of a subcommand ------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_ARGUMENTS_H
#define NEUROPLAST_TOOLS_NEUROPLAST_ARGUMENTS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>
#include <optional>
#include <string>
#include <vector>

namespace neuroplast::driver {

struct EditedNetwork;

/// One option of a subcommand. Without a value name it is a flag.
struct OptionSpec {
  llvm::StringRef name; ///< With its dashes: "--ratio", "-o".
  /// Empty if it has no value; ends in dots if it may be given several times.
  llvm::StringRef valueName;
  llvm::StringRef help;
};

/// What a subcommand takes.
struct CommandSpec {
  llvm::StringRef name;
  llvm::StringRef summary;
  /// The names of the positional arguments, all of which must be given but the
  /// last ones, if these are in brackets.
  std::vector<llvm::StringRef> positional;
  std::vector<OptionSpec> options;

  /// Those of its options that have these names, which another command hands
  /// on to it.
  std::vector<OptionSpec> select(llvm::ArrayRef<llvm::StringRef> names) const;
};

/// So many, or a share of all there are.
struct Amount {
  std::optional<int64_t> count;
  double share = 0; ///< from 0, if there is no count

  /// Reads "12" or "25%"; none if a text is neither.
  static std::optional<Amount> parse(llvm::StringRef text);
  /// How many of `all` that is, if a share, to the nearest number.
  int64_t of(int64_t all) const {
    return count.value_or(std::llround(share * static_cast<double>(all)));
  }
};

/// The parsed arguments of one call.
class Arguments {
public:
  /// Reads `--name value`, `--name=value` and flags. Answers `--help` itself.
  /// If none is returned, the caller exits with `exitCode`.
  static std::optional<Arguments> parse(const CommandSpec &spec,
                                        llvm::ArrayRef<const char *> args,
                                        int &exitCode);

  /// Empty if it may be missing, and is.
  llvm::StringRef getPositional(unsigned index) const {
    return index < positional.size() ? positional[index] : llvm::StringRef();
  }
  bool has(llvm::StringRef name) const { return values.contains(name); }
  llvm::StringRef get(llvm::StringRef name,
                      llvm::StringRef otherwise = "") const;
  llvm::ArrayRef<std::string> getAll(llvm::StringRef name) const;
  /// A number; after a message none, if the value is no number.
  std::optional<double> getNumber(llvm::StringRef name, double otherwise) const;
  /// How many threads share the work of a run, by `--threads`; one if it is not
  /// given.
  std::optional<unsigned> getThreads() const;
  std::optional<int64_t> getInteger(llvm::StringRef name,
                                    int64_t otherwise) const;

  /// What is edited in the place of a file; null if a file is.
  const EditedNetwork *getNetwork() const { return network; }
  void setNetwork(const EditedNetwork *edited) { network = edited; }

  /// The call as it was typed, without the name of the program.
  llvm::StringRef getCommandLine() const { return commandLine; }

private:
  const EditedNetwork *network = nullptr;
  std::string commandLine;
  std::vector<std::string> positional;
  llvm::StringMap<std::vector<std::string>> values;
};

void printHelp(const CommandSpec &spec, llvm::raw_ostream &os);
/// "neuroplast: error: " and the message on standard error; returns 1.
int reportError(const llvm::Twine &message);

/// Takes the messages of this thread, while it lives, in the place of standard
/// error.
class CapturedMessages {
public:
  CapturedMessages();
  ~CapturedMessages();
  CapturedMessages(const CapturedMessages &) = delete;
  CapturedMessages &operator=(const CapturedMessages &) = delete;

  llvm::StringRef get() const { return text; }

private:
  friend llvm::raw_ostream &getMessageStream();

  std::string text;
  llvm::raw_string_ostream stream;
  CapturedMessages *outer; ///< what took them before
};

/// Where messages go.
llvm::raw_ostream &getMessageStream();

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_ARGUMENTS_H
