"""Networks of the kinds that people train, with random weights, as exporters write them.

Each is built small, or of real size, with fixed sizes, or with free ones (batch, sequence,
height, width), where reshapes compute their sizes from shapes at run time. `UNITS` says by
hand which axes of which weights hold units.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from . import images, sequences, transformers
from .builder import Builder
from .units import UNITS

__all__ = ["ARCHITECTURES", "UNITS", "build", "draw_inputs"]

ARCHITECTURES: dict[str, Callable[[Builder], onnx.ModelProto]] = {
    f.__name__: f
    for f in (
        transformers.vit, transformers.bert, transformers.gpt2, transformers.llama,
        images.mobilenet, images.efficientnet, images.resnext, images.shufflenet_v2,
        images.unet, images.convnext, images.group_normed, sequences.lstm_tagger,
        sequences.gru_tagger, sequences.scan_rnn, sequences.tcn, sequences.wavenet,
        transformers.wav2vec, transformers.experts, transformers.linear_attention,
        images.tied_autoencoder,
    )
}  # fmt: skip


def build(name: str, free: bool = False, real: bool = False) -> onnx.ModelProto:
    """A network by its name, with free sizes if asked for, small or of real size."""
    return ARCHITECTURES[name](Builder(free, real))


def draw_inputs(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Inputs for the fixed form of a network, which its free form takes, too."""
    random = np.random.default_rng(5)
    inputs = {}
    for value in model.graph.input:
        shape = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        if value.type.tensor_type.elem_type == onnx.TensorProto.INT64:
            inputs[value.name] = random.integers(0, 30, shape)
        elif value.name == "mask":
            inputs[value.name] = np.ones(shape, np.float32)
        else:
            inputs[value.name] = random.normal(size=shape).astype(np.float32)
    return inputs
