//===- History.cpp - neuroplast undo and replay ---------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Edits/History.h"
#include "Commands.h"
#include "Modules.h"
#include "StructureCommand.h"
#include "neuroplast/Dialect/Neuro/IR/HistoryOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::driver;
using namespace neuroplast::structure;

/// What came of it, and the counts of edits.
static void print(const StructureCommand &command, const Arguments &arguments,
                  const NetworkSize &before, const NetworkSize &after,
                  ArrayRef<std::pair<StringRef, int64_t>> counts) {
  if (arguments.has("--json")) {
    llvm::json::Object object{{"before", before.toJson()},
                              {"after", after.toJson()}};
    for (auto [name, count] : counts)
      object[name] = count;
    command.printJson(llvm::outs(), std::move(object));
    return;
  }
  command.printSummary(llvm::outs(), before, after);
  llvm::outs() << "edits      ";
  for (auto [name, count] : counts)
    llvm::outs() << ' ' << name << ' ' << count;
  llvm::outs() << '\n';
}

static int runUndo(const Arguments &arguments) {
  StructureCommand command(arguments, "undo");
  if (!command.load())
    return 1;
  int64_t count = countEdits(command.getModule());
  std::optional<int64_t> to =
      arguments.getInteger("--to", std::max<int64_t>(count - 1, 0));
  if (!to)
    return 1;
  if (count == 0)
    return reportError("'" + arguments.getPositional(0) +
                       "' has no history of edits");
  NetworkSize before = measure(UnitAnalysis(command.getModule()));
  if (failed(undo(command.getModule(), *to)))
    return 1;
  NetworkSize after = measure(UnitAnalysis(command.getModule()));
  if (!command.finish(before, after, /*seed=*/0))
    return 1;
  print(command, arguments, before, after,
        {{"undone", count - *to}, {"left", *to}});
  return 0;
}

Command neuroplast::driver::getUndoCommand() {
  std::vector<OptionSpec> options = {
      {"--to", "N", "how many edits to leave (all but the last)"}};
  llvm::append_range(options, StructureCommand::getOptions());
  return {{"undo", "take back edits of a model", {"MODEL"}, std::move(options)},
          runUndo};
}

static int runReplay(const Arguments &arguments) {
  StructureCommand command(arguments, "replay");
  StringRef path = arguments.get("--history");
  if (path.empty())
    return reportError("'replay' needs '--history FILE', a model with one");
  if (!command.load())
    return 1;
  auto edited = loadModule(path, *command.getModule().getContext());
  if (!edited)
    return 1;
  neuro::HistoryOp history = neuro::findHistory(*edited);
  if (!history)
    return reportError("'" + path + "' has no history of edits");
  NetworkSize before = measure(UnitAnalysis(command.getModule()));
  if (failed(replay(command.getModule(), history,
                    arguments.has("--keep-removed"))))
    return 1;
  NetworkSize after = measure(UnitAnalysis(command.getModule()));
  if (!command.finish(before, after, /*seed=*/0))
    return 1;
  print(command, arguments, before, after, {{"done", countEdits(*edited)}});
  return 0;
}

Command neuroplast::driver::getReplayCommand() {
  std::vector<OptionSpec> options = {
      {"--history", "FILE", "the model whose edits are done again"},
      {"--keep-removed", "",
       "keep what is removed in the file, so that 'undo' can put it back"}};
  llvm::append_range(options, StructureCommand::getOptions());
  return {{"replay",
           "do the edits of another model to this one",
           {"MODEL"},
           std::move(options)},
          runReplay};
}
