//===- Compiler.h - From a module to machine code -------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_RUNTIME_COMPILER_H
#define NEUROPLAST_RUNTIME_COMPILER_H

#include "mlir/IR/BuiltinOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include <deque>
#include <memory>
#include <string>

namespace neuroplast {

/// What watches compiled code. The program that loads it must have the runtime.
enum class Sanitizer { None, Address, Thread };

struct CompileOptions {
  std::string cpu = "native"; ///< As of `clang -march=`.
  unsigned optLevel = 3;      ///< Of LLVM: 0 to 3.
  unsigned threads = 1;       ///< That share the work of a run.
  /// Of the memory that tensors would take at once: some are computed again.
  double memoryShare = 1;
  bool kernels = true;  ///< Give large contractions kernels of their own.
  bool profile = false; ///< Take the time of each kernel.
  Sanitizer sanitizer = Sanitizer::None;
  std::string prefix; ///< Of a second set of exported names, if any.
};

/// What the code of several threads calls. All models of a process share its
/// threads.
inline constexpr const char *openMPLibrary = "libomp.so.5";

/// The bytes of one parameter under the name that the code refers to.
struct ParamData {
  std::string symbol;
  llvm::ArrayRef<char> bytes;
  std::vector<int64_t> shape;
};

/// What the time of a run goes into.
struct ProfileEntry {
  std::string nodes;  ///< Of the model; empty for all that is no kernel.
  std::string kernel; ///< Its name in the IR.
  double operations;  ///< Floating point operations; 0 if not known.
};

/// What such a part took, in all runs.
struct ProfiledPart {
  ProfileEntry entry;
  int64_t nanoseconds;
  int64_t calls; ///< In a loop, one for each of its steps.
};

/// A compiled model: code that refers to its parameters by symbol.
struct CompiledModel {
  std::vector<std::unique_ptr<llvm::MemoryBuffer>> objects;
  std::vector<ParamData> params;
  /// The initial values of those that `main` takes.
  std::deque<TensorElements> initial;
  /// Whether the code calls the OpenMP runtime.
  bool needsOpenMP = false;
  /// In the order of what `neuroplast_profile` gives.
  std::vector<ProfileEntry> profile;
  /// The C header of the model, and what names in it begin with.
  std::string header, prefix;
  /// The module of each form; `params` point into their resources.
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules;
};

/// A failure whose reason went to the diagnostics of the context.
class ReportedError : public llvm::ErrorInfo<ReportedError> {
public:
  static char ID;
  void log(llvm::raw_ostream &os) const override { os << "compilation failed"; }
  std::error_code convertToErrorCode() const override {
    return llvm::inconvertibleErrorCode();
  }
};

/// Lowers a module of neuro ops to object files. Diagnostics go to the
/// context; the error is then a `ReportedError`.
llvm::Expected<CompiledModel> compileModule(mlir::ModuleOp module,
                                            const CompileOptions &options);

/// The same for several forms of one network, each for other sizes of its
/// inputs, as one model. The first form says what the model is; it runs
/// whatever no other one is for. Parameters that are the same are kept once.
llvm::Expected<CompiledModel> compileForms(llvm::ArrayRef<mlir::ModuleOp> forms,
                                           const CompileOptions &options);

/// Links a compiled model to a shared library, which appears only once it is
/// complete.
llvm::Error writeLibrary(CompiledModel model, llvm::StringRef path);

/// The floating point operations per nanosecond that one core does at most, as
/// a loop of multiply-adds on registers does them now.
llvm::Expected<double> measurePeak();

/// Stands for everything that the code of a module is made of, but for the
/// values of the parameters that `main` takes, and of others that count as
/// given.
std::string
computeFingerprint(mlir::ModuleOp module,
                   llvm::function_ref<bool(neuro::ParamOp)> isGiven = nullptr);

/// Registers the dialects and translations that compilation needs.
void registerCompilerDialects(mlir::DialectRegistry &registry);

} // namespace neuroplast

#endif // NEUROPLAST_RUNTIME_COMPILER_H
