//===- StructureCommand.h - Commands that edit a structure ------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_STRUCTURECOMMAND_H
#define NEUROPLAST_TOOLS_NEUROPLAST_STRUCTURECOMMAND_H

#include "Arguments.h"
#include "Comparison.h"
#include "EditedNetwork.h"
#include "neuroplast/Structure/Units/UnitSelection.h"
#include <memory>

namespace neuroplast::driver {

/// What all commands have in common that read a model, edit its structure,
/// write it, and tell what that has changed. The positional argument is the
/// model.
class StructureCommand {
public:
  /// `name` is the command, for messages.
  StructureCommand(const Arguments &arguments, llvm::StringRef name);

  /// The options that such a command takes besides its own.
  static std::vector<OptionSpec> getOptions();

  /// Reads what any edit takes; the patterns of units are those of `only`.
  /// False after a message.
  bool read(structure::EditRequest &request, llvm::StringRef only) const;

  /// Reads the model; whether that and the options were right, after a message
  /// if not.
  bool load();
  llvm::StringRef getInput() const { return input; }
  mlir::ModuleOp getModule() const {
    const EditedNetwork *network = arguments.getNetwork();
    return network ? network->module : *module;
  }
  /// The data given, cut into batches; none if none were given.
  llvm::ArrayRef<NamedTensors> getBatches() const {
    const EditedNetwork *network = arguments.getNetwork();
    return network ? network->batches : llvm::ArrayRef(batches);
  }
  bool isDryRun() const { return arguments.has("--dry-run"); }

  /// What an evaluation said before and after.
  void setAccuracy(double before, double after) { accuracy = {before, after}; }
  /// Writes the model to its place, compares what both compute on data or on
  /// inputs drawn from the seed, and adds the operations of free sizes to the
  /// counts. Whether the model was written, or was not to be.
  bool finish(structure::NetworkSize &before, structure::NetworkSize &after,
              uint64_t seed);
  /// Finishes and tells of it: as JSON, or what was achieved and then the
  /// report. The exit code of the command.
  int conclude(structure::NetworkSize &before, structure::NetworkSize &after,
               uint64_t seed, llvm::function_ref<llvm::json::Object()> toJson,
               llvm::function_ref<void(llvm::raw_ostream &)> print);
  /// Prints a report with what came of the comparison.
  void printJson(llvm::raw_ostream &os, llvm::json::Object report) const;
  /// What was achieved, in five lines.
  void printSummary(llvm::raw_ostream &os, const structure::NetworkSize &before,
                    const structure::NetworkSize &after) const;
  void printOutputs(llvm::raw_ostream &os) const { comparison.printEach(os); }

private:
  const Arguments &arguments;
  std::string name;
  llvm::StringRef input, output;
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<NamedTensors> batches;
  std::optional<std::pair<double, double>> accuracy;
  Comparison comparison;
  std::vector<std::string> shapes;
};

/// The units that `--inner`, `--freeze` and the patterns of `only` leave.
structure::UnitSelection readSelection(const Arguments &arguments,
                                       llvm::StringRef only);

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_STRUCTURECOMMAND_H
