//===- StructureCommand.cpp - Commands that edit a structure --------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "StructureCommand.h"
#include "CalibrationData.h"
#include "Modules.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::driver;
using namespace neuroplast::structure;

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

StructureCommand::StructureCommand(const Arguments &arguments, StringRef name)
    : arguments(arguments), name(name), input(arguments.getPositional(0)),
      output(arguments.get("-o")) {}

std::vector<OptionSpec> StructureCommand::getOptions() {
  return {
      {"-o", "FILE", "where to write the result"},
      {"--data", "FILE.npz|FOLDER",
       "inputs by name, the first axis of which counts examples; the outputs "
       "before and after are compared on the first batch"},
      getBatchOption(),
      {"--shape", "NAME=AxBxC...",
       "shape of an input for the comparison and the operation counts, and for "
       "a model that cannot be read without"},
      {"--external-data", "", "keep large weights in FILE.data"},
      {"--no-compare", "", "do not compile and compare"},
      {"--dry-run", "", "only tell what would be done"},
      {"--verbose", "", "tell of all layers, unit sets and outputs"},
      {"--json", "", "print JSON"}};
}

UnitSelection neuroplast::driver::readSelection(const Arguments &arguments,
                                                StringRef only) {
  return {arguments.has("--inner"), arguments.getAll(only).vec(),
          arguments.getAll("--freeze").vec()};
}

bool StructureCommand::read(EditRequest &request, StringRef only) const {
  std::optional<int64_t> roundTo = 0; // "auto"
  if (arguments.get("--round-to") != "auto")
    roundTo = arguments.getInteger("--round-to", 1);
  std::optional<int64_t> seed = arguments.getInteger("--seed", 0);
  if (!roundTo || !seed)
    return false;
  if (arguments.get("--round-to") != "auto" && *roundTo < 1) {
    reportError("counts can be rounded to multiples of 1 or more only");
    return false;
  }
  request.roundTo = *roundTo;
  request.seed = *seed;
  request.selection = readSelection(arguments, only);
  request.keepRemoved = arguments.has("--keep-removed");
  request.command = arguments.getCommandLine().str();
  return true;
}

bool StructureCommand::load() {
  if (arguments.getNetwork())
    return true;
  if (output.empty() && !isDryRun()) {
    reportError("'" + name + "' needs '-o FILE.onnx' or '--dry-run'");
    return false;
  }
  if (!output.empty() && isSameFile(input, output)) {
    reportError("'" + name + "' does not overwrite its input '" + input + "'");
    return false;
  }
  module = nullptr; // before the context that it is in
  module = loadOpenOrFixed(arguments, context);
  if (!module)
    return false;
  auto read = readBatches(arguments, *module);
  if (!read)
    return false;
  batches = std::move(*read);
  if (isDryRun())
    comparison.obstacle = "a dry run writes no model";
  else if (arguments.has("--no-compare"))
    comparison.obstacle = "not asked for";
  else if (hasHugeTensor(*module))
    comparison.obstacle = "a tensor takes more than a gigabyte";
  return true;
}

bool StructureCommand::finish(NetworkSize &before, NetworkSize &after,
                              uint64_t seed) {
  if (arguments.getNetwork())
    return true;
  if (!isDryRun()) {
    releaseUnusedElements(context.get(), *module);
    if (failed(saveModule(*module, output, arguments.has("--external-data"))))
      return false;
  }
  if (comparison.obstacle.empty())
    comparison = compareOutputs(
        input, output, *module, arguments.getAll("--shape"),
        batches.empty() ? NamedTensors() : batches.front(), seed);
  shapes = describeShapes(comparison.inputs);
  if (shapes.empty())
    shapes = arguments.getAll("--shape").vec();
  if (!isDryRun()) {
    countOperations(before, input, shapes);
    countOperations(after, output, shapes);
  }
  return true;
}

int StructureCommand::conclude(
    NetworkSize &before, NetworkSize &after, uint64_t seed,
    llvm::function_ref<llvm::json::Object()> toJson,
    llvm::function_ref<void(llvm::raw_ostream &)> print) {
  if (!finish(before, after, seed))
    return 1;
  if (arguments.getNetwork())
    return 0;
  if (arguments.has("--json")) {
    printJson(llvm::outs(), toJson());
    return 0;
  }
  printSummary(llvm::outs(), before, after);
  print(llvm::outs());
  if (arguments.has("--verbose"))
    printOutputs(llvm::outs());
  return 0;
}

void StructureCommand::printJson(llvm::raw_ostream &os,
                                 llvm::json::Object report) const {
  report["output_difference"] = comparison.toJson();
  if (accuracy)
    report["accuracy"] = llvm::json::Object{{"before", accuracy->first},
                                            {"after", accuracy->second}};
  else
    report["accuracy"] = "not checked";
  os << llvm::formatv("{0:2}\n", llvm::json::Value(std::move(report)));
}

void StructureCommand::printSummary(llvm::raw_ostream &os,
                                    const NetworkSize &before,
                                    const NetworkSize &after) const {
  auto line = [&](StringRef title, uint64_t before, uint64_t after,
                  const Twine &unit) {
    os << llvm::left_justify(title, 12)
       << llvm::formatv("{0:n} -> {1:n}{2}", before, after, unit.str());
    if (before)
      os << llvm::formatv(" (kept {0:f1} %)", 100.0 * after / before);
  };
  line("parameters", before.parameters, after.parameters, "");
  os << '\n';
  line("operations", before.flops, after.flops, "");
  if (!shapes.empty())
    os << " for " << llvm::join(shapes, ", ");
  os << (before.flopsIncomplete ? ", without those of unknown sizes\n" : "\n");
  if (output.empty())
    os << "on disk     nothing written\n";
  else {
    line("on disk", getSizeOnDisk(input), getSizeOnDisk(output), " bytes");
    os << '\n';
  }
  os << "outputs     ";
  comparison.printSummary(os);
  os << "accuracy    ";
  if (accuracy)
    os << accuracy->first << " -> " << accuracy->second << "\n\n";
  else
    os << "not checked\n\n";
}
