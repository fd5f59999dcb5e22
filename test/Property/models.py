"""The models on which pruning is checked: those that pip packages ship."""

from __future__ import annotations

import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

SITE = Path(sysconfig.get_paths()["purelib"])


@dataclass
class Model:
    """A model file, and the shapes that its inputs are run with."""

    name: str
    path: Path
    shapes: dict[str, list[int]] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)


def collect() -> list[Model]:
    """The fourteen models, as far as their packages are installed."""
    light = SITE / "onnx/backend/test/data/light"
    ocr = SITE / "rapidocr_onnxruntime/models"
    models = [Model(path.stem, path) for path in sorted(light.glob("light_*.onnx"))]
    models += [
        Model("det", ocr / "ch_PP-OCRv4_det_infer.onnx", {"x": [1, 3, 320, 320]}),
        Model("rec", ocr / "ch_PP-OCRv4_rec_infer.onnx", {"x": [1, 3, 48, 320]}),
        Model("cls", ocr / "ch_ppocr_mobile_v2.0_cls_infer.onnx", {"x": [1, 3, 48, 192]}),
    ]
    # Most of its parameters are tied to its output; the rest are biases, of which a
    # half cut keeps a half, so that the features of the heads are cut as well.
    models += [
        Model("minilm", path, arguments=["--inner"])
        for path in SITE.glob("vital*MiniLM*/**/paraphrase-MiniLM-L3-v2.onnx")
    ]
    models.append(Model("silero", SITE / "silero_vad/data/silero_vad_16k_sequence.onnx"))
    return [model for model in models if model.path.exists()]


def randomize(model: onnx.ModelProto, seed: int) -> None:
    """Replaces weights that are filled with a constant by random ones.

    Matrices are He-normal, batch norms have non-trivial statistics. A softmax at the
    end is left out, as it hides differences.
    """
    random = np.random.default_rng(seed)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    positive = {
        name
        for node in model.graph.node
        if node.op_type == "BatchNormalization"
        for name in (node.input[1], node.input[4])
    }
    # Scales that stand beside a batch norm, which some exporters write apart.
    unsqueezed = {
        node.output[0]: node.input[0]
        for node in model.graph.node
        if node.op_type == "Unsqueeze"
    }
    positive |= {
        unsqueezed[name]
        for node in model.graph.node
        if node.op_type == "Mul"
        for name in node.input
        if name in unsqueezed
    }
    kept = []
    for node in model.graph.node:
        if node.op_type != "ConstantOfShape" or node.input[0] not in constants:
            kept.append(node)
            continue
        shape = constants[node.input[0]].astype(int).tolist()
        if len(shape) > 1:
            value = random.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
        elif node.output[0] in positive:
            value = random.uniform(0.5, 1.5, shape)
        else:
            value = random.standard_normal(shape) * 0.1
        model.graph.initializer.append(
            numpy_helper.from_array(value.astype(np.float32), node.output[0])
        )
    del model.graph.node[:]
    model.graph.node.extend(kept)
    # Weights are no inputs, though old files list them as such.
    names = {tensor.name for tensor in model.graph.initializer}
    inputs = [info for info in model.graph.input if info.name not in names]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    model.ir_version = max(model.ir_version, 4)
    last = model.graph.node[-1]
    if last.op_type == "Softmax":
        logits = last.input[0]
        del model.graph.node[-1]
        for node in model.graph.node:
            for position, name in enumerate(node.output):
                if name == logits:
                    node.output[position] = model.graph.output[0].name
            for position, name in enumerate(node.input):
                if name == logits:
                    node.input[position] = model.graph.output[0].name
