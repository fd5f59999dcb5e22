//===- Sampling.cpp - What samples at computed places are made of ---------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Ops that read a tensor between its elements, at places that data say, as
// weighted sums of elements that are gathered: the gradients of the tensor, of
// the places and of the weights follow from those of the parts.
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/ContractionOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/PoolingOps.h"

using namespace mlir;
using namespace neuroplast::neuro;

namespace {

/// A place that a sample is made from, along one axis of a tensor: batches x
/// points.
struct Neighbour {
  Term place;       ///< A whole number; inside the axis.
  Term weight;      ///< One if there is none.
  Term inside = {}; ///< Where it does not hold the neighbour counts as zero.
};
using Neighbours = SmallVector<Neighbour>;

} // namespace

/// The elements of a tensor of batches x channels x sizes at all combinations
/// of neighbours along the axes of the sizes, times their weights: each is
/// batches x channels x points.
static SmallVector<Term> weigh(const Term &tensor, ArrayRef<Neighbours> axes) {
  auto &at = tensor.getBuilder();
  Type i64 = at.builder.getI64Type(),
       element = tensor.getType().getElementType();
  ArrayRef<int64_t> shape = tensor.getType().getShape();
  struct Combination {
    Term index, weight;
  };
  SmallVector<Combination> all(1);
  for (auto [axis, neighbours] : llvm::enumerate(axes)) {
    SmallVector<Combination> longer;
    for (const Combination &other : all)
      for (const Neighbour &neighbour : neighbours) {
        Combination next{neighbour.place.cast(i64), neighbour.weight};
        if (other.index)
          next.index =
              other.index * static_cast<double>(shape[axis + 2]) + next.index;
        if (next.weight) {
          if (neighbour.inside)
            next.weight = neighbour.inside.select(next.weight, 0);
          next.weight = next.weight.cast(element);
        } else if (neighbour.inside) {
          next.weight = neighbour.inside.cast(element);
        }
        if (other.weight)
          next.weight = next.weight ? other.weight * next.weight : other.weight;
        longer.push_back(next);
      }
    all = std::move(longer);
  }
  Term flat = tensor.reshape(
      {shape[0], shape[1], ShapedType::getNumElements(shape.drop_front(2))});
  SmallVector<Term> found;
  for (const Combination &one : all) {
    Term index = one.index.expandAxes({1}).broadcastTo(
        {shape[0], shape[1], one.index.getType().getDimSize(1)});
    Term values = flat.gatherElements(index, 2);
    found.push_back(one.weight ? values * one.weight.expandAxes({1}) : values);
  }
  return found;
}

static Term interpolate(const Term &tensor, ArrayRef<Neighbours> axes) {
  SmallVector<Term> values = weigh(tensor, axes);
  Term sum = values.front();
  for (const Term &value : ArrayRef(values).drop_front())
    sum = sum + value;
  return sum;
}

/// A list of numbers of the element type of a term.
static Term list(const Term &like, ArrayRef<double> numbers) {
  auto &at = like.getBuilder();
  Type element = like.getType().getElementType();
  SmallVector<Attribute> entries;
  for (double number : numbers)
    entries.push_back(at.builder.getFloatAttr(element, number));
  auto type =
      RankedTensorType::get({static_cast<int64_t>(numbers.size())}, element);
  return {at, ConstantOp::create(at.builder, at.location,
                                 DenseElementsAttr::get(type, entries))};
}

static Term isBetween(const Term &x, double low, double high) {
  return (x < x.number(low)).isNot() && (x > high).isNot();
}

//===----------------------------------------------------------------------===//
// GridSample
//===----------------------------------------------------------------------===//

namespace {

/// Finds the neighbours along one spatial axis of places of a grid, as the
/// specification of ONNX GridSample has it.
class GridAxis {
public:
  GridAxis(GridSampleOp op, int64_t size)
      : mode(op.getMode()), padding(op.getPaddingMode()),
        last(static_cast<double>(size - 1)),
        margin(op.getAlignCorners() ? 0 : 0.5) {}

  Neighbours find(const Term &normalised) const {
    // From -1 to 1 along the axis: to the centres of the corner elements, or to
    // their edges.
    Term x = (normalised + 1) * (last / 2 + margin) - margin;
    if (mode == "nearest")
      return {access(x.round(), Term())};
    if (mode == "linear" || padding != "border")
      x = pad(x);
    Term base = x.floor(), fraction = x - base;
    if (mode == "linear")
      return {access(base, 1 - fraction), access(base + 1, fraction)};
    Neighbours found;
    for (int i = -1; i <= 2; ++i) {
      bool isNear = i == 0 || i == 1;
      found.push_back(
          access(base + i, weighCubic((fraction - i).abs(), isNear)));
    }
    return found;
  }

private:
  /// Keys' kernel, as other implementations of the op take it.
  static Term weighCubic(const Term &t, bool isNear) {
    constexpr double a = -0.75;
    return isNear ? ((a + 2) * t - (a + 3)) * t * t + 1
                  : ((a * t - 5 * a) * t + 8 * a) * t - 4 * a;
  }

  /// Places outside moved to where their values come from.
  Term pad(const Term &x) const {
    if (padding == "border")
      return x.clamp(0, last);
    double low = -margin, span = last + 2 * margin;
    if (padding != "reflection")
      return x;
    if (span == 0)
      return x * 0 + low;
    // There and back again, over and over.
    Term way = (x - low) / (2 * span);
    return low + span * (1 - (1 - 2 * (way - way.floor())).abs());
  }

  Neighbour access(const Term &x, const Term &weight) const {
    // Rounded, as what is mirrored is a whole number but for its last bits.
    Neighbour neighbour{pad(x).round().clamp(0, last), weight};
    if (padding == "zeros")
      neighbour.inside = isBetween(x, 0, last);
    return neighbour;
  }

  StringRef mode, padding;
  double last, margin;
};

} // namespace

FailureOr<SmallVector<Value>> GridSampleOp::buildParts(TermBuilder &at) {
  if (failed(requireStaticSizes(getOperation())))
    return failure();
  Term input(at, getInput()), grid(at, getGrid());
  int64_t batch = grid.getType().getDimSize(0),
          spatial = grid.getType().getShape().back();
  int64_t points =
      grid.getType().getNumElements() / std::max<int64_t>(batch * spatial, 1);
  Term table = grid.reshape({batch, points, spatial});
  SmallVector<Neighbours> axes;
  for (int64_t axis = 0; axis < spatial; ++axis) {
    // The last axis of the input comes first in a point.
    Term places =
        table.slice(2, spatial - 1 - axis, 1).reshape({batch, points});
    axes.push_back(
        GridAxis(*this, input.getType().getDimSize(axis + 2)).find(places));
  }
  return SmallVector<Value>{
      interpolate(input, axes).reshapeLike(getResult()).get()};
}

//===----------------------------------------------------------------------===//
// DeformConv
//===----------------------------------------------------------------------===//

/// The neighbours of places; those outside count as zero.
static Neighbours findAround(const Term &x, int64_t size) {
  auto last = static_cast<double>(size - 1);
  Term base = x.floor(), fraction = x - base;
  return {{base.clamp(0, last), 1 - fraction, isBetween(base, 0, last)},
          {(base + 1).clamp(0, last), fraction, isBetween(base + 1, 0, last)}};
}

FailureOr<SmallVector<Value>> DeformConvOp::buildParts(TermBuilder &at) {
  if (failed(requireStaticSizes(getOperation())))
    return failure();
  Term input(at, getInput()), weight(at, getWeight()), offset(at, getOffset());
  ArrayRef<int64_t> sizes = input.getType().getShape(),
                    kernel = weight.getType().getShape().drop_front(2),
                    places = offset.getType().getShape().drop_front(2);
  auto groups = static_cast<int64_t>(getGroup()),
       offsetGroups = static_cast<int64_t>(getOffsetGroup()),
       spatial = static_cast<int64_t>(kernel.size());
  int64_t volume = ShapedType::getNumElements(kernel),
          area = ShapedType::getNumElements(places), batch = sizes[0],
          channels = sizes[1], outputs = weight.getType().getDimSize(0);
  // Groups of channels that look at the same places are batches.
  SmallVector<int64_t> grouped{batch * offsetGroups, channels / offsetGroups};
  llvm::append_range(grouped, sizes.drop_front(2));
  Term offsets = offset.reshape({batch * offsetGroups, volume, spatial, area});
  SmallVector<Neighbours> axes;
  for (int64_t axis = 0, inner = volume; axis < spatial; ++axis) {
    inner /= kernel[axis];
    SmallVector<double> entries, steps;
    for (int64_t i = 0; i < volume; ++i)
      entries.push_back(static_cast<double>(
          i / inner % kernel[axis] * getDilations()[axis] - getPads()[axis]));
    for (int64_t i = 0; i < places[axis]; ++i)
      steps.push_back(static_cast<double>(i * getStrides()[axis]));
    SmallVector<int64_t> along(spatial, 1);
    along[axis] = places[axis];
    Term start =
        list(offset, entries).reshape({volume, 1}) + list(offset, steps)
                                                         .reshape(along)
                                                         .broadcastTo(places)
                                                         .reshape({1, area});
    Term moved = offsets.slice(2, axis, 1)
                     .reshape({batch * offsetGroups, volume, area}) +
                 start;
    axes.push_back(findAround(
        moved.reshape({batch * offsetGroups, volume * area}), sizes[axis + 2]));
  }
  Term columns = interpolate(input.reshape(grouped), axes);
  if (getMask())
    columns =
        columns *
        Term(at, getMask()).reshape({batch * offsetGroups, 1, volume * area});
  Term product =
      weight.reshape({groups, outputs / groups, channels / groups * volume})
          .matmul(columns.reshape(
              {batch, groups, channels / groups * volume, area}));
  Term result = product.reshapeLike(getResult());
  if (getBias()) {
    SmallVector<int64_t> along(spatial + 1, 1);
    along[0] = outputs;
    result = result + Term(at, getBias()).reshape(along);
  }
  return SmallVector<Value>{result.get()};
}

//===----------------------------------------------------------------------===//
// RoiAlign
//===----------------------------------------------------------------------===//

/// The neighbours of samples along one axis: regions x samples. `first` and
/// `last` are the columns of the borders of the regions.
static Neighbours sampleRegions(RoiAlignOp op, const Term &rois, int64_t first,
                                int64_t last, int64_t bins, int64_t size) {
  bool isHalf = op.getCoordinateTransformationMode() == "half_pixel";
  auto border = [&](int64_t column) {
    return rois.slice(1, column, 1) * op.getSpatialScale().convertToFloat() -
           (isHalf ? 0.5 : 0.0);
  };
  Term start = border(first), extent = border(last) - start;
  // Without the shift a region has at least one pixel.
  if (!isHalf)
    extent = (extent > 1).select(extent, 1);
  auto ratio = static_cast<int64_t>(op.getSamplingRatio());
  SmallVector<double> parts;
  for (int64_t sample = 0; sample < bins * ratio; ++sample)
    parts.push_back((static_cast<double>(sample) + 0.5) /
                    static_cast<double>(bins * ratio));
  Term x = start + extent * list(rois, parts);
  auto end = static_cast<double>(size - 1);
  Term inside = isBetween(x, -1, end + 1), bounded = x.clamp(0, end);
  Term base = bounded.floor(), fraction = bounded - base;
  return {{base, 1 - fraction, inside},
          {(base + 1).clamp(0, end), fraction, inside}};
}

/// The same for all pairs of samples along both axes: 1 x all.
static void pairUp(Neighbours &neighbours, int64_t axis,
                   ArrayRef<int64_t> counts) {
  auto spread = [&](const Term &term) {
    SmallVector<int64_t> all(counts);
    return term.expandAxes({3 - axis})
        .broadcastTo(all)
        .flatten()
        .expandAxes({0});
  };
  for (Neighbour &neighbour : neighbours) {
    neighbour.place = spread(neighbour.place);
    neighbour.weight = spread(neighbour.weight);
    neighbour.inside = spread(neighbour.inside);
  }
}

FailureOr<SmallVector<Value>> RoiAlignOp::buildParts(TermBuilder &at) {
  if (failed(requireStaticSizes(getOperation())))
    return failure();
  auto ratio = static_cast<int64_t>(getSamplingRatio());
  if (ratio == 0)
    return emitOpError("with as many samples as a region has pixels has no "
                       "gradient yet");
  Term input(at, getInput()), rois(at, getRois());
  ArrayRef<int64_t> sizes = input.getType().getShape();
  auto height = static_cast<int64_t>(getOutputHeight()),
       width = static_cast<int64_t>(getOutputWidth());
  int64_t regions = rois.getType().getDimSize(0);
  SmallVector<int64_t> counts{regions, height * ratio, width * ratio};
  Neighbours rows = sampleRegions(*this, rois, 1, 3, height, sizes[2]),
             columns = sampleRegions(*this, rois, 0, 2, width, sizes[3]);
  pairUp(rows, 1, counts);
  pairUp(columns, 2, counts);
  Term batch = Term(at, getBatchIndices())
                   .expandAxes({1, 2})
                   .broadcastTo(counts)
                   .flatten()
                   .expandAxes({0});
  SmallVector<Term> values =
      weigh(input.transpose({1, 0, 2, 3}).expandAxes({0}),
            {{{batch, Term()}}, rows, columns});
  bool isMax = getMode() == "max";
  Term sum = values.front();
  for (const Term &value : ArrayRef(values).drop_front())
    sum = isMax ? sum.max(value) : sum + value;
  sum = sum.reshape({sizes[1], regions, height, ratio, width, ratio});
  Term result = isMax ? sum.max({3, 5})
                      : sum.sum({3, 5}) / static_cast<double>(ratio * ratio);
  return SmallVector<Value>{result.reshape({sizes[1], regions, height, width})
                                .transpose({1, 0, 2, 3})
                                .get()};
}
