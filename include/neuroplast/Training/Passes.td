//===- Passes.td - Passes for training ---------------------*- tablegen -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TRAINING_PASSES
#define NEUROPLAST_TRAINING_PASSES

include "mlir/Pass/PassBase.td"

def NeuroDifferentiate : Pass<"neuro-differentiate", "::mlir::ModuleOp"> {
  let summary = "Let `main` compute gradients, too";
  let description = [{
    Behind its inputs `main` takes the gradient of each float result (`grad:` and
    its name) of whatever is to become smaller, and behind its results it returns
    the gradients of float inputs and trainable parameters, one by one: the
    vector-Jacobian product, built op by op by `DifferentiableOpInterface`. What a
    gradient would have to go through and has none is an error that names it.

    Before, with `--neuro-differentiate="of=params"`:
    ```mlir
    func.func @main(%x: tensor<1x4xf32> {neuro.name = "x"}) -> (tensor<1x2xf32> {neuro.name = "y"}) {
      %w = neuro.get_param @w : tensor<4x2xf32>
      %y = neuro.matmul %x, %w : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32>
      return %y : tensor<1x2xf32>
    }
    ```
    After:
    ```mlir
    func.func @main(%x: tensor<1x4xf32> {neuro.name = "x"}, %dy: tensor<1x2xf32> {neuro.name = "grad:y"})
        -> (tensor<1x2xf32> {neuro.name = "y"}, tensor<4x2xf32> {neuro.name = "grad:w"}) {
      %w = neuro.get_param @w : tensor<4x2xf32>
      %y = neuro.matmul %x, %w : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32>
      %t = neuro.transpose %x [1, 0] : tensor<1x4xf32> -> tensor<4x1xf32>
      %dw = neuro.matmul %t, %dy : (tensor<4x1xf32>, tensor<1x2xf32>) -> tensor<4x2xf32>
      return %y, %dw : tensor<1x2xf32>, tensor<4x2xf32>
    }
    ```
  }];
  let options = [
    Option<"of", "of", "std::string", "\"all\"", "what the gradients are of: `params`, `inputs` or `all`">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect",
                           "::neuroplast::neuro::NeuroDialect"];
}

def NeuroTrainStep : Pass<"neuro-train-step", "::mlir::ModuleOp"> {
  let summary = "Make `main` a step of training";
  let description = [{
    Adds a loss of the first result, derives its gradients, and lets an optimizer
    move every trainable parameter. Behind its inputs `main` takes "labels",
    "learning_rate" and "step", the number of the step, and then the parameters
    and what the optimizer remembers of each (shadows, zero at first) as arguments
    marked `neuro.param`; it returns "loss", its results, and the new values of
    these arguments in their order. With a teacher, whose inputs have the names
    of the module's, there are no labels: the teacher becomes a part of `main`,
    as it is, and its first result is what the first result is to be.

    Before:
    ```mlir
    func.func @main(%x: tensor<1x4xf32>) -> tensor<1x2xf32> {
      %w = neuro.get_param @w : tensor<4x2xf32>
      %y = neuro.matmul %x, %w : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32>
      return %y : tensor<1x2xf32>
    }
    ```
    After, with `--neuro-train-step="loss=mse"`, the body left out:
    ```mlir
    func.func @main(%x: tensor<1x4xf32>, %labels: tensor<1x2xf32> {neuro.name = "labels"},
                    %rate: tensor<f32> {neuro.name = "learning_rate"}, %step: tensor<f32> {neuro.name = "step"},
                    %w: tensor<4x2xf32> {neuro.name = "w", neuro.param = @w})
        -> (tensor<f32> {neuro.name = "loss"}, tensor<1x2xf32>, tensor<4x2xf32> {neuro.name = "w"})
    ```
  }];
  let options = [
    Option<"loss", "loss", "std::string", "\"cross-entropy\"", "`cross-entropy`, `soft-cross-entropy`, `kl`, `bce`, `mse`, `mae`, `huber`, `cosine` or `ctc`">,
    Option<"blank", "blank", "int64_t", "0", "the class of times that say nothing, of ctc">,
    Option<"mostLabels", "most-labels", "int64_t", "0", "how many labels an example has at most, of ctc">,
    Option<"labelSmoothing", "label-smoothing", "double", "0", "share of probability that all classes get, of cross-entropy">,
    Option<"temperature", "temperature", "double", "1", "what logits are divided by">,
    Option<"teacher", "teacher", "std::string", "\"\"", "a file with a module whose first result is what the labels are">,
    Option<"optimizer", "optimizer", "std::string", "\"sgd\"", "`sgd`, `adam`, `adamw`, `rmsprop`, `adagrad` or `lion`">,
    Option<"momentum", "momentum", "double", "0", "of sgd">,
    Option<"nesterov", "nesterov", "bool", "false", "whether sgd looks ahead by its momentum">,
    Option<"ownSteps", "own-steps", "bool", "false", "whether adam and adamw count the steps of each element">,
    Option<"lasso", "lasso", "double", "0", "draw each element to zero, by the learning rate times this in a step">,
    Option<"groupLasso", "group-lasso", "double", "0", "draw all elements together that make a unit to zero, by that times the root of their count">,
    Option<"clipNorm", "clip-norm", "double", "0", "the most that all gradients together have as their norm; 0 for no bound">,
    Option<"parts", "parts", "int64_t", "1", "steps whose gradients an update is made of the mean of">,
    Option<"processes", "processes", "int64_t", "1", "processes that add up their gradients, each with a batch of its own">,
    Option<"weightDecay", "weight-decay", "double", "0", "how much of each parameter goes in a step, by the rate">,
    ListOption<"dropout", "dropout", "std::string", "what is left out in a step, as `neuro-dropout` takes it">,
    ListOption<"hint", "hint", "std::string",
               "nodes that give what those of the teacher give: PATTERN=WEIGHT[:KIND], of values, channels, layers, attention or relations">,
    Option<"seed", "seed", "uint32_t", "0", "of what is drawn in a step">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect",
                           "::neuroplast::neuro::NeuroDialect"];
}

def NeuroDropout : Pass<"neuro-dropout", "::mlir::ModuleOp"> {
  let summary = "Let layers go without parts of what they read";
  let description = [{
    Puts `neuro.dropout` before layers whose weights have a name like a pattern:
    `PATTERN=RATE` leaves out elements of what they read, `PATTERN=RATE:channels`
    channels of it, `:squares` or `:squares:SIZE` squares in space, `:gaussian`
    nothing, but weighs by a normal factor; `:weights` leaves out weights, and
    `:branches` what residual blocks around the layers add, for an example as a
    whole. `:units:SHARE` leaves out units that the layers make, of the SHARE with
    the smallest weights alone, and `:weights:SHARE` does so with weights of each
    unit. No layer that is like the pattern is an error. Answers stay as they
    are: the ops are draws in a step of training and under `neuro-draw-samples`.

    Before, with `--neuro-dropout="at=w=0.5"`:
    ```mlir
    %w = neuro.get_param @w : tensor<4x2xf32>
    %y = neuro.matmul %x, %w : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32>
    ```
    After:
    ```mlir
    %w = neuro.get_param @w : tensor<4x2xf32>
    %d = neuro.dropout %x {rate = 5.000000e-01 : f64} : (tensor<1x4xf32>) -> tensor<1x4xf32>
    %y = neuro.matmul %d, %w : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32>
    ```
  }];
  let options = [
    ListOption<"at", "at", "std::string", "where, how much and what">
  ];
  let dependentDialects = ["::neuroplast::neuro::NeuroDialect"];
}

def NeuroDrawSamples : Pass<"neuro-draw-samples", "::mlir::ModuleOp"> {
  let summary = "Let `main` answer with draws";
  let description = [{
    Behind its inputs `main` takes "draw", a scalar of i64, and what dropout
    leaves out is what this number and the place of the op among others stand
    for. Without dropout it is an error.

    Before:
    ```mlir
    func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
      %y = neuro.dropout %x {rate = 5.000000e-01 : f64} : (tensor<1x4xf32>) -> tensor<1x4xf32>
      return %y : tensor<1x4xf32>
    }
    ```
    After:
    ```mlir
    func.func @main(%x: tensor<1x4xf32>, %draw: tensor<i64> {neuro.name = "draw"}) -> tensor<1x4xf32> {
      %zero = neuro.constant dense<0.0> : tensor<f32>
      %scale = neuro.constant dense<2.0> : tensor<f32>
      %rate = neuro.constant dense<0.5> : tensor<f32>
      %u = neuro.random_uniform [1, 4] counter %draw : tensor<i64> {seed = 0.0 : f32, to = f32} : tensor<1x4xf32>
      %out = neuro.greater %rate, %u : (tensor<f32>, tensor<1x4xf32>) -> tensor<1x4xi1>
      %factor = neuro.where %out, %zero, %scale : (tensor<1x4xi1>, tensor<f32>, tensor<f32>) -> tensor<1x4xf32>
      %y = neuro.mul %x, %factor : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
      return %y : tensor<1x4xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect", "::neuroplast::neuro::NeuroDialect"];
}

def NeuroPrintGradient : Pass<"neuro-print-gradient", "::mlir::ModuleOp"> {
  let summary = "Print the gradient of every op";
  let description = [{
    Writes one line for each op to standard error, in the order of the module: its
    name and the rule that stands with it, in terms of the gradient `g` of its
    result `y` and of its operands `a` and `b`; "built" if it takes more than a
    line, and "none" if it has no gradient.

    ```
    neuro.tanh: g * (1 - y * y)
    ```
  }];
}

#endif // NEUROPLAST_TRAINING_PASSES
