"""Takes a model with gigabytes of external weights in and out again.

Run with -m it prints time and memory; it ends with 1 if the memory exceeds 1.5 times the
weights, or what was written computes something else in ONNX Runtime.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from Models import driver, models
from onnx import TensorProto, helper

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 8192  # of layers; one has 256 MiB of weights


def write_model(path: Path, layers: int) -> int:
    """Writes a chain of dense layers with weights beside it; returns their bytes."""
    random = np.random.default_rng(0)
    nodes, tensors, offset = [], [], 0
    with path.with_suffix(".weights").open("wb") as file:
        for layer in range(layers):
            tensor = TensorProto(
                name=f"w{layer}",
                data_type=TensorProto.FLOAT,
                dims=[WIDTH, WIDTH],
                data_location=TensorProto.EXTERNAL,
            )
            weight = random.random((WIDTH, WIDTH), np.float32) - np.float32(0.5)
            weight.tofile(file)
            for key, value in (
                ("location", path.with_suffix(".weights").name),
                ("offset", str(offset)),
                ("length", str(weight.nbytes)),
            ):
                tensor.external_data.add(key=key, value=value)
            offset += weight.nbytes
            tensors.append(tensor)
            nodes += [
                helper.make_node("MatMul", [f"h{layer}", f"w{layer}"], [f"m{layer}"]),
                helper.make_node("Softmax", [f"m{layer}"], [f"h{layer + 1}"]),
            ]
    kind = [1, WIDTH]
    graph = helper.make_graph(
        nodes,
        "large",
        [helper.make_tensor_value_info("h0", TensorProto.FLOAT, kind)],
        [helper.make_tensor_value_info(f"h{layers}", TensorProto.FLOAT, kind)],
        tensors,
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path
    )
    return offset


def measure(command: list[str]) -> tuple[float, int]:
    """Runs a command; its seconds, and the most bytes that it had in memory."""
    start = time.monotonic()
    peak = driver.measure_peak(command)
    return time.monotonic() - start, peak


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--layers", type=int, default=12)
    arguments = parser.parse_args()
    neuroplast = str(arguments.build.resolve() / "bin" / "neuroplast")
    with tempfile.TemporaryDirectory(dir=ROOT / "out") as folder:
        source, target = Path(folder) / "model.onnx", Path(folder) / "written.onnx"
        weights = write_model(source, arguments.layers)
        seconds, memory = measure(
            [neuroplast, "import", str(source), "--external-data", "-o", str(target)]
        )
        share = memory / weights
        print(
            f"{weights / 1e9:.2f} GB of weights in and out in {seconds:.1f} s, "
            f"with {memory / 1e9:.2f} GB of memory ({share:.2f} of the weights)"
        )
        inputs = {"h0": np.random.default_rng(1).random((1, WIDTH), np.float32)}
        before, after = (models.reference(path, inputs) for path in (source, target))
        same = all(np.array_equal(before[name], after[name]) for name in before)
        print("what was written computes the same" if same else "the results differ")
    return 0 if same and share <= 1.5 else 1


if __name__ == "__main__":
    sys.exit(main())
