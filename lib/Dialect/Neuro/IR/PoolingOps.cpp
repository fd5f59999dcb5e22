//===- PoolingOps.cpp - Pooling, resizing and sampling --------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/PoolingOps.h"

using namespace mlir;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::getTensorType;

static constexpr int64_t kDynamic = ShapedType::kDynamic;

#define INFER(OP)                                                              \
  LogicalResult OP::inferReturnTypes(                                          \
      MLIRContext *context, std::optional<Location> location, Adaptor adaptor, \
      SmallVectorImpl<Type> &types)

template <typename Adaptor>
static LogicalResult inferPool(StringRef opName,
                               std::optional<Location> location,
                               Adaptor adaptor, SmallVectorImpl<Type> &types) {
  RankedTensorType input = getTensorType(adaptor.getInput());
  if (input.getRank() < 3)
    return emitOptionalError(location, "'", opName, "' op pools ", input,
                             ", which has no spatial axis");
  size_t spatial = input.getRank() - 2;
  if (failed(neuroplast::neuro::detail::verifyListSizes(
          opName, location, spatial,
          {{"kernel_shape", adaptor.getKernelShape().size()},
           {"strides", adaptor.getStrides().size()},
           {"dilations", adaptor.getDilations().size()}})) ||
      failed(neuroplast::neuro::detail::verifyListSizes(
          opName, location, 2 * spatial, {{"pads", adaptor.getPads().size()}})))
    return failure();
  if (auto problem = neuroplast::neuro::detail::findWindowProblem(
          adaptor.getKernelShape(), adaptor.getStrides(),
          adaptor.getDilations(), adaptor.getPads()))
    return emitOptionalError(location, "'", opName, "' op ", *problem);
  SmallVector<int64_t> shape{input.getDimSize(0), input.getDimSize(1)};
  for (size_t axis = 0; axis < spatial; ++axis) {
    int64_t stride = adaptor.getStrides()[axis];
    int64_t dilation = adaptor.getDilations()[axis];
    int64_t kernel = adaptor.getKernelShape()[axis];
    if (kernel < 1)
      return emitOptionalError(location, "'", opName,
                               "' op kernel must be positive");
    int64_t size = input.getDimSize(axis + 2);
    int64_t low = adaptor.getPads()[axis];
    int64_t high = adaptor.getPads()[axis + spatial];
    int64_t result = neuroplast::neuro::detail::getWindowedSize(
        size, kernel, stride, dilation, low + high, adaptor.getCeilMode(),
        adaptor.getAutoPad());
    // A window that would start in the padding behind the last row is dropped.
    if (adaptor.getCeilMode() && result != kDynamic &&
        (result - 1) * stride >= size + low)
      --result;
    shape.push_back(result);
  }
  types.push_back(RankedTensorType::get(shape, input.getElementType()));
  return success();
}

INFER(MaxPoolOp) {
  if (failed(inferPool(getOperationName(), location, adaptor, types)))
    return failure();
  types.push_back(
      cast<RankedTensorType>(types[0]).clone(IntegerType::get(context, 64)));
  return success();
}
INFER(AveragePoolOp) {
  (void)context;
  return inferPool(getOperationName(), location, adaptor, types);
}
INFER(LpPoolOp) {
  (void)context;
  return inferPool(getOperationName(), location, adaptor, types);
}

INFER(MaxUnpoolOp) {
  (void)context;
  RankedTensorType input = getTensorType(adaptor.getInput());
  size_t spatial = std::max<int64_t>(input.getRank() - 2, 0);
  if (spatial == 0)
    return emitOptionalError(location, "'", getOperationName(), "' op input ",
                             input, " has no spatial axis");
  if (failed(neuroplast::neuro::detail::verifyListSizes(
          getOperationName(), location, spatial,
          {{"kernel_shape", adaptor.getKernelShape().size()},
           {"strides", adaptor.getStrides().size()}})) ||
      failed(neuroplast::neuro::detail::verifyListSizes(
          getOperationName(), location, 2 * spatial,
          {{"pads", adaptor.getPads().size()}})) ||
      failed(neuroplast::neuro::detail::verifyListSizes(
          getOperationName(), location, input.getRank(),
          {{"sizes", adaptor.getSizes().size()}})) ||
      failed(neuroplast::neuro::detail::verifyDynamicList(
          getOperationName(), location, "sizes", adaptor.getSizes(),
          adaptor.getDynamicSizes().size())))
    return failure();
  if (auto problem = neuroplast::neuro::detail::findWindowProblem(
          adaptor.getKernelShape(), adaptor.getStrides(), {},
          adaptor.getPads()))
    return emitOptionalError(location, "'", getOperationName(), "' op ",
                             *problem);
  types.push_back(RankedTensorType::get(
      adaptor.getSizes(), getElementTypeOrSelf(adaptor.getInput().getType())));
  return success();
}

INFER(RoiAlignOp) {
  (void)context;
  RankedTensorType input = getTensorType(adaptor.getInput());
  if (input.getRank() != 4)
    return emitOptionalError(location, "'", getOperationName(),
                             "' op input has rank ", input.getRank(),
                             ", expected 4");
  if (getTensorType(adaptor.getRois()).getRank() != 2 ||
      getTensorType(adaptor.getBatchIndices()).getRank() != 1)
    return emitOptionalError(location, "'", getOperationName(),
                             "' op takes a table of regions and a list of "
                             "batch indices");
  types.push_back(RankedTensorType::get(
      {getTensorType(adaptor.getRois()).getDimSize(0), input.getDimSize(1),
       static_cast<int64_t>(adaptor.getOutputHeight()),
       static_cast<int64_t>(adaptor.getOutputWidth())},
      input.getElementType()));
  return success();
}

INFER(MaxRoiPoolOp) {
  (void)context;
  RankedTensorType input = getTensorType(adaptor.getInput());
  if (input.getRank() != 4 || adaptor.getPooledShape().size() != 2 ||
      getTensorType(adaptor.getRois()).getRank() != 2)
    return emitOptionalError(location, "'", getOperationName(),
                             "' op pools regions of images of rank 4");
  types.push_back(RankedTensorType::get(
      {getTensorType(adaptor.getRois()).getDimSize(0), input.getDimSize(1),
       adaptor.getPooledShape()[0], adaptor.getPooledShape()[1]},
      input.getElementType()));
  return success();
}

INFER(ResizeOp) {
  (void)context;
  RankedTensorType input = getTensorType(adaptor.getInput());
  if (failed(neuroplast::neuro::detail::verifyListSizes(
          getOperationName(), location, input.getRank(),
          {{"sizes", adaptor.getSizes().size()}})))
    return failure();
  types.push_back(
      RankedTensorType::get(adaptor.getSizes(), input.getElementType()));
  return success();
}

INFER(GridSampleOp) {
  (void)context;
  RankedTensorType input = getTensorType(adaptor.getInput());
  RankedTensorType grid = getTensorType(adaptor.getGrid());
  bool fits = grid.getRank() == input.getRank() && input.getRank() >= 3;
  if (fits && !grid.isDynamicDim(grid.getRank() - 1))
    fits = grid.getShape().back() == input.getRank() - 2;
  if (!fits)
    return emitOptionalError(location, "'", getOperationName(), "' op grid ",
                             grid, " does not fit the input ", input);
  SmallVector<int64_t> shape{input.getDimSize(0), input.getDimSize(1)};
  llvm::append_range(shape, grid.getShape().drop_front().drop_back());
  types.push_back(RankedTensorType::get(shape, input.getElementType()));
  return success();
}

INFER(Col2ImOp) {
  (void)context;
  RankedTensorType input = getTensorType(adaptor.getInput());
  if (input.getRank() != 3)
    return emitOptionalError(location, "'", getOperationName(),
                             "' op input has rank ", input.getRank(),
                             ", expected 3");
  size_t spatial = adaptor.getImageShape().size();
  if (failed(neuroplast::neuro::detail::verifyListSizes(
          getOperationName(), location, spatial,
          {{"block_shape", adaptor.getBlockShape().size()},
           {"strides", adaptor.getStrides().size()},
           {"dilations", adaptor.getDilations().size()}})) ||
      failed(neuroplast::neuro::detail::verifyListSizes(
          getOperationName(), location, 2 * spatial,
          {{"pads", adaptor.getPads().size()}})))
    return failure();
  if (auto problem = neuroplast::neuro::detail::findWindowProblem(
          adaptor.getBlockShape(), adaptor.getStrides(), adaptor.getDilations(),
          adaptor.getPads()))
    return emitOptionalError(location, "'", getOperationName(), "' op ",
                             *problem);
  int64_t block = 1;
  for (int64_t size : adaptor.getBlockShape()) {
    if (size < 1)
      return emitOptionalError(location, "'", getOperationName(),
                               "' op has blocks of size ", size);
    block = mulSizes(block, size);
  }
  int64_t channels = input.getDimSize(1);
  SmallVector<int64_t> shape{
      input.getDimSize(0),
      channels == kDynamic || block < 1 ? kDynamic : channels / block};
  llvm::append_range(shape, adaptor.getImageShape());
  types.push_back(RankedTensorType::get(shape, input.getElementType()));
  return success();
}

INFER(NonMaxSuppressionOp) {
  RankedTensorType boxes = getTensorType(adaptor.getBoxes()),
                   scores = getTensorType(adaptor.getScores());
  if (boxes.getRank() != 3 || scores.getRank() != 3)
    return emitOptionalError(location, "'", getOperationName(),
                             "' op boxes and scores must have rank 3");
  if (boxes.getElementType() != scores.getElementType())
    return emitOptionalError(location, "'", getOperationName(),
                             "' op boxes and scores differ in type");
  types.push_back(
      RankedTensorType::get({kDynamic, 3}, IntegerType::get(context, 64)));
  return success();
}

std::pair<int64_t, int64_t> MaxUnpoolOp::getPooledSize(size_t axis) {
  if (axis < 2)
    return {1, 0};
  size_t place = axis - 2, spatial = getKernelShape().size();
  int64_t stride = getStrides()[place];
  return {stride, getKernelShape()[place] - stride - getPads()[place] -
                      getPads()[place + spatial]};
}

int64_t Col2ImOp::countPlaces(size_t axis) {
  int64_t extent = (getBlockShape()[axis] - 1) * getDilations()[axis] + 1;
  int64_t room = addSizes(
      getImageShape()[axis],
      getPads()[axis] + getPads()[axis + getBlockShape().size()] - extent);
  return room < 0 ? 0 : room / getStrides()[axis] + 1;
}

std::optional<SmallVector<int64_t>> ResizeOp::getRepeats() {
  StringRef mode = getCoordinateTransformationMode(),
            rounding = getNearestMode();
  bool rounds = rounding.starts_with("round");
  // k places of the result are around the middle of one, or begin with it.
  bool isCentred = mode.contains("half_pixel") && rounds;
  int64_t most = std::numeric_limits<int64_t>::max();
  if (mode == "asymmetric")
    most = rounding == "floor"                ? most
           : rounding == "round_prefer_floor" ? 2
                                              : 1;
  else if (!isCentred)
    most = 1;
  if (getMode() != "nearest" || mode == "tf_crop_and_resize")
    return std::nullopt;
  SmallVector<int64_t> repeats;
  RankedTensorType in = getInput().getType();
  for (auto [axis, size] : llvm::enumerate(getSizes())) {
    int64_t from = in.getDimSize(axis), repeat = 0;
    if (!getScales().empty())
      repeat = std::lround(getScales()[axis]);
    else if (!ShapedType::isDynamic(size) && from > 0)
      repeat = size / from;
    bool isWhole = getScales().empty()
                       ? repeat * from == size
                       : getScales()[axis] == static_cast<float>(repeat);
    if (!isWhole || repeat < 1 || repeat > most)
      return std::nullopt;
    repeats.push_back(repeat);
  }
  return repeats;
}

LogicalResult GridSampleOp::verify() {
  return detail::verifySize(*this, "grid", getGrid(), 0,
                            detail::getTensorType(getInput()).getDimSize(0));
}

#define GET_OP_CLASSES
#include "neuroplast/Dialect/Neuro/IR/PoolingOps.cpp.inc"
