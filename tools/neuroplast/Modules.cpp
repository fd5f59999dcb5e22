//===- Modules.cpp - Reading and writing modules --------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Modules.h"
#include "RunnableModel.h"
#include "mlir/Parser/Parser.h"
#include "neuroplast/Frontend/ONNX/Export.h"
#include "neuroplast/Runtime/Compiler.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::driver;

DialectRegistry neuroplast::driver::makeRegistry() {
  DialectRegistry registry;
  registerCompilerDialects(registry);
  return registry;
}

/// `file: node 'name': `, as far as a location knows.
static void printLocation(llvm::raw_ostream &os, mlir::Location location) {
  if (auto name = llvm::dyn_cast<mlir::NameLoc>(location)) {
    // What stands inside a node's name are the names of its results.
    mlir::Location child = name.getChildLoc();
    while (auto inner = llvm::dyn_cast<mlir::NameLoc>(child))
      child = inner.getChildLoc();
    printLocation(os, child);
    os << "node '" << name.getName().getValue() << "': ";
    return;
  }
  if (auto fused = llvm::dyn_cast<mlir::FusedLoc>(location)) {
    if (!fused.getLocations().empty())
      printLocation(os, fused.getLocations().front());
    return;
  }
  if (auto call = llvm::dyn_cast<mlir::CallSiteLoc>(location))
    return printLocation(os, call.getCallee());
  if (auto file = llvm::dyn_cast<mlir::FileLineColLoc>(location)) {
    os << file.getFilename().getValue() << ": ";
    if (file.getLine())
      os << "line " << file.getLine() << ": ";
  }
}

/// The file, the node, the reason, in one line.
static void printDiagnostic(llvm::raw_ostream &os,
                            const mlir::Diagnostic &diagnostic) {
  switch (diagnostic.getSeverity()) {
  case mlir::DiagnosticSeverity::Error:
    os << "error: ";
    break;
  case mlir::DiagnosticSeverity::Warning:
    os << "warning: ";
    break;
  default:
    os << "note: ";
  }
  printLocation(os, diagnostic.getLocation());
  std::string text = diagnostic.str();
  for (char &c : text)
    if (c == '\n')
      c = ' ';
  os << text << "\n";
}

/// Writes diagnostics, each with its notes beneath.
static void registerDiagnostics(MLIRContext &context,
                                std::shared_ptr<std::string> messages) {
  context.printOpOnDiagnostic(false);
  context.getDiagEngine().registerHandler(
      [messages](mlir::Diagnostic &diagnostic) {
        std::string line;
        llvm::raw_string_ostream os(line);
        printDiagnostic(os, diagnostic);
        for (const mlir::Diagnostic &note : diagnostic.getNotes())
          printDiagnostic(os, note);
        if (messages)
          *messages += line;
        else
          getMessageStream() << line;
      });
}

void neuroplast::driver::reportDiagnostics(MLIRContext &context) {
  registerDiagnostics(context, nullptr);
}

std::optional<llvm::StringMap<SmallVector<int64_t>>>
neuroplast::driver::parseShapes(ArrayRef<std::string> entries) {
  llvm::StringMap<SmallVector<int64_t>> shapes;
  for (const std::string &entry : entries) {
    auto [name, sizes] = StringRef(entry).rsplit('=');
    SmallVector<StringRef> parts;
    if (!sizes.empty()) // a scalar has no sizes
      sizes.split(parts, 'x');
    SmallVector<int64_t> shape;
    bool isMalformed = name.empty() || name.size() == entry.size();
    for (StringRef part : parts) {
      int64_t size = -1;
      isMalformed |= part.getAsInteger(10, size) || size < 0;
      shape.push_back(size);
    }
    if (isMalformed) {
      reportError("shape '" + entry + "' is not of the form name=1x3x224x224");
      return std::nullopt;
    }
    shapes[name] = std::move(shape);
  }
  return shapes;
}

OwningOpRef<ModuleOp>
neuroplast::driver::loadModule(StringRef path, MLIRContext &context,
                               const ImportOptions &options,
                               std::shared_ptr<std::string> messages) {
  registerDiagnostics(context, std::move(messages));
  if (isOnnxFile(path))
    return importOnnx(path, options, &context);
  if (!options.inputShapes.empty()) {
    reportError("'--shape' needs an ONNX file");
    return {};
  }
  return parseSourceFile<ModuleOp>(path, &context);
}

OwningOpRef<ModuleOp>
neuroplast::driver::loadModule(StringRef path, MLIRContext &context,
                               ArrayRef<std::string> shapes,
                               std::shared_ptr<std::string> messages) {
  auto inputShapes = parseShapes(shapes);
  if (!inputShapes)
    return {};
  return loadModule(path, context, {std::move(*inputShapes), {}},
                    std::move(messages));
}

/// None of an empty path.
static learning::NetworkSource readFrom(StringRef path) {
  if (path.empty())
    return {};
  return [path = path.str()](MLIRContext &context,
                             const learning::InputShapes &shapes) {
    return loadModule(path, context, {shapes, {}});
  };
}

learning::LearningTask
neuroplast::driver::makeTask(StringRef model, StringRef teacher,
                             const learning::TrainingOptions &options) {
  return {readFrom(model), readFrom(teacher), readFrom(options.lossNetwork)};
}

LogicalResult neuroplast::driver::saveModule(ModuleOp module, StringRef path,
                                             bool externalData) {
  if (path.ends_with(".onnx"))
    return onnx_frontend::exportFile(module, path, {externalData});
  OpPrintingFlags flags;
  flags.enableDebugInfo(true, false);
  if (path == "-") {
    module.print(llvm::outs(), flags);
    return success();
  }
  std::string temporary = (path + ".part").str();
  std::error_code error;
  {
    llvm::raw_fd_ostream os(temporary, error);
    if (!error) {
      module.print(os, flags);
      os.close();
      error = os.error();
      os.clear_error();
    }
  }
  if (!error)
    error = llvm::sys::fs::rename(temporary, path);
  if (!error)
    return success();
  llvm::sys::fs::remove(temporary);
  reportError("cannot write '" + path + "': " + error.message());
  return failure();
}

bool neuroplast::driver::writeFile(
    llvm::StringRef path, llvm::function_ref<void(llvm::raw_ostream &)> write) {
  llvm::Error error =
      llvm::writeToOutput(path, [&](llvm::raw_ostream &os) -> llvm::Error {
        write(os);
        return llvm::Error::success();
      });
  if (!error)
    return true;
  return reportError(path, std::move(error)), false;
}

bool neuroplast::driver::isSameFile(StringRef a, StringRef b) {
  bool same = false;
  return a == b || (!llvm::sys::fs::equivalent(a, b, same) && same);
}
