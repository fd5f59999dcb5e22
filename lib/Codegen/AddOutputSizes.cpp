//===- AddOutputSizes.cpp - Sizes of results without computing them -------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "neuroplast/Codegen/Passes.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"

namespace neuroplast {
#define GEN_PASS_DEF_ADDOUTPUTSIZES
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;
using namespace neuroplast;

namespace {

/// Whether a value is arithmetic on the sizes and elements of arguments only.
bool comesFromArguments(Value value, llvm::DenseMap<Value, bool> &known) {
  auto [entry, inserted] = known.try_emplace(value, false);
  if (!inserted)
    return entry->second;
  Operation *op = value.getDefiningOp();
  bool result = !op; // an argument: the function has one block
  if (isa_and_present<tensor::DimOp, tensor::ExtractOp>(op))
    result = isa<BlockArgument>(op->getOperand(0)) &&
             llvm::all_of(op->getOperands().drop_front(), [&](Value operand) {
               return comesFromArguments(operand, known);
             });
  else if (op && op->getNumRegions() == 0 &&
           isa<arith::ArithDialect, affine::AffineDialect>(op->getDialect()))
    result = llvm::all_of(op->getOperands(), [&](Value operand) {
      return comesFromArguments(operand, known);
    });
  known[value] = result;
  return result;
}

struct AddOutputSizesPass
    : neuroplast::impl::AddOutputSizesBase<AddOutputSizesPass> {
  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main || !main.getBody().hasOneBlock())
      return;
    func::FuncOp function = main.clone();
    function.setName("output_sizes");
    getOperation().insert(std::next(main->getIterator()), function);
    returnSizes(function);

    RewritePatternSet patterns(&getContext());
    memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
    memref::populateResolveShapedTypeResultDimsPatterns(patterns);
    scf::populateSCFForLoopCanonicalizationPatterns(patterns);
    tensor::DimOp::getCanonicalizationPatterns(patterns, &getContext());
    if (failed(applyPatternsGreedily(function, std::move(patterns))))
      return signalPassFailure();
    dropComputation(function);
  }

private:
  /// Makes a function return the sizes of what it returned.
  void returnSizes(func::FuncOp function) {
    Operation *end = function.front().getTerminator();
    OpBuilder b(end);
    SmallVector<Value> sizes;
    for (Value result : end->getOperands()) {
      auto type = dyn_cast<RankedTensorType>(result.getType());
      for (int64_t axis = 0, rank = type ? type.getRank() : 0; axis < rank;
           ++axis)
        sizes.push_back(
            b.createOrFold<tensor::DimOp>(end->getLoc(), result, axis));
    }
    // The C interface has a struct of results from the second on.
    while (sizes.size() < 2)
      sizes.push_back(arith::ConstantIndexOp::create(b, end->getLoc(), 0));
    end->setOperands(sizes);
    function.removeResAttrsAttr();
    function.setFunctionType(b.getFunctionType(function.getArgumentTypes(),
                                               TypeRange(ValueRange(sizes))));
  }

  /// Sizes that depend on what the model computes become -1, and what nothing
  /// needs any more goes; requirements of sizes that do not depend on it stay.
  void dropComputation(func::FuncOp function) {
    Operation *end = function.front().getTerminator();
    OpBuilder b(end);
    llvm::DenseMap<Value, bool> known;
    for (OpOperand &size : end->getOpOperands())
      if (!comesFromArguments(size.get(), known))
        size.set(arith::ConstantIndexOp::create(b, end->getLoc(), -1));
    SmallVector<Operation *> ops;
    for (Operation &op : function.front().without_terminator())
      ops.push_back(&op);
    auto isOfArguments = [&](Value value) {
      return comesFromArguments(value, known);
    };
    for (Operation *op : llvm::reverse(ops))
      if (op->use_empty() && !(isa<neuro::RequireOp>(op) &&
                               llvm::all_of(op->getOperands(), isOfArguments)))
        op->erase();
  }
};

} // namespace
