//===- Bench.cpp - neuroplast bench ---------------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "Modules.h"
#include "Profile.h"
#include "RunnableModel.h"

#include "neuroplast/Runtime/Npz.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace neuroplast;
using namespace neuroplast::driver;

/// The most that this process had in memory, in MiB; zero where nobody says.
/// What `getrusage` tells begins with that of the program which started it.
static double getPeakMemory() {
  auto status = llvm::MemoryBuffer::getFileAsStream("/proc/self/status");
  if (!status)
    return 0;
  llvm::StringRef text = (*status)->getBuffer().split("VmHWM:").second;
  double kibibytes = 0;
  text.split("kB").first.trim().getAsDouble(kibibytes);
  return kibibytes / 1024;
}

static int runBench(const Arguments &arguments) {
  llvm::StringRef input = arguments.getPositional(0);
  std::optional<double> seconds = arguments.getNumber("--seconds", 2);
  if (!seconds)
    return 1;
  std::optional<unsigned> threads = arguments.getThreads();
  if (!threads)
    return 1;
  CompileOptions options;
  options.threads = *threads;
  options.profile = arguments.has("--profile") || arguments.has("--svg");
  if (options.profile && input.ends_with(".so"))
    return reportError("'--profile' compiles a model in another way, and '" +
                       input + "' is compiled");
  NamedTensors arrays;
  bool isGiven = arguments.has("--inputs");
  if (isGiven) {
    auto read = readNpz(arguments.get("--inputs"));
    if (!read)
      return reportError(llvm::toString(read.takeError()));
    arrays = std::move(*read);
  }
  auto shapes = parseShapes(arguments.getAll("--shape"));
  if (!shapes)
    return 1;
  // Those of a library say what to feed it.
  bool isOpen = input.ends_with(".so") && !isGiven;
  double compileSeconds = 0;
  auto model = openModel(input,
                         isOpen ? llvm::ArrayRef<std::string>()
                                : arguments.getAll("--shape"),
                         isGiven ? &arrays : nullptr, options, &compileSeconds);
  if (!model)
    return 1;
  if (!isGiven) {
    auto random = model->makeRandomInputs(/*seed=*/0, *shapes);
    if (!random)
      return reportError(input, random.takeError());
    arrays = std::move(*random);
  }
  auto timed = timeRuns(*model, arrays, *seconds);
  if (!timed)
    return reportError(input, timed.takeError());
  const std::vector<double> &times = *timed;
  double peak = getPeakMemory();
  // The time within which such a share of the runs ended.
  auto getPercentile = [&](double share) {
    return times[std::min<size_t>(times.size() * share, times.size() - 1)];
  };
  llvm::json::Object result{{"median_ms", times[times.size() / 2]},
                            {"min_ms", times.front()},
                            {"p90_ms", getPercentile(0.9)},
                            {"p99_ms", getPercentile(0.99)},
                            {"max_ms", times.back()},
                            {"runs", static_cast<int64_t>(times.size())},
                            {"compile_s", compileSeconds},
                            {"peak_rss_mib", peak}};
  std::vector<ProfileRow> profile;
  if (options.profile) {
    auto peak = measurePeak();
    if (!peak)
      return reportError(llvm::toString(peak.takeError()));
    // A first run was not timed.
    profile = makeProfile(*model, times.size() + 1, *peak, *threads);
    result["peak_gflops"] = *peak * *threads;
    result["profile"] = toJson(profile);
  }
  if (arguments.has("--svg") &&
      !writeFile(arguments.get("--svg"),
                 [&](llvm::raw_ostream &os) { drawProfile(os, profile); }))
    return 1;
  if (!arguments.has("--json") && arguments.has("--profile"))
    printProfile(llvm::outs(), profile);
  if (arguments.has("--json"))
    llvm::outs() << llvm::json::Value(std::move(result)) << "\n";
  else
    llvm::outs() << llvm::format(
        "median %.3f ms, minimum %.3f ms over %zu runs; compiled in %.2f s; "
        "peak memory %.0f MiB\n",
        times[times.size() / 2], times.front(), times.size(), compileSeconds,
        peak);
  return 0;
}

Command neuroplast::driver::getBenchCommand() {
  return {
      {"bench",
       "measure how long a model takes",
       {"MODEL"},
       {{"--inputs", "FILE.npz", "input arrays; random ones if not given"},
        {"--threads", "N", "threads that a run uses (1)"},
        {"--seconds", "S", "how long to measure (2)"},
        {"--shape", "NAME=AxB...",
         "fix the shape of an input; of a library, the shape to feed"},
        {"--profile", "", "print what the time goes into, kernel by kernel"},
        {"--svg", "FILE.svg", "draw that"},
        {"--json", "", "print JSON"}}},
      runBench};
}
