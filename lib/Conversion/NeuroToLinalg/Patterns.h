//===- Patterns.h - The lowering of each op family ------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_CONVERSION_NEUROTOLINALG_PATTERNS_H
#define NEUROPLAST_LIB_CONVERSION_NEUROTOLINALG_PATTERNS_H

#include "ScalarEmitter.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Transforms/DialectConversion.h"
#include "neuroplast/Dialect/Neuro/IR/NeuroDialect.h"

namespace neuroplast {

void populateElementwiseToLinalgPatterns(mlir::TypeConverter &converter,
                                         mlir::RewritePatternSet &patterns);
void populateReductionToLinalgPatterns(mlir::TypeConverter &converter,
                                       mlir::RewritePatternSet &patterns);
void populateCumulativeToLinalgPatterns(mlir::TypeConverter &converter,
                                        mlir::RewritePatternSet &patterns);
void populateQuantToLinalgPatterns(mlir::TypeConverter &converter,
                                   mlir::RewritePatternSet &patterns);
void populateNormalizationToLinalgPatterns(mlir::TypeConverter &converter,
                                           mlir::RewritePatternSet &patterns);
void populateShapeToLinalgPatterns(mlir::TypeConverter &converter,
                                   mlir::RewritePatternSet &patterns);
void populateIndexingToLinalgPatterns(mlir::TypeConverter &converter,
                                      mlir::RewritePatternSet &patterns);
void populateUniqueToLinalgPatterns(mlir::TypeConverter &converter,
                                    mlir::RewritePatternSet &patterns);
void populateResizeToLinalgPatterns(mlir::TypeConverter &converter,
                                    mlir::RewritePatternSet &patterns);
void populateGridSampleToLinalgPatterns(mlir::TypeConverter &converter,
                                        mlir::RewritePatternSet &patterns);
void populateDetectionToLinalgPatterns(mlir::TypeConverter &converter,
                                       mlir::RewritePatternSet &patterns);
void populatePoolingToLinalgPatterns(mlir::TypeConverter &converter,
                                     mlir::RewritePatternSet &patterns);
void populateConvolutionToLinalgPatterns(mlir::TypeConverter &converter,
                                         mlir::RewritePatternSet &patterns);
void populateContractionToLinalgPatterns(mlir::TypeConverter &converter,
                                         mlir::RewritePatternSet &patterns);
void populateRecurrentToLinalgPatterns(mlir::TypeConverter &converter,
                                       mlir::RewritePatternSet &patterns);
void populateAttentionToLinalgPatterns(mlir::TypeConverter &converter,
                                       mlir::RewritePatternSet &patterns);
void populateDeterminantToLinalgPatterns(mlir::TypeConverter &converter,
                                         mlir::RewritePatternSet &patterns);
void populateRegionPoolingToLinalgPatterns(mlir::TypeConverter &converter,
                                           mlir::RewritePatternSet &patterns);
void populateTextToLinalgPatterns(mlir::TypeConverter &converter,
                                  mlir::RewritePatternSet &patterns);
void populateTopKToLinalgPatterns(mlir::TypeConverter &converter,
                                  mlir::RewritePatternSet &patterns);
void populateUnpoolingToLinalgPatterns(mlir::TypeConverter &converter,
                                       mlir::RewritePatternSet &patterns);
void populateDeformConvToLinalgPatterns(mlir::TypeConverter &converter,
                                        mlir::RewritePatternSet &patterns);
void populateSpectrumToLinalgPatterns(mlir::TypeConverter &converter,
                                      mlir::RewritePatternSet &patterns);
void populateRandomToLinalgPatterns(mlir::TypeConverter &converter,
                                    mlir::RewritePatternSet &patterns);
void populateNGramsToLinalgPatterns(mlir::TypeConverter &converter,
                                    mlir::RewritePatternSet &patterns);

//===----------------------------------------------------------------------===//
// What the families share
//===----------------------------------------------------------------------===//

/// The size of an axis: an attribute if it is static, else `tensor.dim`.
mlir::OpFoldResult getDim(mlir::OpBuilder &builder, mlir::Location location,
                          mlir::Value tensor, int64_t axis);
/// The sizes of all axes.
llvm::SmallVector<mlir::OpFoldResult>
getDims(mlir::OpBuilder &builder, mlir::Location location, mlir::Value tensor);
mlir::Value toIndex(mlir::OpBuilder &builder, mlir::Location location,
                    mlir::OpFoldResult value);
/// Folded sums, differences, products and quotients (floor) of sizes.
mlir::OpFoldResult addSizes(mlir::OpBuilder &b, mlir::Location loc,
                            mlir::OpFoldResult lhs, mlir::OpFoldResult rhs);
mlir::OpFoldResult mulSizes(mlir::OpBuilder &b, mlir::Location loc,
                            mlir::OpFoldResult lhs, mlir::OpFoldResult rhs);
mlir::OpFoldResult divSizes(mlir::OpBuilder &b, mlir::Location loc,
                            mlir::OpFoldResult lhs, mlir::OpFoldResult rhs);

/// An uninitialised tensor of sizes.
mlir::Value createEmpty(mlir::OpBuilder &builder, mlir::Location location,
                        llvm::ArrayRef<mlir::OpFoldResult> sizes,
                        mlir::Type elementType);
/// A tensor of sizes filled with a scalar.
mlir::Value createFilled(mlir::OpBuilder &builder, mlir::Location location,
                         llvm::ArrayRef<mlir::OpFoldResult> sizes,
                         mlir::Value scalar);
/// `value` cast to `type` where they differ in what is static.
mlir::Value castTo(mlir::OpBuilder &builder, mlir::Location location,
                   mlir::Value value, mlir::Type type);

/// A tensor whose element at `indices` is what `body` returns: a generic with
/// parallel iterators only.
mlir::Value
createMap(mlir::OpBuilder &builder, mlir::Location location,
          llvm::ArrayRef<mlir::OpFoldResult> sizes, mlir::Type elementType,
          llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::Location,
                                         mlir::ValueRange indices)>
              body);

/// Combines tensors element by element with numpy broadcasting to `sizes`; the
/// body gets stored values and returns a stored value of `elementType`.
mlir::Value createBroadcastMap(
    mlir::OpBuilder &builder, mlir::Location location, mlir::ValueRange inputs,
    llvm::ArrayRef<mlir::OpFoldResult> sizes, mlir::Type elementType,
    llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::Location,
                                   mlir::ValueRange elements)>
        body);

/// The sizes of the numpy broadcast of tensors.
llvm::SmallVector<mlir::OpFoldResult>
getBroadcastSizes(mlir::OpBuilder &builder, mlir::Location location,
                  mlir::ValueRange tensors);

/// A softmax of f32 along the last axis. With `masked`, rows of nothing but
/// minus infinity become zeros.
mlir::Value createRowSoftmax(mlir::OpBuilder &builder, mlir::Location location,
                             mlir::Value input, bool masked = false);

/// Folds axes of `input` into an accumulator tensor that starts as `init`;
/// reduced axes are dropped from the result.
mlir::Value createReduction(
    mlir::OpBuilder &builder, mlir::Location location, mlir::Value input,
    llvm::ArrayRef<int64_t> axes, mlir::Value init,
    llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::Location,
                                   mlir::Value element, mlir::Value sum)>
        body);

/// Nested loops over `sizes` that carry a tensor, which `body` gets with the
/// indices and returns changed. `outer` are indices of loops around these.
mlir::Value createLoops(
    mlir::OpBuilder &builder, mlir::Location location,
    llvm::ArrayRef<mlir::OpFoldResult> sizes, mlir::Value init,
    llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::Location,
                                   mlir::ValueRange indices, mlir::Value)>
        body,
    mlir::ValueRange outer = {});

/// `others` with `place` inserted at `axis`.
llvm::SmallVector<mlir::Value> insertAt(mlir::ValueRange others, int64_t axis,
                                        mlir::Value place);
/// The sizes of all axes but one.
llvm::SmallVector<mlir::OpFoldResult>
dropSize(llvm::ArrayRef<mlir::OpFoldResult> sizes, int64_t axis);
mlir::Value constantIndex(mlir::OpBuilder &builder, mlir::Location location,
                          int64_t value);

/// The result of a function of the runtime that every model carries (see
/// Support/support.c), which the module gets a declaration of.
mlir::Value callRuntime(mlir::OpBuilder &builder, mlir::Location location,
                        mlir::ModuleOp module, llvm::StringRef name,
                        mlir::ValueRange arguments, mlir::Type result);

/// Inserts axes of size 1 so that `axes` of the result are new.
mlir::Value expandAxes(mlir::OpBuilder &builder, mlir::Location location,
                       mlir::Value value, llvm::ArrayRef<int64_t> axes);

} // namespace neuroplast

#endif // NEUROPLAST_LIB_CONVERSION_NEUROTOLINALG_PATTERNS_H
