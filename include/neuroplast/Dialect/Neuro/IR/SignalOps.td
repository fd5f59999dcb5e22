//===- SignalOps.td - Fourier transforms ---*- tablegen -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_SIGNALOPS
#define NEUROPLAST_DIALECT_NEURO_IR_SIGNALOPS

include "neuroplast/Dialect/Neuro/IR/NeuroBase.td"

//===----------------------------------------------------------------------===//
// Discrete Fourier transforms. A complex number is the last axis: its real and
// its imaginary part, or the real one alone.
//===----------------------------------------------------------------------===//

def Neuro_DFTOp : Neuro_TensorOp<"dft", "", traits = [Neuro_BuildsGradient], statesContract = 1> {
  let summary = "discrete Fourier transform along an axis";
  let description = [{
    Transforms `length` values (which the input is cut or filled with zeros to).
    `onesided` gives the first length / 2 + 1 of them only, of which the others
    are the conjugates; of an `inverse` transform it takes those and gives real
    values. An inverse transform divides by the length.
  }];
  let arguments = (ins Neuro_FloatTensor:$input, Optional<Index>:$dynamic_length, I64Attr:$length, I64Attr:$axis,
    DefaultValuedAttr<BoolAttr, "false">:$inverse, DefaultValuedAttr<BoolAttr, "false">:$onesided);
  let results = (outs Neuro_FloatTensor:$result);
}
def Neuro_STFTOp : Neuro_TensorOp<"stft", "", traits = [Neuro_GradientOfParts], statesContract = 1> {
  let summary = "discrete Fourier transforms of windowed frames of a signal";
  let description = [{
    The signal is batch x length x (1 or 2), the result is batch x frames x bins x
    2. A frame starts every `frame_step` values; none reaches beyond the signal.
  }];
  let arguments = (ins Neuro_FloatTensor:$signal, Optional<Neuro_FloatTensor>:$window, I64Attr:$frame_step,
    I64Attr:$frame_length, DefaultValuedAttr<BoolAttr, "true">:$onesided);
  let results = (outs Neuro_FloatTensor:$result);
}

#endif // NEUROPLAST_DIALECT_NEURO_IR_SIGNALOPS
