//===- Fingerprint.cpp - What a model is made of, as a number -------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "neuroplast/Dialect/Neuro/IR/MappedFile.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"
#include "neuroplast/Runtime/Compiler.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/xxhash.h"

#include <map>

using namespace neuroplast;

static std::string toText(llvm::XXH128_hash_t hash) {
  return llvm::utohexstr(hash.high64, true, 16) +
         llvm::utohexstr(hash.low64, true, 16);
}

/// The type and the elements of a constant.
static std::string hashElements(mlir::ElementsAttr value) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << value.getShapedType() << ' ';
  if (auto elements = TensorElements::read(value)) {
    llvm::ArrayRef<char> bytes = elements->getBytes();
    os << toText(llvm::xxh3_128bits(llvm::arrayRefFromStringRef(
        llvm::StringRef(bytes.data(), bytes.size()))));
    releasePages(bytes);
  } else {
    os << value;
  }
  return text;
}

std::string neuroplast::computeFingerprint(
    mlir::ModuleOp module, llvm::function_ref<bool(neuro::ParamOp)> isGiven) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::StringSet<> given;
  mlir::OpPrintingFlags flags;
  flags.useLocalScope().elideLargeElementsAttrs(0).elideLargeResourceString(0);
  for (auto function : module.getOps<mlir::func::FuncOp>()) {
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      if (auto param = neuro::getArgumentParam(function, i))
        given.insert(param.getValue());
    function.print(os, flags);
    os << '\n';
  }
  module.walk([&](neuro::ConstantOp constant) {
    os << hashElements(constant.getValue()) << '\n';
  });
  std::map<llvm::StringRef, std::string> compiledIn; // in whatever order
  for (auto param : module.getOps<neuro::ParamOp>())
    if (!given.contains(param.getSymName()) && !param.getShadowOf() &&
        !(isGiven && isGiven(param)))
      compiledIn[param.getSymName()] = hashElements(param.getValue());
  for (const auto &[name, value] : compiledIn)
    os << name << ' ' << value << '\n';
  return toText(llvm::xxh3_128bits(llvm::arrayRefFromStringRef(text)));
}
