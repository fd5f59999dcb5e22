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
  if (arguments.has("--json")) {
    llvm::json::Object object = report->toJson();
    object["accuracy"] = "not checked";
    llvm::outs() << llvm::formatv("{0:2}\n",
                                  llvm::json::Value(std::move(object)));
  } else {
    report->print(llvm::outs());
    llvm::outs() << "\naccuracy not checked\n";
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
        {"--dry-run", "", "only tell what would be done"},
        {"--json", "", "print JSON"}}},
      runPrune};
}
