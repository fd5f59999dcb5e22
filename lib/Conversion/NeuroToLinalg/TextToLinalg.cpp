//===- TextToLinalg.cpp - Strings to calls of the runtime ----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "neuroplast/Dialect/Neuro/IR/TextOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

/// The address of a list of texts in the code: each ends in a zero, and so does
/// the list.
Value createTextList(OpBuilder &b, Operation *op, ArrayAttr texts) {
  std::string bytes;
  if (texts)
    for (auto text : texts.getAsRange<StringAttr>())
      // An empty text would end the list; no string is equal to it and kept.
      if (!text.getValue().empty())
        bytes += text.getValue().str() + '\0';
  bytes += std::string(2, '\0');
  auto module = op->getParentOfType<ModuleOp>();
  std::string name;
  for (unsigned i = 0; name.empty() || module.lookupSymbol(name); ++i)
    name = "neuroplast_texts_" + std::to_string(i);
  LLVM::GlobalOp global;
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    auto type = LLVM::LLVMArrayType::get(b.getI8Type(), bytes.size());
    global = LLVM::GlobalOp::create(b, op->getLoc(), type, /*isConstant=*/true,
                                    LLVM::Linkage::Private, name,
                                    b.getStringAttr(bytes));
  }
  return LLVM::AddressOfOp::create(b, op->getLoc(), global);
}

struct StringNormalizerLowering : OpConversionPattern<StringNormalizerOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(StringNormalizerOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    Type text = b.getI64Type();
    auto module = op->getParentOfType<ModuleOp>();
    auto rank = cast<RankedTensorType>(input.getType()).getRank();
    Value stops = createTextList(b, op, op.getStopwordsAttr());
    int32_t change = op.getCaseChangeAction() == "LOWER"   ? -1
                     : op.getCaseChangeAction() == "UPPER" ? 1
                                                           : 0;
    Value changeFlag = arith::ConstantIntOp::create(b, loc, change, 32);
    Value isSensitive =
        arith::ConstantIntOp::create(b, loc, op.getIsCaseSensitive() != 0, 32);
    OpFoldResult items = getDim(b, loc, input, rank - 1);
    // What is a stop word becomes no text at all.
    Value none = arith::ConstantIntOp::create(b, loc, 0, 64);
    Value normal = createLoops(
        b, loc, items, createEmpty(b, loc, items, text),
        [&](OpBuilder &n, Location l, ValueRange at, Value now) -> Value {
          SmallVector<Value> place(rank, constantIndex(n, l, 0));
          place.back() = at[0];
          Value id = tensor::ExtractOp::create(n, l, input, place);
          Value result =
              callRuntime(n, l, module, "neuroplast_normalize_text",
                          {id, changeFlag, isSensitive, stops}, text);
          return tensor::InsertOp::create(n, l, result, now, at[0]);
        });
    auto isText = [&](OpBuilder &n, Value id) -> Value {
      return arith::CmpIOp::create(n, loc, arith::CmpIPredicate::ne, id, none);
    };
    Value zero = constantIndex(b, loc, 0), one = constantIndex(b, loc, 1);
    auto count = scf::ForOp::create(
        b, loc, zero, toIndex(b, loc, items), one, zero,
        [&](OpBuilder &n, Location l, Value place, ValueRange sum) {
          Value id = tensor::ExtractOp::create(n, l, normal, place);
          Value step = arith::IndexCastUIOp::create(n, l, n.getIndexType(),
                                                    isText(n, id));
          scf::YieldOp::create(
              n, l, arith::AddIOp::create(n, l, sum[0], step).getResult());
        });
    Value size = arith::MaxSIOp::create(b, loc, count.getResult(0), one);
    Value empty = callRuntime(b, loc, module, "neuroplast_empty_text",
                              ValueRange(), text);
    SmallVector<OpFoldResult> sizes(rank, b.getIndexAttr(1));
    sizes.back() = size;
    auto kept = scf::ForOp::create(
        b, loc, zero, toIndex(b, loc, items), one,
        ValueRange{createFilled(b, loc, sizes, empty), zero},
        [&](OpBuilder &n, Location l, Value place, ValueRange now) {
          Value id = tensor::ExtractOp::create(n, l, normal, place);
          auto branch = scf::IfOp::create(
              n, l, isText(n, id),
              [&](OpBuilder &m, Location) {
                SmallVector<Value> target(rank, zero);
                target.back() = now[1];
                Value next = tensor::InsertOp::create(m, l, id, now[0], target);
                scf::YieldOp::create(
                    m, l,
                    ValueRange{next, arith::AddIOp::create(m, l, now[1], one)});
              },
              [&](OpBuilder &m, Location) { scf::YieldOp::create(m, l, now); });
          scf::YieldOp::create(n, l, branch.getResults());
        });
    b.replaceOp(op, castTo(b, loc, kept.getResult(0),
                           getTypeConverter()->convertType(op.getType())));
    return success();
  }
};

struct StringConcatLowering : OpConversionPattern<StringConcatOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(StringConcatOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    auto module = op->getParentOfType<ModuleOp>();
    Value result = createBroadcastMap(
        b, loc, adaptor.getOperands(),
        getBroadcastSizes(b, loc, adaptor.getOperands()), b.getI64Type(),
        [&](OpBuilder &n, Location l, ValueRange x) {
          return callRuntime(n, l, module, "neuroplast_join_texts", x,
                             n.getI64Type());
        });
    b.replaceOp(op, castTo(b, loc, result,
                           getTypeConverter()->convertType(op.getType())));
    return success();
  }
};

} // namespace

void neuroplast::populateTextToLinalgPatterns(TypeConverter &converter,
                                              RewritePatternSet &patterns) {
  patterns.add<StringNormalizerLowering, StringConcatLowering>(
      converter, patterns.getContext());
}
