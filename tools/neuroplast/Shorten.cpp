//===- Shorten.cpp - neuroplast shorten -----------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CalibrationData.h"
#include "Commands.h"
#include "Progress.h"
#include "StructureCommand.h"
#include "neuroplast/Calibration/BlockImportance.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::driver;
using namespace neuroplast::structure;
using calibration::BlockImportance;

namespace {

class Shortening {
public:
  explicit Shortening(const Arguments &arguments)
      : arguments(arguments), command(arguments, "shorten") {}

  int run() {
    std::optional<Amount> asked = Amount::parse(arguments.get("--blocks", "0"));
    if (!asked)
      return reportError("'--blocks' needs a number of blocks, or a share as "
                         "'25%', not '" +
                         arguments.get("--blocks") + "'");
    criterion = arguments.get("--criterion", "cka");
    if (criterion != "cka" && criterion != "change")
      return reportError("criterion '" + criterion +
                         "' is none of cka and change");
    bool isNamed = !arguments.getAll("--at").empty();
    if (!isNamed && !arguments.has("--blocks") && !command.isDryRun())
      return reportError("'shorten' needs '--blocks N', or '--at PATTERN'");
    if (!command.load())
      return 1;
    ModuleOp module = command.getModule();
    blocks = listResidualBlocks(module);
    int64_t wanted = asked->of(blocks.size());
    if (wanted > 0 && command.getBatches().empty())
      return reportError("'--blocks' needs data that tell which blocks matter "
                         "least: give '--data'");
    importances.resize(blocks.size());
    if (!command.getBatches().empty() && !measureAll())
      return 1;
    if (!choose(isNamed, arguments.has("--blocks") ? std::optional(wanted)
                                                   : std::nullopt))
      return 1;
    NetworkSize before = measure(UnitAnalysis(module));
    std::vector<ResidualBlock> gone;
    for (size_t i : removed)
      gone.push_back(blocks[i]);
    removeBlocks(module, gone, arguments.getCommandLine());
    NetworkSize after = measure(UnitAnalysis(module));
    return command.conclude(
        before, after, /*seed=*/0, [&] { return toJson(before, after); },
        [&](llvm::raw_ostream &os) { print(os); });
  }

private:
  bool measureAll() {
    Progress progress("looking at the blocks of " + command.getInput());
    ModuleOp module = command.getModule();
    auto fixed = loadFixed(arguments, module, command.getBatches());
    if (!fixed)
      return false;
    // Both forms have the same nodes.
    std::vector<ResidualBlock> twins =
        *fixed ? listResidualBlocks(**fixed) : blocks;
    auto measured = calibration::measureBlocks(
        *fixed ? **fixed : module, twins, command.getBatches(),
        [&](StringRef node) { progress.setPart(node); });
    if (!measured) {
      reportError(llvm::toString(measured.takeError()));
      return false;
    }
    for (auto [twin, importance] : llvm::zip_equal(twins, *measured))
      for (auto [block, own] : llvm::zip_equal(blocks, importances))
        if (block.node == twin.node)
          own = importance;
    return true;
  }

  /// Blocks that match no other name than these, and of these the ones that
  /// matter least.
  bool choose(bool isNamed, std::optional<int64_t> wanted) {
    auto patterns = arguments.getAll("--at"),
         frozen = arguments.getAll("--freeze");
    std::vector<size_t> candidates;
    bool isMatched = false;
    for (auto [i, block] : llvm::enumerate(blocks)) {
      if (isNamed && !matchesAny(block.node, patterns))
        continue;
      isMatched = true;
      if (isNamed && !wanted && !block.obstacle.empty()) {
        reportError("the block at '" + block.node +
                    "' cannot go: " + block.obstacle);
        return false;
      }
      if (block.obstacle.empty() && !matchesAny(block.node, frozen) &&
          (!wanted || importances[i]))
        candidates.push_back(i);
    }
    if (isNamed && !isMatched) {
      reportError("no residual block has a name like '" + patterns.front() +
                  "'");
      return false;
    }
    if (!wanted) {
      removed = isNamed ? candidates : std::vector<size_t>();
      return true;
    }
    if (*wanted > static_cast<int64_t>(candidates.size())) {
      reportError("of the residual blocks only " + Twine(candidates.size()) +
                  " can go");
      return false;
    }
    llvm::sort(candidates, [&](size_t a, size_t b) {
      return std::pair(getLoss(a), a) < std::pair(getLoss(b), b);
    });
    candidates.resize(*wanted);
    llvm::sort(candidates);
    removed = std::move(candidates);
    return true;
  }

  double getLoss(size_t i) const {
    return criterion == "cka" ? 1 - importances[i]->similarity
                              : importances[i]->change;
  }

  llvm::json::Object toJson(const NetworkSize &before,
                            const NetworkSize &after) const {
    llvm::json::Array list;
    for (auto [i, block] : llvm::enumerate(blocks)) {
      llvm::json::Object object{{"node", block.node},
                                {"parameters", block.parameters},
                                {"removed", llvm::is_contained(removed, i)},
                                {"obstacle", block.obstacle}};
      if (importances[i]) {
        object["cka"] = importances[i]->similarity;
        object["change"] = importances[i]->change;
      }
      list.push_back(std::move(object));
    }
    return llvm::json::Object{{"criterion", criterion},
                              {"before", before.toJson()},
                              {"after", after.toJson()},
                              {"blocks", std::move(list)}};
  }

  void print(llvm::raw_ostream &os) const {
    os << "\n        parameters     CKA  change | block\n";
    for (auto [i, block] : llvm::enumerate(blocks)) {
      os << (llvm::is_contained(removed, i) ? "removed " : "        ")
         << llvm::format("%10lld", static_cast<long long>(block.parameters));
      if (importances[i])
        os << llvm::format("  %.4f  %6.4f", importances[i]->similarity,
                           importances[i]->change);
      else
        os << "       -       -";
      os << " | " << block.node;
      if (!block.obstacle.empty())
        os << " (" << block.obstacle << ")";
      os << '\n';
    }
  }

  const Arguments &arguments;
  StructureCommand command;
  StringRef criterion;
  std::vector<ResidualBlock> blocks;
  std::vector<std::optional<BlockImportance>> importances;
  std::vector<size_t> removed;
};

} // namespace

Command neuroplast::driver::getShortenCommand() {
  std::vector<OptionSpec> options = {
      {"--blocks", "N|P%",
       "remove the N residual blocks that matter least, or a share of all"},
      {"--at", "PATTERN...",
       "only blocks whose sum matches (text, or with * and ?); all of them "
       "without '--blocks'"},
      {"--freeze", "PATTERN...", "leave blocks whose sum matches"},
      {"--criterion", "NAME",
       "what matters least: 'cka', input and result being alike, or 'change', "
       "little being added (cka)"}};
  llvm::append_range(options, StructureCommand::getOptions());
  return {
      {"shorten",
       "remove residual blocks of a model",
       {"MODEL"},
       std::move(options)},
      [](const Arguments &arguments) { return Shortening(arguments).run(); }};
}
