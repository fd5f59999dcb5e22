"""Edits of real models: applied whole, or refused without a trace."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from Models import models

NAMES = ("shufflenet", "ppocr_cls", "silero_vad")


def run(opt: Path, model: Path, target: Path, *passes: str) -> str:
    """What the passes print; the module goes to `target`."""
    done = subprocess.run(
        [opt, model, *passes, "-o", target], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stderr


def edit(opt: Path, model: Path, target: Path, refused: bool, *keep: tuple[int, list[int]]) -> str:
    lists = ",".join(f"{number}:{'+'.join(map(str, units))}" for number, units in keep)
    return run(opt, model, target, f"--neuro-edit=map={lists} expect-failure={int(refused)}")


def unit_sets(opt: Path, model: Path, folder: Path) -> list[dict[str, Any]]:
    printed = run(opt, model, folder / "ignored.mlir", "--neuro-print-units=json=1")
    return json.loads(printed[printed.index("{") :])["units"]


@pytest.mark.parametrize("name", NAMES)
def test_a_refused_edit_changes_nothing(name: str, neuroplast_opt: Path, tmp_path: Path) -> None:
    model = models.MODELS[name].path()
    before, after = tmp_path / "before.mlir", tmp_path / "after.mlir"
    run(neuroplast_opt, model, before)
    sets = unit_sets(neuroplast_opt, model, tmp_path)
    free = [units for units in sets if not units["pins"] and units["units"] > 2]
    pinned = next(units for units in sets if units["pins"])
    random = np.random.default_rng(1)
    good = free[int(random.integers(len(free)))]
    number, count = good["set"], good["units"]
    # Of channels that are shuffled, some may all go, but not all of those of a layer.
    tied = [units for units in sets if units["group"] == good["group"]]
    refused = {
        "does not exist": [(10**6, [0])],
        "is pinned": [(number, [0, 1]), (pinned["set"], [0])],
        "leaves nothing": [(units["set"], []) for units in tied],
        "names a unit that does not exist": [(number, [0, count])],
    }
    blocks = [units for units in free if sum(u["group"] == units["group"] for u in sets) > 1]
    if blocks:
        # One block of a grouped convolution alone.
        refused["unequal numbers of units"] = [(blocks[0]["set"], [0])]
    assert bool(blocks) == (name == "shufflenet")
    for message, keep in refused.items():
        assert message in edit(neuroplast_opt, model, after, True, *keep)
        assert before.read_bytes() == after.read_bytes(), message


@pytest.mark.parametrize("name", NAMES)
def test_all_units_kept_is_no_edit(name: str, neuroplast_opt: Path, tmp_path: Path) -> None:
    model = models.MODELS[name].path()
    before, after = tmp_path / "before.mlir", tmp_path / "after.mlir"
    run(neuroplast_opt, model, before)
    sets = unit_sets(neuroplast_opt, model, tmp_path)
    keep = [(units["set"], list(range(units["units"]))) for units in sets]
    edit(neuroplast_opt, model, after, False, *keep)
    assert before.read_bytes() == after.read_bytes()


def weights(path: Path) -> dict[str, np.ndarray]:
    """The named tensors of floats, as initializers or constants."""
    graph = onnx.load(path).graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            tensors[node.output[0]] = node.attribute[0].t
    arrays = {name: onnx.numpy_helper.to_array(tensor) for name, tensor in tensors.items()}
    return {name: array for name, array in arrays.items() if array.dtype.kind == "f"}


@pytest.mark.parametrize("name", [name for name in NAMES if name != "shufflenet"])
def test_two_edits_are_one(name: str, neuroplast_opt: Path, tmp_path: Path) -> None:
    """Cutting in two steps leaves what one step leaves (units that others do not bind)."""
    model = models.MODELS[name].path()
    sets = unit_sets(neuroplast_opt, model, tmp_path)
    alone = [u for u in sets if not u["pins"] and sum(v["group"] == u["group"] for v in sets) == 1]
    wide = max(alone, key=lambda units: units["units"])
    first = list(range(0, wide["units"], 2))
    second = list(range(1, len(first), 3))
    once, half, twice = (tmp_path / f"{name}.onnx" for name in ("once", "half", "twice"))
    edit(neuroplast_opt, model, half, False, (wide["set"], first))
    edit(neuroplast_opt, half, twice, False, (wide["set"], second))
    edit(neuroplast_opt, model, once, False, (wide["set"], [first[i] for i in second]))
    whole, expected, actual = (weights(path) for path in (model, once, twice))
    # Constants that are no weights get new names.
    shared = whole.keys() & expected.keys()
    assert shared == whole.keys() & actual.keys()
    assert any(whole[name].shape != expected[name].shape for name in shared)
    for name in shared:
        np.testing.assert_array_equal(actual[name], expected[name])
