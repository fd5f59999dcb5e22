//===- Prune.cpp - neuroplast prune ---------------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Prune.h"
#include "Commands.h"
#include "Modules.h"
#include "RunnableModel.h"
#include "neuroplast/Runtime/Npz.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace neuroplast::driver;
using namespace neuroplast::structure;

/// Adds an entry to the metadata of the model, which the export writes out.
static void addMetadata(ModuleOp module, StringRef key, StringRef value) {
  Builder builder(module.getContext());
  auto model = module->getAttrOfType<DictionaryAttr>("neuro.model");
  NamedAttrList entries(model), metadata;
  if (model)
    metadata = NamedAttrList(model.getAs<DictionaryAttr>("metadata"));
  // Earlier prunings keep their entries.
  std::string name = key.str();
  for (unsigned number = 2; metadata.get(name); ++number)
    name = (key + "." + Twine(number)).str();
  metadata.set(name, builder.getStringAttr(value));
  entries.set("metadata", metadata.getDictionary(module.getContext()));
  module->setAttr("neuro.model", entries.getDictionary(module.getContext()));
}

/// What was done, as one line of JSON: enough to do it again.
static std::string describe(const PruneReport &report) {
  llvm::json::Array only(report.options.only), freeze(report.options.freeze);
  llvm::json::Array edits;
  for (const TensorEdit &edit : report.edits) {
    llvm::json::Array kept;
    for (const auto &block : edit.kept)
      kept.push_back(llvm::json::Array(block));
    edits.push_back(llvm::json::Object{{"tensor", edit.sourceName},
                                       {"axis", edit.axis},
                                       {"kept", std::move(kept)}});
  }
  llvm::json::Object object{{"command", "prune"},
                            {"criterion", getName(report.options.criterion)},
                            {"ratio", report.options.ratio},
                            {"round_to", report.options.roundTo},
                            {"seed", static_cast<int64_t>(report.options.seed)},
                            {"only", std::move(only)},
                            {"freeze", std::move(freeze)},
                            {"edits", std::move(edits)}};
  return llvm::formatv("{0}", llvm::json::Value(std::move(object)));
}

/// Runs the model before and after on the same inputs. Returns the differences
/// by output, or an object that says why there are none.
static llvm::json::Object compareOutputs(const Arguments &arguments,
                                         uint64_t seed) {
  auto fail = [](const llvm::Twine &reason) {
    return llvm::json::Object{{"not_computed", reason.str()}};
  };
  if (!arguments.has("--data") && !arguments.has("--compare"))
    return fail("give --data FILE.npz, or --compare for random inputs");
  if (arguments.has("--dry-run"))
    return fail("a dry run writes no model");
  ArrayRef<std::string> shapes = arguments.getAll("--shape");
  neuroplast::NamedTensors inputs, results[2];
  bool hasData = arguments.has("--data");
  if (hasData) {
    auto data = neuroplast::readNpz(arguments.get("--data"));
    if (!data)
      return fail(llvm::toString(data.takeError()));
    inputs = std::move(*data);
  }
  StringRef paths[2] = {arguments.getPositional(0), arguments.get("-o")};
  for (unsigned i = 0; i < 2; ++i) {
    // The first model says what random inputs look like.
    auto model = openModel(paths[i], i == 0 ? shapes : ArrayRef<std::string>(),
                           hasData || i == 1 ? &inputs : nullptr);
    if (!model)
      return fail("'" + paths[i] + "' does not compile");
    if (!hasData && i == 0)
      inputs = model->makeRandomInputs(seed);
    auto outputs = model->run(inputs);
    if (!outputs)
      return fail(llvm::toString(outputs.takeError()));
    results[i] = std::move(*outputs);
  }
  llvm::json::Object differences;
  for (const auto &[name, tensor] : results[0])
    if (auto other = results[1].find(name); other != results[1].end())
      differences[name] = getScaledDifference(tensor, other->second);
  return llvm::json::Object{{"inputs", hasData ? "data" : "random"},
                            {"relative_to_largest", std::move(differences)}};
}

static void printDifferences(const llvm::json::Object &result) {
  if (auto reason = result.getString("not_computed")) {
    llvm::outs() << "\noutput difference not computed: " << *reason << '\n';
    return;
  }
  llvm::outs() << "\noutput difference on "
               << result.getString("inputs").value_or("") << " inputs:";
  if (const auto *list = result.getObject("relative_to_largest"))
    for (const auto &[name, value] : *list)
      llvm::outs() << ' ' << StringRef(name) << ' '
                   << llvm::formatv("{0:f4}", value.getAsNumber().value_or(0));
  llvm::outs() << " of the largest value\n";
}

static int runPrune(const Arguments &arguments) {
  bool dryRun = arguments.has("--dry-run");
  StringRef input = arguments.getPositional(0), output = arguments.get("-o");
  if (output.empty() && !dryRun)
    return reportError("'prune' needs '-o FILE.onnx' or '--dry-run'");
  if (!output.empty() && isSameFile(input, output))
    return reportError("'prune' does not overwrite its input '" + input + "'");

  PruneOptions options;
  StringRef criterion = arguments.get("--criterion", "l2");
  std::optional<Criterion> parsed = parseCriterion(criterion);
  if (!parsed)
    return reportError("criterion '" + criterion +
                       "' is none of l1, l2 and random");
  options.criterion = *parsed;
  std::optional<double> ratio = arguments.getNumber("--ratio", options.ratio);
  std::optional<int64_t> roundTo = arguments.getInteger("--round-to", 1);
  std::optional<int64_t> seed = arguments.getInteger("--seed", 0);
  if (!ratio || !roundTo || !seed)
    return 1;
  options.ratio = *ratio;
  options.roundTo = *roundTo;
  options.seed = *seed;
  options.inner = arguments.has("--inner");
  options.only = arguments.getAll("--only").vec();
  options.freeze = arguments.getAll("--freeze").vec();

  MLIRContext context(makeRegistry(), MLIRContext::Threading::DISABLED);
  auto module = loadModule(input, context, arguments.getAll("--shape"));
  if (!module)
    return 1;
  FailureOr<PruneReport> report = prune(*module, options, dryRun);
  if (failed(report))
    return 1;
  if (!dryRun) {
    addMetadata(*module, "neuroplast.history", describe(*report));
    if (failed(saveModule(*module, output)))
      return 1;
  }
  llvm::json::Object difference = compareOutputs(arguments, options.seed);
  if (arguments.has("--json")) {
    llvm::json::Object object = report->toJson();
    object["output_difference"] = std::move(difference);
    object["accuracy"] = "not checked";
    llvm::outs() << llvm::formatv("{0:2}\n",
                                  llvm::json::Value(std::move(object)));
  } else {
    report->print(llvm::outs());
    printDifferences(difference);
    llvm::outs() << "accuracy not checked\n";
  }
  return 0;
}

Command neuroplast::driver::getPruneCommand() {
  return {
      {"prune",
       "remove the units of a model that matter least",
       {"MODEL"},
       {{"-o", "FILE", "where to write the result"},
        {"--ratio", "R", "share of the units of each free set to remove (0.5)"},
        {"--criterion", "NAME", "l1, l2 or random (l2)"},
        {"--round-to", "K",
         "round the counts that remain up to multiples of K (1)"},
        {"--seed", "N", "seed of the criterion random (0)"},
        {"--inner", "", "cut inner units, as features of heads, too"},
        {"--only", "PATTERN",
         "cut only units of tensors whose name contains this"},
        {"--freeze", "PATTERN",
         "leave units of tensors whose name contains this"},
        {"--shape", "NAME=AxBxC", "fix the shape of an input"},
        {"--data", "FILE.npz", "compare the outputs before and after on this"},
        {"--compare", "", "compare them on random inputs"},
        {"--dry-run", "", "only tell what would be done"},
        {"--json", "", "print JSON"}}},
      runPrune};
}
