//===- Evaluation.cpp - What a user's program says of a model
//----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Evaluation.h"
#include "Modules.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

using namespace neuroplast;
using llvm::StringRef;

/// In quotes that the shell takes as they are.
static std::string quote(StringRef text) {
  std::string result = "'";
  for (char c : text)
    result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

std::optional<double> driver::evaluate(StringRef command, StringRef model) {
  auto fail = [&](const llvm::Twine &reason) {
    reportError("'--eval " + command + "' " + reason);
    return std::nullopt;
  };
  std::string line = command.str();
  size_t place = line.find("{}");
  if (place == std::string::npos)
    line += " " + quote(model);
  else
    line.replace(place, 2, quote(model));
  llvm::SmallString<128> path;
  if (llvm::sys::fs::createTemporaryFile("neuroplast-eval", "txt", path))
    return fail("has nowhere to write to");
  llvm::FileRemover remover(path);
  int code =
      llvm::sys::ExecuteAndWait("/bin/sh", {"sh", "-c", line}, std::nullopt,
                                {std::nullopt, StringRef(path), std::nullopt});
  if (code != 0)
    return fail("ended with code " + llvm::Twine(code));
  auto text = llvm::MemoryBuffer::getFile(path);
  if (!text)
    return fail("wrote nothing that can be read");
  StringRef last = (*text)->getBuffer().trim();
  last = last.substr(last.rfind('\n') + 1).trim();
  double number;
  if (last.getAsDouble(number))
    return fail("printed no number in the end, but '" + last + "'");
  return number;
}

std::optional<double> driver::evaluate(StringRef command,
                                       mlir::ModuleOp module) {
  llvm::SmallString<128> path;
  if (llvm::sys::fs::createTemporaryFile("neuroplast", "onnx", path)) {
    reportError("there is no place for temporary files");
    return std::nullopt;
  }
  std::optional<double> result;
  if (succeeded(saveModule(module, path)))
    result = evaluate(command, path);
  llvm::sys::fs::remove(path);
  // Weights of more than a file can hold lie beside it.
  llvm::sys::fs::remove(path + ".data");
  return result;
}
