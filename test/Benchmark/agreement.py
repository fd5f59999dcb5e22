#!/usr/bin/env python3
"""Whether the gradients of whole networks agree with those that PyTorch derives.

Networks of the tests and models with trained weights are read by onnx2torch (with PyTorch, no
packages of the project) and here, and take a step of gradient descent each on the same
examples, by the mean square of the distance to random outputs. What the step moves every
parameter by is compared: prints, of each network, the length of the difference of all
gradients over that of PyTorch's, and of the parameter that is worst among those whose gradient
is no rounding error. Fails if that is more than 1e-4 for the whole of a network that onnx2torch
reads, or fewer than ten are.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))

from Models import architectures, driver, models  # noqa: E402

MOST = 1e-4
RATE = 1024.0  # exact in floating point, and large: what a step moves is hardly rounded
TRAINED = ("squeezenet", "shufflenet", "resnet50", "densenet121", "inception_v2", "ppocr_cls")


def load(name: str) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """A network no two weights of which are the same, so that they are told apart by values."""
    if name in architectures.ARCHITECTURES:
        model = architectures.build(name)
        inputs = architectures.draw_inputs(model)
    else:
        model, inputs = onnx.load(models.MODELS[name].path()), models.MODELS[name].sample()
    random = np.random.default_rng(7)
    for tensor in model.graph.initializer:
        value = numpy_helper.to_array(tensor)
        if value.dtype == np.float32 and value.size > 1:
            noise = 0.01 * random.random(value.shape).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(value * (1 + noise) + noise, tensor.name))
    return model, inputs


def read(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    values = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    return {name: value for name, value in values.items() if value.dtype == np.float32}


def ask_torch(
    model: onnx.ModelProto, inputs: dict[str, np.ndarray], random: np.random.Generator
) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """The labels, and the values and gradients of all that has a gradient."""
    import onnx2torch  # noqa: PLC0415
    import torch  # noqa: PLC0415

    network = onnx2torch.convert(model).train()
    tensors: list[Any] = [
        tensor.requires_grad_()
        for name, tensor in [*network.named_parameters(), *network.named_buffers()]
        if tensor.dtype == torch.float32 and "running_" not in name
    ]
    values = [tensor.detach().numpy().copy() for tensor in tensors]
    said = network(*(torch.from_numpy(value) for value in inputs.values()))
    said = said[0] if isinstance(said, (tuple, list)) else said
    labels = random.normal(size=tuple(said.shape)).astype(np.float32)
    ((said - torch.from_numpy(labels)) ** 2).mean().backward()
    return labels, [
        (value, tensor.grad.numpy())
        for value, tensor in zip(values, tensors, strict=True)
        if tensor.grad is not None
    ]


def find(value: np.ndarray, among: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray | None:
    """The gradient of these values, which may lie transposed, in another shape, or twice."""
    found = None
    for other, gradient in among:
        if other.size != value.size:
            continue
        if np.array_equal(other.ravel(), value.ravel()):
            own = gradient.reshape(value.shape)
        elif value.ndim == 2 and np.array_equal(other.ravel(), value.T.ravel()):
            own = gradient.reshape(value.T.shape).T
        else:
            continue
        found = own if found is None else found + own
    return found


def compare(neuroplast: Path, name: str, folder: Path) -> tuple[int, float, float]:
    """The number of parameters, and how far all are from PyTorch's, and the worst of them."""
    model, inputs = load(name)
    random = np.random.default_rng(3)
    labels, known = ask_torch(model, inputs, random)
    source, target, data = folder / "m.onnx", folder / "t.onnx", folder / "d.npz"
    onnx.save(model, source)
    driver.save(data, {**inputs, "labels": labels})
    driver.call(
        neuroplast, "train", source, "--data", data, "-o", target, "--loss", "mse", "--lr",
        str(RATE), "--batch", str(len(labels)), "--unfreeze", "*",
    )  # fmt: skip
    before, after = read(model), read(onnx.load(target))
    gradients = []
    for key, value in before.items():
        # What torch keeps of batches moves, too, and has no gradient.
        expected = find(value, known)
        if expected is not None and key in after:
            # What a node put another shape on has that shape.
            moved = after[key].reshape(value.shape).astype(np.float64)
            step = (value.astype(np.float64) - moved) / RATE
            gradients.append((step, expected.astype(np.float64)))
    lengths = [np.linalg.norm(expected) for _, expected in gradients]
    errors = [np.linalg.norm(step - expected) for step, expected in gradients]
    large = [length > 1e-3 * max(lengths) for length in lengths]
    worst = max(
        e / length for e, length, is_large in zip(errors, lengths, large, strict=True) if is_large
    )
    return len(gradients), float(np.linalg.norm(errors) / np.linalg.norm(lengths)), float(worst)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=[*architectures.ARCHITECTURES, *TRAINED])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    arguments = parser.parse_args()
    neuroplast = arguments.build.resolve() / "bin" / "neuroplast"
    agree, differ = 0, 0
    print("| network | parameters | all | worst |\n|---|---|---|---|")
    for name in arguments.names:
        with tempfile.TemporaryDirectory() as folder:
            try:
                count, whole, worst = compare(neuroplast, name, Path(folder))
            except (NotImplementedError, KeyError) as error:
                print(f"{name}: onnx2torch does not read it: {error}", file=sys.stderr)
                continue
        print(f"| {name} | {count} | {whole:.1e} | {worst:.1e} |", flush=True)
        agree, differ = agree + (whole <= MOST), differ + (whole > MOST)
    print(f"{agree} agree, {differ} differ")
    return 0 if agree >= 10 and not differ else 1


if __name__ == "__main__":
    sys.exit(main())
