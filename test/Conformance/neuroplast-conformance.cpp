//===- neuroplast-conformance.cpp - Run ONNX backend cases ----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Prints one line per case: its name, pass, refused or wrong, and the reason,
// separated by tabs. Each case runs in a fork of the prepared process, so that
// one that crashes is a wrong result and not the end.
//
//===----------------------------------------------------------------------===//

#include "Case.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "neuroplast/Conversion/Passes.h"
#include "neuroplast/Dialect/Neuro/IR/Neuro.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/GlobPattern.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/TargetSelect.h"

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

using namespace neuroplast::conformance;
namespace cl = llvm::cl;

static cl::list<std::string> folders(cl::Positional, cl::OneOrMore,
                                     cl::desc("<folder of cases>..."));
static cl::opt<std::string> only("only", cl::desc("Run cases that match a glob"),
                                 cl::init("*"));
static cl::opt<unsigned> jobs("jobs", cl::desc("Cases at a time"), cl::init(2));
static cl::opt<unsigned> timeLimit("time-limit",
                                   cl::desc("Seconds until a case is wrong"),
                                   cl::init(120));
static cl::opt<bool> inProcess("in-process",
                               cl::desc("Do not fork (for debugging)"),
                               cl::init(false));

/// The folders below the arguments that hold a model, by name.
static std::vector<std::string> findCases() {
  std::vector<std::string> cases;
  auto pattern = llvm::GlobPattern::create(only);
  if (!pattern) {
    llvm::errs() << llvm::toString(pattern.takeError()) << '\n';
    return cases;
  }
  for (const std::string &folder : folders) {
    std::error_code error;
    for (llvm::sys::fs::directory_iterator it(folder, error), end;
         it != end && !error; it.increment(error))
      if (pattern->match(llvm::sys::path::filename(it->path())) &&
          llvm::sys::fs::exists(it->path() + "/model.onnx"))
        cases.push_back(it->path());
    if (error)
      llvm::errs() << folder << ": " << error.message() << '\n';
  }
  llvm::sort(cases);
  return cases;
}

static std::string format(llvm::StringRef folder, const Outcome &outcome) {
  static constexpr llvm::StringLiteral names[] = {"pass", "refused", "wrong"};
  return (llvm::sys::path::filename(folder) + "\t" + names[outcome.kind] +
          "\t" + outcome.reason + "\n")
      .str();
}

/// Runs a case in a child process and returns its line.
static std::string runApart(llvm::StringRef folder,
                            const mlir::DialectRegistry &registry) {
  int ends[2];
  if (pipe(ends))
    return format(folder, {Outcome::Wrong, "no pipe"});
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    alarm(timeLimit);
    std::string line = format(folder, runCase(folder, registry, {}));
    ssize_t written = write(ends[1], line.data(), line.size());
    _exit(written == static_cast<ssize_t>(line.size()) ? 0 : 1);
  }
  close(ends[1]);
  std::string line;
  char buffer[4096];
  for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;)
    line.append(buffer, got);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status))
    return format(folder,
                  {Outcome::Wrong,
                   WTERMSIG(status) == SIGALRM
                       ? "out of time"
                       : "crash, signal " + std::to_string(WTERMSIG(status))});
  return line.empty() ? format(folder, {Outcome::Wrong, "no answer"}) : line;
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "Runs ONNX backend cases\n");
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllToLLVMIRTranslations(registry);
  mlir::registerAllPasses();
  neuroplast::registerNeuroplastConversionPasses();
  registry.insert<neuroplast::neuro::NeuroDialect>();

  std::vector<std::string> cases = findCases();
  if (inProcess) {
    for (const std::string &folder : cases)
      llvm::outs() << format(folder, runCase(folder, registry, {}));
    return 0;
  }
  std::vector<pid_t> workers;
  for (unsigned worker = 0; worker < jobs; ++worker) {
    pid_t child = fork();
    if (child == 0) {
      for (size_t i = worker; i < cases.size(); i += jobs) {
        std::string line = runApart(cases[i], registry);
        if (write(STDOUT_FILENO, line.data(), line.size()) < 0)
          _exit(1);
      }
      _exit(0);
    }
    workers.push_back(child);
  }
  int failures = 0;
  for (pid_t worker : workers) {
    int status = 0;
    waitpid(worker, &status, 0);
    failures += status != 0;
  }
  return failures != 0;
}
