//===- LinearMaps.cpp - Ops that weigh patches of their data --------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/ContractionOps.h"
#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"
#include "neuroplast/Dialect/Neuro/IR/LinearMap.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/NormalizationOps.h"
#include <cmath>

using namespace mlir;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::getTensorType;

using DataAxis = LinearMap::DataAxis;

std::optional<LinearMap> ConvOp::getLinearMap() {
  if (getAutoPad() != "NOTSET" && getAutoPad() != "VALID")
    return std::nullopt;
  LinearMap map;
  if (getBias())
    map.bias = 2;
  map.outAxisOfResult = 1;
  map.blocks = getGroup();
  map.axes.push_back(DataAxis{0, std::nullopt});
  DataAxis &channels = map.axes.emplace_back();
  channels.weightAxis = 1;
  channels.isBlocked = true;
  for (size_t i = 0; i < getStrides().size(); ++i) {
    unsigned axis = i + 2;
    map.axes.push_back(
        {axis, axis, getStrides()[i], getDilations()[i], -getPads()[i]});
  }
  return map;
}

/// The product of a matrix and a tensor with batch axes, where `weightFirst`
/// says that the matrix is the first factor, and the matrices may be
/// transposed.
static LinearMap makeMatrixProduct(Value data, bool weightFirst,
                                   bool isDataTransposed,
                                   bool isWeightTransposed) {
  unsigned rank = getTensorType(data).getRank();
  unsigned last = rank - 1;
  LinearMap map;
  map.data = weightFirst ? 1 : 0;
  map.weight = weightFirst ? 0 : 1;
  map.outAxisOfWeight = weightFirst == isWeightTransposed ? 1 : 0;
  map.outAxisOfResult = weightFirst ? rank - 2 : last;
  unsigned summed = 1 - map.outAxisOfWeight;
  for (unsigned axis = 0; axis + 2 < rank; ++axis)
    map.axes.push_back(DataAxis{axis, std::nullopt});
  // The second factor is summed over its rows, the first over its columns.
  DataAxis kept{weightFirst ? last : rank - 2, std::nullopt};
  DataAxis sum{std::nullopt, summed};
  bool isSummedFirst = weightFirst != isDataTransposed;
  map.axes.push_back(isSummedFirst ? sum : kept);
  map.axes.push_back(isSummedFirst ? kept : sum);
  return map;
}

std::optional<LinearMap> MatMulOp::getLinearMap() {
  auto isMatrix = [](Value value) {
    return getTensorType(value).getRank() == 2;
  };
  auto isParam = [&](Value value) {
    return isMatrix(value) && value.getDefiningOp<GetParamOp>();
  };
  if (isParam(getRhs()) && getTensorType(getLhs()).getRank() >= 2)
    return makeMatrixProduct(getLhs(), false, false, false);
  if (isParam(getLhs()) && getTensorType(getRhs()).getRank() >= 2)
    return makeMatrixProduct(getRhs(), true, false, false);
  return std::nullopt;
}

std::optional<LinearMap> GemmOp::getLinearMap() {
  bool weightFirst = getA().getDefiningOp<GetParamOp>() != nullptr;
  if (getAlpha().convertToDouble() != 1 || getBeta().convertToDouble() != 1)
    return std::nullopt;
  LinearMap map = makeMatrixProduct(weightFirst ? getB() : getA(), weightFirst,
                                    weightFirst ? getTransB() : getTransA(),
                                    weightFirst ? getTransA() : getTransB());
  if (!getC())
    return map;
  // Anything but a vector along the out axis is no bias.
  ArrayRef<int64_t> shape = getTensorType(getC()).getShape();
  int64_t outs = getTensorType(getResult()).getDimSize(map.outAxisOfResult);
  if (map.outAxisOfResult != 1 || shape.empty() || shape.back() != outs ||
      getTensorType(getC()).getNumElements() != outs)
    return std::nullopt;
  map.bias = 2;
  return map;
}

Value ConvOp::buildOutMap(OpBuilder &builder, Value results, Value weight,
                          Value bias) {
  SmallVector<int64_t> ones(getStrides().size(), 1);
  SmallVector<int64_t> zeros(2 * getStrides().size(), 0);
  return ConvOp::create(builder, getLoc(), results, weight, bias, ones, ones,
                        zeros);
}

Value MatMulOp::buildOutMap(OpBuilder &builder, Value results, Value weight,
                            Value bias) {
  if (bias)
    return nullptr;
  return getLinearMap()->weight == 0
             ? MatMulOp::create(builder, getLoc(), weight, results)
             : MatMulOp::create(builder, getLoc(), results, weight);
}

Value GemmOp::buildOutMap(OpBuilder &builder, Value results, Value weight,
                          Value bias) {
  if (getLinearMap()->weight == 0)
    return nullptr;
  return GemmOp::create(builder, getLoc(), results, weight, bias,
                        /*alpha=*/APFloat(1.0f), /*beta=*/APFloat(1.0f),
                        /*transA=*/0, getTransB());
}

std::optional<InputOffset> AddOp::getInputOffset() {
  for (unsigned offset : {1, 0}) {
    Value vector = getOperand(offset), data = getOperand(1 - offset);
    if (!vector.getDefiningOp<GetParamOp>() || !detail::isVector(vector))
      continue;
    ArrayRef<int64_t> shape = getTensorType(vector).getShape();
    int64_t axis =
        llvm::find_if(shape, [](int64_t size) { return size != 1; }) -
        shape.begin() + getTensorType(data).getRank() - shape.size();
    if (axis >= 0)
      return InputOffset{1 - offset, offset, static_cast<unsigned>(axis)};
  }
  return std::nullopt;
}

std::optional<InputOffset> BatchNormOp::getInputOffset() {
  return InputOffset{0, 3, 1, -1};
}

std::optional<RunningStatistics> BatchNormOp::getRunningStatistics() {
  return RunningStatistics{0, 3, 4, getMomentum().convertToDouble()};
}

std::optional<ChannelAffine> BatchNormOp::getChannelAffine(
    llvm::function_ref<std::optional<SmallVector<double>>(Value)> read) {
  auto scale = read(getScale()), bias = read(getBias()), mean = read(getMean()),
       variance = read(getVariance());
  if (!scale || !bias || !mean || !variance)
    return std::nullopt;
  ChannelAffine affine{0, {}, {}};
  double epsilon = getEpsilon().convertToFloat();
  for (auto [s, b, m, v] : llvm::zip_equal(*scale, *bias, *mean, *variance)) {
    affine.scale.push_back(s / std::sqrt(v + epsilon));
    affine.shift.push_back(b - affine.scale.back() * m);
  }
  return affine;
}

Value neuroplast::neuro::buildSum(OpBuilder &builder, Location location,
                                  Value a, Value b) {
  return AddOp::create(builder, location, a, b);
}

Value neuroplast::neuro::buildProduct(OpBuilder &builder, Location location,
                                      Value a, Value b) {
  return MulOp::create(builder, location, a, b);
}
