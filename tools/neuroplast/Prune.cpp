//===- Prune.cpp - neuroplast prune ---------------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Prune.h"
#include "Commands.h"
#include "Comparison.h"
#include "Modules.h"
#include "Progress.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace neuroplast;
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
static std::string describe(const Arguments &arguments,
                            const PruneReport &report) {
  llvm::json::Object object = report.options.toJson();
  llvm::json::Array edits;
  for (const TensorEdit &edit : report.edits) {
    llvm::json::Array kept;
    for (const auto &block : edit.sources)
      kept.push_back(llvm::json::Array(block));
    edits.push_back(llvm::json::Object{{"tensor", edit.sourceName},
                                       {"axis", edit.axis},
                                       {"kept", std::move(kept)}});
  }
  object["command"] = arguments.getCommandLine();
  object["edits"] = std::move(edits);
  return llvm::formatv("{0}", llvm::json::Value(std::move(object)));
}

/// Whether some tensor takes more memory than a comparison is worth.
static bool hasHugeTensor(ModuleOp module) {
  constexpr int64_t kMostBytes = int64_t(1) << 30;
  WalkResult result = module.walk([](Operation *op) {
    for (Type type : op->getResultTypes())
      if (auto tensor = dyn_cast<RankedTensorType>(type);
          tensor && tensor.hasStaticShape() &&
          tensor.getElementType().isIntOrFloat() &&
          neuroplast::neuro::mulSizes(
              neuroplast::neuro::countElements(tensor.getShape()),
              tensor.getElementTypeBitWidth() / 8) > kMostBytes)
        return WalkResult::interrupt();
    return WalkResult::advance();
  });
  return result.wasInterrupted();
}

/// Counts the operations that depend on free sizes, for inputs of these shapes.
static void countOperations(NetworkSize &size, StringRef path,
                            ArrayRef<std::string> shapes) {
  if (!size.flopsIncomplete || shapes.empty())
    return;
  MLIRContext context(makeRegistry(), MLIRContext::Threading::DISABLED);
  auto module = loadModule(path, context, shapes);
  if (module)
    size.setFlops(measure(UnitAnalysis(*module)));
}

/// Bytes of a model and of the weights beside it.
static uint64_t getSizeOnDisk(StringRef path) {
  uint64_t total = 0, size = 0;
  for (const Twine &file : {Twine(path), path + ".data"})
    if (!llvm::sys::fs::file_size(file, size))
      total += size;
  return total;
}

/// What was achieved, in five lines.
static void printSummary(llvm::raw_ostream &os, const PruneReport &report,
                         const Comparison &comparison,
                         ArrayRef<std::string> shapes, StringRef input,
                         StringRef output) {
  auto line = [&](StringRef title, uint64_t before, uint64_t after,
                  const Twine &unit) {
    os << llvm::left_justify(title, 12)
       << llvm::formatv("{0:n} -> {1:n}{2}", before, after, unit.str());
    if (before)
      os << llvm::formatv(" (kept {0:f1} %)", 100.0 * after / before);
  };
  line("parameters", report.before.parameters, report.after.parameters, "");
  os << '\n';
  line("operations", report.before.flops, report.after.flops, "");
  if (!shapes.empty())
    os << " for " << llvm::join(shapes, ", ");
  os << (report.before.flopsIncomplete ? ", without those of unknown sizes\n"
                                       : "\n");
  if (output.empty())
    os << "on disk     nothing written\n";
  else {
    line("on disk", getSizeOnDisk(input), getSizeOnDisk(output), " bytes");
    os << '\n';
  }
  os << "outputs     ";
  comparison.printSummary(os);
  os << "accuracy    not checked\n\n";
}

/// Whether nodes stayed opaque.
static bool hasOpaqueNode(ModuleOp module) {
  return module
      .walk([](neuroplast::neuro::OpaqueOp) { return WalkResult::interrupt(); })
      .wasInterrupted();
}

/// Loads a model with its sizes as open as it has them; one that cannot be read
/// so, or in part only, with the sizes that are asked for, which stay then.
/// Null after a message.
static OwningOpRef<ModuleOp>
loadOpenOrFixed(StringRef path, ArrayRef<std::string> shapes,
                std::unique_ptr<MLIRContext> &context) {
  auto load = [&](ArrayRef<std::string> fixed,
                  std::shared_ptr<std::string> messages) {
    context = std::make_unique<MLIRContext>(makeRegistry(),
                                            MLIRContext::Threading::DISABLED);
    return loadModule(path, *context, fixed, {}, std::move(messages));
  };
  if (shapes.empty())
    return load({}, nullptr);
  auto module = load({}, std::make_shared<std::string>());
  bool isWhole = module && !hasOpaqueNode(*module);
  module = nullptr;
  return load(isWhole ? ArrayRef<std::string>() : shapes, nullptr);
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
  options.selection = {arguments.has("--inner"),
                       arguments.getAll("--only").vec(),
                       arguments.getAll("--freeze").vec()};

  std::unique_ptr<MLIRContext> context;
  auto module = loadOpenOrFixed(input, arguments.getAll("--shape"), context);
  if (!module)
    return 1;
  bool isHuge = hasHugeTensor(*module);
  FailureOr<PruneReport> report = [&] {
    Progress progress("pruning " + input);
    return prune(*module, options, dryRun);
  }();
  if (failed(report))
    return 1;
  if (!dryRun) {
    releaseUnusedElements(context.get(), *module);
    addMetadata(*module, "neuroplast.history", describe(arguments, *report));
    if (failed(saveModule(*module, output, arguments.has("--external-data"))))
      return 1;
  }
  Comparison comparison;
  if (dryRun)
    comparison.obstacle = "a dry run writes no model";
  else if (arguments.has("--no-compare"))
    comparison.obstacle = "not asked for";
  else if (isHuge)
    comparison.obstacle = "a tensor takes more than a gigabyte";
  else
    comparison =
        compareOutputs(input, output, *module, arguments.getAll("--shape"),
                       arguments.get("--data"), options.seed);
  std::vector<std::string> shapes = comparison.describeShapes();
  if (shapes.empty())
    shapes = arguments.getAll("--shape").vec();
  if (!dryRun) {
    countOperations(report->before, input, shapes);
    countOperations(report->after, output, shapes);
  }
  if (arguments.has("--json")) {
    llvm::json::Object object = report->toJson();
    object["output_difference"] = comparison.toJson();
    object["accuracy"] = "not checked";
    llvm::outs() << llvm::formatv("{0:2}\n",
                                  llvm::json::Value(std::move(object)));
  } else {
    printSummary(llvm::outs(), *report, comparison, shapes, input, output);
    bool isVerbose = arguments.has("--verbose");
    report->printLayers(llvm::outs(), isVerbose);
    if (isVerbose)
      report->printSets(llvm::outs());
    report->printWarnings(llvm::outs());
    if (isVerbose)
      comparison.printEach(llvm::outs());
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
         "cut only units of tensors whose name matches (text, or with * and "
         "?)"},
        {"--freeze", "PATTERN", "leave units of tensors whose name matches"},
        {"--data", "FILE.npz",
         "compare the outputs before and after on this, not on random inputs"},
        {"--shape", "NAME=AxBxC",
         "shape of an input for the comparison and the operation counts, and "
         "for a model that cannot be read without"},
        {"--external-data", "", "keep large weights in FILE.data"},
        {"--no-compare", "", "do not compile and compare"},
        {"--dry-run", "", "only tell what would be done"},
        {"--verbose", "", "tell of all layers, unit sets and outputs"},
        {"--json", "", "print JSON"}}},
      runPrune};
}
