//===- UnitOrigins.cpp - Where units stood before edits -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Units/UnitOrigins.h"
#include "neuroplast/Dialect/Neuro/IR/History.h"
#include "neuroplast/Dialect/Neuro/IR/OptimizerStates.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "neuroplast/Structure/Edits/History.h"
#include "neuroplast/Structure/Units/UnitAnalysis.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

SmallVector<neuro::EditOp> neuroplast::structure::listEdits(ModuleOp before,
                                                            ModuleOp after) {
  auto list = [](ModuleOp module) {
    SmallVector<neuro::EditOp> edits;
    if (neuro::HistoryOp history = neuro::findHistory(module))
      llvm::append_range(edits, history.getBody().getOps<neuro::EditOp>());
    return edits;
  };
  SmallVector<neuro::EditOp> earlier = list(before), all = list(after);
  bool isBeginning =
      earlier.size() <= all.size() &&
      llvm::all_of(llvm::zip_first(earlier, all), [](auto pair) {
        auto [a, b] = pair;
        return a.getKind() == b.getKind() && a.getOptions() == b.getOptions();
      });
  if (isBeginning)
    all.erase(all.begin(), all.begin() + earlier.size());
  return all;
}

namespace {

/// An axis of a parameter that has the places of an axis of a value.
struct ParamAxis {
  StringRef param;
  unsigned axis;
};

/// The places of a parameter along one of its axes.
class PlaceNumbers {
public:
  PlaceNumbers(RankedTensorType type, unsigned axis)
      : size(type.getDimSize(axis)) {
    for (int64_t extent : type.getShape().drop_front(axis + 1))
      beneath *= extent;
  }
  int64_t of(int64_t element) const { return element / beneath % size; }
  int64_t size;

private:
  int64_t beneath = 1;
};

} // namespace

static std::optional<ParamAxis> findParamAxis(const UnitAnalysis &analysis,
                                              const Axis &sought) {
  const AxisAlgebra &algebra = analysis.getAlgebra();
  auto isSame = [&](const Axis &axis) {
    return !axis.isDynamic() && axis.places.size() == sought.places.size() &&
           llvm::all_of(llvm::zip(axis.places, sought.places), [&](auto pair) {
             auto atoms = algebra.getAtoms(std::get<0>(pair));
             return !atoms.empty() &&
                    atoms == algebra.getAtoms(std::get<1>(pair));
           });
  };
  for (Operation *tensor : analysis.getTensors()) {
    auto param = dyn_cast<neuro::ParamOp>(tensor);
    const TensorPlaces *places = analysis.getPlaces(tensor);
    if (!param || param.getShadowOf() || !places ||
        !isa<FloatType>(param.getType().getElementType()))
      continue;
    for (auto [index, axis] : llvm::enumerate(places->axes))
      if (axis && axis->blocks == 1 && isSame(*axis))
        return ParamAxis{param.getSymName(), static_cast<unsigned>(index)};
  }
  return std::nullopt;
}

static std::string getKind(unsigned axis) {
  return "place" + std::to_string(axis);
}

/// Gives a parameter a shadow with the numbers of its places along an axis,
/// from one. Shadows of newborns are zero.
static void numberPlaces(SymbolTable &symbols, neuro::ParamOp param,
                         unsigned axis) {
  RankedTensorType type = param.getType();
  PlaceNumbers places(type, axis);
  int64_t width = type.getElementTypeBitWidth() / 8;
  std::string bytes(type.getNumElements() * width, 0);
  for (int64_t i = 0; i < type.getNumElements(); ++i)
    writeNumber(type.getElementType(), static_cast<double>(places.of(i) + 1),
                bytes.data() + i * width);
  std::string kind = getKind(axis);
  neuro::getOrCreateState(symbols, param, kind,
                          makeElements(type, kind, std::move(bytes)));
}

/// What has become of these numbers, from zero.
static SmallVector<int64_t> readPlaces(neuro::ParamOp numbers, unsigned axis) {
  PlaceNumbers places(numbers.getType(), axis);
  SmallVector<int64_t> found(places.size, -1);
  if (auto elements = TensorElements::read(numbers.getValue()))
    for (int64_t i = 0; i < numbers.getType().getNumElements(); ++i)
      if (double number = elements->getNumber(i); number > 0)
        found[places.of(i)] = static_cast<int64_t>(number) - 1;
  return found;
}

LogicalResult
neuroplast::structure::findOrigins(ModuleOp before, ModuleOp after,
                                   MutableArrayRef<AxisOrigins> axes) {
  UnitAnalysis analysis(after);
  OwningOpRef<ModuleOp> again = before.clone();
  SymbolTable symbols(*again);
  SmallVector<std::optional<ParamAxis>> known;
  for (const AxisOrigins &entry : axes) {
    std::optional<ParamAxis> &found = known.emplace_back();
    if (const TensorPlaces *places = analysis.getPlaces(entry.value))
      if (const std::optional<Axis> &axis = places->axes[entry.axis];
          axis && !axis->isDynamic())
        found = findParamAxis(analysis, *axis);
    auto param =
        found ? symbols.lookup<neuro::ParamOp>(found->param) : neuro::ParamOp();
    if (param && found->axis < param.getType().getRank())
      numberPlaces(symbols, param, found->axis);
    else
      found.reset();
  }
  for (neuro::EditOp edit : listEdits(before, after))
    if (failed(replay(*again, edit)))
      return failure();
  for (auto [entry, place] : llvm::zip_equal(axes, known))
    if (place)
      entry.places =
          readPlaces(symbols.lookup<neuro::ParamOp>(
                         (place->param + "." + getKind(place->axis)).str()),
                     place->axis);
  return success();
}
