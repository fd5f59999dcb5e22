//===- NeuroToLinalg.cpp - Lower neuro ops to linalg on tensors -----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "neuroplast/Conversion/Passes.h"
#include "neuroplast/Dialect/Neuro/IR/HistoryOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

namespace neuroplast {
#define GEN_PASS_DEF_CONVERTNEUROTOLINALG
#include "neuroplast/Conversion/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

std::string neuroplast::getParamBufferName(StringRef symbol) {
  // Linkers read an '@' as a version, and assemblers stumble over more: all but
  // plain characters become '$' and two hexadecimal digits.
  std::string name = "neuroplast_param_";
  for (char c : symbol) {
    if (llvm::isAlnum(c) || c == '_' || c == '.')
      name.push_back(c);
    else
      name += "$" + llvm::toHex(StringRef(&c, 1));
  }
  return name;
}

namespace {

/// Removes signedness, which the ops that replace neuro ops carry themselves.
struct SignlessConverter : TypeConverter {
  SignlessConverter() {
    addConversion([](Type type) { return type; });
    addConversion([](IntegerType type) -> Type {
      return ScalarEmitter::getStorageType(type);
    });
    addConversion([](StringType type) -> Type {
      return ScalarEmitter::getStorageType(type);
    });
    addConversion([](RankedTensorType type) -> Type {
      return type.clone(ScalarEmitter::getStorageType(type.getElementType()));
    });
    auto cast = [](OpBuilder &builder, Type type, ValueRange inputs,
                   Location location) -> Value {
      return UnrealizedConversionCastOp::create(builder, location, type, inputs)
          .getResult(0);
    };
    addSourceMaterialization(cast);
    addTargetMaterialization(cast);
  }
};

/// Elements reinterpreted with a signless type; the bits stay.
ElementsAttr dropSignedness(ElementsAttr value) {
  auto type = cast<RankedTensorType>(value.getShapedType());
  Type storage = ScalarEmitter::getStorageType(type.getElementType());
  if (storage == type.getElementType())
    return value;
  if (auto dense = dyn_cast<DenseElementsAttr>(value))
    return dense.bitcast(storage);
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value))
    return DenseResourceElementsAttr::get(type.clone(storage),
                                          resource.getRawHandle());
  return value;
}

/// A constant; one number many times is no data, which would have to be made.
Value createConstant(OpBuilder &b, Location loc, ElementsAttr value) {
  auto type = cast<RankedTensorType>(value.getShapedType());
  SmallVector<OpFoldResult> sizes =
      getAsIndexOpFoldResult(b.getContext(), type.getShape());
  // Nor is none of it, of whatever other sizes.
  if (type.getNumElements() == 0)
    return createEmpty(b, loc, sizes, type.getElementType());
  if (!isLargeSplat(value))
    return arith::ConstantOp::create(b, loc, type, cast<TypedAttr>(value));
  Value scalar =
      arith::ConstantOp::create(b, loc, value.getSplatValue<TypedAttr>());
  return createFilled(b, loc, sizes, scalar);
}

struct ConstantLowering : OpConversionPattern<ConstantOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(ConstantOp op, OpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, createConstant(rewriter, op.getLoc(),
                                          dropSignedness(op.getValue())));
    return success();
  }
};

struct GetParamLowering : OpConversionPattern<GetParamOp> {
  GetParamLowering(TypeConverter &converter, MLIRContext *context,
                   SymbolTable &symbols)
      : OpConversionPattern(converter, context), symbols(symbols) {}

  LogicalResult
  matchAndRewrite(GetParamOp op, OpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto param = symbols.lookup<ParamOp>(op.getName());
    if (!param)
      return rewriter.notifyMatchFailure(op, "there is no such parameter");
    ElementsAttr value = dropSignedness(param.getValue());
    auto type = cast<RankedTensorType>(value.getShapedType());
    // What fits a register or is one number everywhere is code, not data.
    if (isa<DenseElementsAttr>(value)) {
      rewriter.replaceOp(op, createConstant(rewriter, op.getLoc(), value));
      return success();
    }
    auto bufferType = MemRefType::get(type.getShape(), type.getElementType());
    std::string name = getParamBufferName(op.getName());
    Value buffer =
        memref::GetGlobalOp::create(rewriter, op.getLoc(), bufferType, name);
    rewriter.replaceOpWithNewOp<bufferization::ToTensorOp>(
        op, type, buffer, /*restrict=*/true, /*writable=*/false);
    return success();
  }

private:
  SymbolTable &symbols;
};

/// Ops of the tensor dialect mean the same on signless elements.
struct TensorOpLowering : ConversionPattern {
  TensorOpLowering(TypeConverter &converter, MLIRContext *context)
      : ConversionPattern(converter, MatchAnyOpTypeTag(), /*benefit=*/1,
                          context) {}

  LogicalResult
  matchAndRewrite(Operation *op, ArrayRef<Value> operands,
                  ConversionPatternRewriter &rewriter) const override {
    if (!isa<tensor::TensorDialect>(op->getDialect()))
      return rewriter.notifyMatchFailure(op, "is no op on tensors");
    SmallVector<Type> types;
    if (failed(getTypeConverter()->convertTypes(op->getResultTypes(), types)))
      return rewriter.notifyMatchFailure(op, "has a type without a lowering");
    OperationState state(op->getLoc(), op->getName(), operands, types,
                         op->getAttrs());
    rewriter.replaceOp(op, rewriter.create(state));
    return success();
  }
};

struct ConvertNeuroToLinalgPass
    : neuroplast::impl::ConvertNeuroToLinalgBase<ConvertNeuroToLinalgPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    MLIRContext *context = &getContext();
    SymbolTable symbols(module);
    // How the network came about is nothing to compile.
    for (HistoryOp history :
         llvm::make_early_inc_range(module.getOps<HistoryOp>()))
      history.erase();
    dropUnreadShadows(module, symbols);
    declareParamBuffers(module, symbols);
    markTexts(module);

    SignlessConverter converter;
    RewritePatternSet patterns(context);
    patterns.add<ConstantLowering, TensorOpLowering>(converter, context);
    patterns.add<GetParamLowering>(converter, context, symbols);
    populateElementwiseToLinalgPatterns(converter, patterns);
    populateReductionToLinalgPatterns(converter, patterns);
    populateCumulativeToLinalgPatterns(converter, patterns);
    populateQuantToLinalgPatterns(converter, patterns);
    populateNormalizationToLinalgPatterns(converter, patterns);
    populateShapeToLinalgPatterns(converter, patterns);
    populateIndexingToLinalgPatterns(converter, patterns);
    populateUniqueToLinalgPatterns(converter, patterns);
    populateTopKToLinalgPatterns(converter, patterns);
    populateDetectionToLinalgPatterns(converter, patterns);
    populatePoolingToLinalgPatterns(converter, patterns);
    populateResizeToLinalgPatterns(converter, patterns);
    populateGridSampleToLinalgPatterns(converter, patterns);
    populateConvolutionToLinalgPatterns(converter, patterns);
    populateContractionToLinalgPatterns(converter, patterns);
    populateDeterminantToLinalgPatterns(converter, patterns);
    populateRecurrentToLinalgPatterns(converter, patterns);
    populateAttentionToLinalgPatterns(converter, patterns);
    populateRegionPoolingToLinalgPatterns(converter, patterns);
    populateUnpoolingToLinalgPatterns(converter, patterns);
    populateDeformConvToLinalgPatterns(converter, patterns);
    populateSpectrumToLinalgPatterns(converter, patterns);
    populateRandomToLinalgPatterns(converter, patterns);
    populateNGramsToLinalgPatterns(converter, patterns);
    populateTextToLinalgPatterns(converter, patterns);
    populateFunctionOpInterfaceTypeConversionPattern<func::FuncOp>(patterns,
                                                                   converter);
    populateReturnOpTypeConversionPattern(patterns, converter);
    populateCallOpTypeConversionPattern(patterns, converter);

    ConversionTarget target(*context);
    target.markUnknownOpDynamicallyLegal([&](Operation *op) {
      return !isa_and_nonnull<NeuroDialect>(op->getDialect()) &&
             (isa<ModuleOp>(op) || converter.isLegal(op));
    });
    target.addLegalOp<ParamOp, RequireOp, ModuleOp>();
    target.addDynamicallyLegalOp<func::FuncOp>([&](func::FuncOp function) {
      return converter.isSignatureLegal(function.getFunctionType()) &&
             converter.isLegal(&function.getBody());
    });
    scf::populateSCFStructuralTypeConversionsAndLegality(converter, patterns,
                                                         target);
    if (failed(checkSupported(module)) ||
        failed(convert(module, target, std::move(patterns))))
      signalPassFailure();
  }

private:
  /// What is remembered of parameters is no part of the code.
  void dropUnreadShadows(ModuleOp module, SymbolTable &symbols) {
    llvm::StringSet<> read;
    module.walk([&](GetParamOp op) { read.insert(op.getName()); });
    for (auto param : llvm::make_early_inc_range(module.getOps<ParamOp>()))
      if (param.getShadowOf() && !read.contains(param.getSymName()))
        symbols.erase(param);
  }

  /// Marks results that are addresses of texts, which become integers.
  void markTexts(ModuleOp module) {
    for (auto function : module.getOps<func::FuncOp>())
      for (auto [index, type] : llvm::enumerate(function.getResultTypes()))
        if (isa<StringType>(getElementTypeOrSelf(type)))
          function.setResultAttr(index, "neuro.texts",
                                 UnitAttr::get(&getContext()));
  }

  /// Applies the patterns; an op that none of them takes is refused in terms of
  /// the model, not of the conversion.
  LogicalResult convert(ModuleOp module, ConversionTarget &target,
                        RewritePatternSet patterns) {
    std::optional<Location> where;
    {
      ScopedDiagnosticHandler handler(
          &getContext(), [&](Diagnostic &diagnostic) {
            if (!StringRef(diagnostic.str()).starts_with("failed to legalize"))
              return failure();
            where = diagnostic.getLocation();
            return success();
          });
      if (succeeded(
              applyPartialConversion(module, target, std::move(patterns))))
        return success();
    }
    if (!where)
      return failure();
    Operation *refused = nullptr;
    module.walk([&](Operation *op) {
      if (op->getLoc() == *where && isa<NeuroDialect>(op->getDialect()) &&
          !isa<ParamOp, RequireOp>(op))
        refused = op;
    });
    InFlightDiagnostic diagnostic = emitError(*where, "cannot compile ");
    if (!refused)
      return diagnostic << "this operation";
    diagnostic << "'" << refused->getName() << "' on ("
               << refused->getOperandTypes() << ") to ("
               << refused->getResultTypes() << ")";
    return diagnostic;
  }

  /// Names the first op that no lowering can exist for.
  LogicalResult checkSupported(ModuleOp module) {
    WalkResult result = module.walk([](OpaqueOp op) {
      InFlightDiagnostic diagnostic = op.emitError("cannot compile operator '");
      if (!op.getDomain().empty())
        diagnostic << op.getDomain() << ".";
      diagnostic << op.getOpType() << "'";
      if (op.getReason())
        diagnostic << ": " << *op.getReason();
      return WalkResult::interrupt();
    });
    return failure(result.wasInterrupted());
  }

  void declareParamBuffers(ModuleOp module, SymbolTable &symbols) {
    for (ParamOp param : module.getOps<ParamOp>()) {
      ElementsAttr value = dropSignedness(param.getValue());
      std::string name = getParamBufferName(param.getSymName());
      if (isa<DenseElementsAttr>(value) || symbols.lookup(name))
        continue;
      OpBuilder builder(param);
      auto type = cast<RankedTensorType>(value.getShapedType());
      memref::GlobalOp::create(
          builder, param.getLoc(), name, /*sym_visibility=*/StringAttr(),
          MemRefType::get(type.getShape(), type.getElementType()),
          /*initial_value=*/Attribute(), /*constant=*/true,
          // In memory a parameter lies where its file put it: no alignment
          // beyond that of its elements can be promised.
          /*alignment=*/IntegerAttr());
    }
  }
};

} // namespace
