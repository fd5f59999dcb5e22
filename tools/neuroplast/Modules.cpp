//===- Modules.cpp - Reading and writing modules --------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Modules.h"
#include "mlir/InitAllDialects.h"
#include "mlir/Parser/Parser.h"
#include "neuroplast/Dialect/Neuro/IR/Neuro.h"
#include "neuroplast/Frontend/ONNX/Export.h"
#include "neuroplast/Frontend/ONNX/Import.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::driver;

void neuroplast::driver::registerDialects(DialectRegistry &registry) {
  registerAllDialects(registry);
  registry.insert<neuro::NeuroDialect>();
}

OwningOpRef<ModuleOp>
neuroplast::driver::loadModule(StringRef path, MLIRContext &context,
                               ArrayRef<std::string> shapes) {
  ImportOptions options;
  for (const std::string &entry : shapes) {
    auto [name, sizes] = StringRef(entry).rsplit('=');
    SmallVector<StringRef> parts;
    sizes.split(parts, 'x');
    SmallVector<int64_t> shape;
    for (StringRef part : parts) {
      int64_t size;
      if (name.empty() || part.getAsInteger(10, size) || size < 0) {
        reportError("'--shape " + entry +
                    "' is not of the form name=1x3x224x224");
        return {};
      }
      shape.push_back(size);
    }
    options.inputShapes[name] = shape;
  }
  if (isOnnxFile(path))
    return importOnnx(path, options, &context);
  if (!options.inputShapes.empty()) {
    reportError("'--shape' needs an ONNX file");
    return {};
  }
  return parseSourceFile<ModuleOp>(path, &context);
}

LogicalResult neuroplast::driver::saveModule(ModuleOp module, StringRef path) {
  if (path.ends_with(".onnx"))
    return onnx_frontend::exportFile(module, path);
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

bool neuroplast::driver::isSameFile(StringRef a, StringRef b) {
  bool same = false;
  return a == b || (!llvm::sys::fs::equivalent(a, b, same) && same);
}
