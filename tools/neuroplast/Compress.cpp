//===- Compress.cpp - neuroplast compress ---------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "Modules.h"
#include "TrainOptions.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"

using namespace neuroplast::driver;

/// Options that a command has of another one, with their values.
static void passOn(const Arguments &arguments,
                   llvm::ArrayRef<llvm::StringRef> names,
                   std::vector<std::string> &call) {
  for (llvm::StringRef name : names)
    for (const std::string &value : arguments.getAll(name)) {
      call.push_back(name.str());
      call.push_back(value);
    }
}

static constexpr llvm::StringRef kTargets[] = {
    "--target-flops", "--target-params", "--target-bytes", "--target-ms"};

static int runCompress(const Arguments &arguments) {
  if (!isAlone("'compress'"))
    return 1;
  std::string model = arguments.getPositional(0).str(),
              output = arguments.get("-o").str(),
              data = arguments.get("--data").str();
  if (output.empty() || data.empty() ||
      llvm::none_of(kTargets,
                    [&](llvm::StringRef name) { return arguments.has(name); }))
    return reportError("'compress' needs '--data FILE.npz', a target as "
                       "'--target-flops 0.5x', and '-o FILE'");
  for (const std::string &read : {model, data, arguments.get("--val").str()})
    if (!read.empty() && isSameFile(read, output))
      return reportError("'compress' does not overwrite its input '" + read +
                         "'");
  if (arguments.has("--no-hints") && arguments.has("--hint"))
    return reportError("'--no-hints' and '--hint' exclude each other");
  llvm::SmallString<128> cut;
  if (std::error_code error =
          llvm::sys::fs::createUniqueFile(output + ".cut.%%%%%%.onnx", cut))
    return reportError("cannot write '" + output + "': " + error.message());
  llvm::FileRemover remover(cut);
  std::vector<std::string> prune{"prune",         model,    "-o",
                                 cut.str().str(), "--data", data},
      distill{"distill", model, cut.str().str(), "-o", output, "--data", data};
  passOn(arguments, kTargets, prune);
  passOn(arguments,
         {"--criterion", "--scope", "--max-ratio", "--round-to", "--freeze",
          "--shape"},
         prune);
  if (arguments.has("--inner"))
    prune.emplace_back("--inner");
  distill.insert(distill.end(),
                 {"--optimizer", "adam", "--lr",
                  arguments.get("--lr", "0.001").str(), "--schedule", "cosine",
                  "--clip-norm", "5", "--epochs",
                  arguments.get("--epochs", "10").str()});
  if (!arguments.has("--no-hints") && !arguments.has("--hint"))
    distill.insert(distill.end(), {"--hint", "*=1:layers"});
  passOn(arguments,
         {"--val", "--batch", "--seed", "--loss", "--temperature", "--blank",
          "--blank-weight", "--hint", "--threads", "--augment", "--average",
          "--average-after", "--log", "--checkpoint"},
         distill);
  if (arguments.has("--resume"))
    distill.emplace_back("--resume");
  int code = runCommand(prune);
  return code ? code : runCommand(distill);
}

Command neuroplast::driver::getCompressCommand() {
  std::vector<OptionSpec> options = {
      {"--data", "FILE.npz|FOLDER",
       "inputs by name; the first axis counts examples"},
      {"--val", "FILE.npz", "the same, to be looked at only"},
      {"-o", "FILE", "where to write the small model"},
      {"--epochs", "N", "how often to go through the data (10)"},
      {"--lr", "X", "learning rate at first; it falls along a cosine (0.001)"},
      {"--no-hints", "", "learn from what the model says alone"}};
  llvm::append_range(
      options, getPruneCommand().spec.select(
                   {"--target-flops", "--target-params", "--target-bytes",
                    "--target-ms", "--criterion", "--scope", "--max-ratio",
                    "--round-to", "--freeze", "--inner", "--shape"}));
  llvm::append_range(
      options,
      getDistillCommand().spec.select(
          {"--batch", "--loss", "--temperature", "--blank", "--blank-weight",
           "--hint", "--seed", "--threads", "--augment", "--average",
           "--average-after", "--log", "--checkpoint", "--resume"}));
  return {{"compress",
           "cut a model to a target, and teach what is left to say what the "
           "model said, on examples without labels",
           {"MODEL"},
           std::move(options)},
          runCompress};
}
