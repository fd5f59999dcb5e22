//===- CyclePlan.h - What happens in a network's life -----------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A plan is a JSON object: phases one after the other, each of which trains a
// network or changes its structure. A phase is called as the command that does
// it, and has the command's options without their dashes; a list gives an
// option several times, and true gives one that takes no value. Beside phases,
// commands may have options for all of their phases.
//
//   {"version": 1,
//    "train": {"optimizer": "adam", "lr": 0.001},
//    "phases": [
//      {"train": {"epochs": 2}},
//      {"repeat": 3, "phases": [
//        {"dropin": {"units": "+25%", "init": "pair"}},
//        {"train": {"epochs": 1}},
//        {"prune": {"target-params": "0.8x"}},
//        {"train": {"epochs": 1}}]}]}
//
// Of `{"choose": [PHASES, PHASES, ..], "price": P}` the list stays whose
// network has the least loss on validation data, where a doubling of the
// parameters costs as much as P of loss; an empty list leaves the network as it
// is.
// `{"when": {SIGNAL: {"above": X}}, "phases": PHASES, "otherwise": PHASES}`
// goes by signals of the network (`Signals.h`), all of which have to be above
// or below bounds; what is told of a mark may name it, `"since": NAME`.
// `{"mark": NAME}` remembers a network, and `{"rewind": NAME}` gives its
// weights to the units that there are now; "start" is the network of the
// beginning.
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_PLASTICITY_CYCLEPLAN_H
#define NEUROPLAST_PLASTICITY_CYCLEPLAN_H

#include "neuroplast/Plasticity/Signals.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>
#include <vector>

namespace neuroplast::plasticity {

/// What the number of a signal has to be.
struct Condition {
  Signal signal;
  std::optional<double> above, below;
  std::string since = "start"; ///< the mark, of signals that look back

  bool holdsFor(double number) const {
    return (!above || number > *above) && (!below || number < *below);
  }
};

struct Phase {
  enum class Kind { Command, Repeat, Choose, When, Mark, Rewind, Perturb };
  Kind kind = Kind::Command;
  std::string place; ///< in the plan, for messages
  std::string name;  ///< of the command, or of the mark
  /// Of a command, as words of a command line.
  std::vector<std::string> options;
  int64_t times = 1; ///< of Kind::Repeat
  /// Of Kind::Repeat: whether it ends when that makes nothing better.
  bool endsWhenNoBetter = false;
  double price = 0;                  ///< where networks are compared
  bool redraws = false;              ///< of Kind::Rewind
  double keep = 1, noise = 0;        ///< of Kind::Perturb
  std::vector<Condition> conditions; ///< of Kind::When
  /// What is repeated, or what there is to choose from; of Kind::When what is
  /// done if the conditions hold, and what otherwise.
  std::vector<std::vector<Phase>> parts;
};

struct CyclePlan {
  /// What the phases of a command have in common.
  struct Defaults {
    std::string command;
    std::vector<std::string> options;
  };
  std::vector<Defaults> defaults;
  std::vector<Phase> phases;

  /// Reads a plan of phases that are some of `commands`. Fails if the text is
  /// none, and says where and why.
  static llvm::Expected<CyclePlan>
  parse(llvm::StringRef text, llvm::ArrayRef<llvm::StringRef> commands);
  /// The options that phases of a command have in common.
  llvm::ArrayRef<std::string> getDefaults(llvm::StringRef command) const;
  /// Whether any phase needs to know how well networks do.
  bool comparesNetworks() const;
};

/// The text of a plan that comes with the compiler; empty if there is none of
/// the name.
llvm::StringRef getPreset(llvm::StringRef name);
llvm::ArrayRef<llvm::StringRef> getPresetNames();

} // namespace neuroplast::plasticity

#endif // NEUROPLAST_PLASTICITY_CYCLEPLAN_H
