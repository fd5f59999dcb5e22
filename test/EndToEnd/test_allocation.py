"""Cuts that meet a target, and units that compete for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import onnx
import pytest
from Models import driver, masking, models, pruning
from Models.architectures.builder import Builder


@pytest.fixture
def source() -> Path:
    return models.MODELS["ppocr_cls"].path()


def prune(neuroplast: Path, source: Path, target: Path, *options: str) -> dict[str, Any]:
    return driver.edit(neuroplast, "prune", source, target, *options)


@pytest.mark.parametrize("scope", ["local", "isomorphic", "global"])
@pytest.mark.parametrize("measure", ["flops", "params", "bytes"])
def test_targets_are_met(
    scope: str, measure: str, neuroplast: Path, source: Path, tmp_path: Path
) -> None:
    key = {"flops": "flops", "params": "parameters", "bytes": "parameter_bytes"}[measure]
    for share in (0.8, 0.4):
        report = prune(
            neuroplast,
            source,
            tmp_path / "small.onnx",
            "--scope",
            scope,
            f"--target-{measure}",
            f"{share}x",
            "--shape",
            "x=1x3x48x192",
        )
        reached = report["after"][key] / report["before"][key]
        assert abs(reached - share) <= 0.02 * share and report["reached"]["met"]


def test_targets_out_of_reach_are_said(neuroplast: Path, source: Path, tmp_path: Path) -> None:
    call = ("prune", source, "-o", tmp_path / "small.onnx", "--no-compare")
    text = driver.call(neuroplast, *call, "--target-params", "10")
    assert "warning: no cut comes nearer to the target" in text
    with pytest.raises(driver.DriverError, match="needs the sizes of all inputs"):
        driver.call(neuroplast, *call, "--target-flops", "0.5x")


@pytest.mark.parametrize("scope", ["isomorphic", "global"])
def test_no_set_loses_more_than_it_may(
    scope: str, neuroplast: Path, source: Path, tmp_path: Path
) -> None:
    options = ("--scope", scope, "--ratio", "0.7", "--max-ratio", "0.8")
    report = prune(neuroplast, source, tmp_path / "small.onnx", *options)
    kept = [set["kept"] / set["units"] for set in report["units"] if not set["reason"]]
    assert len({round(share, 3) for share in kept}) > 2, "sets compete"
    assert all(share >= 0.2 for share in kept)


def test_counts_are_whole_vectors(neuroplast: Path, source: Path, tmp_path: Path) -> None:
    report = prune(neuroplast, source, tmp_path / "small.onnx", "--round-to", "auto")
    wide = [set for set in report["units"] if set["units"] >= 32 and not set["pins"]]
    assert wide and all(set["kept"] % 16 == 0 or set["kept"] == set["units"] for set in wide)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--target-flops", "half"], "needs a share such as 0.5x or a number, not 'half'"),
        (["--target-params", "-3"], "needs a share such as 0.5x or a number, not '-3'"),
        (["--target-params", "0.5", "--ratio", "0.5"], "one of a ratio and the targets"),
        (["--target-params", "0.5", "--target-bytes", "1k"], "one of a ratio and the targets"),
        (["--scope", "all"], "scope 'all' is none of local, isomorphic and global"),
        (["--max-ratio", "0"], "the largest ratio must be above 0, at most 1"),
    ],
)
def test_bad_options(
    options: list[str], message: str, neuroplast: Path, source: Path, tmp_path: Path
) -> None:
    target = tmp_path / "small.onnx"
    with pytest.raises(driver.DriverError, match=message):
        prune(neuroplast, source, target, *options)
    assert not target.exists()


@pytest.fixture
def schema() -> jsonschema.Draft202012Validator:
    path = Path(__file__).parents[2] / "include/neuroplast/Structure/PlanSchema.json"
    return jsonschema.Draft202012Validator(json.loads(path.read_text()))


def test_a_plan_is_carried_out_unchanged(
    neuroplast: Path, source: Path, tmp_path: Path, schema: jsonschema.Draft202012Validator
) -> None:
    plan, direct, planned = (tmp_path / name for name in ("plan.json", "a.onnx", "b.onnx"))
    options = ("--criterion", "random", "--scope", "global", "--ratio", "0.3")
    dry = prune(
        neuroplast, source, tmp_path / "none.onnx", *options, "--dry-run", "--write-plan", plan
    )
    assert not (tmp_path / "none.onnx").exists()
    schema.validate(json.loads(plan.read_text()))
    wet = prune(neuroplast, source, direct, *options)
    # Whatever else is asked for, the plan decides.
    again = prune(neuroplast, source, planned, "--plan", plan, "--ratio", "0.9")
    assert dry["edits"] == wet["edits"] == again["edits"]
    a, b = (
        {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
        for path in (direct, planned)
    )
    assert a.keys() == b.keys()
    for name, value in a.items():
        np.testing.assert_array_equal(b[name], value)


def test_rules_for_single_layers(
    neuroplast: Path, source: Path, tmp_path: Path, schema: jsonschema.Draft202012Validator
) -> None:
    plan = {
        "version": 1,
        "rules": [
            {"match": "conv5_expand*", "ratio": 0.25},
            {"match": "conv6_expand", "freeze": True},
        ],
    }
    schema.validate(plan)
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan))
    report = prune(
        neuroplast, source, tmp_path / "small.onnx", "--plan", str(path), "--target-params", "0.5x"
    )
    shares = {
        name: set["kept"] / set["units"]
        for set in report["units"]
        for name in set["members"]
        if name.endswith("weights[0]")
    }
    assert shares["@conv5_expand_weights[0]"] == pytest.approx(0.75, abs=0.02)
    assert shares["@conv6_expand_weights[0]"] == 1
    assert shares["@conv7_expand_weights[0]"] < 0.75 and report["reached"]["met"]


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ("{", "the plan is no JSON"),
        ('{"rules": []}', "no object with 'version' 1"),
        ('{"version": 1, "sets": []}', "the plan has 'sets', which plans have not"),
        ('{"version": 1, "rules": 3}', "'rules' of the plan is no list"),
        ('{"version": 1, "rules": [3]}', "a rule of the plan is no object"),
        ('{"version": 1, "rules": [{"ratio": 0.5}]}', "needs 'match'"),
        ('{"version": 1, "rules": [{"match": "conv1", "ratio": 1}]}', "needs a ratio, at least 0"),
        ('{"version": 1, "rules": [{"match": "conv1", "ratios": 0}]}', "'ratios', which rules"),
        ('{"version": 1, "rules": [{"match": "nowhere", "ratio": 0}]}', "name like 'nowhere'"),
        ('{"version": 1, "edit": {"kind": "prune"}}', "the edit of the plan is malformed"),
        (
            '{"version": 1, "edit": {"kind": "prune", "units": [{"param": "nowhere", "axis": 0, '
            '"block": 0, "map": "0", "old": ["0..1", "0..1", 1], "new": ["0", "0", 1]}]}}',
            "names parameters that the network does not have",
        ),
    ],
)
def test_bad_plans(plan: str, message: str, neuroplast: Path, source: Path, tmp_path: Path) -> None:
    path, target = tmp_path / "plan.json", tmp_path / "small.onnx"
    path.write_text(plan)
    with pytest.raises(driver.DriverError, match=message):
        prune(neuroplast, source, target, "--plan", str(path))
    assert not target.exists()


def test_sets_of_one_shape_compete_with_each_other_alone(neuroplast: Path, tmp_path: Path) -> None:
    """Half of the units of a layer do little: those go, and none of another of its shape."""
    b = Builder(free=False)
    y = b.input("x", [2, 16, 8, 8])
    for name, inner, outer in (("a", 16, 16), ("b", 16, 16), ("c", 16, 16), ("d", 16, 24)):
        y = b.node("Relu", b.conv(y, name, inner, outer, 3, bias=False))
    b.output(b.conv(y, "e", 24, 5, 3, bias=False), "y")
    model = b.finish()
    for tensor in model.graph.initializer:
        array = np.ones_like(onnx.numpy_helper.to_array(tensor))
        if tensor.name == "b.weight":
            array[::2] = 0.01
        if tensor.name == "c.weight":
            array[:, ::2] = 0.01
        tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
    source, small = tmp_path / "net.onnx", tmp_path / "small.onnx"
    onnx.save(model, source)
    options = ("--scope", "isomorphic", "--criterion", "l2", "--ratio", "0.25")
    prune(neuroplast, source, small, *options)
    dims = {t.name: list(t.dims)[:2] for t in onnx.load(small).graph.initializer}
    assert dims["b.weight"] == [8, 16] and dims["c.weight"] == [12, 8]
    assert dims["e.weight"] == [5, 18]


def test_sizes_computed_at_run_time_are_tried_without_a_trace(
    neuroplast: Path, tmp_path: Path
) -> None:
    """Of many edits that are measured, one is made: batch times heads is written once."""
    b = Builder(free=True)
    x = b.input("x", ["batch", "tokens", 16])
    batch, tokens = b.size(x, 0), b.size(x, 1)
    y = b.reshape(b.linear(x, "up", 16, 32), batch, tokens, 8, 4)
    y = b.node("Transpose", y, perm=[0, 2, 1, 3])
    many = b.node("Mul", batch, b.constant(8, np.int64))
    y = b.node("Relu", b.reshape(y, many, tokens, 4))
    y = b.node("Transpose", b.reshape(y, batch, 8, tokens, 4), perm=[0, 2, 1, 3])
    b.output(b.linear(b.reshape(y, batch, tokens, 32), "down", 32, 5), "y")
    source, small, plan = (tmp_path / name for name in ("net.onnx", "small.onnx", "plan.json"))
    onnx.save(b.finish(), source)
    options = ("--target-params", "0.55x", "--write-plan", plan)
    report = driver.edit(neuroplast, "prune", source, small, *options)
    assert 0 < next(u["kept"] for u in report["units"] if u["kept"] < u["units"]) < 8
    inputs = {"x": np.random.default_rng(0).normal(size=(2, 3, 16)).astype(np.float32)}
    outputs = models.reference(small, inputs)
    twin = masking.mask(onnx.load(source), report["edits"])
    assert pruning.worst(outputs, models.reference(twin, inputs)) <= 1
    assert not any(node.op_type == "Div" for node in onnx.load(small).graph.node)
