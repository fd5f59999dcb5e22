//===- Cycle.cpp - neuroplast cycle ---------------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "CycleRun.h"
#include "Modules.h"
#include "RunnableModel.h"
#include "TrainOptions.h"

#include "neuroplast/Dialect/Neuro/IR/MappedFile.h"
#include "neuroplast/Dialect/Neuro/IR/OptimizerStates.h"
#include "neuroplast/Runtime/MappedArrays.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"

using namespace neuroplast;
using namespace neuroplast::driver;
using plasticity::CyclePlan;

/// The plan that was asked for; none after a message.
static std::optional<CyclePlan> readPlan(const Arguments &arguments,
                                         std::string &text) {
  if (arguments.has("--plan") == arguments.has("--preset"))
    return reportError("'cycle' needs '--plan FILE.json' or '--preset NAME'"),
           std::nullopt;
  llvm::StringRef source = arguments.get("--plan");
  if (arguments.has("--preset")) {
    source = arguments.get("--preset");
    text = plasticity::getPreset(source).str();
    if (text.empty())
      return reportError("preset '" + source + "' is none of " +
                         llvm::join(plasticity::getPresetNames(), ", ")),
             std::nullopt;
  } else {
    auto buffer = llvm::MemoryBuffer::getFile(source);
    if (!buffer)
      return reportError(source, llvm::errorCodeToError(buffer.getError())),
             std::nullopt;
    text = (*buffer)->getBuffer().str();
  }
  auto plan = CyclePlan::parse(text, getPhaseCommands());
  if (!plan)
    return reportError(source, plan.takeError()), std::nullopt;
  return std::move(*plan);
}

/// All that decides what comes of a cycle, as a text: files by what they hold.
/// None after a message.
static std::optional<std::string> identify(const Arguments &arguments,
                                           llvm::StringRef plan) {
  std::string identity;
  llvm::raw_string_ostream os(identity);
  os << plan << '\n';
  for (llvm::StringRef path :
       {arguments.getPositional(0), arguments.get("--data"),
        arguments.get("--val")}) {
    if (path.empty())
      continue;
    auto files = listFiles(path);
    if (!files)
      return reportError(path, files.takeError()), std::nullopt;
    for (const std::string &file : *files) {
      auto buffer = mapFile(file);
      if (!buffer)
        return reportError(file, llvm::errorCodeToError(buffer.getError())),
               std::nullopt;
      llvm::StringRef bytes = (*buffer)->getBuffer();
      os << file << ' ' << llvm::xxh3_64bits(bytes) << '\n';
      releasePages(llvm::ArrayRef(bytes.data(), bytes.size()));
    }
  }
  for (llvm::StringRef option : {"--labels", "--seed"})
    os << option << ' ' << arguments.get(option) << '\n';
  return identity;
}

/// Makes a folder one of this cycle, or sees that it is; false after a message.
static bool claimFolder(llvm::StringRef folder, llvm::StringRef identity) {
  llvm::SmallString<128> path(folder);
  llvm::sys::path::append(path, "cycle.txt");
  if (std::error_code error = llvm::sys::fs::create_directories(folder))
    return reportError(folder, llvm::errorCodeToError(error)), false;
  if (auto known = llvm::MemoryBuffer::getFile(path)) {
    if ((*known)->getBuffer() == identity)
      return true;
    return reportError("'" + folder + "' belongs to another cycle"), false;
  }
  return writeFile(path, [&](llvm::raw_ostream &os) { os << identity; });
}

/// Writes the model of a file without what an optimizer remembers.
static int writeResult(llvm::StringRef from, llvm::StringRef to) {
  mlir::MLIRContext context(makeRegistry(),
                            mlir::MLIRContext::Threading::DISABLED);
  auto module = loadModule(from, context);
  if (!module)
    return 1;
  neuro::removeStates(*module);
  return mlir::succeeded(saveModule(*module, to)) ? 0 : 1;
}

static int runCycle(const Arguments &arguments) {
  llvm::StringRef output = arguments.get("-o"),
                  model = arguments.getPositional(0);
  if (!isAlone("'cycle'"))
    return 1;
  std::string text;
  std::optional<CyclePlan> plan = readPlan(arguments, text);
  if (!plan)
    return 1;
  if (arguments.has("--print-plan")) {
    llvm::outs() << text;
    return 0;
  }
  if (output.empty() || !arguments.has("--data"))
    return reportError("'cycle' needs '--data FILE.npz' and '-o FILE'");
  for (llvm::StringRef read :
       {model, arguments.get("--data"), arguments.get("--val")})
    if (!read.empty() && isSameFile(read, output))
      return reportError("'cycle' does not overwrite its input '" + read + "'");
  if (!arguments.getThreads() || !arguments.getInteger("--seed", 0))
    return 1;
  std::optional<std::string> identity = identify(arguments, text);
  if (!identity)
    return 1;
  std::string folder = arguments.get("--state").str();
  if (folder.empty()) {
    llvm::SmallString<128> temporary;
    if (std::error_code error =
            llvm::sys::fs::createUniqueDirectory("neuroplast-cycle", temporary))
      return reportError("cannot make a folder: " + error.message());
    folder = temporary.str().str();
  }
  if (!claimFolder(folder, *identity))
    return 1;
  Cycle cycle(arguments, *plan, folder);
  int code = cycle.start() && cycle.perform(plan->phases)
                 ? writeResult(cycle.getStage().path, output)
                 : 1;
  if (!arguments.has("--state"))
    llvm::sys::fs::remove_directories(folder);
  return code;
}

Command neuroplast::driver::getCycleCommand() {
  return {{"cycle",
           "train, grow and cut a model as a plan says",
           {"MODEL"},
           {{"--plan", "FILE.json", "phases, each a command with its options"},
            {"--preset", "NAME",
             "a plan that comes with it: neuroplasticity, lottery-ticket, "
             "compress, expand or continual"},
            {"--print-plan", "", "print the plan, and do nothing"},
            {"--data", "FILE.npz|FOLDER",
             "inputs by name; the first axis counts examples. Of a folder, all "
             "archives, or an array from each .npy file"},
            {"--val", "FILE.npz|FOLDER",
             "the same, to see on how well each phase does, and to choose by"},
            {"--labels", "NAME", "the array with the labels (labels)"},
            {"-o", "FILE", "where to write the model"},
            {"--state", "FOLDER",
             "keep the model of each phase there, and go on where they end"},
            {"--log", "FILE", "write a line of JSON for each event and epoch"},
            {"--seed", "N", "of all that is drawn (0)"},
            {"--threads", "N", "threads that a step uses (1)"}}},
          runCycle};
}
