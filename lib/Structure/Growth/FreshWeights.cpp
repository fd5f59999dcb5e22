//===- FreshWeights.cpp - Weights of units that join ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FreshWeights.h"
#include "neuroplast/Dialect/Neuro/IR/History.h"
#include "neuroplast/Dialect/Neuro/IR/HistoryOps.h"
#include "neuroplast/Dialect/Neuro/IR/Masks.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/OptimizerStates.h"
#include "neuroplast/Structure/Draw.h"
#include "neuroplast/Structure/Edits/PlaceLists.h"
#include "llvm/Support/xxhash.h"
#include <array>
#include <map>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

namespace {

using Donors = std::shared_ptr<std::vector<int64_t>>;

/// What a place along one axis means for the elements there.
struct AxisPlace {
  bool isFresh = false;
  /// Elements are multiplied by this.
  double factor = 1;
  /// What random elements are drawn by: partners share it.
  int64_t key = 0;
  /// New places that hold the same of old units.
  Donors donors;
  /// Whether elements here are the average of those of the donors, whatever the
  /// tensor is.
  bool isAverage = false;

  /// Whether elements here are what they were, if other axes leave them so.
  bool isPlain() const { return !isFresh && factor == 1; }
};

class Filler {
public:
  Filler(const Construction &construction, const Edit &edit,
         const DropinOptions &options, const AxisEdit &axes,
         TensorRewrite tensor)
      : construction(construction), edit(edit), options(options), axes(axes),
        tensor(tensor), elementType(tensor.type.getElementType()),
        elements(TensorElements::view(tensor.type, tensor.bytes)),
        seed(options.seed ^ llvm::xxh3_64bits(getTensorName(tensor.tensor))) {
    for (auto [index, axis] : llvm::enumerate(tensor.places.axes)) {
      auto &blocks = places.emplace_back();
      if (axis && axes.changes(*axis))
        for (auto [number, block] : llvm::enumerate(axes.getNewPlaces(*axis)))
          blocks.push_back(describe(index, number, block));
    }
    strides.resize(places.size(), 1);
    for (size_t axis = places.size(); axis-- > 1;)
      strides[axis - 1] = strides[axis] * tensor.type.getDimSize(axis);
  }

  Filled run() {
    spread = measureSpread();
    forEachRow([&](int64_t first, MutableArrayRef<int64_t> index,
                   bool isPlain) {
      int64_t last = getRank() - 1;
      auto visit = [&](int64_t place) {
        index[last] = place;
        fill(first + place, index);
      };
      if (!isPlain || !isOneBlockOfRow()) {
        llvm::for_each(llvm::seq(getRowLength()), visit);
        return;
      }
      // Whatever is as it was stays so.
      if (!places[last].empty())
        for (auto [place, axisPlace] : llvm::enumerate(getBlock(last, index)))
          if (!axisPlace.isPlain())
            visit(static_cast<int64_t>(place));
    });
    double scale = construction.getScale(tensor.tensor, axes);
    // Old units will be moved away from their copies.
    if (scale == 1 && options.init == Init::Split)
      return Filled::OthersToKeep;
    if (scale == 1)
      return hasChanged ? Filled::Others : Filled::Newborns;
    for (int64_t i = 0, end = tensor.type.getNumElements(); i < end; ++i)
      write(i, scale * elements.getNumber(i));
    return Filled::OthersToKeep;
  }

  /// Gives all that is fresh the mean over the old units.
  Filled fillWithMeans() {
    forEachRow([&](int64_t first, MutableArrayRef<int64_t> index, bool) {
      for (int64_t place = 0; place < getRowLength(); ++place) {
        index.back() = place;
        writeMean(first + place, index, listFreshAxes(index));
      }
    });
    return Filled::Newborns;
  }

private:
  /// How often a unit recurs in a map.
  int64_t countCopies(unsigned set, int64_t unit) const {
    return llvm::count(edit.maps.find(set)->second.entries, unit);
  }

  std::vector<AxisPlace> describe(unsigned axis, unsigned block,
                                  ArrayRef<AxisEdit::NewPlace> newPlaces) {
    using Role = Construction::Role;
    std::vector<AxisPlace> result;
    ArrayRef<int64_t> sources = tensor.sources[axis][block];
    std::map<std::vector<int64_t>, int64_t> positions;
    std::map<std::array<int64_t, 3>, Donors> donors;
    auto getDonors = [&](const AxisEdit::NewPlace &place,
                         unsigned set) -> Donors & {
      Donors &list = donors[{set, place.rest, place.occurrence}];
      if (!list)
        list = std::make_shared<std::vector<int64_t>>();
      return list;
    };
    for (auto [position, place] : llvm::enumerate(newPlaces)) {
      positions[getKey(place, /*ofPartner=*/false)] = position;
      if (sources[position] != IndexMap::kFresh)
        for (const AxisEdit::NewUnit &unit : place.units)
          getDonors(place, unit.set)->push_back(position);
    }
    for (auto [position, place] : llvm::enumerate(newPlaces)) {
      AxisPlace &entry = result.emplace_back();
      entry.key = positions[getKey(place, /*ofPartner=*/true)];
      entry.isFresh = sources[position] == IndexMap::kFresh;
      for (const AxisEdit::NewUnit &unit : place.units) {
        Role role = construction.getRole(tensor.tensor, axis, unit.set);
        int64_t source = edit.maps.find(unit.set)->second.entries[unit.index];
        if (source != IndexMap::kFresh) {
          if (role == Role::Outgoing)
            entry.factor /= countCopies(unit.set, source);
          continue;
        }
        entry.donors = getDonors(place, unit.set);
        entry.isAverage |= role == Role::Average;
        if (role == Role::Silent ||
            (role == Role::Tied && options.init != Init::Random))
          entry.factor = 0;
        if (role == Role::Outgoing && isSecond(unit))
          entry.factor = -entry.factor;
        if (role == Role::Outgoing && options.init != Init::Pair &&
            options.init != Init::Random)
          entry.factor = 0;
      }
    }
    return result;
  }

  /// Of a pair of newborns, whether it is the one whose weights are those of
  /// the other. Newborns stand at the end of a map, so that parity tells.
  bool isSecond(const AxisEdit::NewUnit &unit) const {
    ArrayRef<int64_t> entries = edit.maps.find(unit.set)->second.entries;
    if (options.init != Init::Pair || entries[unit.index] != IndexMap::kFresh)
      return false;
    return (entries.size() - unit.index) % 2 == 1;
  }

  /// What stands at a place, or at that of the first of every pair of newborns
  /// there.
  std::vector<int64_t> getKey(const AxisEdit::NewPlace &place,
                              bool ofPartner) const {
    std::vector<int64_t> key = {place.rest, place.occurrence};
    for (const AxisEdit::NewUnit &unit : place.units) {
      key.push_back(unit.set);
      key.push_back(unit.index - (ofPartner && isSecond(unit)));
    }
    return key;
  }

  const AxisPlace *getPlace(size_t axis, ArrayRef<int64_t> index) const {
    const auto &blocks = places[axis];
    if (blocks.empty())
      return nullptr;
    return &getBlock(axis, index)[index[axis]];
  }

  /// The places along an axis that changes, in the block of an element.
  const std::vector<AxisPlace> &getBlock(size_t axis,
                                         ArrayRef<int64_t> index) const {
    const auto &blocks = places[axis];
    return blocks[findBlock(index, tensor.type.getShape(),
                            tensor.places.blockAxis, blocks.size())];
  }

  int64_t getRank() const { return static_cast<int64_t>(places.size()); }
  int64_t getRowLength() const { return tensor.type.getShape().back(); }
  /// Whether all elements of a row are in the same block.
  bool isOneBlockOfRow() const {
    return places.back().size() <= 1 ||
           tensor.places.blockAxis + 1 != getRank();
  }

  /// Visits the rows of a tensor that has axes: the first element, its
  /// places, and whether nothing changes along the axes before the last.
  template <typename Visit> void forEachRow(Visit visit) const {
    if (places.empty())
      return;
    SmallVector<int64_t> index(getRank(), 0);
    forEachElement(tensor.type.getShape().drop_back(),
                   [&](int64_t row, ArrayRef<int64_t> outer) {
                     llvm::copy(outer, index.begin());
                     index.back() = 0;
                     bool isPlain = true;
                     for (size_t axis = 0; axis < outer.size(); ++axis)
                       if (const AxisPlace *place = getPlace(axis, index))
                         isPlain &= place->isPlain();
                     visit(row * getRowLength(), MutableArrayRef(index),
                           isPlain);
                   });
  }

  /// Along which of the first axes an element is fresh.
  SmallVector<size_t, 2> listFreshAxes(ArrayRef<int64_t> index) const {
    SmallVector<size_t, 2> axes;
    for (size_t axis = 0; axis < index.size(); ++axis)
      if (const AxisPlace *place = getPlace(axis, index);
          place && place->isFresh)
        axes.push_back(axis);
    return axes;
  }

  /// The standard deviation of the old elements.
  double measureSpread() const {
    double sum = 0, squares = 0;
    int64_t count = 0;
    forEachRow([&](int64_t first, MutableArrayRef<int64_t> index, bool) {
      int64_t last = getRank() - 1;
      if (!listFreshAxes(index.drop_back()).empty())
        return;
      for (int64_t place = 0; place < getRowLength(); ++place) {
        index[last] = place;
        if (const AxisPlace *own = getPlace(last, index); own && own->isFresh)
          continue;
        double value = elements.getNumber(first + place);
        sum += value;
        squares += value * value;
        ++count;
      }
    });
    if (count == 0)
      return 0;
    return std::sqrt(
        std::max(0.0, squares / count - sum / count * sum / count));
  }

  void fill(int64_t element, ArrayRef<int64_t> index) {
    double factor = 1;
    SmallVector<size_t, 2> freshAxes = listFreshAxes(index);
    bool isAverage = !construction.isMatrix(tensor.tensor);
    int64_t key = 0;
    for (size_t axis = 0; axis < places.size(); ++axis) {
      const AxisPlace *place = getPlace(axis, index);
      key = key * tensor.type.getDimSize(axis) +
            (place ? place->key : index[axis]);
      if (!place)
        continue;
      factor *= place->factor;
      if (!place->isFresh)
        continue;
      isAverage |= place->isAverage;
    }
    if (freshAxes.empty()) {
      if (factor != 1) {
        hasChanged = true;
        write(element, factor * elements.getNumber(element));
      }
      return;
    }
    if (factor == 0)
      return;
    if (!isAverage)
      write(element, factor * spread * drawNormal(seed, key));
    else
      writeMean(element, index, freshAxes, factor);
  }

  /// Writes the average of what the donors of an element have there. Of
  /// newborns for newborns there are none.
  void writeMean(int64_t element, ArrayRef<int64_t> index,
                 ArrayRef<size_t> freshAxes, double factor = 1) {
    if (freshAxes.size() != 1)
      return;
    size_t axis = freshAxes.front();
    const Donors &donors = getPlace(axis, index)->donors;
    if (!donors || donors->empty())
      return;
    double sum = 0;
    for (int64_t donor : *donors)
      sum +=
          elements.getNumber(element + (donor - index[axis]) * strides[axis]);
    write(element, factor * sum / static_cast<double>(donors->size()));
  }

  void write(int64_t element, double value) {
    writeNumber(elementType, value,
                tensor.bytes.data() + element * elements.getElementBytes());
  }

  const Construction &construction;
  const Edit &edit;
  const DropinOptions &options;
  const AxisEdit &axes;
  TensorRewrite tensor;
  Type elementType;
  TensorElements elements;
  uint64_t seed;
  double spread = 0;
  bool hasChanged = false;
  /// By axis and block; no blocks where the axis stays as it is.
  std::vector<std::vector<std::vector<AxisPlace>>> places;
  SmallVector<int64_t> strides;
};

/// Writes a number to all elements at fresh places.
void fillPlaces(TensorRewrite tensor, double number) {
  TensorElements elements = TensorElements::view(tensor.type, tensor.bytes);
  for (int64_t element : listFresh(tensor))
    writeNumber(tensor.type.getElementType(), number,
                tensor.bytes.data() + element * elements.getElementBytes());
}

} // namespace

FailureOr<std::vector<TensorEdit>> neuroplast::structure::applyGrowth(
    const UnitAnalysis &analysis, Construction &construction, const Edit &edit,
    const DropinOptions &growth, EditOptions options) {
  auto fill = [&](const AxisEdit &axes,
                  TensorRewrite tensor) -> FailureOr<Filled> {
    // What is kept about a weight starts anew with it, and newborns are not
    // masked.
    auto param = dyn_cast<neuro::ParamOp>(tensor.tensor);
    if (param && neuro::isMask(param))
      fillPlaces(tensor, 1);
    if (param && growth.transplant && neuro::isOptimizerState(param) &&
        neuro::sumsGradients(param))
      return Filler(construction, edit, growth, axes, tensor).fillWithMeans();
    if (param && param.getShadowOf())
      return Filled::Newborns;
    return Filler(construction, edit, growth, axes, tensor).run();
  };
  options.fill = fill;
  auto edits = applyEdit(analysis, edit, options);
  if (succeeded(edits) && !edits->empty())
    construction.keepCounts(options.kind.empty()
                                ? neuro::EditOp()
                                : neuro::getLastEdit(analysis.getModule()));
  return edits;
}
