//===- Sparsify.cpp - neuroplast sparsify ---------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Cuts/Sparsify.h"
#include "Commands.h"
#include "PruneModel.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::driver;
using namespace neuroplast::structure;

/// Reads the options; none, after an error, if they make no sense.
static std::optional<SparsifyOptions> readOptions(const Arguments &arguments) {
  SparsifyOptions options;
  std::optional<double> sparsity = arguments.getNumber("--sparsity", 0.5);
  if (!sparsity)
    return std::nullopt;
  options.sparsity = *sparsity;
  auto fail = [](const llvm::Twine &message) {
    reportError(message);
    return std::nullopt;
  };
  if (std::string text = arguments.get("--pattern", "").str(); !text.empty()) {
    options.pattern = SparsityPattern::parse(text);
    if (!options.pattern)
      return fail("'--pattern' needs fewer weights than there are in a group, "
                  "as 2:4, not '" +
                  text + "'");
    if (arguments.has("--sparsity"))
      return fail("'sparsify' takes one of a share and a pattern");
  }
  if (StringRef text = arguments.get("--block", ""); !text.empty()) {
    auto [outs, ins] = text.split('x');
    if (outs.getAsInteger(10, options.block.first) ||
        ins.getAsInteger(10, options.block.second))
      return fail("'--block' needs outputs times inputs, as 4x1, not '" + text +
                  "'");
  }
  bool hasData = arguments.has("--data") || arguments.has("--stats");
  StringRef name =
      arguments.get("--criterion", hasData ? "sparsegpt" : "magnitude");
  auto criterion = parseSparsityCriterion(name);
  if (!criterion)
    return fail("criterion '" + name +
                "' is none of magnitude, wanda, sparsegpt and random");
  options.criterion = *criterion;
  options.isOfRest = arguments.has("--of-rest");
  if (options.isOfRest && options.pattern)
    return fail(
        "'sparsify' takes one of the rest of the weights and a pattern");
  auto seed = arguments.getInteger("--seed", 0);
  if (!seed)
    return std::nullopt;
  options.seed = static_cast<uint64_t>(*seed);
  options.only = arguments.getAll("--only").vec();
  options.freeze = arguments.getAll("--freeze").vec();
  options.command = arguments.getCommandLine().str();
  return options;
}

static int runSparsify(const Arguments &arguments) {
  StructureCommand command(arguments, "sparsify");
  std::optional<SparsifyOptions> options = readOptions(arguments);
  if (!options || !command.load())
    return 1;
  NetworkSize size = measure(UnitAnalysis(command.getModule()));
  FailureOr<SparsifyReport> report = [&]() -> FailureOr<SparsifyReport> {
    Progress progress("sparsifying " + arguments.getPositional(0));
    FailureOr<Statistics> statistics =
        provideStatistics(command, arguments, Criterion::Obs, progress);
    if (failed(statistics))
      return failure();
    if (!statistics->empty())
      options->statistics = &*statistics;
    progress.setPart("choosing zeros");
    return sparsify(command.getModule(), *options);
  }();
  if (failed(report))
    return 1;
  return command.conclude(
      size, size, /*seed=*/0, [&] { return report->toJson(); },
      [&](llvm::raw_ostream &os) { report->print(os); });
}

Command neuroplast::driver::getSparsifyCommand() {
  std::vector<OptionSpec> options = {
      {"--sparsity", "S",
       "share of the weights of a layer that become zero (0.5)"},
      {"--of-rest", "", "of those that are no zeros yet"},
      {"--pattern", "N:M",
       "keep N of every M weights along the axis of inputs, instead"},
      {"--block", "RxC",
       "blocks of R outputs times C inputs become zero together"},
      {"--criterion", "NAME",
       "magnitude, wanda, sparsegpt or random (sparsegpt with data, else "
       "magnitude)"},
      {"--seed", "N", "of random (0)"},
      {"--stats", "FILE.npz",
       "what 'calibrate --products' wrote, instead of '--data'"},
      {"--only", "PATTERN...",
       "only layers whose weight matches (text, or with * and ?)"},
      {"--freeze", "PATTERN...", "leave layers whose weight matches"}};
  llvm::append_range(options, StructureCommand::getOptions());
  return {{"sparsify",
           "set weights of a model to zero, and mask them",
           {"MODEL"},
           std::move(options)},
          runSparsify};
}
