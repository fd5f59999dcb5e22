//===- Report.cpp - neuroplast report -------------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "Comparison.h"
#include "Modules.h"
#include "RunnableModel.h"

#include "neuroplast/Runtime/Npz.h"
#include "neuroplast/Structure/Edits/NetworkDiff.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/LineIterator.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace neuroplast;
using namespace neuroplast::driver;

// The page that shows the data; see report.html.
extern "C" const char neuroplast_report_page_begin[];
extern "C" const char neuroplast_report_page_end[];

/// The lines of a log; an error names the line that is none.
static llvm::Expected<llvm::json::Array> readLog(llvm::StringRef path) {
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file)
    return llvm::errorCodeToError(file.getError());
  llvm::json::Array lines;
  for (llvm::line_iterator line(**file); !line.is_at_eof(); ++line) {
    auto value = llvm::json::parse(*line);
    if (value && value->getAsObject()) {
      lines.push_back(std::move(*value));
      continue;
    }
    std::string reason =
        value ? "it is no object" : llvm::toString(value.takeError());
    return llvm::createStringError(
        llvm::formatv("line {0} is no entry of a log: {1}", line.line_number(),
                      reason)
            .str());
  }
  return lines;
}

/// The median milliseconds of a run of each model, which take turns.
static llvm::json::Object compareLatency(llvm::ArrayRef<llvm::StringRef> paths,
                                         const Comparison &comparison,
                                         unsigned threads, double seconds) {
  auto fail = [](std::string reason) {
    return llvm::json::Object{{"not_computed", std::move(reason)}};
  };
  if (!comparison.obstacle.empty())
    return fail(comparison.obstacle);
  CompileOptions options;
  options.threads = threads;
  std::vector<std::unique_ptr<Model>> models;
  std::vector<NamedTensors> inputs;
  for (llvm::StringRef path : paths) {
    NamedTensors &given = inputs.emplace_back(comparison.inputs);
    std::string failure;
    models.push_back(openModel(path, {}, &given, options,
                               /*compileSeconds=*/nullptr, &failure));
    if (!models.back())
      return fail(std::move(failure));
  }
  constexpr int kRounds = 5;
  std::vector<std::vector<double>> times(models.size());
  for (int round = 0; round < kRounds; ++round)
    for (auto [model, given, all] : llvm::zip_equal(models, inputs, times)) {
      auto timed = timeRuns(*model, given, seconds / kRounds);
      if (!timed)
        return fail(llvm::toString(timed.takeError()));
      llvm::append_range(all, *timed);
    }
  auto getMedian = [](std::vector<double> &list) {
    llvm::sort(list);
    return list[list.size() / 2];
  };
  return llvm::json::Object{{"before_ms", getMedian(times[0])},
                            {"after_ms", getMedian(times[1])},
                            {"threads", threads}};
}

/// The page with the data in it.
static void writePage(llvm::raw_ostream &os, const llvm::json::Value &data) {
  llvm::StringRef page(neuroplast_report_page_begin,
                       neuroplast_report_page_end -
                           neuroplast_report_page_begin);
  auto [head, tail] = page.split("@DATA@");
  // In JSON, '<' stands in strings only, where it may end the element.
  std::string text;
  llvm::raw_string_ostream(text) << data;
  llvm::StringRef rest = text;
  os << head;
  for (size_t at = rest.find('<'); at != llvm::StringRef::npos;
       at = rest.find('<')) {
    os << rest.take_front(at) << "\\u003c";
    rest = rest.drop_front(at + 1);
  }
  os << rest << tail;
}

static int runReport(const Arguments &arguments) {
  std::optional<unsigned> threads = arguments.getThreads();
  std::optional<double> seconds = arguments.getNumber("--seconds", 2);
  if (!threads || !seconds)
    return 1;
  if (!arguments.has("-o") && !arguments.has("--json"))
    return reportError("'report' needs '-o FILE.html', or '--json'");
  llvm::json::Array log;
  if (arguments.has("--log")) {
    auto read = readLog(arguments.get("--log"));
    if (!read)
      return reportError(arguments.get("--log"), read.takeError());
    log = std::move(*read);
  }
  NamedTensors inputs;
  if (arguments.has("--inputs")) {
    auto read = readNpz(arguments.get("--inputs"));
    if (!read)
      return reportError(llvm::toString(read.takeError()));
    inputs = std::move(*read);
  }
  mlir::MLIRContext context(makeRegistry(),
                            mlir::MLIRContext::Threading::DISABLED);
  llvm::StringRef paths[] = {arguments.getPositional(0),
                             arguments.getPositional(1)};
  llvm::ArrayRef<std::string> shapes = arguments.getAll("--shape");
  auto before = loadModule(paths[0], context, shapes);
  auto after = before ? loadModule(paths[1], context, shapes) : nullptr;
  if (!after)
    return 1;
  Comparison comparison =
      compareOutputs(paths[0], paths[1], *before, shapes, inputs, /*seed=*/0);
  // Sizes that were free are those that it ran with.
  std::vector<std::string> chosen = describeShapes(comparison.inputs);
  if (comparison.obstacle.empty()) {
    before = loadModule(paths[0], context, chosen);
    after = before ? loadModule(paths[1], context, chosen) : nullptr;
    if (!after)
      return 1;
  }
  llvm::json::Object data =
      structure::compareNetworks(*before, *after).toJson();
  data["files"] = llvm::json::Array{llvm::sys::path::filename(paths[0]),
                                    llvm::sys::path::filename(paths[1])};
  data["inputs"] = llvm::json::Array(chosen);
  data["outputs"] = comparison.toJson();
  data["latency"] = compareLatency(paths, comparison, *threads, *seconds);
  data["log"] = std::move(log);
  llvm::json::Value value(std::move(data));
  if (arguments.has("-o") &&
      !writeFile(arguments.get("-o"),
                 [&](llvm::raw_ostream &os) { writePage(os, value); }))
    return 1;
  if (arguments.has("--json"))
    llvm::outs() << value << "\n";
  return 0;
}

Command neuroplast::driver::getReportCommand() {
  return {
      {"report",
       "show in a page what edits made of a model: the network, sizes, "
       "latency, outputs, what was learnt, and the edits",
       {"BEFORE", "AFTER"},
       {{"-o", "FILE.html", "the page, which needs no other file"},
        {"--log", "FILE.jsonl",
         "the log of a training or a cycle, which is drawn"},
        {"--inputs", "FILE.npz",
         "what outputs are compared on, and runs are timed on; random numbers "
         "if not given"},
        {"--shape", "NAME=AxBxC...", "fix the shape of an input"},
        {"--threads", "N", "threads that a run uses (1)"},
        {"--seconds", "S", "how long to measure each model (2)"},
        {"--json", "", "print what the page shows as JSON"}}},
      runReport};
}
