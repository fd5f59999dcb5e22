//===- Sensitivity.cpp - neuroplast sensitivity ---------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CalibrationData.h"
#include "Commands.h"
#include "Evaluation.h"
#include "Modules.h"
#include "PruneModel.h"
#include "RunnableModel.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::driver;
using namespace neuroplast::structure;

namespace {

/// What cutting one group alone does.
struct Row {
  unsigned group;
  int64_t units = 0, kept = 0;
  std::vector<std::string> members;
  double parameters = 1, operations = 1; ///< Shares that are left.
  /// How far the outputs move: the root of the mean square of the difference,
  /// by that of the outputs.
  double error = 0;
  std::optional<double> score;
};

class Sensitivity {
public:
  explicit Sensitivity(const Arguments &arguments)
      : arguments(arguments), input(arguments.getPositional(0)) {}

  int run() {
    if (!read())
      return 1;
    Progress progress("cutting groups of " + input);
    auto statistics = provideStatistics(arguments, options.criterion, *module,
                                        batches, options.seed, progress);
    if (failed(statistics))
      return 1;
    if (!statistics->empty())
      options.evidence.statistics = &*statistics;
    std::optional<std::vector<NamedTensors>> outputs = compute(*module);
    if (!outputs)
      return 1;
    whole = std::move(*outputs);
    if (arguments.has("--eval") &&
        !(before = evaluate(arguments.get("--eval"), input)))
      return 1;
    llvm::SmallSetVector<unsigned, 16> groups;
    for (const UnitSetSummary &set : summarizeSets(UnitAnalysis(*module)))
      if (options.selection.getObstacle(set).empty())
        groups.insert(set.group);
    for (unsigned group : groups) {
      progress.setPart("group " + Twine(group));
      if (!cut(group))
        return 1;
    }
    llvm::sort(rows, [](const Row &a, const Row &b) {
      return std::make_pair(-a.error, a.group) <
             std::make_pair(-b.error, b.group);
    });
    return 0;
  }

  void print(llvm::raw_ostream &os) const {
    os << "    error  parameters  operations" << (before ? "       score" : "")
       << "  group\n";
    for (const Row &row : rows) {
      os << llvm::format("%9.4f  %8.1f %%  %8.1f %%", row.error,
                         100 * row.parameters, 100 * row.operations);
      if (row.score)
        os << llvm::format("  %10.5g", *row.score);
      os << "  " << row.group << ": kept " << row.kept << " of " << row.units;
      for (const std::string &member : row.members)
        os << ' ' << member;
      os << '\n';
    }
    if (before)
      os << "score of the whole model: " << *before << '\n';
  }

  llvm::json::Object toJson() const {
    llvm::json::Array list;
    for (const Row &row : rows) {
      llvm::json::Object object{{"group", row.group},
                                {"units", row.units},
                                {"kept", row.kept},
                                {"members", llvm::json::Array(row.members)},
                                {"parameters", row.parameters},
                                {"operations", row.operations},
                                {"error", row.error}};
      if (row.score)
        object["score"] = *row.score;
      list.push_back(std::move(object));
    }
    llvm::json::Object result = options.toJson();
    result["groups"] = std::move(list);
    if (before)
      result["score"] = *before;
    return result;
  }

private:
  bool read() {
    std::optional<Criterion> criterion =
        parseCriterion(arguments.get("--criterion", "l2"));
    std::optional<double> ratio = arguments.getNumber("--ratio", 0.5);
    std::optional<int64_t> seed = arguments.getInteger("--seed", 0);
    if (!criterion)
      reportError("criterion '" + arguments.get("--criterion") +
                  "' is none of " + listCriteria());
    if (!criterion || !ratio || !seed)
      return false;
    options.criterion = *criterion;
    options.allocation.ratio = *ratio;
    options.seed = *seed;
    options.selection = readSelection(arguments, "--only");
    module = loadOpenOrFixed(arguments, context);
    if (!module)
      return false;
    auto cut = readBatches(arguments, *module);
    if (!cut)
      return false;
    batches = std::move(*cut);
    auto fixed = loadFixed(arguments, *module, batches);
    if (!fixed)
      return false;
    if (*fixed)
      module = std::move(*fixed);
    return true;
  }

  /// The outputs of a network for all batches, or for one of random numbers.
  std::optional<std::vector<NamedTensors>> compute(ModuleOp network) {
    auto fail = [&](llvm::Error error) {
      reportError(input, std::move(error));
      return std::nullopt;
    };
    CompileOptions compile;
    compile.optLevel = 1;
    auto compiled = compileModule(network, compile);
    if (!compiled)
      return fail(compiled.takeError());
    auto model = loadInMemory(std::move(*compiled));
    if (!model)
      return fail(model.takeError());
    if (batches.empty()) {
      auto random = (*model)->makeRandomInputs(options.seed);
      if (!random)
        return fail(random.takeError());
      batches.push_back(std::move(*random));
    }
    std::vector<NamedTensors> outputs;
    for (const NamedTensors &batch : batches) {
      auto results = (*model)->run(batch);
      if (!results)
        return fail(results.takeError());
      outputs.push_back(std::move(*results));
    }
    return outputs;
  }

  bool cut(unsigned group) {
    OwningOpRef<ModuleOp> network(module->clone());
    PruneOptions alone = options;
    alone.selection.group = group;
    FailureOr<PruneReport> report = prune(*network, alone);
    if (failed(report))
      return false;
    Row row;
    row.group = group;
    for (const PrunedSet &set : report->sets) {
      if (set.summary.group != group || !set.reason.empty())
        continue;
      row.units += set.summary.units;
      row.kept += set.kept;
      llvm::append_range(row.members, set.summary.members);
    }
    if (row.units == 0)
      return true;
    auto share = [](int64_t after, int64_t before) {
      return before == 0 ? 1.0 : static_cast<double>(after) / before;
    };
    row.parameters = share(report->after.parameters, report->before.parameters);
    row.operations = share(report->after.flops, report->before.flops);
    auto outputs = compute(*network);
    if (!outputs)
      return false;
    row.error = getError(*outputs);
    if (before && !(row.score = evaluate(arguments.get("--eval"), *network)))
      return false;
    rows.push_back(std::move(row));
    return true;
  }

  double getError(ArrayRef<NamedTensors> outputs) const {
    double difference = 0, square = 0;
    for (auto [old, now] : llvm::zip_equal(whole, outputs))
      for (const auto &[name, tensor] : old) {
        auto is = getNumbers(now.at(name)), was = getNumbers(tensor);
        // Sizes may depend on the data.
        if (is.size() != was.size())
          return INFINITY;
        for (auto [a, b] : llvm::zip_equal(was, is)) {
          difference += (a - b) * (a - b);
          square += a * a;
        }
      }
    return std::sqrt(difference / std::max(square, 1e-30));
  }

  const Arguments &arguments;
  StringRef input;
  std::unique_ptr<MLIRContext> context;
  OwningOpRef<ModuleOp> module;
  std::vector<NamedTensors> batches;
  PruneOptions options;
  std::vector<NamedTensors> whole;
  std::optional<double> before;
  std::vector<Row> rows;
};

} // namespace

static int runSensitivity(const Arguments &arguments) {
  Sensitivity sensitivity(arguments);
  if (int code = sensitivity.run())
    return code;
  if (arguments.has("--json"))
    llvm::outs() << llvm::formatv("{0:2}\n",
                                  llvm::json::Value(sensitivity.toJson()));
  else
    sensitivity.print(llvm::outs());
  return 0;
}

Command neuroplast::driver::getSensitivityCommand() {
  return {
      {"sensitivity",
       "tell what cutting each group of units alone does",
       {"MODEL"},
       {{"--data", "FILE.npz|FOLDER",
         "inputs by name, the first axis of which counts examples; random "
         "ones if not given"},
        getBatchOption(),
        {"--shape", "NAME=AxB...", "fix the shape of an input"},
        {"--ratio", "R", "share of the units of the group to remove (0.5)"},
        {"--criterion", "NAME", "what ranks the units, as of 'prune' (l2)"},
        {"--stats", "FILE.npz", "what 'calibrate' wrote"},
        {"--seed", "N", "seed of random inputs and scores (0)"},
        {"--inner", "", "inner units, as features of heads, too"},
        {"--only", "PATTERN...", "only units of tensors whose name matches"},
        {"--freeze", "PATTERN...", "no units of tensors whose name matches"},
        {"--eval", "COMMAND", "a score of each cut, as of 'prune'"},
        {"--json", "", "print JSON"}}},
      runSensitivity};
}
