"""Pruned models equal their twins, and every option of `prune` does what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from Models import driver, models, pruning

QUICK = ("shufflenet", "squeezenet", "ppocr_cls", "ppocr_rec", "minilm_l3", "silero_vad")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "model" in metafunc.fixturenames:
        names = models.MODELS if metafunc.config.getoption("--all-models") else QUICK
        metafunc.parametrize("model", [models.MODELS[n] for n in names], ids=list(names))


def test_half_of_the_units(model: models.Model, neuroplast: Path, tmp_path: Path) -> None:
    result = pruning.prune(neuroplast, model, tmp_path)
    print(result)
    assert not result.misses()


@pytest.fixture
def source() -> Path:
    return models.MODELS["ppocr_cls"].path()


def prune(neuroplast: Path, source: Path, target: Path, *options: str) -> dict[str, Any]:
    """The report of pruning without compiling anything."""
    return driver.edit(neuroplast, "prune", source, target, *options)


def cut(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [units for units in report["units"] if units["kept"] < units["units"]]


def names(units: dict[str, Any]) -> str:
    return " ".join(units["members"])


def test_the_input_is_not_overwritten(neuroplast: Path, source: Path, tmp_path: Path) -> None:
    model, link, hard = (tmp_path / name for name in ("model.onnx", "link.onnx", "hard.onnx"))
    model.write_bytes(source.read_bytes())
    link.symlink_to(model)
    hard.hardlink_to(model)
    before = model.read_bytes()
    for target in (model, link, hard, tmp_path / "." / "model.onnx"):
        with pytest.raises(driver.DriverError, match="does not overwrite its input"):
            driver.call(neuroplast, "prune", model, "-o", target, "--ratio", "0.5")
    assert model.read_bytes() == before


def test_ratio_zero_changes_nothing(neuroplast: Path, source: Path, tmp_path: Path) -> None:
    same = tmp_path / "same.onnx"
    report = prune(neuroplast, source, same, "--ratio", "0")
    assert not cut(report) and report["before"] == report["after"]
    inputs = models.MODELS["ppocr_cls"].sample()
    expected, actual = models.reference(source, inputs), models.reference(same, inputs)
    for name, value in expected.items():
        np.testing.assert_allclose(actual[name], value, rtol=1e-5, atol=1e-6)


def test_a_dry_run_writes_nothing(neuroplast: Path, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "small.onnx"
    dry = prune(neuroplast, source, target, "--dry-run")
    assert not list(tmp_path.iterdir())
    wet = prune(neuroplast, source, target)
    assert dry == {**wet, **{key: dry[key] for key in ("output_difference", "command")}}


def test_only_and_freeze(neuroplast: Path, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "small.onnx"
    only = prune(neuroplast, source, target, "--only", "conv1_weights")
    assert cut(only) and all("conv1_weights" in names(units) for units in cut(only))
    assert {units["reason"] for units in only["units"]} == {"", "not named", "pinned"}
    assert len(cut(prune(neuroplast, source, target, "--only", "conv?_weights"))) == len(cut(only))
    frozen = prune(neuroplast, source, target, "--freeze", "conv1_weights")
    assert cut(frozen) and not any("conv1_weights" in names(units) for units in cut(frozen))
    assert any(units["reason"] == "frozen" for units in frozen["units"])
    with pytest.raises(driver.DriverError, match="no tensor with units has a name like 'conv77'"):
        prune(neuroplast, source, target, "--only", "conv77")


def test_freezing_one_block_holds_the_others(neuroplast: Path, tmp_path: Path) -> None:
    """Groups of a convolution keep equal counts, so that none goes if one must stay."""
    source = models.MODELS["shufflenet"].path()
    free = prune(neuroplast, source, tmp_path / "free.onnx")
    tied = [u for u in free["units"] if sum(v["group"] == u["group"] for v in free["units"]) > 1]
    group = [units for units in tied if units["group"] == tied[0]["group"]]
    own = set(group[0]["members"]).difference(*(units["members"] for units in group[1:]))
    pattern = min(own or group[0]["members"])[1:].split("[")[0]
    frozen = prune(neuroplast, source, tmp_path / "frozen.onnx", "--freeze", pattern)
    for units in frozen["units"]:
        if any(pattern in member for member in units["members"]):
            assert units["kept"] == units["units"]
    assert cut(frozen)
    models.session(tmp_path / "frozen.onnx")


@pytest.mark.parametrize("multiple", [4, 16])
def test_round_to(multiple: int, neuroplast: Path, source: Path, tmp_path: Path) -> None:
    report = prune(neuroplast, source, tmp_path / "small.onnx", "--round-to", str(multiple))
    assert cut(report)
    for units in cut(report):
        assert units["kept"] % multiple == 0 and 2 * units["kept"] >= units["units"]


def test_criteria(neuroplast: Path, source: Path, tmp_path: Path) -> None:
    def kept(*options: str) -> list[Any]:
        report = prune(neuroplast, source, tmp_path / "small.onnx", *options)
        return [edit["sources"] for edit in report["edits"]]

    assert kept() == kept("--criterion", "l2")
    assert kept() != kept("--criterion", "l1")
    random = kept("--criterion", "random", "--seed", "7")
    assert random == kept("--criterion", "random", "--seed", "7")
    assert random != kept("--criterion", "random", "--seed", "8")


def write_net(path: Path, **weights: np.ndarray) -> Path:
    """A perceptron of five inputs, eight hidden units and three outputs."""
    model = onnx.parser.parse_model(
        """<ir_version: 9, opset_import: ["" : 20]>
        net (float[N, 5] x) => (float[N, 3] y) {
          h = MatMul(x, first)
          r = Relu(h)
          y = MatMul(r, second)
        }"""
    )
    for name, value in weights.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(value.astype(np.float32), name))
    onnx.save(model, path)
    return path


def test_the_smallest_units_go(neuroplast: Path, tmp_path: Path) -> None:
    """Scores that can be counted by hand."""
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(5, 8)), rng.normal(size=(8, 3))
    source = write_net(tmp_path / "net.onnx", first=first, second=second)
    for criterion, power in (("l1", 1), ("l2", 2)):
        report = prune(neuroplast, source, tmp_path / "small.onnx", "--criterion", criterion)
        scores = (np.abs(first) ** power).sum(0) + (np.abs(second) ** power).sum(1)
        expected = sorted(np.argsort(scores)[4:].tolist())
        assert [edit["sources"] for edit in report["edits"]] == [[expected], [expected]]
        (units,) = cut(report)
        ranked = np.sort(scores)
        assert np.isclose(units["highest_removed_score"], ranked[3], rtol=1e-5)
        assert np.isclose(units["lowest_kept_score"], ranked[4], rtol=1e-5)


def test_units_without_weight_go_without_a_trace(neuroplast: Path, tmp_path: Path) -> None:
    """A unit whose every weight is zero goes first, and nothing changes: no masks needed."""
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(5, 8)), rng.normal(size=(8, 3))
    dead = [1, 2, 5, 6]
    first[:, dead] = second[dead] = 0
    source = write_net(tmp_path / "net.onnx", first=first, second=second)
    report = prune(neuroplast, source, tmp_path / "small.onnx")
    assert [edit["sources"] for edit in report["edits"]] == [[[0, 3, 4, 7]]] * 2
    inputs = {"x": rng.normal(size=(4, 5)).astype(np.float32)}
    expected, actual = (
        models.reference(path, inputs)["y"] for path in (source, tmp_path / "small.onnx")
    )
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_units_that_are_no_numbers_go_first(neuroplast: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(5, 8)), rng.normal(size=(8, 3))
    first[2, 6] = second[1, 0] = np.nan
    source = write_net(tmp_path / "net.onnx", first=first, second=second)
    report = prune(neuroplast, source, tmp_path / "small.onnx", "--ratio", "0.25")
    assert [edit["sources"] for edit in report["edits"]] == [[[0, 2, 3, 4, 5, 7]]] * 2
    (units,) = (u for u in report["units"] if u["kept"] == 6)
    assert units["highest_removed_score"] == -1


def test_the_report_in_words(neuroplast: Path, source: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.npz"
    driver.save(data, models.MODELS["ppocr_cls"].sample())
    call = ("prune", source, "-o", tmp_path / "s.onnx", "--data", data)
    text = driver.call(neuroplast, *call)
    first = text.splitlines()[:6]
    assert re.fullmatch(r"parameters  133,628 -> [\d,]+ \(kept \d+\.\d %\)", first[0])
    assert re.fullmatch(r"operations  [\d,]+ -> [\d,]+ \(kept .* %\) for x=\d.*", first[1])
    before, after = (path.stat().st_size for path in (source, tmp_path / "s.onnx"))
    assert first[2].startswith(f"on disk     {before:,} -> {after:,} bytes (kept ")
    assert re.fullmatch(
        r"outputs     differ by up to \d+\.\d % of the largest value, "
        r"on the given inputs",
        first[3],
    )
    assert first[4:] == ["accuracy    not checked", ""]
    assert "?" not in text, "operations are counted for the shapes of the data"
    assert "pinned" not in text and " relu " not in text
    more = driver.call(neuroplast, *call, "--verbose")
    # The history in the file has the command, so that the size differs by that.
    again = more.splitlines()[:6]
    assert again[:2] + again[3:] == first[:2] + first[3:]
    assert "pinned: graph input 'x'" in more and " relu " in more
    assert "output save_infer_model/scale_0.tmp_1: difference 0." in more
    assert "@Reshape@" not in more, "constants are named after what they are made of"


def test_random_inputs_by_default(neuroplast: Path, source: Path, tmp_path: Path) -> None:
    call = ("prune", source, "-o", tmp_path / "s.onnx", "--json", "--shape", "x=2x3x48x192")
    report = json.loads(driver.call(neuroplast, *call))
    (difference,) = report["output_difference"]["relative_to_largest"].values()
    assert 0 < difference < 10
    assert report["accuracy"] == "not checked"
    assert 0 < report["after"]["flops"] < 0.5 * report["before"]["flops"]
    # The sizes of the written model stay free.
    shape = onnx.load(tmp_path / "s.onnx").graph.input[0].type.tensor_type.shape
    assert not shape.dim[0].dim_value


def test_the_metadata_tell_what_was_done(neuroplast: Path, source: Path, tmp_path: Path) -> None:
    once, twice = tmp_path / "once.onnx", tmp_path / "twice.onnx"
    report = prune(neuroplast, source, once, "--criterion", "random", "--seed", "11")
    prune(neuroplast, once, twice, "--ratio", "0.25")
    entries = {entry.key: entry.value for entry in onnx.load(twice).metadata_props}
    first, second = json.loads(entries["neuroplast.history"])
    assert (first["kind"], second["kind"]) == ("prune", "prune")
    options = first["options"]
    assert (options["criterion"], options["seed"], options["ratio"]) == ("random", 11, 0.5)
    assert f"-o {once}" in options["command"] and second["options"]["ratio"] == 0.25
    # Each set is told by an axis of a parameter, and what it kept by its map.
    edited = {edit["source_name"]: edit for edit in report["edits"]}
    assert len(first["units"]) == len(cut(report))
    for units in first["units"]:
        assert units["param"] in edited and "new" not in units["map"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--ratio", "1"], "the ratio must be at least 0 and below 1"),
        (["--ratio", "-0.1"], "the ratio must be at least 0 and below 1"),
        (["--ratio", "nan"], "the ratio must be at least 0 and below 1"),
        (["--ratio", "half"], "'--ratio' needs a number, not 'half'"),
        (["--criterion", "l7"], "criterion 'l7' is none of l1, l2, lamp, bn-scale"),
        (["--round-to", "0"], "counts can be rounded to multiples of 1 or more only"),
    ],
)
def test_bad_options(
    options: list[str], message: str, neuroplast: Path, source: Path, tmp_path: Path
) -> None:
    with pytest.raises(driver.DriverError, match=message):
        driver.call(neuroplast, "prune", source, "-o", tmp_path / "small.onnx", *options)
    assert not list(tmp_path.iterdir())


def test_inspect(neuroplast: Path, source: Path) -> None:
    """What `inspect` counts is what the file holds."""
    report = json.loads(
        driver.call(neuroplast, "inspect", source, "--json", "--shape", "x=1x3x48x192")
    )
    model = onnx.load(source)
    conv = [node for node in model.graph.node if node.op_type == "Conv"]
    assert len([layer for layer in report["layers"] if layer["op"] == "conv"]) == len(conv)
    assert report["flops"] == sum(layer["flops"] for layer in report["layers"])
    assert not report["flops_incomplete"]
    assert 0 < report["inner_parameters"] < report["parameters"]
    for units in report["units"]:
        assert units["units"] > 0 and units["members"]
    assert any(units["pins"] == ["graph input 'x'"] for units in report["units"])
    # Free sizes leave the operations open, and say so.
    free = json.loads(driver.call(neuroplast, "inspect", source, "--json"))
    assert free["flops_incomplete"] and free["parameters"] == report["parameters"]


def test_shapes_decide_branches(neuroplast: Path, tmp_path: Path) -> None:
    """Branches of different ranks: the given shape says which is taken."""
    rng = np.random.default_rng(0)
    model = onnx.parser.parse_model(
        """<ir_version: 9, opset_import: ["" : 17]>
        net (float[N, 5] x) => (float[M, 3] y)
        <int64[1] one = {1}, int64[1] zero = {0}, int64 z = {0}> {
          s = Shape(x)
          n = Gather(s, z)
          c = Equal(n, one)
          v = If (c) <
            then_branch = a () => (t) { t = Squeeze(x, zero) },
            else_branch = b () => (e) { e = Identity(x) }>
          h = MatMul(v, first)
          r = Relu(h)
          w = MatMul(r, second)
          k = Constant <value_ints = [-1, 3]> ()
          y = Reshape(w, k)
        }"""
    )
    for name, shape in (("first", (5, 8)), ("second", (8, 3))):
        model.graph.initializer.append(
            onnx.numpy_helper.from_array(rng.normal(size=shape).astype(np.float32), name)
        )
    onnx.save(model, tmp_path / "net.onnx")
    report = prune(neuroplast, tmp_path / "net.onnx", tmp_path / "small.onnx", "--shape", "x=4x5")
    assert report["after"]["parameters"] == 32
    inputs = {"x": rng.normal(size=(4, 5)).astype(np.float32)}
    assert models.reference(tmp_path / "small.onnx", inputs)["y"].shape == (4, 3)
    # Without it both stay, and nothing that reads them can be cut.
    report = prune(neuroplast, tmp_path / "net.onnx", tmp_path / "other.onnx")
    assert report["after"]["parameters"] == 64
    assert "If" in {node.op_type for node in onnx.load(tmp_path / "other.onnx").graph.node}


def test_weights_are_read_one_after_the_other(neuroplast: Path, tmp_path: Path) -> None:
    """What is ranked and cut is never in memory as a whole."""
    width, layers = 4096, 8
    bytes_each = 4 * width * width
    nodes, weights, last = [], [], "x"
    with open(tmp_path / "net.data", "wb") as data:
        for i in range(layers):
            block = np.random.default_rng(i).normal(size=(width // 64, width)).astype(np.float32)
            for _ in range(64):
                data.write(block.tobytes())
            tensor = onnx.TensorProto(
                name=f"w{i}",
                data_type=1,
                dims=[width, width],
                data_location=onnx.TensorProto.EXTERNAL,
            )
            for key, value in (
                ("location", "net.data"),
                ("offset", i * bytes_each),
                ("length", bytes_each),
            ):
                tensor.external_data.add(key=key, value=str(value))
            weights.append(tensor)
            nodes.append(onnx.helper.make_node("MatMul", [last, f"w{i}"], [f"y{i}"]))
            last = f"y{i}"
    ends = [onnx.helper.make_tensor_value_info(name, 1, [1, width]) for name in ("x", last)]
    graph = onnx.helper.make_graph(nodes, "net", ends[:1], ends[1:], weights)
    source = tmp_path / "net.onnx"
    onnx.save(
        onnx.helper.make_model(
            graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9
        ),
        source,
    )
    peak = driver.measure_peak(
        [
            neuroplast,
            "prune",
            source,
            "-o",
            tmp_path / "small.onnx",
            "--no-compare",
            "--external-data",
        ]
    )
    # A quarter of the weights stays; what is read besides is let go.
    assert peak < 0.8 * layers * bytes_each
