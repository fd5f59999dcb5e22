"""Networks of many kinds are cut where a table says, grown unnoticed, and undone."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from Models import architectures as nets
from Models import driver, masking, models, pruning
from Models.architectures import ARCHITECTURES, UNITS
from onnx import numpy_helper

NAMES = list(ARCHITECTURES)
# Why some units cannot join unnoticed, with weights that are zero or opposite.
NO_EXACT_GROWTH = {
    # What comes out of a norm and what it is added to have no common average, and no zeros.
    "bert": {"'neuro.layer_norm' makes"},
    # Neither has what every channel makes with a kernel of its own, or with a gate.
    "convnext": {"'neuro.mul' makes"},
    "wav2vec": {"'neuro.mul' makes"},
    # Keys are positive.
    "linear_attention": {"'neuro.matmul' sums"},
}


def shapes(path: Path) -> dict[str, list[int]]:
    return {tensor.name: list(tensor.dims) for tensor in onnx.load(path).graph.initializer}


def epsilons(path: Path) -> list[float]:
    """What norms add to variances, in the order of the nodes."""
    nodes = onnx.load(path).graph.node
    numbers = ({a.name: a.f for a in node.attribute} for node in nodes if "Norm" in node.op_type)
    return [number.get("epsilon", float(np.float32(1e-5))) for number in numbers]


def build(name: str, real: bool, folder: Path) -> tuple[Path, Path, models.Inputs]:
    """The fixed and the free form of a network, and inputs."""
    paths = folder / "fixed.onnx", folder / "free.onnx"
    for free, path in enumerate(paths):
        onnx.save(nets.build(name, bool(free), real), path)
    return *paths, nets.draw_inputs(onnx.load(paths[0]))


def expected_shape(name: str, real: bool, weight: str, shape: list[int]) -> list[int]:
    """What half of the units of the table leave of a weight."""
    fitting = (axes for p, axes in UNITS[name].items() if fnmatch.fnmatch(weight, p))
    axes = next(fitting, {})
    result = list(shape)
    for axis, units in axes.items():
        count = (units[real] if isinstance(units, tuple) else units) or shape[axis]
        result[axis] = shape[axis] // count * (count - count // 2)
    return result


@pytest.mark.parametrize("real", [False, True], ids=["small", "real"])
@pytest.mark.parametrize("name", NAMES)
def test_cut_where_the_table_says(name: str, real: bool, neuroplast: Path, tmp_path: Path) -> None:
    fixed, free, inputs = build(name, real, tmp_path)
    small, small_free = tmp_path / "small.onnx", tmp_path / "small_free.onnx"
    report = driver.edit(neuroplast, "prune", fixed, small, "--ratio", "0.5")
    driver.edit(neuroplast, "prune", free, small_free, "--ratio", "0.5")
    before, after, after_free = shapes(fixed), shapes(small), shapes(small_free)
    for tensor in onnx.load(fixed).graph.initializer:
        if tensor.name.startswith("constant_"):
            continue
        assert tensor.name in after
        wanted = expected_shape(name, real, tensor.name, before[tensor.name])
        assert after[tensor.name] == wanted, tensor.name
    # Free sizes make no difference: neither to what is cut, nor to what is computed.
    for weight in after:
        if weight in before and weight in after_free and not weight.startswith("constant_"):
            assert after_free[weight] == after[weight], weight
    outputs = models.reference(small, inputs)
    assert pruning.worst(models.reference(small_free, inputs), outputs) <= 1
    twin = masking.mask(onnx.load(fixed), report["edits"])
    norms = {(norm["node"], norm["axis"]): norm["kept"] for norm in report["norms"]}
    masked = models.reference(masking.restrict_norms(twin, norms), inputs)
    marks = [m for u in report["units"] if u["kept"] < u["units"] for m in u["not_zero_invariant"]]
    assert any("sums over" in mark for mark in marks) == (name == "linear_attention")
    if name not in ("linear_attention",):
        assert pruning.worst(outputs, masked) <= 1


@pytest.mark.parametrize("free", [False, True], ids=["fixed", "free"])
@pytest.mark.parametrize("name", NAMES)
def test_grown_and_undone(name: str, free: bool, neuroplast: Path, tmp_path: Path) -> None:
    fixed, open_form, inputs = build(name, False, tmp_path)
    source = open_form if free else fixed
    big, small, back = (tmp_path / f"{n}.onnx" for n in ("big", "small", "back"))
    original = models.reference(source, inputs)
    for init in ("zero-out", "pair", "net2wider"):
        report = driver.edit(neuroplast, "dropin", source, big, "--init", init, "--keep-removed")
        # Copies would have to share one weight that makes and reads them.
        is_tied = name == "tied_autoencoder" and init == "net2wider"
        assert any(units["added"] for units in report["sets"]) != is_tied
        if init != "net2wider":
            reasons = {units["reason"] for units in report["sets"]}
            reasons -= {"", "pinned", "inner", "too small"}
            allowed = NO_EXACT_GROWTH.get(name, set())
            assert {re.sub(r"^('\S+') at '\S+' (\w+).*", r"\1 \2", r) for r in reasons} == allowed
        assert pruning.worst(models.reference(big, inputs), original) <= 1, init
    cut = ("--ratio", "0.3", "--min-units", "2", "--keep-removed")
    driver.edit(neuroplast, "prune", big, small, *cut)
    driver.edit(neuroplast, "undo", small, back, "--to", "0")
    assert pruning.worst(models.reference(back, inputs), original) <= 1
    assert epsilons(back) == epsilons(source)
    weights = {t.name: numpy_helper.to_array(t) for t in onnx.load(back).graph.initializer}
    for tensor in onnx.load(source).graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.dtype == np.float32 and array.ndim and tensor.name in weights:
            assert weights[tensor.name].tobytes() == array.tobytes(), tensor.name


@pytest.mark.parametrize("name", ["vit", "gpt2", "llama"])
def test_streams_grow_again_and_back(name: str, neuroplast: Path, tmp_path: Path) -> None:
    """What norms were told is done again, and taken back, without weights that are kept."""
    _, source, _ = build(name, False, tmp_path)
    big, again, bigger, back = (tmp_path / f"{n}.onnx" for n in ("1", "again", "2", "back"))
    driver.edit(neuroplast, "dropin", source, big, "--seed", "5")
    driver.edit(neuroplast, "replay", source, again, "--history", str(big))
    assert onnx.load(again) == onnx.load(big)
    assert name == "llama" or epsilons(big) != epsilons(source)
    driver.edit(neuroplast, "dropin", big, bigger)
    driver.edit(neuroplast, "undo", bigger, back, "--to", "0")
    assert epsilons(back) == epsilons(source)
    weights = {t.name: numpy_helper.to_array(t) for t in onnx.load(back).graph.initializer}
    for tensor in onnx.load(source).graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.dtype == np.float32 and array.ndim:
            assert weights[tensor.name].tobytes() == array.tobytes(), tensor.name
