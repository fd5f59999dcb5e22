//===- ContractionOps.cpp - Convolutions and matrix products --------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/ContractionOps.h"

#include "llvm/ADT/StringExtras.h"

#include <map>

using namespace mlir;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::getTensorType;

static constexpr int64_t kDynamic = ShapedType::kDynamic;

#define INFER(OP)                                                              \
  LogicalResult OP::inferReturnTypes(                                          \
      MLIRContext *context, std::optional<Location> location, Adaptor adaptor, \
      SmallVectorImpl<Type> &types)

/// Twice the elements of `result` times the length of each inner product.
static std::optional<int64_t> countMultiplyAdds(Value result, int64_t length) {
  auto type = getTensorType(result);
  if (!type.hasStaticShape() || length == kDynamic)
    return std::nullopt;
  return mulSizes(2 * countElements(type.getShape()), length);
}

static int64_t product(ArrayRef<int64_t> sizes) {
  int64_t result = 1;
  for (int64_t size : sizes) {
    if (size == kDynamic)
      return kDynamic;
    result = mulSizes(result, size);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Convolutions
//===----------------------------------------------------------------------===//

/// What all convolutions check: ranks, list sizes, and the channels per group.
template <typename Adaptor>
static LogicalResult verifyConv(StringRef opName,
                                std::optional<Location> location,
                                Adaptor adaptor) {
  RankedTensorType input = getTensorType(adaptor.getInput());
  RankedTensorType weight = getTensorType(adaptor.getWeight());
  int64_t rank = input.getRank();
  if (rank < 3 || weight.getRank() != rank)
    return emitOptionalError(location, "'", opName, "' op weight of rank ",
                             weight.getRank(),
                             " does not fit an input of rank ", rank);
  size_t spatial = rank - 2;
  if (failed(neuroplast::neuro::detail::verifyListSizes(
          opName, location, spatial,
          {{"strides", adaptor.getStrides().size()},
           {"dilations", adaptor.getDilations().size()}})) ||
      failed(neuroplast::neuro::detail::verifyListSizes(
          opName, location, 2 * spatial, {{"pads", adaptor.getPads().size()}})))
    return failure();
  if (adaptor.getGroup() < 1)
    return emitOptionalError(location, "'", opName,
                             "' op group must be positive");
  if (auto problem = neuroplast::neuro::detail::findWindowProblem(
          weight.getShape().drop_front(2), adaptor.getStrides(),
          adaptor.getDilations(), adaptor.getPads()))
    return emitOptionalError(location, "'", opName, "' op ", *problem);
  return success();
}

template <typename Adaptor>
static LogicalResult
inferConv(StringRef opName, std::optional<Location> location, Adaptor adaptor,
          StringRef autoPad, Type elementType, SmallVectorImpl<Type> &types) {
  if (failed(verifyConv(opName, location, adaptor)))
    return failure();
  RankedTensorType input = getTensorType(adaptor.getInput());
  RankedTensorType weight = getTensorType(adaptor.getWeight());
  int64_t group = adaptor.getGroup(), channels = input.getDimSize(1),
          perGroup = weight.getDimSize(1);
  if (channels != kDynamic && perGroup != kDynamic &&
      mulSizes(perGroup, group) != channels)
    return emitOptionalError(location, "'", opName, "' op operand #1 has ",
                             perGroup, " input channels per group, expected ",
                             channels / group);
  if (weight.getDimSize(0) != kDynamic && weight.getDimSize(0) % group)
    return emitOptionalError(location, "'", opName, "' op operand #1 has ",
                             weight.getDimSize(0),
                             " output channels, no multiple of group ", group);
  SmallVector<int64_t> shape{input.getDimSize(0), weight.getDimSize(0)};
  size_t spatial = input.getRank() - 2;
  for (size_t axis = 0; axis < spatial; ++axis)
    shape.push_back(neuroplast::neuro::detail::getWindowedSize(
        input.getDimSize(axis + 2), weight.getDimSize(axis + 2),
        adaptor.getStrides()[axis], adaptor.getDilations()[axis],
        adaptor.getPads()[axis] + adaptor.getPads()[axis + spatial], false,
        autoPad));
  types.push_back(RankedTensorType::get(shape, elementType));
  return success();
}

/// Checks a bias of one entry per output channel.
static LogicalResult verifyBias(StringRef opName,
                                std::optional<Location> location, Value bias,
                                int64_t channels) {
  if (!bias)
    return success();
  RankedTensorType type = getTensorType(bias);
  if (type.getRank() != 1 || failed(verifyCompatibleShape(
                                 type.getShape(), ArrayRef<int64_t>(channels))))
    return emitOptionalError(location, "'", opName, "' op bias is of type ",
                             type, ", expected ", channels, " channels");
  return success();
}

INFER(ConvOp) {
  (void)context;
  if (failed(
          inferConv(getOperationName(), location, adaptor, adaptor.getAutoPad(),
                    getElementTypeOrSelf(adaptor.getInput().getType()), types)))
    return failure();
  return verifyBias(getOperationName(), location, adaptor.getBias(),
                    getTensorType(adaptor.getWeight()).getDimSize(0));
}

/// Checks the rank of a zero point: that of the tensor, or one number for all
/// or for each place of an axis.
static LogicalResult verifyZeroPoint(StringRef opName,
                                     std::optional<Location> location,
                                     Value tensor, Value zeroPoint) {
  int64_t rank = zeroPoint ? getTensorType(zeroPoint).getRank() : 0;
  if (rank < 2 || rank == getTensorType(tensor).getRank())
    return success();
  return emitOptionalError(location, "'", opName, "' op zero point of type ",
                           zeroPoint.getType(), " does not fit ",
                           tensor.getType());
}

INFER(ConvIntegerOp) {
  if (failed(verifyZeroPoint(getOperationName(), location, adaptor.getInput(),
                             adaptor.getInputZeroPoint())) ||
      failed(verifyZeroPoint(getOperationName(), location, adaptor.getWeight(),
                             adaptor.getWeightZeroPoint())))
    return failure();
  return inferConv(getOperationName(), location, adaptor, adaptor.getAutoPad(),
                   IntegerType::get(context, 32), types);
}

INFER(DeformConvOp) {
  (void)context;
  RankedTensorType input = getTensorType(adaptor.getInput()),
                   weight = getTensorType(adaptor.getWeight());
  auto groups = static_cast<int64_t>(adaptor.getOffsetGroup());
  for (Value tensor : {adaptor.getOffset(), adaptor.getMask()})
    if (tensor && getTensorType(tensor).getRank() != input.getRank())
      return emitOptionalError(location, "'", getOperationName(),
                               "' op offset or mask of type ", tensor.getType(),
                               " has another rank than the input ", input);
  if (groups < 1 || groups > int64_t(1) << 31)
    return emitOptionalError(location, "'", getOperationName(), "' op has ",
                             groups, " offset groups");
  if (weight.getRank() > 1 && !weight.isDynamicDim(1) &&
      mulSizes(weight.getDimSize(1), adaptor.getGroup()) % groups)
    return emitOptionalError(location, "'", getOperationName(),
                             "' op has channels that do not make ", groups,
                             " offset groups");
  if (failed(verifyBias(getOperationName(), location, adaptor.getBias(),
                        weight.getRank() ? weight.getDimSize(0) : kDynamic)))
    return failure();
  return inferConv(getOperationName(), location, adaptor, "NOTSET",
                   getElementTypeOrSelf(adaptor.getInput().getType()), types);
}

INFER(ConvTransposeOp) {
  (void)context;
  if (failed(verifyConv(getOperationName(), location, adaptor)))
    return failure();
  RankedTensorType input = getTensorType(adaptor.getInput());
  RankedTensorType weight = getTensorType(adaptor.getWeight());
  size_t spatial = input.getRank() - 2;
  int64_t channels = input.getDimSize(1), expected = weight.getDimSize(0);
  if (channels != kDynamic && expected != kDynamic && channels != expected)
    return emitOptionalError(location, "'", getOperationName(),
                             "' op operand #1 takes ", expected,
                             " channels, expected ", channels);
  if (failed(neuroplast::neuro::detail::verifyListSizes(
          getOperationName(), location, spatial,
          {{"output_padding", adaptor.getOutputPadding().size()}})))
    return failure();
  int64_t perGroup = weight.getDimSize(1), group = adaptor.getGroup();
  SmallVector<int64_t> shape{input.getDimSize(0), mulSizes(perGroup, group)};
  for (size_t axis = 0; axis < spatial; ++axis) {
    int64_t size = input.getDimSize(axis + 2),
            kernel = weight.getDimSize(axis + 2);
    if (size == kDynamic || kernel == kDynamic) {
      shape.push_back(kDynamic);
      continue;
    }
    int64_t reach = mulSizes(adaptor.getStrides()[axis], size - 1);
    int64_t rest = (kernel - 1) * adaptor.getDilations()[axis] + 1 -
                   adaptor.getPads()[axis] - adaptor.getPads()[axis + spatial];
    shape.push_back(
        addSizes(addSizes(reach, rest), adaptor.getOutputPadding()[axis]));
  }
  types.push_back(RankedTensorType::get(shape, input.getElementType()));
  return verifyBias(getOperationName(), location, adaptor.getBias(), shape[1]);
}

std::optional<int64_t> ConvOp::getFlops() {
  return countMultiplyAdds(
      getResult(), product(getTensorType(getWeight()).getShape().drop_front()));
}
std::optional<int64_t> ConvIntegerOp::getFlops() {
  return countMultiplyAdds(
      getResult(), product(getTensorType(getWeight()).getShape().drop_front()));
}
std::optional<int64_t> DeformConvOp::getFlops() {
  return countMultiplyAdds(
      getResult(), product(getTensorType(getWeight()).getShape().drop_front()));
}
std::optional<int64_t> ConvTransposeOp::getFlops() {
  return countMultiplyAdds(
      getInput(), product(getTensorType(getWeight()).getShape().drop_front()));
}

//===----------------------------------------------------------------------===//
// Matrix products
//===----------------------------------------------------------------------===//

static LogicalResult inferMatMul(StringRef opName,
                                 std::optional<Location> location, Value a,
                                 Value b, Type elementType,
                                 SmallVectorImpl<Type> &types) {
  SmallVector<int64_t> lhs(getTensorType(a).getShape());
  SmallVector<int64_t> rhs(getTensorType(b).getShape());
  if (lhs.empty() || rhs.empty())
    return emitOptionalError(location, "'", opName,
                             "' op cannot multiply a scalar");
  bool lhsVector = lhs.size() == 1, rhsVector = rhs.size() == 1;
  if (lhsVector)
    lhs.insert(lhs.begin(), 1);
  if (rhsVector)
    rhs.push_back(1);
  int64_t inner = lhs.back(), outer = rhs[rhs.size() - 2];
  if (inner != kDynamic && outer != kDynamic && inner != outer)
    return emitOptionalError(location, "'", opName, "' op operand #1 has ",
                             outer, " rows, expected ", inner);
  auto shape = neuroplast::neuro::detail::broadcastShapes(
      ArrayRef(lhs).drop_back(2), ArrayRef(rhs).drop_back(2));
  if (failed(shape))
    return emitOptionalError(location, "'", opName,
                             "' op batch axes do not broadcast");
  if (!lhsVector)
    shape->push_back(lhs[lhs.size() - 2]);
  if (!rhsVector)
    shape->push_back(rhs.back());
  types.push_back(RankedTensorType::get(*shape, elementType));
  return success();
}

INFER(MatMulOp) {
  (void)context;
  return inferMatMul(getOperationName(), location, adaptor.getLhs(),
                     adaptor.getRhs(),
                     getElementTypeOrSelf(adaptor.getLhs().getType()), types);
}

INFER(MatMulIntegerOp) {
  if (failed(verifyZeroPoint(getOperationName(), location, adaptor.getA(),
                             adaptor.getAZeroPoint())) ||
      failed(verifyZeroPoint(getOperationName(), location, adaptor.getB(),
                             adaptor.getBZeroPoint())))
    return failure();
  return inferMatMul(getOperationName(), location, adaptor.getA(),
                     adaptor.getB(), IntegerType::get(context, 32), types);
}

INFER(GemmOp) {
  (void)context;
  RankedTensorType a = getTensorType(adaptor.getA());
  RankedTensorType b = getTensorType(adaptor.getB());
  if (a.getRank() != 2 || b.getRank() != 2)
    return emitOptionalError(location, "'", getOperationName(),
                             "' op multiplies matrices, not ", a, " and ", b);
  bool transA = adaptor.getTransA(), transB = adaptor.getTransB();
  int64_t inner = a.getDimSize(transA ? 0 : 1),
          outer = b.getDimSize(transB ? 1 : 0);
  if (inner != kDynamic && outer != kDynamic && inner != outer)
    return emitOptionalError(location, "'", getOperationName(),
                             "' op operand #1 has ", outer, " rows, expected ",
                             inner);
  SmallVector<int64_t> shape{a.getDimSize(transA ? 1 : 0),
                             b.getDimSize(transB ? 0 : 1)};
  if (Value c = adaptor.getC()) {
    auto joined = neuroplast::neuro::detail::broadcastShapes(
        shape, getTensorType(c).getShape());
    if (failed(joined) || joined->size() != 2)
      return emitOptionalError(location, "'", getOperationName(),
                               "' op operand #2 of type ", c.getType(),
                               " does not broadcast to the product");
  }
  types.push_back(RankedTensorType::get(shape, a.getElementType()));
  return success();
}

std::optional<int64_t> MatMulOp::getFlops() {
  return countMultiplyAdds(getResult(),
                           getTensorType(getLhs()).getShape().back());
}
std::optional<int64_t> MatMulIntegerOp::getFlops() {
  return countMultiplyAdds(getResult(),
                           getTensorType(getA()).getShape().back());
}
std::optional<int64_t> GemmOp::getFlops() {
  return countMultiplyAdds(
      getResult(), getTensorType(getA()).getDimSize(getTransA() ? 0 : 1));
}

//===----------------------------------------------------------------------===//
// Einsum
//===----------------------------------------------------------------------===//

bool neuroplast::neuro::detail::isEinsumTerm(StringRef term) {
  auto isLetter = [](char c) { return llvm::isAlpha(c); };
  size_t dots = term.find("...");
  return llvm::all_of(term.take_front(dots), isLetter) &&
         (dots == StringRef::npos ||
          llvm::all_of(term.drop_front(dots + 3), isLetter));
}

FailureOr<neuroplast::neuro::detail::EinsumTerms>
neuroplast::neuro::detail::parseEinsum(StringRef equation, ValueRange inputs) {
  EinsumTerms terms;
  std::string compact;
  for (char c : equation)
    if (c != ' ')
      compact.push_back(c);
  auto [left, right] = StringRef(compact).split("->");
  bool isExplicit = StringRef(compact).contains("->");
  SmallVector<StringRef> parts;
  left.split(parts, ',');
  if (parts.size() != inputs.size())
    return failure();
  // Digits are our own names.
  if (!llvm::all_of(parts, isEinsumTerm) || !isEinsumTerm(right))
    return failure();
  // Broadcast axes of an ellipsis are named 0, 1, ... from the last one.
  size_t ellipsisRank = 0;
  for (auto [part, input] : llvm::zip_equal(parts, inputs)) {
    size_t rank = getTensorType(input).getRank();
    std::string axes;
    if (size_t dots = part.find("..."); dots != StringRef::npos) {
      size_t named = part.size() - 3;
      if (named > rank || rank - named > 10)
        return failure();
      size_t extra = rank - named;
      ellipsisRank = std::max(ellipsisRank, extra);
      axes = part.take_front(dots).str();
      for (size_t i = extra; i > 0; --i)
        axes.push_back('0' + (i - 1));
      axes += part.drop_front(dots + 3).str();
    } else {
      axes = part.str();
    }
    if (axes.size() != rank)
      return failure();
    terms.inputs.push_back(axes);
  }
  std::string dots;
  for (size_t i = ellipsisRank; i > 0; --i)
    dots.push_back('0' + (i - 1));
  if (isExplicit) {
    size_t at = right.find("...");
    terms.output = at == StringRef::npos ? right.str()
                                         : right.take_front(at).str() + dots +
                                               right.drop_front(at + 3).str();
  } else {
    std::map<char, int> uses;
    for (StringRef part : parts)
      for (char c : part)
        if (c != '.')
          ++uses[c];
    terms.output = dots;
    for (auto [name, count] : uses)
      if (count == 1)
        terms.output.push_back(name);
  }
  return terms;
}

INFER(EinsumOp) {
  (void)context;
  auto terms = neuroplast::neuro::detail::parseEinsum(adaptor.getEquation(),
                                                      adaptor.getInputs());
  if (failed(terms) || adaptor.getInputs().empty())
    return emitOptionalError(location, "'", getOperationName(),
                             "' op equation '", adaptor.getEquation(),
                             "' does not fit its operands");
  std::map<char, int64_t> sizes;
  for (auto [axes, input] : llvm::zip_equal(terms->inputs, adaptor.getInputs()))
    for (auto [name, size] :
         llvm::zip_equal(axes, getTensorType(input).getShape())) {
      auto [it, isNew] = sizes.try_emplace(name, size);
      if (isNew)
        continue;
      if (it->second == 1 || it->second == kDynamic)
        it->second = size == 1 ? it->second : size;
      else if (size != kDynamic && size != 1 && size != it->second)
        return emitOptionalError(location, "'", getOperationName(),
                                 "' op axis '", std::string(1, name),
                                 "' has sizes ", it->second, " and ", size);
    }
  SmallVector<int64_t> shape;
  for (char name : terms->output) {
    if (llvm::count(terms->output, name) > 1)
      return emitOptionalError(location, "'", getOperationName(),
                               "' op result axis '", std::string(1, name),
                               "' comes twice");
    auto it = sizes.find(name);
    if (it == sizes.end())
      return emitOptionalError(location, "'", getOperationName(),
                               "' op result axis '", std::string(1, name),
                               "' is in no operand");
    shape.push_back(it->second);
  }
  types.push_back(RankedTensorType::get(
      shape, getElementTypeOrSelf(adaptor.getInputs().front().getType())));
  return success();
}

std::optional<int64_t> EinsumOp::getFlops() {
  auto terms =
      neuroplast::neuro::detail::parseEinsum(getEquation(), getInputs());
  if (failed(terms))
    return std::nullopt;
  std::map<char, int64_t> sizes;
  for (auto [axes, input] : llvm::zip_equal(terms->inputs, getInputs()))
    for (auto [name, size] :
         llvm::zip_equal(axes, getTensorType(input).getShape())) {
      if (size == kDynamic)
        return std::nullopt;
      sizes[name] = std::max(sizes[name], size);
    }
  int64_t points = 1;
  for (auto [name, size] : sizes)
    points = mulSizes(points, size);
  return mulSizes(points, getInputs().size());
}

#define GET_OP_CLASSES
#include "neuroplast/Dialect/Neuro/IR/ContractionOps.cpp.inc"
