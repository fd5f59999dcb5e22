//===- Compile.cpp - neuroplast compile -----------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "Modules.h"
#include "Progress.h"
#include "RunnableModel.h"

#include "neuroplast/Structure/Edits/OpenParams.h"
#include "neuroplast/Training/Dropout.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace neuroplast;
using namespace neuroplast::driver;

/// A C identifier made of a file's name.
static std::string makePrefix(llvm::StringRef path) {
  std::string prefix = llvm::sys::path::stem(path).str();
  for (char &c : prefix)
    if (!llvm::isAlnum(c))
      c = '_';
  if (prefix.empty() || llvm::isDigit(prefix.front()))
    prefix = "model_" + prefix;
  return prefix;
}

/// The network with what the options put into it, for inputs of such shapes;
/// null after a message.
static mlir::OwningOpRef<mlir::ModuleOp>
prepareModule(const Arguments &arguments, mlir::MLIRContext &context,
              llvm::ArrayRef<std::string> shapes) {
  auto module = loadModule(arguments.getPositional(0), context, shapes);
  if (!module)
    return nullptr;
  for (const std::string &text : arguments.getAll("--dropout")) {
    std::string reason;
    auto dropout = training::Dropout::parse(text, reason);
    if (!dropout) {
      reportError("dropout " + reason);
      return nullptr;
    }
    if (mlir::failed(training::insertDropout(*module, *dropout)))
      return nullptr;
  }
  if (arguments.has("--draws") &&
      mlir::failed(training::answerByDraws(*module)))
    return nullptr;
  if (arguments.has("--growable")) {
    structure::UnitSelection selection;
    selection.only = arguments.getAll("--growable").vec();
    auto sets = structure::openParams(*module, selection);
    if (mlir::failed(sets))
      return nullptr;
    for (const structure::OpenedSet &set : *sets)
      if (!set.reason.empty() && set.summary.pins.empty())
        set.print(llvm::errs() << "neuroplast: warning: ");
  }
  return module;
}

static int runCompile(const Arguments &arguments) {
  llvm::StringRef input = arguments.getPositional(0);
  llvm::StringRef output = arguments.get("-o");
  llvm::StringRef header = arguments.get("--header");
  std::optional<int64_t> level = arguments.getInteger("-O", 3);
  std::optional<unsigned> threads = arguments.getThreads();
  if (!threads)
    return 1;
  if (!level)
    return 1;
  if (output.empty())
    return reportError("'compile' needs '-o FILE.so'");
  if (isSameFile(input, output) ||
      (!header.empty() && isSameFile(input, header)))
    return reportError("'compile' does not overwrite its input '" + input +
                       "'");
  CompileOptions options;
  options.cpu = arguments.get("--mcpu", "native").str();
  options.optLevel = static_cast<unsigned>(std::clamp<int64_t>(*level, 0, 3));
  options.threads = *threads;
  options.prefix = makePrefix(output);
  llvm::StringRef sanitizer = arguments.get("--sanitize");
  if (sanitizer == "address")
    options.sanitizer = Sanitizer::Address;
  else if (sanitizer == "thread")
    options.sanitizer = Sanitizer::Thread;
  else if (arguments.has("--sanitize"))
    return reportError("sanitizer '" + sanitizer +
                       "' is none of address and thread");

  mlir::MLIRContext context(makeRegistry(),
                            mlir::MLIRContext::Threading::DISABLED);
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules;
  modules.push_back(
      prepareModule(arguments, context, arguments.getAll("--shape")));
  for (const std::string &variant : arguments.getAll("--variant")) {
    if (!modules.back())
      return 1;
    std::vector<std::string> shapes = arguments.getAll("--shape").vec();
    for (llvm::StringRef shape : llvm::split(variant, ','))
      shapes.push_back(shape.trim().str());
    modules.push_back(prepareModule(arguments, context, shapes));
  }
  if (!modules.back())
    return 1;
  std::vector<mlir::ModuleOp> forms;
  for (const auto &module : modules)
    forms.push_back(*module);
  auto compiled = [&] {
    Progress progress("compiling " + input);
    return compileForms(forms, options);
  }();
  if (!compiled)
    return reportError(input, compiled.takeError());
  std::string headerText = compiled->header;
  if (llvm::Error error = writeLibrary(std::move(*compiled), output))
    return reportError(output, std::move(error));
  return header.empty() ||
                 writeFile(header,
                           [&](llvm::raw_ostream &os) { os << headerText; })
             ? 0
             : 1;
}

Command neuroplast::driver::getCompileCommand() {
  return {{"compile",
           "compile a model to a shared library",
           {"MODEL"},
           {{"-o", "FILE.so", "the shared library to write"},
            {"--header", "FILE.h", "a C header to write"},
            {"--shape", "NAME=AxB...",
             "fix the shape of an input; others stay dynamic"},
            {"--variant", "NAME=AxB,...",
             "add code of its own for inputs of these shapes, and more for "
             "others; what fits none runs the code for --shape"},
            {"--growable", "NAME...",
             "units of tensors with such a name may come and go in the "
             "library; see 'run --params'"},
            {"--draws", "",
             "answer with draws of what dropout leaves out: another input, "
             "'draw', says which one"},
            {"--dropout", "PATTERN=RATE[:KIND]...",
             "put in more of it first, as 'train' does"},
            {"--threads", "N", "threads that one run uses (1)"},
            {"--mcpu", "NAME", "processor: native, x86-64-v3, ... (native)"},
            {"-O", "LEVEL", "optimisation level, 0 to 3 (3)"},
            {"--sanitize", "NAME",
             "instrument for programs that have the address or "
             "thread sanitizer"}}},
          runCompile};
}
