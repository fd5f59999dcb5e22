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

#include "neuroplast/Runtime/Compiler.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/GlobPattern.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <chrono>
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

using namespace neuroplast::conformance;
namespace cl = llvm::cl;

static cl::list<std::string> sources(
    cl::Positional, cl::OneOrMore,
    cl::desc("<folder of cases, or table: name, folder, rtol, atol>..."));
static cl::opt<std::string>
    only("only", cl::desc("Run cases that match a glob"), cl::init("*"));
static cl::opt<unsigned>
    jobs("jobs", cl::desc("Cases at a time; 1 keeps their order"), cl::init(1));
static cl::opt<unsigned> timeLimit("time-limit",
                                   cl::desc("Seconds until a case is wrong"),
                                   cl::init(120));
static cl::opt<bool> inProcess("in-process",
                               cl::desc("Do not fork (for debugging)"),
                               cl::init(false));

namespace {
struct NamedCase {
  std::string name, folder;
  Tolerance tolerance;
};
} // namespace

/// Adds the folders below `folder` that hold a model.
static std::error_code addFolder(const std::string &folder,
                                 std::vector<NamedCase> &cases) {
  std::error_code error;
  for (llvm::sys::fs::directory_iterator it(folder, error), end;
       it != end && !error; it.increment(error))
    if (llvm::sys::fs::exists(it->path() + "/model.onnx"))
      cases.push_back(
          {llvm::sys::path::filename(it->path()).str(), it->path(), {}});
  llvm::sort(cases, [](const NamedCase &a, const NamedCase &b) {
    return a.name < b.name;
  });
  return error;
}

/// Adds the rows of a table: name, folder, relative and absolute tolerance.
static std::error_code addTable(const std::string &path,
                                std::vector<NamedCase> &cases) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return buffer.getError();
  llvm::SmallVector<llvm::StringRef> lines, fields;
  (*buffer)->getBuffer().split(lines, '\n', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef line : lines) {
    fields.clear();
    line.split(fields, '\t');
    NamedCase entry;
    if (fields.size() != 4 || fields[2].getAsDouble(entry.tolerance.relative) ||
        fields[3].getAsDouble(entry.tolerance.absolute))
      return std::make_error_code(std::errc::invalid_argument);
    entry.name = fields[0];
    entry.folder = fields[1];
    cases.push_back(std::move(entry));
  }
  return {};
}

static std::string format(const NamedCase &entry, const Outcome &outcome,
                          std::chrono::steady_clock::time_point start) {
  static constexpr llvm::StringLiteral names[] = {"pass", "refused", "wrong"};
  auto time = std::chrono::steady_clock::now() - start;
  return (entry.name + "\t" + names[outcome.kind] + "\t" + outcome.reason +
          "\t" +
          llvm::Twine(
              std::chrono::duration_cast<std::chrono::milliseconds>(time)
                  .count()) +
          "\n")
      .str();
}

/// Runs a case in a child process and returns its line.
static std::string runApart(const NamedCase &entry,
                            const mlir::DialectRegistry &registry) {
  auto start = std::chrono::steady_clock::now();
  auto wrong = [&](std::string reason) {
    return format(entry, {Outcome::Wrong, std::move(reason)}, start);
  };
  int ends[2];
  if (pipe(ends))
    return wrong("no pipe");
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    alarm(timeLimit);
    std::string line =
        format(entry, runCase(entry.folder, registry, entry.tolerance), start);
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
    return wrong(WTERMSIG(status) == SIGALRM
                     ? "out of time"
                     : "crash, signal " + std::to_string(WTERMSIG(status)));
  return line.empty() ? wrong("no answer") : line;
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "Runs ONNX backend cases\n");
  mlir::DialectRegistry registry;
  neuroplast::registerCompilerDialects(registry);

  std::vector<NamedCase> cases;
  for (const std::string &source : sources)
    if (std::error_code error = llvm::sys::fs::is_directory(source)
                                    ? addFolder(source, cases)
                                    : addTable(source, cases)) {
      llvm::errs() << source << ": " << error.message() << '\n';
      return 2;
    }
  auto pattern = llvm::GlobPattern::create(only);
  if (!pattern) {
    llvm::errs() << llvm::toString(pattern.takeError()) << '\n';
    return 2;
  }
  llvm::erase_if(cases, [&](const NamedCase &entry) {
    return !pattern->match(entry.name);
  });
  if (inProcess) {
    for (const NamedCase &entry : cases)
      llvm::outs() << format(entry,
                             runCase(entry.folder, registry, entry.tolerance),
                             std::chrono::steady_clock::now());
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
