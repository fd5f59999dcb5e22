//===- History.cpp - How a structure came about ---------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/History.h"
#include "mlir/IR/DialectImplementation.h"
#include "neuroplast/Dialect/Neuro/IR/HistoryOps.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace neuroplast::neuro;

//===----------------------------------------------------------------------===//
// Lists of indices
//===----------------------------------------------------------------------===//

std::string neuroplast::neuro::formatIndexList(ArrayRef<int64_t> list) {
  std::string text;
  llvm::raw_string_ostream os(text);
  for (size_t i = 0; i < list.size();) {
    size_t end = i + 1;
    while (end < list.size() && list[i] >= 0 && list[end] == list[end - 1] + 1)
      ++end;
    if (i > 0)
      os << '+';
    if (list[i] < 0)
      os << "new";
    else
      os << list[i];
    if (end - i > 1)
      os << ".." << list[end - 1];
    i = end;
  }
  return text;
}

std::optional<SmallVector<int64_t>>
neuroplast::neuro::parseIndexList(StringRef text) {
  constexpr int64_t kLongest = int64_t(1) << 24;
  SmallVector<int64_t> list;
  SmallVector<StringRef> parts;
  text.split(parts, '+', -1, /*KeepEmpty=*/false);
  for (StringRef part : parts) {
    if (part == "new") {
      list.push_back(-1);
      continue;
    }
    auto [firstText, lastText] = part.split("..");
    int64_t first, last;
    if (firstText.getAsInteger(10, first) || first < 0)
      return std::nullopt;
    last = first;
    if (part.contains("..") && lastText.getAsInteger(10, last))
      return std::nullopt;
    if (last - first + static_cast<int64_t>(list.size()) > kLongest)
      return std::nullopt;
    for (int64_t index = first; index <= last; ++index)
      list.push_back(index);
  }
  return list;
}

void neuroplast::neuro::printIndexList(OpAsmPrinter &printer, Operation *,
                                       ArrayRef<int64_t> list) {
  printer << '"' << formatIndexList(list) << '"';
}

ParseResult neuroplast::neuro::parseIndexList(OpAsmParser &parser,
                                              SmallVector<int64_t> &list) {
  std::string text;
  SMLoc location = parser.getCurrentLocation();
  if (parser.parseString(&text))
    return failure();
  auto parsed = neuroplast::neuro::parseIndexList(text);
  if (!parsed)
    return parser.emitError(location, "expected a list of indices");
  list = std::move(*parsed);
  return success();
}

//===----------------------------------------------------------------------===//
// Histories
//===----------------------------------------------------------------------===//

HistoryOp neuroplast::neuro::findHistory(ModuleOp module) {
  auto histories = module.getOps<HistoryOp>();
  return histories.empty() ? HistoryOp() : *histories.begin();
}

HistoryOp neuroplast::neuro::getOrCreateHistory(ModuleOp module) {
  if (HistoryOp history = findHistory(module))
    return history;
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  auto history = HistoryOp::create(builder, module.getLoc());
  history.getBody().emplaceBlock();
  return history;
}

EditOp neuroplast::neuro::getLastEdit(ModuleOp module) {
  HistoryOp history = findHistory(module);
  if (!history || history.getBody().front().empty())
    return nullptr;
  return cast<EditOp>(history.getBody().front().back());
}

llvm::json::Array neuroplast::neuro::toJson(
    HistoryOp history,
    llvm::function_ref<std::string(FlatSymbolRefAttr)> getName) {
  llvm::json::Array edits;
  for (auto edit : history.getBody().getOps<EditOp>()) {
    llvm::json::Array units;
    for (auto entry : edit.getBody().getOps<EditedUnitsOp>())
      units.push_back(llvm::json::Object{
          {"param", getName(entry.getParamAttr())},
          {"axis", entry.getAxis()},
          {"block", entry.getBlock()},
          {"map", formatIndexList(entry.getMap())},
          {"old", llvm::json::Array{formatIndexList(entry.getOldFirst()),
                                    formatIndexList(entry.getOldLast()),
                                    entry.getOldCount()}},
          {"new", llvm::json::Array{formatIndexList(entry.getNewFirst()),
                                    formatIndexList(entry.getNewLast()),
                                    entry.getNewCount()}}});
    llvm::json::Object object{{"kind", edit.getKind()},
                              {"complete", edit.getComplete()},
                              {"units", std::move(units)}};
    llvm::json::Array numbers;
    for (auto entry : edit.getBody().getOps<ReplacedNumberOp>())
      numbers.push_back(
          llvm::json::Object{{"param", getName(entry.getParamAttr())},
                             {"attribute", entry.getAttribute()},
                             {"value", entry.getValue().convertToDouble()}});
    if (!numbers.empty())
      object["numbers"] = std::move(numbers);
    auto options = llvm::json::parse(edit.getOptions());
    if (options)
      object["options"] = std::move(*options);
    else
      llvm::consumeError(options.takeError());
    edits.push_back(std::move(object));
  }
  return edits;
}

namespace {

/// Where units stand, as JSON: first places, last places, how many.
struct Places {
  SmallVector<int64_t> first, last;
  int64_t count = 0;

  bool read(const llvm::json::Array *list) {
    if (!list || list->size() != 3)
      return false;
    auto readList = [&](const llvm::json::Value &value,
                        SmallVector<int64_t> &target) {
      auto text = value.getAsString();
      auto parsed = text ? parseIndexList(StringRef(text->data(), text->size()))
                         : std::nullopt;
      if (parsed)
        target = std::move(*parsed);
      return parsed.has_value();
    };
    std::optional<int64_t> number = (*list)[2].getAsInteger();
    count = number.value_or(0);
    return readList((*list)[0], first) && readList((*list)[1], last) &&
           number && first.size() == last.size();
  }
};

/// Appends the numbers that an edit has replaced; whether they are well-formed.
bool readNumbers(const llvm::json::Array &numbers, OpBuilder &builder,
                 Location location,
                 llvm::function_ref<StringAttr(StringRef)> getSymbol) {
  for (const llvm::json::Value &value : numbers) {
    const llvm::json::Object *object = value.getAsObject();
    auto name = object ? object->getString("param") : std::nullopt;
    auto attribute = object ? object->getString("attribute") : std::nullopt;
    auto number = object ? object->getNumber("value") : std::nullopt;
    if (!name || !attribute || !number)
      return false;
    if (StringAttr symbol = getSymbol(StringRef(name->data(), name->size())))
      ReplacedNumberOp::create(
          builder, location, FlatSymbolRefAttr::get(symbol),
          builder.getStringAttr(
              StringRef(attribute->data(), attribute->size())),
          builder.getF32FloatAttr(static_cast<float>(*number)));
  }
  return true;
}

} // namespace

bool neuroplast::neuro::fromJson(
    const llvm::json::Array &edits, HistoryOp history,
    llvm::function_ref<StringAttr(StringRef)> getSymbol) {
  OpBuilder builder = OpBuilder::atBlockEnd(&history.getBody().front());
  Location location = history.getLoc();
  for (const llvm::json::Value &value : edits) {
    const llvm::json::Object *object = value.getAsObject();
    auto kind = object ? object->getString("kind") : std::nullopt;
    const llvm::json::Array *units =
        object ? object->getArray("units") : nullptr;
    if (!kind || !units)
      return false;
    std::string options = "{}";
    if (const llvm::json::Value *entry = object->get("options"))
      options = llvm::formatv("{0}", *entry).str();
    auto edit = EditOp::create(builder, location, kind->str(), options,
                               object->getBoolean("complete").value_or(false));
    edit.getBody().emplaceBlock();
    OpBuilder inner = OpBuilder::atBlockEnd(&edit.getBody().front());
    for (const llvm::json::Value &unitValue : *units) {
      const llvm::json::Object *unit = unitValue.getAsObject();
      if (!unit)
        return false;
      auto name = unit->getString("param"), map = unit->getString("map");
      auto axis = unit->getInteger("axis"), block = unit->getInteger("block");
      Places old, fresh;
      auto parsed = map ? parseIndexList(StringRef(map->data(), map->size()))
                        : std::nullopt;
      if (!name || !parsed || !axis || !block ||
          !old.read(unit->getArray("old")) ||
          !fresh.read(unit->getArray("new")))
        return false;
      StringAttr symbol = getSymbol(StringRef(name->data(), name->size()));
      // Of a parameter that is no longer there nothing can be told.
      if (!symbol)
        continue;
      EditedUnitsOp::create(inner, location, FlatSymbolRefAttr::get(symbol),
                            *axis, *block, *parsed, old.first, old.last,
                            old.count, fresh.first, fresh.last, fresh.count);
    }
    const llvm::json::Array *numbers = object->getArray("numbers");
    if (numbers && !readNumbers(*numbers, inner, location, getSymbol))
      return false;
  }
  return true;
}

#define GET_OP_CLASSES
#include "neuroplast/Dialect/Neuro/IR/HistoryOps.cpp.inc"
