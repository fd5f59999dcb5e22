//===- PoolingOps.td - Pooling, resizing and sampling ---*- tablegen -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_POOLINGOPS
#define NEUROPLAST_DIALECT_NEURO_IR_POOLINGOPS

include "neuroplast/Dialect/Neuro/IR/NeuroBase.td"

//===----------------------------------------------------------------------===//
// Pooling: the lists are as in convolutions. `ceil_mode` rounds output sizes up.
//===----------------------------------------------------------------------===//

def Neuro_MaxPoolOp : Neuro_TensorOp<"max_pool", "", traits = [Neuro_BuildsGradient, Neuro_ZeroWhere<"zero[0]">]> {
  let summary = "maximum over windows, with flat indices of the maxima";
  let arguments = (ins Neuro_NumberTensor:$input, DenseI64ArrayAttr:$kernel_shape, DenseI64ArrayAttr:$strides,
    DenseI64ArrayAttr:$dilations, DenseI64ArrayAttr:$pads, DefaultValuedAttr<I64Attr, "0">:$ceil_mode,
    DefaultValuedAttr<I64Attr, "0">:$storage_order, DefaultValuedAttr<StrAttr, "\"NOTSET\"">:$auto_pad);
  let results = (outs Neuro_NumberTensor:$result, RankedTensorOf<[I64]>:$indices);
}
def Neuro_AveragePoolOp : Neuro_TensorOp<"average_pool", "", traits = [Neuro_BuildsGradient, Neuro_LinearInFirst]> {
  let summary = "mean over windows; `count_include_pad` counts the padding";
  let arguments = (ins Neuro_FloatTensor:$input, DenseI64ArrayAttr:$kernel_shape, DenseI64ArrayAttr:$strides,
    DenseI64ArrayAttr:$dilations, DenseI64ArrayAttr:$pads, DefaultValuedAttr<I64Attr, "0">:$ceil_mode,
    DefaultValuedAttr<I64Attr, "0">:$count_include_pad, DefaultValuedAttr<StrAttr, "\"NOTSET\"">:$auto_pad);
  let results = (outs Neuro_FloatTensor:$result);
}
def Neuro_LpPoolOp : Neuro_TensorOp<"lp_pool", "", traits = [Neuro_BuildsGradient, Neuro_ZeroWhere<"zero[0]">]> {
  let summary = "p-norm over windows";
  let arguments = (ins Neuro_FloatTensor:$input, DenseI64ArrayAttr:$kernel_shape, DenseI64ArrayAttr:$strides,
    DenseI64ArrayAttr:$dilations, DenseI64ArrayAttr:$pads, DefaultValuedAttr<I64Attr, "0">:$ceil_mode,
    DefaultValuedAttr<I64Attr, "2">:$p, DefaultValuedAttr<StrAttr, "\"NOTSET\"">:$auto_pad);
  let results = (outs Neuro_FloatTensor:$result);
}
def Neuro_MaxUnpoolOp : Neuro_TensorOp<"max_unpool", "", traits = [Neuro_BuildsGradient], statesContract = 1> {
  let summary = "put values back where max_pool found them, zero elsewhere";
  let arguments = (ins Neuro_FloatTensor:$input, RankedTensorOf<[I64]>:$indices, Variadic<Index>:$dynamic_sizes,
    DenseI64ArrayAttr:$sizes, DenseI64ArrayAttr:$kernel_shape, DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads);
  let results = (outs Neuro_FloatTensor:$result);
  let extraClassDeclaration = baseDeclaration # [{
    /// The size along an axis of the tensor that was pooled, into which the
    /// indices point, is the first times that of the input plus the second.
    std::pair<int64_t, int64_t> getPooledSize(size_t axis);
  }];
}
def Neuro_RoiAlignOp : Neuro_TensorOp<"roi_align", "RoiAlign", traits = [Neuro_GradientOfParts, Neuro_ZeroWhere<"zero[0]">], statesContract = 1> {
  let summary = "average or maximum of bilinear samples over each region";
  let arguments = (ins Neuro_FloatTensor:$input, Neuro_FloatTensor:$rois, RankedTensorOf<[I64]>:$batch_indices,
    DefaultValuedAttr<StrAttr, "\"half_pixel\"">:$coordinate_transformation_mode, DefaultValuedAttr<StrAttr, "\"avg\"">:$mode,
    DefaultValuedAttr<I64Attr, "1">:$output_height, DefaultValuedAttr<I64Attr, "1">:$output_width,
    DefaultValuedAttr<I64Attr, "0">:$sampling_ratio, DefaultValuedAttr<F32Attr, "1.0f">:$spatial_scale);
  let results = (outs Neuro_FloatTensor:$result);
}
def Neuro_MaxRoiPoolOp : Neuro_TensorOp<"max_roi_pool", "MaxRoiPool", traits = [Neuro_ZeroWhere<"zero[0]">], statesContract = 1> {
  let summary = "maximum over the bins of each region";
  let arguments = (ins Neuro_FloatTensor:$input, Neuro_FloatTensor:$rois, DenseI64ArrayAttr:$pooled_shape,
    DefaultValuedAttr<F32Attr, "1.0f">:$spatial_scale);
  let results = (outs Neuro_FloatTensor:$result);
}

def Neuro_ResizeOp : Neuro_TensorOp<"resize", "", [Neuro_BuildsGradient, AttrSizedOperandSegments, Neuro_LinearInFirst], statesContract = 1> {
  let summary = "resample a tensor to other sizes by nearest, linear or cubic interpolation";
  let description = [{
    `sizes` has one entry per axis. `scales` (per axis) is what the coordinate
    transformation uses; empty, it is output size / input size. `roi` (2 x rank
    entries) is for "tf_crop_and_resize". The modes have their ONNX names.
  }];
  let arguments = (ins Neuro_NumberTensor:$input, Variadic<Index>:$dynamic_sizes, Optional<Neuro_FloatTensor>:$dynamic_scales,
    DenseI64ArrayAttr:$sizes, DenseF32ArrayAttr:$scales, DenseF32ArrayAttr:$roi,
    DefaultValuedAttr<StrAttr, "\"nearest\"">:$mode,
    DefaultValuedAttr<StrAttr, "\"half_pixel\"">:$coordinate_transformation_mode,
    DefaultValuedAttr<StrAttr, "\"round_prefer_floor\"">:$nearest_mode,
    DefaultValuedAttr<F32Attr, "-0.75f">:$cubic_coeff_a, DefaultValuedAttr<BoolAttr, "false">:$exclude_outside,
    DefaultValuedAttr<F32Attr, "0.0f">:$extrapolation_value, DefaultValuedAttr<BoolAttr, "false">:$antialias);
  let results = (outs Neuro_NumberTensor:$result);
  let assemblyFormat = [{
    $input custom<DynamicIndexList>($dynamic_sizes, $sizes) (`scales` `(` $dynamic_scales^ `:` type($dynamic_scales) `)`)?
    attr-dict `:` type($input) `->` type($result)
  }];
  let extraClassDeclaration = baseDeclaration # [{
    void setFactorExtents(::llvm::ArrayRef<int64_t> extents);
    /// How often each place of the input stands next to itself in the result,
    /// along every axis; none if the op does something else.
    std::optional<::llvm::SmallVector<int64_t>> getRepeats();
  }];
}
def Neuro_GridSampleOp : Neuro_TensorOp<"grid_sample", "GridSample", traits = [Neuro_GradientOfParts, Neuro_LinearInFirst], statesContract = 1> {
  let summary = "sample a tensor at the normalised coordinates of a grid";
  let arguments = (ins Neuro_NumberTensor:$input, Neuro_FloatTensor:$grid, DefaultValuedAttr<I64Attr, "0">:$align_corners,
    DefaultValuedAttr<StrAttr, "\"linear\"">:$mode, DefaultValuedAttr<StrAttr, "\"zeros\"">:$padding_mode);
  let results = (outs Neuro_NumberTensor:$result);
  let hasVerifier = 1;
}
def Neuro_Col2ImOp : Neuro_TensorOp<"col2im", "", traits = [Neuro_BuildsGradient, Neuro_LinearInFirst], statesContract = 1> {
  let summary = "sum columns of blocks back into an image";
  let arguments = (ins Neuro_NumberTensor:$input, DenseI64ArrayAttr:$image_shape, DenseI64ArrayAttr:$block_shape,
    DenseI64ArrayAttr:$dilations, DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$strides);
  let results = (outs Neuro_NumberTensor:$result);
  let extraClassDeclaration = baseDeclaration # [{
    /// The blocks along a spatial axis.
    int64_t countPlaces(size_t axis);
  }];
}
def Neuro_NonMaxSuppressionOp : Neuro_TensorOp<"non_max_suppression", "NonMaxSuppression", [AttrSizedOperandSegments],
    statesContract = 1> {
  let summary = "the boxes that survive greedy suppression, as (batch, class, box) triples";
  let arguments = (ins Neuro_FloatTensor:$boxes, Neuro_FloatTensor:$scores, Optional<RankedTensorOf<[I64]>>:$max_output_boxes_per_class,
    Optional<Neuro_FloatTensor>:$iou_threshold, Optional<Neuro_FloatTensor>:$score_threshold,
    DefaultValuedAttr<I64Attr, "0">:$center_point_box);
  let results = (outs RankedTensorOf<[I64]>:$result);
  let assemblyFormat = [{
    $boxes `,` $scores (`max_boxes` `(` $max_output_boxes_per_class^ `)`)? (`iou` `(` $iou_threshold^ `)`)?
    (`score` `(` $score_threshold^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

#endif // NEUROPLAST_DIALECT_NEURO_IR_POOLINGOPS
