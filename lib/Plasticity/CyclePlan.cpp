//===- CyclePlan.cpp - What happens in a network's life -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Plasticity/CyclePlan.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/JSON.h"

using namespace neuroplast::plasticity;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

static constexpr int64_t kVersion = 1;

static Error makeError(const Twine &place, const Twine &reason) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                 place + " " + reason);
}

namespace {

class Reader {
public:
  explicit Reader(llvm::ArrayRef<StringRef> commands) : commands(commands) {
    marks.insert("start");
  }

  Error readPlan(const llvm::json::Object &object) {
    for (const auto &[key, value] : object) {
      StringRef name = key;
      if (name == "version" || name == "phases")
        continue;
      if (!llvm::is_contained(commands, name))
        return makeError("the plan", "has '" + name +
                                         "', which is no command that a cycle "
                                         "calls");
      const llvm::json::Object *options = value.getAsObject();
      if (!options)
        return makeError("'" + name + "'", "is no object of options");
      defaults[name] = *options;
      CyclePlan::Defaults common;
      common.command = name.str();
      if (Error error = writeOptions(*options, name, common.options))
        return error;
      plan.defaults.push_back(std::move(common));
    }
    const llvm::json::Array *phases = object.getArray("phases");
    if (!phases)
      return makeError("the plan", "has no 'phases', a list");
    return readPhases(*phases, "phases", plan.phases);
  }

  CyclePlan take() { return std::move(plan); }

private:
  Error readPhases(const llvm::json::Array &list, const Twine &place,
                   std::vector<Phase> &phases) {
    for (auto [index, entry] : llvm::enumerate(list)) {
      Phase phase;
      phase.place = (place + "[" + Twine(index) + "]").str();
      const llvm::json::Object *object = entry.getAsObject();
      if (!object)
        return makeError(phase.place, "is no object");
      if (Error error = readPhase(*object, phase))
        return error;
      phases.push_back(std::move(phase));
    }
    return Error::success();
  }

  Error readPhase(const llvm::json::Object &object, Phase &phase) {
    if (object.get("repeat"))
      return readRepeat(object, phase);
    if (object.get("choose"))
      return readChoose(object, phase);
    if (object.get("when"))
      return readWhen(object, phase);
    if (object.get("rewind"))
      return readRewind(object, phase);
    if (object.size() != 1)
      return makeError(phase.place, "is not one thing to do");
    StringRef name = object.begin()->first;
    const llvm::json::Value &value = object.begin()->second;
    if (name == "mark")
      return readMark(value, phase);
    if (name == "perturb")
      return readPerturb(value, phase);
    if (!llvm::is_contained(commands, name))
      return makeError(phase.place,
                       "'" + name + "' is no command that a cycle calls");
    const llvm::json::Object *given = value.getAsObject();
    if (!given)
      return makeError(phase.place, "'" + name + "' has no object of options");
    phase.name = name.str();
    llvm::json::Object options = defaults.lookup(name);
    for (const auto &[key, option] : *given)
      options[key] = option;
    return writeOptions(options, phase.place, phase.options);
  }

  /// Fails if an object has other keys than these.
  static Error checkKeys(const llvm::json::Object &object, const Twine &place,
                         llvm::ArrayRef<StringRef> keys) {
    for (const auto &[key, value] : object)
      if (StringRef name = key; !llvm::is_contained(keys, name))
        return makeError(place, "has '" + name + "', which it has no use for");
    return Error::success();
  }

  static Error readPrice(const llvm::json::Object &object, Phase &phase) {
    const llvm::json::Value *price = object.get("price");
    if (price && !price->getAsNumber())
      return makeError(phase.place, "has a price that is no number");
    phase.price = price ? *price->getAsNumber() : 0;
    return Error::success();
  }

  Error readRepeat(const llvm::json::Object &object, Phase &phase) {
    auto times = object.getInteger("repeat");
    const llvm::json::Array *list = object.getArray("phases");
    if (!times || *times < 0 || !list)
      return makeError(phase.place,
                       "needs 'repeat', how often, and 'phases', a list");
    phase.kind = Phase::Kind::Repeat;
    phase.times = *times;
    if (const llvm::json::Value *condition = object.get("while")) {
      if (condition->getAsString() != "better")
        return makeError(phase.place, "has a 'while' that is not \"better\"");
      phase.endsWhenNoBetter = true;
      if (Error error = readPrice(object, phase))
        return error;
    }
    if (Error error =
            checkKeys(object, phase.place,
                      phase.endsWhenNoBetter
                          ? llvm::ArrayRef<StringRef>{"repeat", "phases",
                                                      "while", "price"}
                          : llvm::ArrayRef<StringRef>{"repeat", "phases"}))
      return error;
    return readPhases(*list, phase.place + ".phases",
                      phase.parts.emplace_back());
  }

  Error readChoose(const llvm::json::Object &object, Phase &phase) {
    const llvm::json::Array *lists = object.getArray("choose");
    if (!lists || lists->size() < 2)
      return makeError(phase.place,
                       "needs 'choose', two lists of phases or more");
    if (Error error = checkKeys(object, phase.place, {"choose", "price"}))
      return error;
    if (Error error = readPrice(object, phase))
      return error;
    phase.kind = Phase::Kind::Choose;
    for (auto [index, entry] : llvm::enumerate(*lists)) {
      std::string place = (phase.place + ".choose[" + Twine(index) + "]").str();
      const llvm::json::Array *list = entry.getAsArray();
      if (!list)
        return makeError(place, "is no list of phases");
      if (Error error = readPhases(*list, place, phase.parts.emplace_back()))
        return error;
    }
    return Error::success();
  }

  Error readWhen(const llvm::json::Object &object, Phase &phase) {
    const llvm::json::Object *conditions = object.getObject("when");
    if (!conditions || conditions->empty())
      return makeError(phase.place, "needs 'when', an object of signals");
    if (Error error =
            checkKeys(object, phase.place, {"when", "phases", "otherwise"}))
      return error;
    phase.kind = Phase::Kind::When;
    for (const auto &[key, value] : *conditions)
      if (Error error = readCondition(key, value, phase))
        return error;
    for (StringRef key : {"phases", "otherwise"}) {
      std::vector<Phase> &part = phase.parts.emplace_back();
      const llvm::json::Value *value = object.get(key);
      if (!value && key == "otherwise")
        continue;
      if (!value || !value->getAsArray())
        return makeError(phase.place, "needs '" + key + "', a list");
      if (Error error =
              readPhases(*value->getAsArray(), phase.place + "." + key, part))
        return error;
    }
    return Error::success();
  }

  Error readCondition(StringRef name, const llvm::json::Value &value,
                      Phase &phase) {
    std::optional<Signal> signal = parseSignal(name);
    if (!signal)
      return makeError(phase.place, "goes by '" + name +
                                        "', which is none of " + listSignals());
    Condition condition{*signal, {}, {}};
    const llvm::json::Object *bounds = value.getAsObject();
    if (bounds) {
      condition.above = bounds->getNumber("above");
      condition.below = bounds->getNumber("below");
    }
    std::string place = (phase.place + ", '" + name + "'").str();
    if (!condition.above && !condition.below)
      return makeError(place, "needs 'above' or 'below', a number");
    if (Error error =
            checkKeys(*bounds, place,
                      looksBack(*signal)
                          ? llvm::ArrayRef<StringRef>{"above", "below", "since"}
                          : llvm::ArrayRef<StringRef>{"above", "below"}))
      return error;
    if (const llvm::json::Value *since = bounds->get("since")) {
      auto mark = since->getAsString();
      if (!mark || !marks.contains(*mark))
        return makeError(place, "looks back to what nothing before it marks");
      condition.since = mark->str();
    }
    phase.conditions.push_back(std::move(condition));
    return Error::success();
  }

  Error readMark(const llvm::json::Value &value, Phase &phase) {
    auto name = value.getAsString();
    if (!name || name->empty())
      return makeError(phase.place, "'mark' needs a name");
    phase.kind = Phase::Kind::Mark;
    phase.name = name->str();
    marks.insert(*name);
    return Error::success();
  }

  Error readRewind(const llvm::json::Object &object, Phase &phase) {
    auto name = object.getString("rewind");
    const llvm::json::Value *redraw = object.get("redraw");
    if (!name || object.size() != (redraw ? 2u : 1u) ||
        (redraw && !redraw->getAsBoolean()))
      return makeError(phase.place, "needs 'rewind', the name of a mark, and "
                                    "may have 'redraw', true or false");
    if (!marks.contains(*name))
      return makeError(phase.place, "rewinds to '" + *name +
                                        "', which nothing before it marks");
    phase.kind = Phase::Kind::Rewind;
    phase.name = name->str();
    phase.redraws = redraw && *redraw->getAsBoolean();
    return Error::success();
  }

  Error readPerturb(const llvm::json::Value &value, Phase &phase) {
    const llvm::json::Object *object = value.getAsObject();
    auto keep = object ? object->getNumber("keep") : std::nullopt,
         noise = object ? object->getNumber("noise") : std::nullopt;
    if (!keep || !noise || object->size() != 2)
      return makeError(phase.place, "'perturb' needs 'keep' and 'noise', the "
                                    "shares of weights and of noise");
    phase.kind = Phase::Kind::Perturb;
    phase.keep = *keep;
    phase.noise = *noise;
    return Error::success();
  }

  static Error writeOptions(const llvm::json::Object &options,
                            const Twine &place,
                            std::vector<std::string> &words) {
    for (const auto &[key, value] : options) {
      StringRef name = key;
      if (const llvm::json::Array *list = value.getAsArray()) {
        for (const llvm::json::Value &entry : *list)
          if (Error error = writeOption(name, entry, place, words))
            return error;
      } else if (Error error = writeOption(name, value, place, words)) {
        return error;
      }
    }
    return Error::success();
  }

  static Error writeOption(StringRef name, const llvm::json::Value &value,
                           const Twine &place,
                           std::vector<std::string> &words) {
    if (auto flag = value.getAsBoolean()) {
      if (*flag)
        words.push_back(("--" + name).str());
      return Error::success();
    }
    std::string text;
    if (auto string = value.getAsString())
      text = string->str();
    else if (value.getAsNumber())
      llvm::raw_string_ostream(text) << value;
    else
      return makeError(place, "option '" + name +
                                  "' is no text, number, truth or list");
    words.push_back(("--" + name).str());
    words.push_back(std::move(text));
    return Error::success();
  }

  llvm::ArrayRef<StringRef> commands;
  CyclePlan plan;
  llvm::StringMap<llvm::json::Object> defaults;
  llvm::StringSet<> marks;
};

} // namespace

llvm::Expected<CyclePlan> CyclePlan::parse(StringRef text,
                                           llvm::ArrayRef<StringRef> commands) {
  auto value = llvm::json::parse(text);
  if (!value)
    return makeError("the plan",
                     "is no JSON: " + llvm::toString(value.takeError()));
  const llvm::json::Object *object = value->getAsObject();
  if (!object || object->getInteger("version") != kVersion)
    return makeError("the plan",
                     "is no object with 'version' " + Twine(kVersion));
  Reader reader(commands);
  if (Error error = reader.readPlan(*object))
    return std::move(error);
  return reader.take();
}

llvm::ArrayRef<std::string> CyclePlan::getDefaults(StringRef command) const {
  for (const Defaults &common : defaults)
    if (common.command == command)
      return common.options;
  return {};
}

static bool compare(llvm::ArrayRef<Phase> phases) {
  return llvm::any_of(phases, [](const Phase &phase) {
    return phase.kind == Phase::Kind::Choose || phase.endsWhenNoBetter ||
           llvm::any_of(phase.conditions,
                        [](const Condition &condition) {
                          return readsScore(condition.signal);
                        }) ||
           llvm::any_of(phase.parts, compare);
  });
}

bool CyclePlan::comparesNetworks() const { return compare(phases); }
