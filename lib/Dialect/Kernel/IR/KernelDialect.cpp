//===- KernelDialect.cpp - The kernel dialect and its ops -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Kernel/IR/Kernel.h"

#include "Bufferization.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace neuroplast::kernel;

#include "neuroplast/Dialect/Kernel/IR/KernelDialect.cpp.inc"

#include "neuroplast/Dialect/Kernel/IR/KernelInterfaces.cpp.inc"

void KernelDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "neuroplast/Dialect/Kernel/IR/KernelOps.cpp.inc"
      >();
  AttentionOp::attachInterface<KernelBufferization<AttentionOp>>(*getContext());
  ContractOp::attachInterface<KernelBufferization<ContractOp>>(*getContext());
  PoolOp::attachInterface<KernelBufferization<PoolOp>>(*getContext());
  FillMarginsOp::attachInterface<KernelBufferization<FillMarginsOp>>(
      *getContext());
  SoftmaxOp::attachInterface<KernelBufferization<SoftmaxOp>>(*getContext());
  StartAllReduceOp::attachInterface<StartAllReduceBufferization>(*getContext());
  FinishAllReduceOp::attachInterface<KernelBufferization<FinishAllReduceOp>>(
      *getContext());
}

//===----------------------------------------------------------------------===//
// All ops
//===----------------------------------------------------------------------===//

void neuroplast::kernel::detail::getEffects(
    DestinationStyleOpInterface op,
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    auto *effect =
        op.isDpsInit(&operand)
            ? static_cast<MemoryEffects::Effect *>(MemoryEffects::Write::get())
            : MemoryEffects::Read::get();
    effects.emplace_back(effect, &operand, /*stage=*/0,
                         /*effectOnFullRegion=*/true,
                         SideEffects::DefaultResource::get());
  }
}

void neuroplast::kernel::detail::getUpdateEffects(
    DestinationStyleOpInterface op,
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  for (OpOperand &operand : op.getDpsInitsMutable())
    if (isa<MemRefType>(operand.get().getType())) {
      effects.emplace_back(MemoryEffects::Read::get(), &operand,
                           SideEffects::DefaultResource::get());
      effects.emplace_back(MemoryEffects::Write::get(), &operand,
                           SideEffects::DefaultResource::get());
    }
}

LogicalResult neuroplast::kernel::detail::reifyResultShapes(
    DestinationStyleOpInterface op, OpBuilder &builder,
    ReifiedRankedShapedTypeDims &shapes) {
  if (op->getNumResults() == 0)
    return failure();
  for (Value destination : op.getDpsInits())
    shapes.push_back(tensor::getMixedSizes(builder, op.getLoc(), destination));
  return success();
}

//===----------------------------------------------------------------------===//
// ContractOp
//===----------------------------------------------------------------------===//

void ContractOp::build(
    OpBuilder &builder, OperationState &state, ValueRange inputs, Value init,
    ArrayRef<AffineMap> maps,
    function_ref<Value(OpBuilder &, Location, ValueRange)> body) {
  state.addOperands(inputs);
  state.addOperands(init);
  state.addAttribute(getIndexingMapsAttrName(state.name),
                     builder.getAffineMapArrayAttr(maps));
  if (isa<RankedTensorType>(init.getType()))
    state.addTypes(init.getType());
  Block &block = state.addRegion()->emplaceBlock();
  SmallVector<Location> locations(inputs.size() - 1, state.location);
  block.addArguments(SmallVector<Type>(locations.size(), builder.getF32Type()),
                     locations);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&block);
  Value element = block.getArgument(0);
  if (body)
    element = body(builder, state.location, block.getArguments());
  YieldOp::create(builder, state.location, element);
}

SmallVector<int64_t>
neuroplast::kernel::getLoopSizes(ValueRange operands,
                                 ArrayRef<AffineMap> maps) {
  SmallVector<int64_t> sizes(maps.back().getNumDims(), ShapedType::kDynamic);
  for (auto [operand, map] : llvm::zip_equal(operands, maps))
    for (auto [size, expr] : llvm::zip_equal(
             cast<ShapedType>(operand.getType()).getShape(), map.getResults()))
      if (auto loop = dyn_cast<AffineDimExpr>(expr);
          loop && !ShapedType::isDynamic(size))
        sizes[loop.getPosition()] = size;
  return sizes;
}

SmallVector<int64_t> ContractOp::getStaticLoopRanges() {
  return getLoopSizes(getOperands(), getMaps());
}

Value ContractOp::cloneEpilogue(OpBuilder &builder, ValueRange arguments) {
  IRMapping values;
  values.map(getBody()->getArguments(), arguments);
  for (Operation &inner : getBody()->without_terminator())
    builder.clone(inner, values);
  return values.lookupOrDefault(getBody()->getTerminator()->getOperand(0));
}

std::optional<unsigned> neuroplast::kernel::getPlainLoop(AffineMap map,
                                                         int64_t axis) {
  if (axis >= map.getNumResults())
    return std::nullopt;
  auto loop = dyn_cast<AffineDimExpr>(map.getResult(axis));
  if (!loop)
    return std::nullopt;
  for (int64_t other = 0; other < map.getNumResults(); ++other)
    if (other != axis &&
        map.getResult(other).isFunctionOfDim(loop.getPosition()))
      return std::nullopt;
  return loop.getPosition();
}

std::optional<int64_t> neuroplast::kernel::findPlainAxis(AffineMap map,
                                                         unsigned loop) {
  for (int64_t axis = 0; axis < map.getNumResults(); ++axis)
    if (getPlainLoop(map, axis) == loop)
      return axis;
  return std::nullopt;
}

/// The factor of a loop in an expression that is a sum of multiples of loops.
static std::optional<int64_t> getFactor(AffineExpr expr, unsigned loop) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dim.getPosition() == loop ? 1 : 0;
  if (isa<AffineConstantExpr>(expr))
    return 0;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return std::nullopt;
  std::optional<int64_t> lhs = getFactor(binary.getLHS(), loop);
  std::optional<int64_t> rhs = getFactor(binary.getRHS(), loop);
  if (!lhs || !rhs)
    return std::nullopt;
  if (expr.getKind() == AffineExprKind::Add)
    return *lhs + *rhs;
  auto factor = dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (expr.getKind() == AffineExprKind::Mul && factor)
    return *lhs * factor.getValue();
  return std::nullopt;
}

std::optional<int64_t> neuroplast::kernel::getInnermostStep(AffineMap map,
                                                            unsigned loop) {
  if (map.getNumResults() == 0)
    return std::nullopt;
  for (AffineExpr expr : map.getResults().drop_back())
    if (getFactor(expr, loop) != 0)
      return std::nullopt;
  return getFactor(map.getResults().back(), loop);
}

/// Whether an axis of blocks, and how many places these hold, fit a value whose
/// last axis is what a block holds.
static bool hasBlocks(Value value, ArrayRef<int64_t> blocks) {
  auto type = cast<ShapedType>(value.getType());
  int64_t last = type.getRank() - 1;
  return blocks.size() == 2 && blocks[0] >= 0 && blocks[0] < last &&
         blocks[1] >= 1 && !type.isDynamicDim(blocks[0]) &&
         !type.isDynamicDim(last) &&
         llvm::divideCeil(blocks[1], type.getDimSize(last)) ==
             static_cast<uint64_t>(type.getDimSize(blocks[0]));
}

LogicalResult ContractOp::verify() {
  if (getInputs().size() < 2)
    return emitOpError("multiplies two operands, but has ")
           << getInputs().size();
  SmallVector<AffineMap> maps = getMaps();
  if (maps.size() != getNumOperands())
    return emitOpError("has ") << maps.size() << " indexing maps for "
                               << getNumOperands() << " operands";
  for (auto [index, operand, map] : llvm::enumerate(getOperands(), maps)) {
    auto type = cast<ShapedType>(operand.getType());
    if (map.getNumDims() != maps.back().getNumDims() || map.getNumSymbols())
      return emitOpError("needs indexing maps from the same loops");
    if (map.getNumResults() != type.getRank())
      return emitOpError("has an indexing map of ")
             << map.getNumResults() << " places for operand " << index
             << " of type " << type;
  }
  AffineMap result = maps.back();
  if (!result.isProjectedPermutation(/*allowZeroInResults=*/true))
    return emitOpError("writes an element of the result more than once");
  llvm::SmallBitVector sized(result.getNumDims());
  for (AffineMap map : maps)
    for (AffineExpr expr : map.getResults())
      if (auto loop = dyn_cast<AffineDimExpr>(expr))
        sized.set(loop.getPosition());
  if (!sized.all())
    return emitOpError("has loops of which no operand says how often they go "
                       "around");
  for (AffineMap map : ArrayRef(maps).drop_front(2))
    for (unsigned loop = 0; loop < map.getNumDims(); ++loop)
      if (map.isFunctionOfDim(loop) && !result.isFunctionOfDim(loop))
        return emitOpError("reads an operand of its region by a loop that is "
                           "summed over");
  Block *body = getBody();
  if (body->getNumArguments() != getInputs().size() - 1)
    return emitOpError("needs a region with ")
           << getInputs().size() - 1 << " arguments, a sum and elements";
  for (Type type : body->getArgumentTypes())
    if (!type.isF32())
      return emitOpError("needs a region of f32");
  if (getPaddedBlocks() && !hasBlocks(getInit(), *getPaddedBlocks()))
    return emitOpError("has no such blocks in its result");
  if (getPaddedSums() && !hasBlocks(getLhs(), *getPaddedSums()))
    return emitOpError("has no such blocks in its first operand");
  bool isOnTensors = isa<RankedTensorType>(getInit().getType());
  for (Value operand : getOperands())
    if (isa<RankedTensorType>(operand.getType()) != isOnTensors)
      return emitOpError("mixes tensors and buffers");
  if (getNumResults() != (isOnTensors ? 1u : 0u) ||
      (isOnTensors && getResultTypes()[0] != getInit().getType()))
    return emitOpError("needs the type of its destination as result");
  return success();
}

SmallVector<LoopWork> ContractOp::getWork() {
  return {{getStaticLoopRanges(), 2, false}};
}

//===----------------------------------------------------------------------===//
// PoolOp
//===----------------------------------------------------------------------===//

void PoolOp::build(OpBuilder &builder, OperationState &state, Value input,
                   Value init, AffineMap inputMap, ArrayRef<int64_t> window,
                   bool largest) {
  SmallVector<Type> results;
  if (isa<RankedTensorType>(init.getType()))
    results.push_back(init.getType());
  build(builder, state, results, input, init, inputMap, window, largest);
}

LogicalResult PoolOp::verify() {
  auto type = cast<ShapedType>(getInit().getType());
  AffineMap map = getInputMap();
  if (map.getNumSymbols() ||
      map.getNumDims() != type.getRank() + getWindow().size() ||
      map.getNumResults() != cast<ShapedType>(getInput().getType()).getRank())
    return emitOpError("needs a map from the axes of its result and of its "
                       "window to those of its input");
  if (llvm::any_of(getWindow(), [](int64_t size) { return size < 1; }))
    return emitOpError("has an empty window");
  bool isOnTensors = isa<RankedTensorType>(type);
  if (isa<RankedTensorType>(getInput().getType()) != isOnTensors)
    return emitOpError("mixes tensors and buffers");
  if (getNumResults() != (isOnTensors ? 1u : 0u) ||
      (isOnTensors && getResultTypes()[0] != type))
    return emitOpError("needs the type of its destination as result");
  return success();
}

SmallVector<LoopWork> PoolOp::getWork() {
  return {{getStaticLoopRanges(), 1, true}};
}

//===----------------------------------------------------------------------===//
// FillMarginsOp
//===----------------------------------------------------------------------===//

void FillMarginsOp::build(OpBuilder &builder, OperationState &state,
                          Value number, Value init, ArrayRef<OpFoldResult> low,
                          ArrayRef<OpFoldResult> high) {
  SmallVector<Value> lowValues, highValues;
  SmallVector<int64_t> staticLow, staticHigh;
  dispatchIndexOpFoldResults(low, lowValues, staticLow);
  dispatchIndexOpFoldResults(high, highValues, staticHigh);
  SmallVector<Type> results;
  if (isa<RankedTensorType>(init.getType()))
    results.push_back(init.getType());
  build(builder, state, results, number, init, lowValues, highValues, staticLow,
        staticHigh);
}

LogicalResult FillMarginsOp::verify() {
  auto type = cast<ShapedType>(getInit().getType());
  if (getNumber().getType() != type.getElementType())
    return emitOpError("fills ") << type << " with " << getNumber().getType();
  for (auto [numbers, values] : {std::pair(getStaticLow(), getLow()),
                                 std::pair(getStaticHigh(), getHigh())}) {
    if (static_cast<int64_t>(numbers.size()) != type.getRank() ||
        static_cast<size_t>(llvm::count_if(numbers, ShapedType::isDynamic)) !=
            values.size())
      return emitOpError("needs a margin before and behind each axis of ")
             << type;
    if (llvm::any_of(numbers, [](int64_t number) {
          return number < 0 && !ShapedType::isDynamic(number);
        }))
      return emitOpError("has a margin of negative size");
  }
  bool isOnTensors = isa<RankedTensorType>(type);
  if (getNumResults() != (isOnTensors ? 1u : 0u) ||
      (isOnTensors && getResultTypes()[0] != type))
    return emitOpError("needs the type of its destination as result");
  return success();
}

SmallVector<LoopWork> FillMarginsOp::getWork() {
  ArrayRef<int64_t> shape = cast<ShapedType>(getInit().getType()).getShape();
  return {{SmallVector<int64_t>(shape), 0, true}};
}

//===----------------------------------------------------------------------===//
// SoftmaxOp
//===----------------------------------------------------------------------===//

void SoftmaxOp::build(OpBuilder &builder, OperationState &state, Value input,
                      Value init, bool masked) {
  SmallVector<Type> results;
  if (isa<RankedTensorType>(init.getType()))
    results.push_back(init.getType());
  build(builder, state, results, input, init, masked);
}

LogicalResult SoftmaxOp::verify() {
  auto from = cast<ShapedType>(getInput().getType()),
       to = cast<ShapedType>(getInit().getType());
  if (isa<RankedTensorType>(from) != isa<RankedTensorType>(to))
    return emitOpError("mixes tensors and buffers");
  if (to.getRank() < 1 || from.getShape() != to.getShape())
    return emitOpError("needs rows, and a destination of the shape of ")
           << from << ", but has " << to;
  if (getNumResults() != (isa<RankedTensorType>(to) ? 1u : 0u) ||
      (getNumResults() == 1 && getResultTypes()[0] != to))
    return emitOpError("needs the type of its destination as result");
  return success();
}

SmallVector<LoopWork> SoftmaxOp::getWork() {
  ArrayRef<int64_t> shape = cast<ShapedType>(getInit().getType()).getShape();
  return {{SmallVector<int64_t>(shape), kSoftmaxOperations, true}};
}

#define GET_OP_CLASSES
#include "neuroplast/Dialect/Kernel/IR/KernelOps.cpp.inc"
