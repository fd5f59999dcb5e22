//===- Passes.td - Passes over the structure ---------------*- tablegen -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_PASSES
#define NEUROPLAST_STRUCTURE_PASSES

include "mlir/Pass/PassBase.td"

def NeuroPrintUnits : Pass<"neuro-print-units", "::mlir::ModuleOp"> {
  let summary = "Print the unit groups of a module";
  let description = [{
    Writes, to standard error, every unit set that a parameter carries: how many
    units it has, which places of which parameters go with them, and why the set is
    pinned, if it is. Sets whose counts depend on each other form one group.

    ```
    unit group #0: free
      64 units: @conv1.weight[0] @conv1.bias[0] @conv2.weight[1]
    ```
  }];
  let options = [
    Option<"json", "json", "bool", "false", "print JSON, as `neuroplast inspect --json` does">
  ];
}

def NeuroPrintAxisRules : Pass<"neuro-print-axis-rules", "::mlir::ModuleOp"> {
  let summary = "Print the axis rule of every op";
  let description = [{
    Writes one line for each op that has a rule to standard error, in the order of
    the module: the name of the op and the rule.

    ```
    neuro.matmul: m k, k n -> m n | k=8, m=4, n=16
    ```

    With `json` each line is an object that spells the rule out and says which
    operands are arguments of the function, by number.
  }];
  let options = [
    Option<"json", "json", "bool", "false", "print JSON">
  ];
}

def NeuroPrune : Pass<"neuro-prune", "::mlir::ModuleOp"> {
  let summary = "Remove the units that matter least";
  let description = [{
    Scores the units by a criterion, removes a share of every free set, and rewrites
    every parameter, type and attribute that depends on them. Each set loses its own
    lowest units; sets whose counts depend on each other (the blocks of a grouped
    convolution) are cut to counts that fit.

    Before, with `--neuro-prune="ratio=0.5"`:
    ```mlir
    %w = neuro.get_param @w : tensor<8x3x3x3xf32>
    ```
    After:
    ```mlir
    %w = neuro.get_param @w : tensor<4x3x3x3xf32>
    ```
  }];
  let options = [
    Option<"criterion", "criterion", "std::string", "\"l2\"",
           "what ranks the units: `l1`, `l2`, `lamp`, `bn-scale`, `fpgm` or `random`; those that regard data are there in the driver">,
    Option<"ratio", "ratio", "double", "0.5", "the share of the units to remove, without a target">,
    Option<"dead", "dead", "bool", "false",
           "remove exactly the units that change nothing, instead: for which something is zero wherever the network sums over them">,
    Option<"scope", "scope", "std::string", "\"local\"",
           "which units are ranked together: those of a set (`local`), of sets of the same shapes (`isomorphic`), or all (`global`)">,
    Option<"targetFlops", "target-flops", "std::string", "\"\"",
           "cut until this many operations are left: `0.5x` of what there are, or `1.5G`">,
    Option<"targetParams", "target-params", "std::string", "\"\"", "the same for parameters">,
    Option<"targetBytes", "target-bytes", "std::string", "\"\"", "the same for the bytes of the parameters">,
    Option<"maxRatio", "max-ratio", "double", "1.0", "the share of a set that may go at most">,
    Option<"roundTo", "round-to", "int64_t", "1",
           "round the counts that remain up to a multiple of this; 0 takes the width of vector registers where that pays">,
    Option<"minUnits", "min-units", "int64_t", "1", "leave at least as many units of a set; without `keep-removed`, few among shuffled channels may go entirely">,
    Option<"seed", "seed", "uint64_t", "0", "seed of the criterion `random`">,
    Option<"inner", "inner", "bool", "false",
           "cut inner sets, as the features of attention heads, too">,
    ListOption<"only", "only", "std::string",
               "cut only sets with a member whose name contains one of these; names inner sets, too">,
    ListOption<"freeze", "freeze", "std::string",
               "leave sets with a member whose name contains one of these">,
    Option<"keepRemoved", "keep-removed", "bool", "false", "keep what is removed in the history, so that `neuro-undo` can put it back">,
    Option<"report", "report", "bool", "false", "print to standard error what was done">,
    Option<"json", "json", "bool", "false", "print the report as JSON">
  ];
  let statistics = [
    Statistic<"unitsRemoved", "units-removed", "Number of units removed">,
    Statistic<"parametersRemoved", "parameters-removed", "Number of parameter elements removed">
  ];
}

def NeuroDropin : Pass<"neuro-dropin", "::mlir::ModuleOp"> {
  let summary = "Add units";
  let description = [{
    Lets units join every free set, with weights that leave what the network
    computes as it is, and rewrites every parameter, type and attribute that depends
    on them. A set that cannot grow unnoticed stays as it is; the report says why.

    Before, with `--neuro-dropin="units=1"`:
    ```mlir
    neuro.param @first = dense<[[1.0, 2.0]]> : tensor<1x2xf32>
    neuro.param @second = dense<[[3.0], [4.0]]> : tensor<2x1xf32>
    ```
    After:
    ```mlir
    neuro.param @first = dense<[[1.0, 2.0, 0.3]]> : tensor<1x3xf32>
    neuro.param @second = dense<[[3.0], [4.0], [0.0]]> : tensor<3x1xf32>
    ```
  }];
  let options = [
    Option<"units", "units", "int64_t", "0", "how many units join every set; 0 takes `share`">,
    Option<"share", "share", "double", "0.25", "the share of each set that joins it">,
    Option<"init", "init", "std::string", "\"zero-out\"",
           "the new weights: `zero-out`, `pair`, `net2wider`, or `random`, which changes what is computed">,
    Option<"transplant", "transplant", "bool", "false",
           "begin moments of optimizers, of new units, as the mean over the others">,
    Option<"roundTo", "round-to", "int64_t", "1", "round new counts up to a multiple of this">,
    Option<"seed", "seed", "uint64_t", "0", "seed of random weights">,
    Option<"inner", "inner", "bool", "false", "grow inner sets, as the features of attention heads, too">,
    ListOption<"only", "at", "std::string",
               "grow only sets with a member whose name contains one of these; names inner sets, too">,
    ListOption<"freeze", "freeze", "std::string",
               "leave sets with a member whose name contains one of these">,
    Option<"keepRemoved", "keep-removed", "bool", "false", "keep what is removed in the history, so that `neuro-undo` can put it back">,
    Option<"report", "report", "bool", "false", "print to standard error what was done">,
    Option<"json", "json", "bool", "false", "print the report as JSON">
  ];
  let statistics = [
    Statistic<"unitsAdded", "units-added", "Number of units added">,
    Statistic<"parametersAdded", "parameters-added", "Number of parameter elements added">
  ];
}

def NeuroTransfer : Pass<"neuro-transfer", "::mlir::ModuleOp"> {
  let summary = "Make a network ready for a second task";
  let description = [{
    Gives `main` another first output, of a layer like that of the old one, after
    units joined where they are to. What stays as it is while the new head learns
    is told by a mask beside each parameter: by default all units that were there,
    which read nothing of new ones.

    Before, with `--neuro-transfer="outputs=2"`:
    ```mlir
    neuro.param @w trainable = dense<1.0> : tensor<4x3xf32>
    func.func @main(%x: tensor<1x4xf32>) -> (tensor<1x3xf32> {neuro.name = "y"}) {
      %w = neuro.get_param @w : tensor<4x3xf32>
      %y = neuro.matmul %x, %w : (tensor<1x4xf32>, tensor<4x3xf32>) -> tensor<1x3xf32>
      return %y : tensor<1x3xf32>
    }
    ```
    After:
    ```mlir
    neuro.param @w.y.new trainable = dense<[[0.1, -0.4], [0.7, 0.2], [-0.3, 0.1], [0.5, 0.6]]> : tensor<4x2xf32>
    neuro.param @w trainable = dense<1.0> : tensor<4x3xf32>
    neuro.param @w.plasticity shadow_of @w = dense<0> : tensor<4x3xui8>
    func.func @main(%x: tensor<1x4xf32>) -> (tensor<1x2xf32> {neuro.name = "y.new"}, tensor<1x3xf32> {neuro.name = "y"}) {
      %w = neuro.get_param @w : tensor<4x3xf32>
      %y = neuro.matmul %x, %w : (tensor<1x4xf32>, tensor<4x3xf32>) -> tensor<1x3xf32>
      %v = neuro.get_param @w.y.new : tensor<4x2xf32>
      %z = neuro.matmul %x, %v : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32>
      return %z, %y : tensor<1x2xf32>, tensor<1x3xf32>
    }
    ```
  }];
  let options = [
    Option<"outputs", "outputs", "int64_t", "0", "the results of the new head">,
    Option<"name", "name", "std::string", "\"\"", "the name of its output; that of the old one and `.new` if empty">,
    ListOption<"grow", "grow", "std::string", "units that join first, as `PATTERN=12` or `PATTERN=25%`">,
    Option<"freeze", "freeze", "std::string", "\"units\"",
           "what stays as it is: old `units`, old `weights`, all but masked weights (`kept`), or `nothing`">,
    Option<"seed", "seed", "uint64_t", "0", "seed of random weights">
  ];
}

def NeuroSelectOutput : Pass<"neuro-select-output", "::mlir::ModuleOp"> {
  let summary = "Leave what makes one output";
  let description = [{
    Other outputs go, and what only they read. Of weights that tasks share, those
    become zero that came into use for later tasks than that of the output, and
    are masked; nothing is frozen any more.

    Before, with `--neuro-select-output="output=y"`:
    ```mlir
    neuro.param @w trainable = dense<[[1.0, 2.0]]> : tensor<1x2xf32>
    neuro.param @w.tasks shadow_of @w = dense<[[1, 2]]> : tensor<1x2xui8>
    ```
    After:
    ```mlir
    neuro.param @w trainable = dense<[[1.0, 0.0]]> : tensor<1x2xf32>
    neuro.param @w.mask shadow_of @w = dense<[[1, 0]]> : tensor<1x2xui8>
    ```
  }];
  let options = [
    Option<"output", "output", "std::string", "\"\"", "the name of the output">
  ];
}

def NeuroRecycle : Pass<"neuro-recycle", "::mlir::ModuleOp"> {
  let summary = "Let units that do little begin anew";
  let description = [{
    Units that do little are removed, and others drop in at their places, by one
    edit: with random incoming weights and outgoing ones of zero. What the other
    units compute stays the same, and so do all shapes.

    Before, with `--neuro-recycle="share=0.5"`:
    ```mlir
    neuro.param @first = dense<[[0.1, 2.0]]> : tensor<1x2xf32>
    neuro.param @second = dense<[[0.2], [4.0]]> : tensor<2x1xf32>
    ```
    After:
    ```mlir
    neuro.param @first = dense<[[0.7, 2.0]]> : tensor<1x2xf32>
    neuro.param @second = dense<[[0.0], [4.0]]> : tensor<2x1xf32>
    ```
  }];
  let options = [
    Option<"criterion", "criterion", "std::string", "\"l2\"", "what units do: `l2`, or `random`; data are given to the library only">,
    Option<"threshold", "threshold", "double", "0.1",
           "recycle what does at most this share of the mean of its set">,
    Option<"share", "share", "double", "0", "recycle this share of each set; 0 takes `threshold`">,
    Option<"seed", "seed", "uint64_t", "0", "seed of random weights">,
    Option<"inner", "inner", "bool", "false", "inner sets, as the features of attention heads, too">,
    ListOption<"only", "only", "std::string",
               "only sets with a member whose name contains one of these; names inner sets, too">,
    ListOption<"freeze", "freeze", "std::string",
               "leave sets with a member whose name contains one of these">,
    Option<"keepRemoved", "keep-removed", "bool", "false", "keep what is removed in the history, so that `neuro-undo` can put it back">,
    Option<"report", "report", "bool", "false", "print to standard error what was done">
  ];
}

def NeuroFactorize : Pass<"neuro-factorize", "::mlir::ModuleOp"> {
  let summary = "Split linear ops into two of low rank";
  let description = [{
    Puts two ops in the place of a convolution or a matrix product, with so few
    results in between that both have fewer weights than the one had. What they give
    is the nearest of that rank to what it gave, as far as weights tell; the driver
    regards data too.

    Before, with `--neuro-factorize="rank=1"`:
    ```mlir
    %0 = neuro.matmul %x, %w : (tensor<8x64xf32>, tensor<64x32xf32>) -> tensor<8x32xf32>
    ```
    After:
    ```mlir
    %0 = neuro.matmul %x, %inner : (tensor<8x64xf32>, tensor<64x1xf32>) -> tensor<8x1xf32>
    %1 = neuro.matmul %0, %outer : (tensor<8x1xf32>, tensor<1x32xf32>) -> tensor<8x32xf32>
    ```
  }];
  let options = [
    Option<"energy", "energy", "double", "0.95", "the share of the squares of the singular values to keep">,
    Option<"rank", "rank", "int64_t", "0", "the rank of all layers; 0 takes `energy`">,
    Option<"tucker", "tucker", "bool", "false", "project the inputs of kernels, too: three ops">,
    ListOption<"only", "only", "std::string", "split only ops whose weight has a name with one of these">,
    ListOption<"freeze", "freeze", "std::string", "leave ops whose weight has a name with one of these">,
    Option<"report", "report", "bool", "false", "print to standard error what was done">
  ];
}

def NeuroSparsify : Pass<"neuro-sparsify", "::mlir::ModuleOp"> {
  let summary = "Set small weights of linear ops to zero, and mask them";
  let description = [{
    A share of the weights of every convolution and matrix product becomes zero, one
    by one, in blocks, or so many of each group of inputs. A mask, which is a shadow
    of the weight, says which may be something else. The driver regards data too.

    Before, with `--neuro-sparsify="pattern=1:2"`:
    ```mlir
    neuro.param @w trainable = dense<[[4.0], [1.0], [2.0], [3.0]]> : tensor<4x1xf32>
    ```
    After:
    ```mlir
    neuro.param @w trainable = dense<[[4.0], [0.0], [0.0], [3.0]]> : tensor<4x1xf32>
    neuro.param @w.mask shadow_of @w = dense<[[1], [0], [0], [1]]> : tensor<4x1xui8>
    ```
  }];
  let options = [
    Option<"sparsity", "sparsity", "double", "0.5", "the share of the weights of a layer that becomes zero">,
    Option<"pattern", "pattern", "std::string", "", "N:M, to keep N of every M weights along the axis of inputs">,
    Option<"blockOuts", "block-outs", "int64_t", "1", "the outputs of a block of weights that become zero together">,
    Option<"blockIns", "block-ins", "int64_t", "1", "the inputs of such a block">,
    ListOption<"only", "only", "std::string", "only ops whose weight has a name with one of these">,
    ListOption<"freeze", "freeze", "std::string", "leave ops whose weight has a name with one of these">,
    Option<"report", "report", "bool", "false", "print to standard error what was done">
  ];
}

def NeuroInsert : Pass<"neuro-insert", "::mlir::ModuleOp"> {
  let summary = "Add layers that change nothing yet";
  let description = [{
    After a node joins the identity, and its activation again where a second time
    changes nothing; after another activation f, `x + 0 f(A x)`. Beside a linear
    layer joins a branch, `y + 0 A x`.

    Before, with `--neuro-insert="after=rectify"`:
    ```mlir
    %0 = neuro.matmul %x, %w : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32>
    %1 = neuro.relu %0 : (tensor<1x2xf32>) -> tensor<1x2xf32> loc("rectify")
    ```
    After:
    ```mlir
    %0 = neuro.matmul %x, %w : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32>
    %1 = neuro.relu %0 : (tensor<1x2xf32>) -> tensor<1x2xf32> loc("rectify")
    %2 = neuro.matmul %1, %identity : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
    %3 = neuro.relu %2 : (tensor<1x2xf32>) -> tensor<1x2xf32>
    ```
  }];
  let options = [
    ListOption<"after", "after", "std::string", "the nodes after which a layer joins: those with a name with one of these">,
    ListOption<"beside", "beside", "std::string", "the linear layers beside which a branch joins">,
    Option<"hidden", "hidden", "int64_t", "0", "the results of A; 0 takes those of the layer, or, beside it, a quarter">,
    Option<"seed", "seed", "uint64_t", "0", "seed of random weights">,
    Option<"report", "report", "bool", "false", "print to standard error what was done">
  ];
}

def NeuroShorten : Pass<"neuro-shorten", "::mlir::ModuleOp"> {
  let summary = "Remove residual blocks";
  let description = [{
    Of `x + f(x)` leaves `x`, where the node of the sum matches, and removes what
    nothing uses any more. A block of which something inside is used outside stays.
    The driver chooses the blocks that matter least on data.

    Before, with `--neuro-shorten="at=sum"`:
    ```mlir
    %0 = neuro.matmul %x, %w : (tensor<1x4xf32>, tensor<4x4xf32>) -> tensor<1x4xf32>
    %1 = neuro.add %x, %0 : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32> loc("sum")
    return %1 : tensor<1x4xf32>
    ```
    After:
    ```mlir
    return %x : tensor<1x4xf32>
    ```
  }];
  let options = [
    ListOption<"at", "at", "std::string", "remove the blocks whose sum has a name with one of these">,
    Option<"report", "report", "bool", "false", "print all blocks to standard error first">
  ];
}

def NeuroEdit : Pass<"neuro-edit", "::mlir::ModuleOp"> {
  let summary = "Apply a given edit";
  let description = [{
    Each `map` entry is the number of a unit set, as `neuroplast inspect` numbers
    them, and what stands in each of its new places: the number of an old unit, a
    range of them, or `new`, whose weights are zero. `map=3:0..4+7+new` leaves out
    units 5 and 6 of set 3 and adds one; `map=3:1+0` makes two units change places.
    An edit that fails leaves the module as it was; with `expect-failure` the pass
    then succeeds.

    Before, with `--neuro-edit="map=0:0+new"`:
    ```mlir
    neuro.param @w = dense<[[1.0, 2.0]]> : tensor<1x2xf32>
    ```
    After:
    ```mlir
    neuro.param @w = dense<[[1.0, 0.0]]> : tensor<1x2xf32>
    ```
  }];
  let options = [
    ListOption<"maps", "map", "std::string", "unit sets and their new units">,
    Option<"keepRemoved", "keep-removed", "bool", "false", "keep what is removed in the history, so that `neuro-undo` can put it back">,
    Option<"expectFailure", "expect-failure", "bool", "false",
           "succeed only if the edit is refused">
  ];
}

def NeuroOpenParams : Pass<"neuro-open-params", "::mlir::ModuleOp"> {
  let summary = "Take the parameters of units that may come and go as arguments";
  let description = [{
    Every parameter that carries a unit of the sets named becomes an argument of
    `main`, marked by `neuro.param`, and the sizes of these sets become unknown
    everywhere. Axes that go through the same units have the same number in
    `neuro.sizes`: whatever comes after may rely on that, and the compiled code
    checks it first. A set on whose size an attribute depends stays as it is.

    Before, with `--neuro-open-params="at=a"`:
    ```mlir
    func.func @main(%x: tensor<1x4xf32>) -> tensor<1x2xf32> {
      %a = neuro.get_param @a : tensor<4x8xf32>
      %b = neuro.get_param @b : tensor<8x2xf32>
      %0 = neuro.matmul %x, %a : (tensor<1x4xf32>, tensor<4x8xf32>) -> tensor<1x8xf32>
      %1 = neuro.matmul %0, %b : (tensor<1x8xf32>, tensor<8x2xf32>) -> tensor<1x2xf32>
    ```
    After:
    ```mlir
    func.func @main(%x: tensor<1x4xf32>, %a: tensor<4x?xf32> {neuro.name = "a", neuro.param = @a, neuro.sizes = array<i64: -1, 0>},
                    %b: tensor<?x2xf32> {neuro.name = "b", neuro.param = @b, neuro.sizes = array<i64: 0, -1>}) -> tensor<1x2xf32> {
      %0 = neuro.matmul %x, %a : (tensor<1x4xf32>, tensor<4x?xf32>) -> tensor<1x?xf32>
      %1 = neuro.matmul %0, %b : (tensor<1x?xf32>, tensor<?x2xf32>) -> tensor<1x2xf32>
    ```
  }];
  let options = [
    ListOption<"at", "at", "std::string", "the sets that may change: those with a tensor with one of these names; all if empty">,
    ListOption<"freeze", "freeze", "std::string", "sets that stay as they are">,
    Option<"inner", "inner", "bool", "false", "inner sets, as the features of attention heads, too">,
    Option<"report", "report", "bool", "false", "print to standard error which sets are open">
  ];
}

def NeuroUndo : Pass<"neuro-undo", "::mlir::ModuleOp"> {
  let summary = "Take back edits of the structure";
  let description = [{
    Takes back the edits in `neuro.history`, the last one first, until `to` are left.
    Units that were removed come back with the weights that the history keeps of
    them; those that are there keep the weights that they have now.
  }];
  let options = [
    Option<"to", "to", "int64_t", "0", "how many edits to leave">
  ];
}

def NeuroTestRule : Pass<"neuro-test-rule", "::mlir::ModuleOp"> {
  let summary = "Give the factors of the only op's rule other extents (for tests)";
  let description = [{
    The function `main` must hold one op with an axis rule, over arguments only.
    `extents=g:2,i:3` sets the sizes of arguments, results and attributes to what
    the rule says of these extents.
  }];
  let options = [
    ListOption<"extents", "extents", "std::string", "factors and their new extents">
  ];
}

#endif // NEUROPLAST_STRUCTURE_PASSES
