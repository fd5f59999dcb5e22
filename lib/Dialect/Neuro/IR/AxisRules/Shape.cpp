//===- Shape.cpp - Axis rules of ops that move elements -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RuleBuilder.h"
#include "SymbolicSize.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"

using namespace mlir;
using namespace neuroplast::neuro;
using namespace neuroplast::neuro::detail;

namespace {

bool isDynamic(int64_t size) { return ShapedType::isDynamic(size); }

} // namespace

AxisRule TransposeOp::getAxisRule() {
  RuleBuilder build(*this);
  TensorAxes axes = build.axes(getInput()), result;
  for (int64_t axis : getPermutation())
    if (axis >= 0 && axis < static_cast<int64_t>(axes.size()))
      result.push_back(axes[axis]);
  build.set(getInputMutable(), axes);
  build.set(getResult(), result);
  return build.take();
}

AxisRule ExpandOp::getAxisRule() {
  RuleBuilder build(*this);
  TensorAxes axes = build.axes(getResult());
  build.set(getInputMutable(), build.broadcast(getInput(), axes));
  build.set(getResult(), axes);
  return build.take();
}
void ExpandOp::setFactorExtents(ArrayRef<int64_t> extents) {
  AxisRule rule = getAxisRule();
  SmallVector<int64_t> sizes(getSizes());
  ArrayRef<AxisExpr> axes =
      ArrayRef<AxisExpr>(rule.results[0]).take_back(sizes.size());
  // A size of 1 asks for that of the input.
  for (auto [size, axis] : llvm::zip(sizes, axes))
    if (!isDynamic(size) && size != 1)
      size = AxisRule::getExtent(axis, extents);
  setSizes(sizes);
}

AxisRule FillOp::getAxisRule() {
  RuleBuilder build(*this);
  build.set(getResult(), build.axes(getResult()));
  if (RuleBuilder::getShape(getValue()).size() == 1)
    build.set(getValueMutable(), {AxisExpr::one()});
  return build.take();
}
void FillOp::setFactorExtents(ArrayRef<int64_t> extents) {
  setSizes(RuleBuilder::resize(getSizes(), getAxisRule().results[0], extents));
}

AxisRule TileOp::getAxisRule() {
  RuleBuilder build(*this);
  TensorAxes input, result;
  ArrayRef<int64_t> out = RuleBuilder::getShape(getResult());
  for (auto [index, size] :
       llvm::enumerate(RuleBuilder::getShape(getInput()))) {
    int64_t repeats = index < getRepeats().size() ? getRepeats()[index] : 1;
    unsigned a = build.factor("a", size);
    input.push_back(AxisExpr::factor(a));
    if (repeats == 1) {
      result.push_back(input.back());
    } else if (isDynamic(repeats)) {
      if (size != 1)
        build.pin(input.back(),
                  build.reason("repeats the axis as often as run time says"));
      result.push_back(build.axis("r", out[index], FactorRole::Spatial));
    } else {
      unsigned r = build.factor("r", repeats, FactorRole::Fixed);
      result.push_back(AxisExpr::product({r, a}));
    }
  }
  build.set(getInputMutable(), input);
  build.set(getResult(), result);
  return build.take();
}

AxisRule ConcatOp::getAxisRule() {
  RuleBuilder build(*this);
  TensorAxes result = build.axes(getResult());
  size_t axis = RuleBuilder::getPlace(getAxis(), result.size());
  if (axis >= result.size())
    return build.take();
  // The factor of the joined axis is replaced by the parts.
  build.rule.factors[axis].extent = 1;
  build.rule.factors[axis].role = FactorRole::Fixed;
  SmallVector<unsigned> parts;
  for (OpOperand &operand : getOperation()->getOpOperands()) {
    ArrayRef<int64_t> shape = RuleBuilder::getShape(operand.get());
    if (shape.size() != result.size())
      continue;
    TensorAxes axes = result;
    parts.push_back(build.factor("c", shape[axis]));
    for (size_t i = 0; i < axes.size(); ++i)
      if (i != axis && shape[i] != build.rule.getExtent(result[i]))
        build.pin(result[i],
                  build.reason("joins sizes known at run time only"));
    axes[axis] = AxisExpr::factor(parts.back());
    build.set(operand, axes);
  }
  result[axis] = AxisExpr::sum(parts);
  if (isDynamic(RuleBuilder::getShape(getResult())[axis]))
    for (unsigned part : parts)
      if (!isDynamic(build.rule.factors[part].extent))
        build.rule.pin(
            part,
            build.reason("joins the axis to a size known at run time only"));
  build.set(getResult(), result);
  return build.take();
}

AxisRule SplitOp::getAxisRule() {
  RuleBuilder build(*this);
  TensorAxes input = build.axes(getInput());
  size_t axis = RuleBuilder::getPlace(getAxis(), input.size());
  if (axis >= input.size())
    return build.take();
  int64_t whole = RuleBuilder::getShape(getInput())[axis];
  build.rule.factors[axis].extent = 1;
  build.rule.factors[axis].role = FactorRole::Fixed;
  SmallVector<unsigned> parts;
  for (Value output : getOutputs()) {
    TensorAxes axes = input;
    parts.push_back(build.factor("c", RuleBuilder::getShape(output)[axis]));
    axes[axis] = AxisExpr::factor(parts.back());
    if (isDynamic(whole))
      build.pin(axes[axis], build.reason("cuts a size known at run time only"));
    build.set(output, axes);
  }
  input[axis] = AxisExpr::sum(parts);
  build.set(getInputMutable(), input);
  return build.take();
}
void SplitOp::setFactorExtents(ArrayRef<int64_t> extents) {
  AxisRule rule = getAxisRule();
  SmallVector<int64_t> sizes(getSizes());
  for (auto [size, axes] : llvm::zip(sizes, rule.results))
    if (size_t axis = RuleBuilder::getPlace(getAxis(), axes.size());
        !isDynamic(size) && axis < axes.size())
      size = AxisRule::getExtent(axes[axis], extents);
  setSizes(sizes);
}

//===----------------------------------------------------------------------===//
// Slices and paddings
//===----------------------------------------------------------------------===//

namespace {

/// How a slice cuts one axis: what is left out before, what is taken, after.
/// `places` are the operands that hold places.
void sliceAxis(RuleBuilder &build, ValueRange places, int64_t whole,
               int64_t part, int64_t start, int64_t step, TensorAxes &input,
               TensorAxes &result) {
  if (isDynamic(whole) || isDynamic(part) || isDynamic(start) ||
      isDynamic(step)) {
    bool same = isDynamic(whole) && isDynamic(part) && start == 0 && step == 1;
    input.push_back(build.axis("s", whole, FactorRole::Plain));
    if (!same && !isDynamic(whole))
      build.pin(input.back(),
                build.reason("cuts at places known at run time only", places));
    result.push_back(build.axis("t", part, FactorRole::Spatial));
    return;
  }
  // A piece of one index is nothing that could shrink.
  bool backwards = step < 0;
  int64_t stride = backwards ? -step : step;
  int64_t first = backwards ? start + (part - 1) * step : start;
  int64_t last = first + (part - 1) * stride;
  if (stride == 0 || part < 1 || first < 0 || last >= whole) {
    input.push_back(build.axis("s", whole));
    build.pin(input.back(), build.reason("takes nothing of the axis"));
    result.push_back(build.axis("t", part, FactorRole::Spatial));
    return;
  }
  AxisExpr from, to;
  auto append = [&](int64_t extent, StringRef name) {
    if (extent <= 0)
      return;
    unsigned factor = build.factor(name, extent);
    build.rule.factors[factor].dropped = true;
    from.terms.push_back({factor});
  };
  append(first, "u");
  // Every index but the last stands before `stride` - 1 others that are not
  // taken; all of them go together.
  unsigned a = build.factor("a", stride == 1 ? part : part - 1);
  if (stride == 1) {
    from.terms.push_back({a});
    to.terms.push_back({a});
  } else {
    unsigned t = build.factor("t", stride, FactorRole::Fixed);
    build.rule.factors[t].dropped = true;
    unsigned w = build.factor("w", 1);
    from.terms.push_back({a, t});
    from.terms.push_back({w});
    to.terms.push_back({a});
    to.terms.push_back({w});
  }
  append(whole - last - 1, "v");
  to.reversed = backwards;
  input.push_back(std::move(from));
  result.push_back(std::move(to));
}

} // namespace

AxisRule SliceOp::getAxisRule() {
  RuleBuilder build(*this);
  TensorAxes input, result;
  ArrayRef<int64_t> in = RuleBuilder::getShape(getInput());
  ArrayRef<int64_t> out = RuleBuilder::getShape(getResult());
  if (getStarts().size() != in.size() || getSteps().size() != in.size() ||
      out.size() != in.size())
    return build.take();
  // Of an axis of unknown size, too, all may be taken.
  auto takesAll = [&](size_t axis) {
    if (getStarts()[axis] != 0 || getSteps()[axis] != 1 ||
        !isDynamic(in[axis]) || !isDynamic(getSizes()[axis]))
      return false;
    size_t position = llvm::count_if(getSizes().take_front(axis), isDynamic);
    return SymbolicSize::ofAxis(getInput(), axis) ==
           SymbolicSize::of(getDynamicSizes()[position]);
  };
  for (size_t i = 0; i < in.size(); ++i)
    if (takesAll(i)) {
      input.push_back(build.axis("a", in[i]));
      result.push_back(input.back());
    } else
      sliceAxis(build, getOperation()->getOperands().drop_front(), in[i],
                out[i], getStarts()[i], getSteps()[i], input, result);
  build.set(getInputMutable(), input);
  build.set(getResult(), result);
  return build.take();
}
void SliceOp::setFactorExtents(ArrayRef<int64_t> extents) {
  AxisRule rule = getAxisRule();
  SmallVector<int64_t> starts(getStarts()), sizes(getSizes());
  for (size_t i = 0; i < sizes.size() && i < rule.results[0].size(); ++i) {
    const AxisExpr &from = rule.operands[0][i], &to = rule.results[0][i];
    if (isDynamic(starts[i]) || isDynamic(sizes[i]) ||
        isDynamic(getSteps()[i]) ||
        isDynamic(AxisRule::getExtent(from, extents)))
      continue;
    sizes[i] = AxisRule::getExtent(to, extents);
    int64_t before = 0;
    for (const auto &term : from.terms) {
      if (term[0] == to.terms[0][0])
        break;
      before += extents[term[0]];
    }
    int64_t step = getSteps()[i];
    starts[i] = step > 0 ? before : before - (sizes[i] - 1) * step;
  }
  setStarts(starts);
  setSizes(sizes);
}

AxisRule PadOp::getAxisRule() {
  RuleBuilder build(*this);
  TensorAxes input, result;
  ArrayRef<int64_t> in = RuleBuilder::getShape(getInput());
  ArrayRef<int64_t> out = RuleBuilder::getShape(getResult());
  if (getLow().size() != in.size() || getHigh().size() != in.size())
    return build.take();
  for (size_t i = 0; i < in.size(); ++i) {
    int64_t low = getLow()[i], high = getHigh()[i];
    if (low == 0 && high == 0) {
      input.push_back(build.axis("a", in[i]));
      result.push_back(input.back());
      continue;
    }
    if (isDynamic(low) || isDynamic(high) || isDynamic(in[i]) ||
        getMode() != "constant" ||
        in[i] + std::min<int64_t>(low, 0) + std::min<int64_t>(high, 0) < 1) {
      input.push_back(build.axis("s", in[i]));
      if (!isDynamic(in[i]))
        build.pin(input.back(),
                  build.reason("pads the axis from its own elements"));
      result.push_back(build.axis("t", out[i], FactorRole::Spatial));
      continue;
    }
    AxisExpr from, to;
    auto border = [&](int64_t size, StringRef name) {
      if (size > 0)
        to.terms.push_back({build.factor(name, size)});
      if (size >= 0)
        return;
      unsigned factor = build.factor(name, -size);
      build.rule.factors[factor].dropped = true;
      from.terms.push_back({factor});
    };
    border(low, "low");
    unsigned a = build.factor("a", in[i] + std::min<int64_t>(low, 0) +
                                       std::min<int64_t>(high, 0));
    from.terms.push_back({a});
    to.terms.push_back({a});
    border(high, "high");
    input.push_back(from);
    result.push_back(to);
  }
  build.set(getInputMutable(), input);
  build.set(getResult(), result);
  if (getValue() && RuleBuilder::getShape(getValue()).size() == 1)
    build.set(getValueMutable(), {AxisExpr::one()});
  return build.take();
}
void PadOp::setFactorExtents(ArrayRef<int64_t> extents) {
  AxisRule rule = getAxisRule();
  SmallVector<int64_t> low(getLow()), high(getHigh());
  for (size_t i = 0; i < low.size() && i < rule.results[0].size(); ++i) {
    const AxisExpr &from = rule.operands[0][i], &to = rule.results[0][i];
    auto update = [&](int64_t &size, bool first) {
      if (size == 0 || isDynamic(size) || (from == to))
        return;
      const AxisExpr &side = size > 0 ? to : from;
      if (side.terms.size() < 2)
        return;
      int64_t extent =
          extents[first ? side.terms.front()[0] : side.terms.back()[0]];
      size = size > 0 ? extent : -extent;
    };
    update(low[i], true);
    update(high[i], false);
  }
  setLow(low);
  setHigh(high);
}

AxisRule ChannelShuffleOp::getAxisRule() {
  RuleBuilder build(*this);
  int64_t size = RuleBuilder::getShape(getInput())[getAxis()];
  TensorAxes axes = build.axes(getInput());
  unsigned g = build.factor("g", getGroups(), FactorRole::Block);
  unsigned c = build.factor("c", size / getGroups());
  axes[getAxis()] = AxisExpr::product({g, c});
  build.set(getInputMutable(), axes);
  axes[getAxis()] = AxisExpr::product({c, g});
  build.set(getResult(), axes);
  return build.take();
}

//===----------------------------------------------------------------------===//
// Blocks of pixels, and ops that look at positions
//===----------------------------------------------------------------------===//

AxisRule DepthToSpaceOp::getAxisRule() {
  RuleBuilder build(*this);
  ArrayRef<int64_t> in = RuleBuilder::getShape(getInput());
  int64_t block = getBlocksize();
  if (in.size() != 4 || block < 1 || isDynamic(in[1]) ||
      in[1] % (block * block))
    return build.take();
  unsigned c = build.factor("c", in[1] / (block * block));
  unsigned p = build.factor("p", block, FactorRole::Fixed);
  unsigned q = build.factor("q", block, FactorRole::Fixed);
  AxisExpr n = build.axis("n", in[0]);
  unsigned h = build.factor("h", in[2], FactorRole::Spatial);
  unsigned w = build.factor("w", in[3], FactorRole::Spatial);
  AxisExpr channels = getMode() == "CRD" ? AxisExpr::product({c, p, q})
                                         : AxisExpr::product({p, q, c});
  build.set(getInputMutable(),
            {n, channels, AxisExpr::factor(h), AxisExpr::factor(w)});
  build.set(getResult(), {n, AxisExpr::factor(c), AxisExpr::product({h, p}),
                          AxisExpr::product({w, q})});
  return build.take();
}

AxisRule SpaceToDepthOp::getAxisRule() {
  RuleBuilder build(*this);
  ArrayRef<int64_t> in = RuleBuilder::getShape(getInput());
  int64_t block = getBlocksize();
  if (in.size() != 4 || block < 1)
    return build.take();
  auto divide = [&](int64_t size) {
    return isDynamic(size) ? size : size / block;
  };
  unsigned c = build.factor("c", in[1]);
  unsigned p = build.factor("p", block, FactorRole::Fixed);
  unsigned q = build.factor("q", block, FactorRole::Fixed);
  AxisExpr n = build.axis("n", in[0]);
  unsigned h = build.factor("h", divide(in[2]), FactorRole::Spatial);
  unsigned w = build.factor("w", divide(in[3]), FactorRole::Spatial);
  build.set(getInputMutable(),
            {n, AxisExpr::factor(c), AxisExpr::product({h, p}),
             AxisExpr::product({w, q})});
  build.set(getResult(), {n, AxisExpr::product({p, q, c}), AxisExpr::factor(h),
                          AxisExpr::factor(w)});
  return build.take();
}

AxisRule ReverseSequenceOp::getAxisRule() {
  RuleBuilder build(*this);
  TensorAxes axes = build.axes(getInput());
  size_t batch = getBatchAxis(), time = getTimeAxis();
  if (batch >= axes.size() || time >= axes.size())
    return build.take();
  build.pin(axes[time], build.reason("reverses parts of the axis"));
  build.set(getInputMutable(), axes);
  build.set(getSequenceLensMutable(), {axes[batch]});
  build.set(getResult(), axes);
  return build.take();
}

AxisRule TriluOp::getAxisRule() {
  RuleBuilder build(*this);
  TensorAxes axes = build.axes(getInput());
  for (AxisExpr &axis : llvm::MutableArrayRef<AxisExpr>(axes).take_back(2))
    build.pin(axis, build.reason("compares the indices of the axis"));
  build.set(getInputMutable(), axes);
  build.set(getResult(), axes);
  return build.take();
}

AxisRule EyeLikeOp::getAxisRule() {
  RuleBuilder build(*this);
  TensorAxes axes = build.axes(getInput());
  build.pin(axes, build.reason("compares the indices of the axis"));
  build.set(getInputMutable(), axes);
  build.set(getResult(), axes);
  return build.take();
}

AxisRule RangeOp::getAxisRule() {
  RuleBuilder build(*this);
  build.set(getResult(),
            build.pinnedAxes(getResult(), "counts along the axis"));
  return build.take();
}
