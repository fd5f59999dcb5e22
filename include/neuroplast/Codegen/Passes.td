//===- Passes.td - Code generation for CPUs ----------------*- tablegen -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_CODEGEN_PASSES
#define NEUROPLAST_CODEGEN_PASSES

include "mlir/Pass/PassBase.td"

def ApproximateMath : Pass<"neuro-approximate-math"> {
  let summary = "Replace f32 exponentials and their kin by polynomials";
  let description = [{
    `exp`, `log`, `tanh`, `erf` and others on f32 become polynomials that the
    loop vectoriser can widen; their error is a few units in the last place.
    Functions on other types, and those without a polynomial here, stay and
    become calls of the C library.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::vector::VectorDialect"];
}

def FoldAffine : Pass<"neuro-fold-affine", "::mlir::ModuleOp"> {
  let summary = "Fold batch norms into the layers before them";
  let description = [{
    An op that scales and shifts channels by constants, as a batch norm does,
    becomes a part of the weight and the bias of the layer before it, in new
    parameters; where there is no such layer, or others read its results, it
    becomes a product and a sum. In f32 only; each new number is rounded once.
  }];
  let dependentDialects = ["::neuroplast::neuro::NeuroDialect"];
}

def PreallocateStacks : Pass<"neuro-preallocate-stacks", "::mlir::func::FuncOp"> {
  let summary = "Let loops stack their rows in place";
  let description = [{
    A loop that puts a row of each iteration on top of a tensor by `neuro.concat`
    copies all rows before it each time. Where the iterations are at most as many
    as a tensor has places, or a constant says, and rows have a known shape, the
    tensor has room for all of them from the start, each row is inserted at its
    place, and what was reached is cut out behind the loop.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
}

def StateContracts : Pass<"neuro-state-contracts", "::mlir::ModuleOp"> {
  let summary = "Check at run time what ops rely on and types do not prove";
  let description = [{
    Puts a `neuro.require` before each op for every relation between run-time
    sizes, and every index and length that data brings, that its contract (see
    `RuntimeContractOpInterface`) states and nothing proves. What certainly does
    not hold is an error now. Checks stand before whole ops, never in the loops
    that these become. Sizes of inputs that have the same name in the model are
    the same: that is checked, and then known (`neuro.sizes`).

    Before:
    ```mlir
    %0 = neuro.add %x, %z : (tensor<?xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    After:
    ```mlir
    %n = tensor.dim %x, %c0 : tensor<?xf32>
    %same = arith.cmpi eq, %n, %c4 : index
    %one = arith.cmpi eq, %n, %c1 : index
    %fits = arith.ori %same, %one : i1
    neuro.require %fits, "'x' has size {} along axis 0, which does not broadcast with {} of 'z'"(%n, %c4)
    %0 = neuro.add %x, %z : (tensor<?xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect",
                           "::neuroplast::neuro::NeuroDialect"];
}

def GuardAllocations : Pass<"neuro-guard-allocations", "::mlir::func::FuncOp"> {
  let summary = "Check run-time sizes before memory of these sizes is asked for";
  let description = [{
    Every `memref.alloc` of unknown size gets a `neuro.require` that no size is
    negative and that all of them together, with the element, stay within 2^62
    bytes, so that their product cannot wrap to something small.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::neuroplast::neuro::NeuroDialect"];
}

def SkipEmptyLoops : Pass<"neuro-skip-empty-loops", "::mlir::func::FuncOp"> {
  let summary = "Do not go around loops without iterations";
  let description = [{
    A loop that holds nothing but another one ends at once where that has no
    iterations: a tensor of 1000000000x0 elements takes no time. What does not
    change in a loop moves out of it.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def LowerRequirements : Pass<"neuro-lower-requirements", "::mlir::ModuleOp"> {
  let summary = "Lower requirements to branches to the end of the run";
  let description = [{
    A `neuro.require` becomes a branch around a call of `neuroplast_violate`, the
    function of the runtime that ends the run with a code and a message and does
    not return. Runs after structured control flow is gone.
  }];
  let dependentDialects = ["::mlir::cf::ControlFlowDialect", "::mlir::LLVM::LLVMDialect"];
}

def LowerAllReduce : Pass<"neuro-lower-all-reduce", "::mlir::ModuleOp"> {
  let summary = "Lower sums over processes to calls";
  let description = [{
    A `kernel.start_all_reduce` becomes a call of `neuroplast_start_all_reduce`
    with an address, a number of elements and the number of their type, and a
    `kernel.finish_all_reduce` one of `neuroplast_finish_all_reduce`. Whoever
    loads the code brings these functions. Elements have to lie one behind the
    other.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::memref::MemRefDialect"];
}

def AddOutputSizes : Pass<"neuro-add-output-sizes", "::mlir::ModuleOp"> {
  let summary = "Add a function that tells the sizes of the results of `main`";
  let description = [{
    `output_sizes` takes what `main` takes and returns the sizes of all its
    results, axis by axis, by arithmetic on the sizes of the arguments (and
    elements of them, where these are sizes). What only the computation itself
    decides is -1.

    Before:
    ```mlir
    func.func @main(%x: tensor<?x4xf32>) -> tensor<?x8xf32>
    ```
    After, besides:
    ```mlir
    func.func @output_sizes(%x: tensor<?x4xf32>) -> (index, index) {
      %c0 = arith.constant 0 : index
      %c8 = arith.constant 8 : index
      %n = tensor.dim %x, %c0 : tensor<?x4xf32>
      return %n, %c8 : index, index
    }
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

def Fuse : Pass<"neuro-fuse"> {
  let summary = "Join elementwise ops with each other, and with the contractions before them";
  let description = [{
    Elementwise ops that walk through the same places become one, and a part of a
    reduction that reads each of them once; any other would repeat them. A `kernel.contract` whose sums only
    an elementwise op reads ends with what that does to them, if it is a few
    instructions. It reads what is transposed before it, and writes what its
    result is transposed to: maps say all that a transposition does, and
    `neuro-choose-lanes` makes the copies that pay.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::neuroplast::kernel::KernelDialect"];
}

def BlockChannels : Pass<"neuro-block-channels", "::mlir::ModuleOp"> {
  let summary = "Lay the channels of convolutional networks out in vectors";
  let description = [{
    A tensor N x C x H x W becomes N x C/16 x H x W x 16, with as many channels
    innermost as a vector has lanes, where most convolutions of `main`, by the
    work they do, have constant weights and enough channels: their sums then run
    along contiguous weights, and each pixel is one vector. Pads, pools,
    elementwise ops and concatenations of whole blocks follow; elsewhere tensors
    are unpacked. A layer on a few channels, those of an image, reads them as they
    lie. Weights are packed at compile time, into parameters named after theirs.
  }];
  let options = [Option<"vectorBits", "vector-bits", "unsigned", "512", "Width of a vector register">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::tensor::TensorDialect", "::neuroplast::kernel::KernelDialect",
                           "::neuroplast::neuro::NeuroDialect"];
}

def PackWeights : Pass<"neuro-pack-weights", "::mlir::ModuleOp"> {
  let summary = "Lay the weights of matrix products out in vectors";
  let description = [{
    The right operand of a matrix product, if it is constant or a view of a
    constant (cut out, transposed, reshaped), is packed into panels of as many
    columns as a vector has lanes, each of which is read from its beginning to its
    end. The result is the same memory under another shape where it is whole
    panels, of any number of rows, and is cut out of them otherwise.
  }];
  let options = [Option<"vectorBits", "vector-bits", "unsigned", "512", "Width of a vector register">];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::tensor::TensorDialect", "::neuroplast::kernel::KernelDialect",
                           "::neuroplast::neuro::NeuroDialect"];
}

def ChooseLanes : Pass<"neuro-choose-lanes", "::mlir::ModuleOp"> {
  let summary = "Choose what the vectors of contractions run along";
  let description = [{
    The vectors of a `kernel.contract` run along the last axis of its result, and
    the operands that move with them must lie so, too. Where they do not, the loop
    is chosen for which the least has to be copied: operands that move with it are
    transposed, once and at compile time if they are constant, and the result is
    transposed back. The rows of a small matrix become columns so, rather than the
    columns of a large one rows. Of a `kernel.attention`, the vectors run along
    keys, and then along what values hold.

    Before, `y = x * transposed(w)`:
    ```mlir
    %y = kernel.contract ins(%x, %w : tensor<32x784xf32>, tensor<512x784xf32>) ...
        [(m, n, k) -> (m, k), (m, n, k) -> (n, k), (m, n, k) -> (m, n)] ... -> tensor<32x512xf32>
    ```
    After:
    ```mlir
    %xt = linalg.transpose ins(%x : tensor<32x784xf32>) ... permutation = [1, 0]
    %yt = kernel.contract ins(%xt, %w : tensor<784x32xf32>, tensor<512x784xf32>) ...
        [(m, n, k) -> (k, m), (m, n, k) -> (n, k), (m, n, k) -> (n, m)] ... -> tensor<512x32xf32>
    %y = linalg.transpose ins(%yt : tensor<512x32xf32>) ... permutation = [1, 0]
    ```
  }];
  let options = [Option<"vectorBits", "vector-bits", "unsigned", "512", "Width of a vector register">];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::tensor::TensorDialect",
                           "::neuroplast::kernel::KernelDialect", "::neuroplast::neuro::NeuroDialect"];
}

def FormAttention : Pass<"neuro-form-attention", "::mlir::func::FuncOp"> {
  let summary = "Keep the scores of attention in the cache";
  let description = [{
    Products, a softmax of them along what is then summed over, and the products
    with its shares become one `kernel.attention`, where nothing else needs the
    scores: some rows of them at a time are computed and used, so that they take
    room by the number of keys, not by that of queries times keys.

    Before:
    ```mlir
    %s = kernel.contract ins(%q, %k : tensor<4x512x64xf32>, tensor<4x64x512xf32>) ... -> tensor<4x512x512xf32>
    %p = kernel.softmax ins(%s : tensor<4x512x512xf32>) ... -> tensor<4x512x512xf32>
    %y = kernel.contract ins(%p, %v : tensor<4x512x512xf32>, tensor<4x512x64xf32>) ... -> tensor<4x512x64xf32>
    ```
    After:
    ```mlir
    %scores = tensor.empty() : tensor<1x64x512xf32>
    %y, %unused = kernel.attention ins(%q, %k, %v : tensor<4x512x64xf32>, tensor<4x64x512xf32>, tensor<4x512x64xf32>)
        outs(%init, %scores : tensor<4x512x64xf32>, tensor<1x64x512xf32>) ...
    ```
  }];
  let options = [Option<"threads", "threads", "unsigned", "1", "Threads that share the work">];
  let dependentDialects = ["::mlir::tensor::TensorDialect", "::neuroplast::kernel::KernelDialect"];
}

def NestConcatenations : Pass<"neuro-nest-concatenations", "::mlir::func::FuncOp"> {
  let summary = "Let concatenations begin in the memory of larger ones";
  let description = [{
    Where a concatenation begins with another one, as in dense blocks, each would
    copy all that came before it. Instead the parts are put where the largest has
    them, and the smaller ones are its beginnings.

    Before:
    ```mlir
    %1 = tensor.insert_slice %a into %e[0, 0] [4, 2] [1, 1] : tensor<4x2xf32> into tensor<4x5xf32>
    %2 = tensor.insert_slice %b into %1[0, 2] [4, 3] [1, 1] : tensor<4x3xf32> into tensor<4x5xf32>
    %3 = tensor.insert_slice %2 into %f[0, 0] [4, 5] [1, 1] : tensor<4x5xf32> into tensor<4x9xf32>
    ```
    After:
    ```mlir
    %1 = tensor.insert_slice %a into %f[0, 0] [4, 2] [1, 1] : tensor<4x2xf32> into tensor<4x9xf32>
    %3 = tensor.insert_slice %b into %1[0, 2] [4, 3] [1, 1] : tensor<4x3xf32> into tensor<4x9xf32>
    %2 = tensor.extract_slice %3[0, 0] [4, 5] [1, 1] : tensor<4x9xf32> to tensor<4x5xf32>
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::tensor::TensorDialect"];
}

def PadInPlace : Pass<"neuro-pad-in-place", "::mlir::func::FuncOp"> {
  let summary = "Let results be written where they are padded";
  let description = [{
    A pad by a constant fills its margins first, before what is padded is
    computed, which then can go into the middle without a copy.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::tensor::TensorDialect",
                           "::neuroplast::kernel::KernelDialect"];
}

def CarryInPlace : Pass<"neuro-carry-in-place", "::mlir::func::FuncOp"> {
  let summary = "Let loops write over the states that they carry";
  let description = [{
    What makes a state of the next step has that of this step as its destination,
    if nothing reads that any more. Otherwise each step would ask for memory, and
    give back that of the step before.

    Before:
    ```mlir
    %r = scf.for %i = %c0 to %n step %c1 iter_args(%s = %init) -> (tensor<4xf32>) {
      %a = linalg.exp ins(%s : tensor<4xf32>) outs(%0 : tensor<4xf32>) -> tensor<4xf32>
      %e = tensor.empty() : tensor<4xf32>
      %b = linalg.add ins(%a, %x : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
      scf.yield %b : tensor<4xf32>
    }
    ```
    After:
    ```mlir
      %b = linalg.add ins(%a, %x : tensor<4xf32>, tensor<4xf32>) outs(%s : tensor<4xf32>) -> tensor<4xf32>
    ```
  }];
}

def MarkKept : Pass<"neuro-mark-kept", "::mlir::func::FuncOp"> {
  let summary = "Say which operands loops read again and again";
  let description = [{
    A `kernel.contract` in a loop gets the numbers of those of its two operands
    that are made before the loop: weights of a recurrent layer, which its steps
    share. Threads then divide what differs from step to step.

    Before:
    ```mlir
    scf.for %i = %c0 to %n step %c1 iter_args(%h = %start) -> (tensor<32x64xf32>) {
      %next = kernel.contract ins(%h, %w : tensor<32x64xf32>, tensor<64x64xf32>) ...
    ```
    After:
    ```mlir
      %next = kernel.contract ins(%h, %w : tensor<32x64xf32>, tensor<64x64xf32>) ... {kept = array<i64: 1>}
    ```
  }];
}

def Rematerialize : Pass<"neuro-rematerialize", "::mlir::func::FuncOp"> {
  let summary = "Compute tensors again instead of keeping them";
  let description = [{
    While the tensors that live at once take more than `share` of what they did at
    first, one that only waits there is computed again where it is used next: that
    which takes the least work for its size. What a step of training keeps from
    the way there for the way back is of that kind.

    Before:
    ```mlir
    %a = linalg.exp ins(%x : tensor<1024xf32>) outs(%0 : tensor<1024xf32>) -> tensor<1024xf32>
    %y = ... // much memory, without %a
    %z = linalg.add ins(%a, %y : tensor<1024xf32>, tensor<1024xf32>) outs(%1 : tensor<1024xf32>) -> tensor<1024xf32>
    ```
    After:
    ```mlir
    %y = ...
    %2 = tensor.empty() : tensor<1024xf32>
    %a = linalg.exp ins(%x : tensor<1024xf32>) outs(%2 : tensor<1024xf32>) -> tensor<1024xf32>
    %z = linalg.add ins(%a, %y : tensor<1024xf32>, tensor<1024xf32>) outs(%1 : tensor<1024xf32>) -> tensor<1024xf32>
    ```
  }];
  let options = [Option<"share", "share", "double", "1.0",
                        "of the memory that tensors would take at once">];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

def CopiesToLoops : Pass<"neuro-copies-to-loops", "::mlir::func::FuncOp"> {
  let summary = "Copy short runs of elements by loops";
  let description = [{
    A `memref.copy` between buffers whose elements stand next to each other in
    short runs only, as some lanes of blocks do, becomes a `linalg.generic`, which
    is made vector code.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def SplitDeallocations : Pass<"neuro-split-deallocations", "::mlir::func::FuncOp"> {
  let summary = "Let buffers that are none of each other end one by one";
  let description = [{
    A `bufferization.dealloc` of buffers that were all allocated apart becomes one
    for each of them, without those that are retained. To find out for a network
    of thousands of buffers that none is another's alias takes the general
    simplification longer than all the rest of bufferization.

    Before:
    ```mlir
    %owned = bufferization.dealloc (%a, %b : memref<4xf32>, memref<4xf32>) if (%c, %d) retain (%b : memref<4xf32>)
    ```
    After, with `%d` for `%owned`:
    ```mlir
    bufferization.dealloc (%a : memref<4xf32>) if (%c)
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect"];
}

def ReturnInPlace : Pass<"neuro-return-in-place", "::mlir::ModuleOp"> {
  let summary = "Let `main` write results where its caller wants them";
  let description = [{
    A result of known size that is a buffer of its own becomes an argument, marked
    by the number of the result, in the place of that buffer. Results marked
    `neuro.texts` stay: the texts end with the run.

    Before:
    ```mlir
    func.func @main(%x: memref<4xf32>) -> memref<4xf32> {
      %y = memref.alloc() : memref<4xf32>
      call @kernel(%x, %y) : (memref<4xf32>, memref<4xf32>) -> ()
      return %y : memref<4xf32>
    }
    ```
    After:
    ```mlir
    func.func @main(%x: memref<4xf32>, %y: memref<4xf32> {neuro.output = 0 : i64}) {
      call @kernel(%x, %y) : (memref<4xf32>, memref<4xf32>) -> ()
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect"];
}

def PlanMemory : Pass<"neuro-plan-memory", "::mlir::ModuleOp"> {
  let summary = "Give the buffers of `main` places in one piece of memory";
  let description = [{
    Buffers of known size are placed such that those that live at the same time do
    not overlap, the largest first, each at the lowest place that is free. The
    memory is an argument, marked `neuro.workspace`.

    Before:
    ```mlir
    %a = memref.alloc() : memref<16xf32>
    call @kernel(%x, %a) : (memref<16xf32>, memref<16xf32>) -> ()
    call @kernel(%a, %y) : (memref<16xf32>, memref<16xf32>) -> ()
    memref.dealloc %a : memref<16xf32>
    ```
    After, with `%workspace: memref<64xi8> {neuro.workspace}`:
    ```mlir
    %c0 = arith.constant 0 : index
    %a = memref.view %workspace[%c0][] : memref<64xi8> to memref<16xf32>
    call @kernel(%x, %a) : (memref<16xf32>, memref<16xf32>) -> ()
    call @kernel(%a, %y) : (memref<16xf32>, memref<16xf32>) -> ()
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"];
}

def OutlineKernels : Pass<"neuro-outline-kernels", "::mlir::ModuleOp"> {
  let summary = "Make a function of every distinct kernel";
  let description = [{
    Every kernel op, and every linalg op on more than a few elements, moves from
    `main` into a function of its own, with what fills its destination right
    before it; ops that are the same but for the buffers share one. What a
    function computes, on which types, is all that it depends on, so that
    functions can be compiled apart. Where types say all but where buffers lie,
    it takes bare pointers.

    Before:
    ```mlir
    kernel.contract ins(%x, %w : ...) outs(%y : ...) ...
    kernel.contract ins(%y, %v : ...) outs(%z : ...) ...
    ```
    After, if types, maps and regions are the same:
    ```mlir
    call @kernel_contract(%x, %w, %y) : ...
    call @kernel_contract(%y, %v, %z) : ...
    ```
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def ProfileKernels : Pass<"neuro-profile-kernels", "::mlir::ModuleOp"> {
  let summary = "Take the time of each kernel call";
  let description = [{
    Lets `main` tell the support runtime before and after each call of a kernel,
    by the number of an entry of the attribute `neuro.profile`, which says what
    nodes the kernel was made of and how many operations it does. The first entry
    is for all else.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect"];
}

def LowerKernels : Pass<"neuro-lower-kernels"> {
  let summary = "Lower kernel ops on buffers to register-tiled vector code";
  let description = [{
    A `kernel.contract` becomes loops over vectors that keep a block of the
    result in registers, to which the epilogue is applied before it is stored; so
    do pools, softmaxes, and an attention by blocks of rows of its scores. Other loops become loops over vectors where they can. A contraction
    that no kernel fits, and all of them without `kernels`, become
    `linalg.generic`; margins become fills. With several threads, one loop of
    what is worth it becomes `scf.parallel`, a step per thread: one whose steps
    divide evenly, and of these the one by which threads have least to read that
    another one wrote. Runs after bufferization and before linalg ops
    become loops.
  }];
  let options = [Option<"vectorBits", "vector-bits", "unsigned", "512", "Width of a vector register">,
                 Option<"kernels", "kernels", "bool", "true", "Write vector code">,
                 Option<"threads", "threads", "unsigned", "1", "Threads that share the work">];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def ProtectInputs : Pass<"neuro-protect-inputs", "::mlir::ModuleOp"> {
  let summary = "Keep bufferization from writing into the caller's tensors";
  let description = [{
    Marks every argument of every function as not writable. Without it a layer
    that updates a state would do so in the buffer of the initial state, which
    belongs to the caller.
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
}

def ExposeEntryPoint : Pass<"neuro-expose-entry-point", "::mlir::ModuleOp"> {
  let summary = "Give the functions `main` and `output_sizes` a C interface and drop the parameters";
  let description = [{
    Marks both with `llvm.emit_c_interface`. `neuro.param` ops are erased: the
    caller has collected their data, which never enters LLVM IR.
  }];
}

#endif // NEUROPLAST_CODEGEN_PASSES
