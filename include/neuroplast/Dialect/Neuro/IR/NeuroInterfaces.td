//===- NeuroInterfaces.td - What passes know of an op ------*- tablegen -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Structure, training and code generation know ops through these interfaces
// only, never by name.
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_NEUROINTERFACES
#define NEUROPLAST_DIALECT_NEURO_IR_NEUROINTERFACES

include "mlir/IR/OpBase.td"

def AxisRuleOpInterface : OpInterface<"AxisRuleOpInterface"> {
  let cppNamespace = "::neuroplast::neuro";
  let description = [{
    How the axes of an op's operands and results correspond, as an einops-like
    rule over named factors. A convolution states
    `n (g i) h w, (g o) i kh kw, (g o) -> n (g o) p q`: the factors that appear
    twice are the same indices. See `AxisRule` for the grammar.
  }];
  let methods = [
    InterfaceMethod<[{
      The rule of this op, for its present types and attributes.
    }], "::neuroplast::neuro::AxisRule", "getAxisRule">,
    InterfaceMethod<[{
      Makes the attributes that hold sizes (groups, split sizes, reshaped sizes,
      hidden sizes) agree with new extents of the factors of the rule, given in
      the order of its factors. The types of operands and results are changed by
      the caller.
    }], "void", "setFactorExtents", (ins "::llvm::ArrayRef<int64_t>":$extents),
    "", [{ (void)extents; }]>,
    InterfaceMethod<[{
      Whether all results are zero at a place where these operands are zero.
      Without a statement of its own an op gives no zeros. `Neuro_ZeroWhere`
      states it in a line.
    }], "bool", "isZeroWhere",
    (ins "const ::neuroplast::neuro::ZeroOperands &":$zero),
    "", [{ (void)zero; return false; }]>,
    InterfaceMethod<[{
      Whether the results are affine functions of these operands together while
      the others stay as they are: then the op makes of the average of others
      the average of what it makes of them. `Neuro_AffineIn` states it in a line.
    }], "bool", "isAffineIn",
    (ins "const ::neuroplast::neuro::OperandSet &":$operands),
    "", [{ (void)operands; return false; }]>,
    InterfaceMethod<[{
      What a parameter is to the op that reads it as this operand. Without a
      statement of its own an op takes data only; `Neuro_Roles` states it in a
      line.
    }], "::neuroplast::neuro::OperandRole", "getOperandRole", (ins "unsigned":$operand),
    "", [{ (void)operand; return ::neuroplast::neuro::OperandRole::Data; }]>
  ];
}

def CountingOpInterface : OpInterface<"CountingOpInterface"> {
  let cppNamespace = "::neuroplast::neuro";
  let description = [{
    An op that counts the indices of an axis of its first operand, as a mean
    does: the factors of its rule that are marked `nonzero`. It says how more of
    them can join without a difference to the others.
  }];
  let methods = [
    InterfaceMethod<[{
      What newborn indices have to be.
    }], "::neuroplast::neuro::QuietGrowth", "getQuietGrowth">,
    InterfaceMethod<[{
      Changes the op, or puts others in its place, so that it gives what it gave
      before newborns joined that are zero, or, for an op that takes no zeros,
      the average of the others. The counts are those of all indices that it
      counts; the scale is changed by the caller.
    }], "void", "keepCount",
    (ins "::mlir::OpBuilder &":$builder, "int64_t":$before, "int64_t":$after)>
  ];
}

def RuntimeContractOpInterface : OpInterface<"RuntimeContractOpInterface"> {
  let cppNamespace = "::neuroplast::neuro";
  let description = [{
    What an op relies on when it runs and its types do not prove: relations
    between run-time sizes, and ranges of the indices and lengths that data
    brings. Compiled code checks it before the op. Without a statement of its
    own an elementwise op broadcasts its operands, and any other needs nothing.
  }];
  let methods = [
    InterfaceMethod<[{
      States the requirements, which are built right before the op.
    }], "void", "stateContract", (ins "::neuroplast::neuro::RuntimeContract &":$contract), "",
    [{ ::neuroplast::neuro::detail::stateDefaultContract($_op, contract); }]>
  ];
}

def DifferentiableOpInterface : OpInterface<"DifferentiableOpInterface"> {
  let cppNamespace = "::neuroplast::neuro";
  let description = [{
    How a change of an op's operands changes its results, backwards: the
    vector-Jacobian product. What has float results and does not say has no
    gradient; what is constant almost everywhere says so by stating nothing.
  }];
  let methods = [
    InterfaceMethod<[{
      States the gradients of the operands that need one, in terms of those of
      the results. Fails, after an error, for a form of the op that has none.
    }], "::llvm::LogicalResult", "buildGradient", (ins "::neuroplast::neuro::GradientScope &":$scope)>,
    InterfaceMethod<[{
      The rule as it is written with the op; empty if it is more than that.
    }], "::llvm::StringRef", "getGradientRule", (ins), "", [{ return ""; }]>,
    InterfaceMethod<[{
      Whether a result that has no floats stands for real numbers all the same,
      so that it has a gradient of floats. Other integers end gradients.
    }], "bool", "standsForReals", (ins "unsigned":$result), "",
    [{ (void)result; return false; }]>
  ];
}

def DecomposableOpInterface : OpInterface<"DecomposableOpInterface"> {
  let cppNamespace = "::neuroplast::neuro";
  let description = [{
    An op that several others compute, too, each of which has a gradient: the
    way back goes through these. They take more time and memory than the op,
    which stays as it is on the way there.
  }];
  let methods = [
    InterfaceMethod<[{
      Builds the other ops, and gives what they have for each result of this one.
      Fails, after an error, for forms of which there are none.
    }], "::llvm::FailureOr<::llvm::SmallVector<::mlir::Value>>", "buildParts",
    (ins "::neuroplast::neuro::TermBuilder &":$at)>
  ];
}

def StochasticOpInterface : OpInterface<"StochasticOpInterface"> {
  let cppNamespace = "::neuroplast::neuro";
  let description = [{
    An op that is an expectation when a network answers, and a draw while it
    learns: one result, which stays as it is without a sample.
  }];
  let methods = [
    InterfaceMethod<[{
      Builds a draw of the result: the one that `counter`, a scalar of i64, and
      the number of a stream stand for, whenever and wherever it is computed. Of
      a part of a batch, it is that part of what the whole one has. Null after an
      error.
    }], "::mlir::Value", "buildSample",
    (ins "::mlir::OpBuilder &":$builder, "::mlir::Value":$counter, "uint32_t":$stream,
         "const ::neuroplast::neuro::BatchPart &":$part)>,
    InterfaceMethod<[{
      Builds what is added to a loss because of the draws, a scalar, at the
      place of the builder. `failure` after an error; null if there is nothing.
    }], "::llvm::FailureOr<::mlir::Value>", "buildPenalty",
    (ins "::mlir::OpBuilder &":$builder), "", "return ::mlir::Value();">
  ];
}

def CostOpInterface : OpInterface<"CostOpInterface"> {
  let cppNamespace = "::neuroplast::neuro";
  let description = [{
    What running an op once costs, as closed forms in its shapes. Without a
    statement of its own an op costs one operation per element of its results
    and moves every operand and result once.
  }];
  let methods = [
    InterfaceMethod<[{
      Floating-point (or integer) operations; a multiply-add counts as two. None
      if a shape that decides it is dynamic.
    }], "std::optional<int64_t>", "getFlops", (ins), "",
    [{ return ::neuroplast::neuro::detail::countResultElements($_op); }]>,
    InterfaceMethod<[{
      Bytes read and written, each operand and result counted once. None if a
      shape is dynamic.
    }], "std::optional<int64_t>", "getBytesMoved", (ins), "",
    [{ return ::neuroplast::neuro::detail::countOperandAndResultBytes($_op); }]>
  ];
}

def LayerOpInterface : OpInterface<"LayerOpInterface"> {
  let cppNamespace = "::neuroplast::neuro";
  let description = [{
    What calibration on data may set anew: the weight by which an op makes its
    result of patches of its data, what it adds to its data, and what it remembers
    of it.
  }];
  let methods = [
    InterfaceMethod<[{
      The op as a linear map by a weight; none if it is none.
    }], "std::optional<::neuroplast::neuro::LinearMap>", "getLinearMap", (ins), "",
    [{ return std::nullopt; }]>,
    InterfaceMethod<[{
      Builds an op of the same kind that weighs results of this one by a matrix,
      which is a tensor with the axes of this op's weight: along the out axis, and
      one after it or before it for the elements of a patch. Null if no op of the
      kind does that.
    }], "::mlir::Value", "buildOutMap",
    (ins "::mlir::OpBuilder &":$builder, "::mlir::Value":$results, "::mlir::Value":$weight, "::mlir::Value":$bias), "",
    [{ (void)builder, (void)results, (void)weight, (void)bias; return nullptr; }]>,
    InterfaceMethod<[{
      What the op adds to its data first; none if it adds nothing.
    }], "std::optional<::neuroplast::neuro::InputOffset>", "getInputOffset", (ins), "",
    [{ return std::nullopt; }]>,
    InterfaceMethod<[{
      The operands that hold what training saw of the data; none if nothing does.
    }], "std::optional<::neuroplast::neuro::RunningStatistics>", "getRunningStatistics", (ins), "",
    [{ return std::nullopt; }]>,
    InterfaceMethod<[{
      The op as a scale and a shift of every channel; none if it does something
      else, or `read` has no numbers for an operand.
    }], "std::optional<::neuroplast::neuro::ChannelAffine>", "getChannelAffine",
    (ins "::llvm::function_ref<std::optional<::llvm::SmallVector<double>>(::mlir::Value)>":$read), "",
    [{ (void)read; return std::nullopt; }]>
  ];
}

#endif // NEUROPLAST_DIALECT_NEURO_IR_NEUROINTERFACES
