//===- UnitSelection.cpp - Which units may be edited ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Units/UnitSelection.h"
#include "llvm/Support/GlobPattern.h"
#include <numeric>

using namespace mlir;
using namespace neuroplast::structure;

static bool matchesName(StringRef name, StringRef pattern) {
  if (!pattern.contains('*') && !pattern.contains('?'))
    return name.contains(pattern);
  auto glob = llvm::GlobPattern::create(pattern);
  if (glob)
    return glob->match(name);
  llvm::consumeError(glob.takeError());
  return false;
}

bool neuroplast::structure::matchesAny(StringRef name,
                                       ArrayRef<std::string> patterns) {
  return llvm::any_of(patterns, [&](const std::string &pattern) {
    return matchesName(name, StringRef(pattern).ltrim('@'));
  });
}

bool neuroplast::structure::matches(const UnitSetSummary &set,
                                    StringRef pattern) {
  return llvm::any_of(set.members, [&](StringRef member) {
    // A tensor and an axis of it: "@name[axis]".
    return matchesName(member.take_front(member.rfind('[')).ltrim('@'),
                       pattern.ltrim('@'));
  });
}

static bool hasMatch(const UnitSetSummary &set,
                     const std::vector<std::string> &patterns) {
  return llvm::any_of(patterns, [&](const std::string &pattern) {
    return matches(set, pattern);
  });
}

StringRef UnitSelection::getObstacle(const UnitSetSummary &set) const {
  if (!set.pins.empty())
    return "pinned";
  auto isSame = [&](const UnitSetSummary &other) {
    return other.pins.empty() && other.units == set.units &&
           other.members == set.members;
  };
  if (twin && llvm::none_of(*twin, isSame))
    return "pinned while sizes are free";
  if (hasMatch(set, freeze))
    return "frozen";
  if (group && set.group != *group)
    return "not named";
  if (!only.empty())
    return hasMatch(set, only) ? "" : "not named";
  return set.isInner && !inner ? "inner" : "";
}

LogicalResult UnitSelection::check(ModuleOp module,
                                   ArrayRef<UnitSetSummary> sets) const {
  for (const auto *patterns : {&only, &freeze})
    for (const std::string &pattern : *patterns)
      if (llvm::none_of(sets, [&](const UnitSetSummary &set) {
            return matches(set, pattern);
          }))
        return module.emitError("no tensor with units has a name like '")
               << pattern << "'";
  return success();
}

void UnitSelection::addTo(llvm::json::Object &json) const {
  json["inner"] = inner;
  json["only"] = llvm::json::Array(only);
  json["freeze"] = llvm::json::Array(freeze);
}

int64_t EditRequest::getRounding(const UnitSetSummary &set) const {
  if (roundTo > 0)
    return roundTo;
  // Elements of vectors; the widest one that a set holds twice.
  for (int64_t width : {16, 8})
    if (set.units * set.placesPerUnit >= 2 * width)
      return width / std::gcd(width, set.placesPerUnit);
  return 1;
}

void EditRequest::addTo(llvm::json::Object &json) const {
  json["round_to"] = roundTo;
  json["seed"] = static_cast<int64_t>(seed);
  selection.addTo(json);
  if (!command.empty())
    json["command"] = command;
}

void neuroplast::structure::printMembers(raw_ostream &os,
                                         const UnitSetSummary &set) {
  os << ",";
  for (const std::string &member : set.members)
    os << ' ' << member;
  os << '\n';
  for (const std::string &pin : set.pins)
    os << "  pinned: " << pin << '\n';
}
