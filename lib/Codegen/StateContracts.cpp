//===- StateContracts.cpp - Check what ops rely on ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/BuiltinOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"
#include "neuroplast/Dialect/Neuro/IR/SizeValues.h"

namespace neuroplast {
#define GEN_PASS_DEF_STATECONTRACTS
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;
using namespace neuroplast::neuro;

namespace {

/// What the upstream ops among those of a network rely on.
void stateUpstreamContract(Operation *op, RuntimeContract &contract) {
  if (isa<arith::DivSIOp, arith::RemSIOp>(op)) {
    if (op->getResult(0).getType().isIndex())
      contract.requireQuotient(op->getOperand(0), op->getOperand(1));
  } else if (auto cast = dyn_cast<tensor::CastOp>(op)) {
    auto type = dyn_cast<RankedTensorType>(cast.getType());
    for (int64_t axis = 0, rank = type ? type.getRank() : 0; axis < rank;
         ++axis)
      if (!type.isDynamicDim(axis))
        contract.requireSize(cast.getSource(), axis,
                             contract.constant(type.getDimSize(axis)));
  } else if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
    for (auto [axis, index] : llvm::enumerate(extract.getIndices()))
      if (auto known = getConstantIntValue(index))
        contract.requireAtLeast(extract.getTensor(), axis, *known + 1);
  }
}

/// What users call an axis of an argument.
std::string describeAxis(func::FuncOp function, BlockArgument argument,
                         int64_t axis) {
  auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                    "neuro.name");
  return "axis " + std::to_string(axis) + " of '" +
         (name ? name.str()
               : "argument " + std::to_string(argument.getArgNumber())) +
         "'";
}

/// Numbers the sizes that inputs have by a name of the model in common.
void numberNamedSizes(func::FuncOp function) {
  if (function.isExternal())
    return;
  int64_t next = 0;
  llvm::DenseMap<StringAttr, int64_t> uses, numbers;
  auto forEachName = [&](auto body) {
    for (BlockArgument argument : function.getArguments()) {
      auto type = dyn_cast<RankedTensorType>(argument.getType());
      for (int64_t axis = 0; type && axis < type.getRank(); ++axis)
        if (StringAttr name = getSizeName(argument, axis);
            name && type.isDynamicDim(axis))
          body(argument, axis, name);
    }
  };
  for (BlockArgument argument : function.getArguments())
    for (int64_t number : getSizeNumbers(argument))
      next = std::max(next, number + 1);
  forEachName([&](BlockArgument, int64_t, StringAttr name) { ++uses[name]; });
  forEachName([&](BlockArgument argument, int64_t axis, StringAttr name) {
    if (uses[name] < 2)
      return;
    SmallVector<int64_t> own(getSizeNumbers(argument));
    own.resize(cast<RankedTensorType>(argument.getType()).getRank(), -1);
    if (auto [it, isNew] = numbers.try_emplace(name, next); isNew)
      ++next;
    own[axis] = numbers[name];
    setSizeNumbers(function, argument.getArgNumber(), own);
  });
}

/// What functions rely on that were told that arguments share sizes.
void stateSharedSizes(func::FuncOp function) {
  if (function.isExternal())
    return;
  OpBuilder b(function.getContext());
  b.setInsertionPointToStart(&function.front());
  llvm::DenseMap<int64_t, std::pair<Value, std::string>> sizes;
  for (BlockArgument argument : function.getArguments())
    for (auto [axis, number] : llvm::enumerate(getSizeNumbers(argument))) {
      if (number < 0)
        continue;
      Location loc = argument.getLoc();
      Value size = tensor::DimOp::create(b, loc, argument, axis);
      std::string name = describeAxis(function, argument, axis);
      auto [first, isFirst] = sizes.try_emplace(number, size, name);
      if (isFirst)
        continue;
      const auto &[other, otherName] = first->second;
      Value isSame =
          arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, size, other);
      RequireOp::create(b, loc, isSame, ValueRange{size, other},
                        /*of_data=*/false,
                        name + " is {}, but " + otherName + " is {}");
    }
}

/// Lets what asks for the size of a tensor ask what has it first, so that sizes
/// that are the same are the same value, whatever networks are between them.
void traceSizes(func::FuncOp function) {
  SmallVector<std::pair<tensor::DimOp, OpFoldResult>> sizes;
  {
    SizeMemory memory;
    function.walk([&](tensor::DimOp op) {
      if (std::optional<int64_t> axis = op.getConstantIndex();
          axis && isa<RankedTensorType>(op.getSource().getType()))
        sizes.emplace_back(op, OpFoldResult());
    });
    OpBuilder b(function.getContext());
    for (auto &[op, size] : sizes) {
      b.setInsertionPoint(op);
      size = traceSize(b, op.getLoc(), op.getSource(), *op.getConstantIndex());
    }
  }
  for (auto &[op, size] : sizes) {
    OpBuilder b(op);
    op.replaceAllUsesWith(
        getValueOrCreateConstantIndexOp(b, op.getLoc(), size));
    op.erase();
  }
}

struct StateContractsPass
    : neuroplast::impl::StateContractsBase<StateContractsPass> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal())
        traceSizes(function);
    SmallVector<Operation *> ops;
    getOperation().walk([&](Operation *op) { ops.push_back(op); });
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      numberNamedSizes(function);
      stateSharedSizes(function);
    }
    for (Operation *op : ops) {
      OpBuilder builder(op);
      RuntimeContract contract(builder, op);
      if (auto stated = dyn_cast<RuntimeContractOpInterface>(op))
        stated.stateContract(contract);
      else
        stateUpstreamContract(op, contract);
      if (contract.hasRefused())
        return signalPassFailure();
    }
  }
};

} // namespace
