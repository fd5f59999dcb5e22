//===- Arguments.cpp - The arguments of a subcommand ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Arguments.h"
#include "neuroplast/Support/Suggestion.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace neuroplast;
using namespace neuroplast::driver;
using llvm::ArrayRef;
using llvm::StringRef;

int neuroplast::driver::reportError(const llvm::Twine &message) {
  getMessageStream() << "neuroplast: error: " << message << '\n';
  return 1;
}

static thread_local CapturedMessages *captured = nullptr;

CapturedMessages::CapturedMessages() : stream(text), outer(captured) {
  captured = this;
}

CapturedMessages::~CapturedMessages() { captured = outer; }

llvm::raw_ostream &neuroplast::driver::getMessageStream() {
  if (captured)
    return captured->stream;
  return llvm::errs();
}

std::vector<OptionSpec> CommandSpec::select(ArrayRef<StringRef> names) const {
  std::vector<OptionSpec> selected;
  for (StringRef name : names)
    selected.push_back(*llvm::find_if(options, [&](const OptionSpec &option) {
      return option.name == name;
    }));
  return selected;
}

void neuroplast::driver::printHelp(const CommandSpec &spec,
                                   llvm::raw_ostream &os) {
  os << "neuroplast " << spec.name;
  for (StringRef name : spec.positional)
    os << ' ' << name;
  os << " [options]\n\n  " << spec.summary << "\n\n";
  for (const OptionSpec &option : spec.options) {
    std::string left = option.name.str();
    if (!option.valueName.empty())
      left += (" " + option.valueName).str();
    os << "  " << llvm::formatv("{0,-23}", left) << "  " << option.help << '\n';
  }
  os << "  " << llvm::formatv("{0,-23}", "--help") << "  print this text\n";
  if (llvm::any_of(spec.options, [](const OptionSpec &option) {
        return option.valueName.ends_with("...");
      }))
    os << "\n  options with dots may be given several times; of others the "
          "last "
          "one counts\n";
}

std::optional<Amount> Amount::parse(StringRef text) {
  Amount amount;
  double percent;
  int64_t count;
  if (text.consume_back("%")) {
    if (text.getAsDouble(percent) || !(percent >= 0) || !std::isfinite(percent))
      return std::nullopt;
    amount.share = percent / 100;
    return amount;
  }
  if (text.getAsInteger(10, count) || count < 0)
    return std::nullopt;
  amount.count = count;
  return amount;
}

std::optional<Arguments> Arguments::parse(const CommandSpec &spec,
                                          ArrayRef<const char *> args,
                                          int &exitCode) {
  Arguments result;
  result.commandLine = spec.name.str();
  for (const char *argument : args)
    result.commandLine += std::string(" ") + argument;
  exitCode = 1;
  for (size_t i = 0; i < args.size(); ++i) {
    StringRef argument = args[i];
    if (argument == "--help" || argument == "-h") {
      printHelp(spec, llvm::outs());
      exitCode = 0;
      return std::nullopt;
    }
    if (!argument.starts_with("-") || argument == "-") {
      result.positional.push_back(argument.str());
      continue;
    }
    auto [name, value] = argument.split('=');
    auto option =
        llvm::find_if(spec.options, [&, name = name](const OptionSpec &known) {
          return known.name == name;
        });
    if (option == spec.options.end()) {
      auto known = llvm::map_range(
          spec.options, [](const OptionSpec &known) { return known.name; });
      reportError("'" + name + "' is no option of '" + spec.name + "'" +
                  suggest(name, known) + "; see --help");
      return std::nullopt;
    }
    bool hasValue = argument.contains('=');
    if (option->valueName.empty()) {
      if (hasValue) {
        reportError("'" + name + "' takes no value");
        return std::nullopt;
      }
    } else if (!hasValue) {
      if (++i == args.size()) {
        reportError("'" + name + "' needs a value");
        return std::nullopt;
      }
      value = args[i];
    }
    result.values[name].push_back(value.str());
  }
  size_t least = llvm::count_if(
      spec.positional, [](StringRef name) { return !name.starts_with("["); });
  if (result.positional.size() < least ||
      result.positional.size() > spec.positional.size()) {
    std::string wanted;
    for (StringRef name : spec.positional)
      wanted += (" " + name).str();
    reportError("'" + spec.name + "' takes" +
                (wanted.empty() ? " no files" : wanted) + "; see --help");
    return std::nullopt;
  }
  exitCode = 0;
  return result;
}

StringRef Arguments::get(StringRef name, StringRef otherwise) const {
  auto it = values.find(name);
  return it == values.end() ? otherwise : StringRef(it->second.back());
}

ArrayRef<std::string> Arguments::getAll(StringRef name) const {
  auto it = values.find(name);
  return it == values.end() ? ArrayRef<std::string>()
                            : ArrayRef<std::string>(it->second);
}

std::optional<double> Arguments::getNumber(StringRef name,
                                           double otherwise) const {
  if (!has(name))
    return otherwise;
  double value;
  if (!get(name).getAsDouble(value))
    return value;
  reportError("'" + name + "' needs a number, not '" + get(name) + "'");
  return std::nullopt;
}

std::optional<unsigned> Arguments::getThreads() const {
  constexpr int64_t kMost = 1024;
  std::optional<int64_t> threads = getInteger("--threads", 1);
  if (threads && (*threads < 1 || *threads > kMost)) {
    reportError("'--threads' needs a number from 1 to " + llvm::Twine(kMost) +
                ", not " + llvm::Twine(*threads));
    return std::nullopt;
  }
  return threads;
}

std::optional<int64_t> Arguments::getInteger(StringRef name,
                                             int64_t otherwise) const {
  if (!has(name))
    return otherwise;
  int64_t value;
  if (!get(name).getAsInteger(10, value))
    return value;
  reportError("'" + name + "' needs an integer, not '" + get(name) + "'");
  return std::nullopt;
}
