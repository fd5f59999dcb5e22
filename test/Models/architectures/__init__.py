"""Networks of the kinds that people train, with random weights, as exporters write them.

Each is built small, or of real size, with fixed sizes, or with free ones (batch, sequence,
height, width), where reshapes compute their sizes from shapes at run time. `UNITS` says by
hand which axes of which weights hold units.
"""

from __future__ import annotations

from collections.abc import Callable

import onnx

from . import images, sequences, transformers
from .builder import Builder
from .units import UNITS

__all__ = ["ARCHITECTURES", "UNITS", "build"]

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
