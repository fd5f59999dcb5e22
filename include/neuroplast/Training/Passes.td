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
    Option<"loss", "loss", "std::string", "\"cross-entropy\"", "`cross-entropy`, `soft-cross-entropy`, `kl`, `bce`, `mse`, `mae`, `huber` or `cosine`">,
    Option<"labelSmoothing", "label-smoothing", "double", "0", "share of probability that all classes get, of cross-entropy">,
    Option<"temperature", "temperature", "double", "1", "what logits are divided by">,
    Option<"teacher", "teacher", "std::string", "\"\"", "a file with a module whose first result is what the labels are">,
    Option<"optimizer", "optimizer", "std::string", "\"sgd\"", "`sgd`, `adam`, `adamw`, `rmsprop`, `adagrad` or `lion`">,
    Option<"momentum", "momentum", "double", "0", "of sgd">,
    Option<"nesterov", "nesterov", "bool", "false", "whether sgd looks ahead by its momentum">,
    Option<"clipNorm", "clip-norm", "double", "0", "the most that all gradients together have as their norm; 0 for no bound">,
    Option<"weightDecay", "weight-decay", "double", "0", "how much of each parameter goes in a step, by the rate">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect",
                           "::neuroplast::neuro::NeuroDialect"];
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
