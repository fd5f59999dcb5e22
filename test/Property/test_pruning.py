"""Pruning cuts real models without changing more than it says."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from masking import mask, restrict_norms
from models import Model, collect, randomize
from PIL import Image, ImageDraw

# What may pin: the interface of the graph, what runs over an axis as a whole, values
# of inputs that pick rows of a table, and unknown operators.
ALLOWED = ("graph input", "graph output", "'neuro.softmax'", "'neuro.arg_max'",
           "'neuro.gather' picks", "'neuro.opaque'")  # fmt: skip
SMALL = {"light_squeezenet", "light_shufflenet", "light_inception_v1", "cls", "rec", "silero"}


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(path), options)


def draw_text(shape: list[int], seed: int) -> np.ndarray:
    """A page with words, as the OCR models expect: noise has no text to find."""
    image = Image.new("L", (shape[3], shape[2]), 255)
    draw = ImageDraw.Draw(image)
    for line in range(shape[2] // 40):
        draw.text((8, 40 * line + 8), f"Line {line + seed} of a page", fill=0, font_size=24)
    pixels = np.asarray(image, dtype=np.float32) / 127.5 - 1
    return np.broadcast_to(pixels, shape).copy()


def make_inputs(
    run: onnxruntime.InferenceSession, model: Model, seed: int
) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    feed: dict[str, np.ndarray] = {}
    for info in run.get_inputs():
        shape = model.shapes.get(info.name) or [
            size if isinstance(size, int) else 2 for size in info.shape
        ]
        if model.name == "det":
            feed[info.name] = draw_text(shape, seed)
        elif "int" not in info.type:
            feed[info.name] = random.uniform(-0.5, 0.5, shape).astype(np.float32)
        elif "mask" in info.name:
            feed[info.name] = np.ones(shape, dtype=np.int64)
        else:
            feed[info.name] = random.integers(0, 2, shape)
    return feed


def scaled_difference(a: list[Any], b: list[Any], reference: list[Any]) -> float:
    return max(
        float(np.abs(x - y).max() / max(np.abs(z).max(), 1e-30))
        for x, y, z in zip(a, b, reference, strict=True)
    )


def prune(neuroplast: Path, source: Path, target: Path, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [neuroplast, "prune", source, "-o", target, "--ratio", "0.5", "--json", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def run_compiled(
    neuroplast: Path, model: Path, feed: dict[str, np.ndarray], folder: Path
) -> dict[str, np.ndarray]:
    """The outputs of a model as the compiler runs it."""
    inputs, outputs = folder / "in.npz", folder / "out.npz"
    np.savez(inputs, **feed)
    done = subprocess.run(
        [neuroplast, "run", model, "--inputs", inputs, "--outputs", outputs],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(np.load(outputs))


@pytest.mark.parametrize("model", collect(), ids=lambda model: model.name)
def test_half_of_the_units(
    model: Model, neuroplast: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if model.name not in SMALL and not request.config.getoption("--all-models"):
        pytest.skip("only with --all-models")
    source = model.path
    if model.name.startswith("light_"):
        proto = onnx.load(str(source))
        randomize(proto, seed=1)
        source = tmp_path / "source.onnx"
        onnx.save(proto, str(source))
    original, pruned, masked = (tmp_path / f"{name}.onnx" for name in "opm")
    subprocess.run([neuroplast, "import", source, "-o", tmp_path / "o.mlir"], check=True)
    subprocess.run([neuroplast, "export", tmp_path / "o.mlir", "-o", original], check=True)
    report = prune(neuroplast, source, pruned, *model.arguments)

    for units in report["units"]:
        if units["pins"]:
            assert any(pin.startswith(ALLOWED) for pin in units["pins"]) or not any(
                "weight" in member or "_w_" in member for member in units["members"]
            ), units
    kept = report["after"]["inner_parameters"] / report["before"]["inner_parameters"]
    total = report["after"]["parameters"] / report["before"]["parameters"]

    twin = mask(onnx.load(str(original)), report["edits"])
    twin = restrict_norms(
        twin, {(norm["node"], norm["axis"]): norm["kept"] for norm in report["norms"]}
    )
    onnx.save(twin, str(masked))
    run = session(source)
    feed, other = make_inputs(run, model, 0), make_inputs(run, model, 1)
    expected = run.run(None, feed)
    varies = scaled_difference(run.run(None, other), expected, expected)
    exported = scaled_difference(session(original).run(None, feed), expected, expected)
    same = session(masked).run(None, feed)
    difference = scaled_difference(session(pruned).run(None, feed), same, expected)
    print(
        f"{model.name}: kept {total:.1%} of all, {kept:.1%} of inner parameters; "
        f"pruned against masked {difference:.1e}, exported against source {exported:.1e}"
    )
    compiled = run_compiled(neuroplast, pruned, feed, tmp_path)
    onnx_run = session(pruned)
    names = [info.name for info in onnx_run.get_outputs()]
    agreement = scaled_difference(
        [compiled[name] for name in names], onnx_run.run(None, feed), expected
    )
    print(f"{model.name}: compiled against ONNX Runtime {agreement:.1e}")
    assert agreement < 1e-3
    assert varies > 1e-6, "the output ignores the input"
    assert kept <= 0.4
    assert exported < 1e-3
    assert difference < 1e-3


def test_input_is_not_overwritten(neuroplast: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"")
    done = subprocess.run(
        [neuroplast, "prune", path, "-o", path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "does not overwrite its input" in done.stderr
