"""A second task learned beside the first, which stays as it is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from Models import driver
from Models.training import draw_weights, read_params, write_network

NET = (
    '<ir_version: 9, opset_import: ["" : 20]> net (float[N, 2, 6, 6] x) => (float[N, 4] y) '
    "{ a = Conv <pads = [1, 1, 1, 1]> (x, conv_w, conv_b) "
    "b = BatchNormalization(a, norm_scale, norm_shift, norm_mean, norm_var) c = Relu(b) "
    "d = GlobalAveragePool(c) e = Flatten(d) f = Gemm<transB = 1>(e, dense_w, dense_b) "
    "g = Relu(f) h = MatMul(g, head_w) z = Add(h, head_b) y = Softmax(z) }"
)
SHAPES = {
    "conv_w": (6, 2, 3, 3),
    "conv_b": (6,),
    "norm_scale": (6,),
    "norm_shift": (6,),
    "norm_mean": (6,),
    "norm_var": (6,),
    "dense_w": (8, 6),
    "dense_b": (8,),
    "head_w": (8, 4),
    "head_b": (4,),
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    weights = draw_weights(SHAPES)
    weights["norm_var"] = np.abs(weights["norm_var"]) + 0.5
    path = tmp_path / "net.onnx"
    write_network(path, NET, weights)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(128, 2, 6, 6)).astype(np.float32)
    path = tmp_path / "data.npz"
    driver.save(path, {"x": x, "labels": ((x[:, 0] ** 2).mean((1, 2)) > 1).astype(np.int64)})
    return path


def transfer(neuroplast: Path, source: Path, *options: str) -> Path:
    target = source.with_name("ready.onnx")
    driver.edit(neuroplast, "transfer", source, target, "--new-head", "new=2", *options)
    return target


GROWTH = ("--grow", "conv_b=3", "--grow", "dense_b=50%")


def learn(neuroplast: Path, model: Path, data: Path, *options: str) -> Path:
    target = model.with_name("learned.onnx")
    driver.call(
        neuroplast, "train", model, "--data", data, "--batch", "32", "--epochs", "4",
        "--lr", "0.02", *options, "-o", target,
    )  # fmt: skip
    return target


@pytest.mark.parametrize(
    "options",
    [
        ("--optimizer", "adamw", "--weight-decay", "0.1"),
        ("--optimizer", "sgd", "--momentum", "0.9", "--clip-norm", "1", "--accumulate", "2"),
        ("--optimizer", "adam", "--average", "0.9", "--growable", "dense_b"),
    ],
    ids=["decay", "parts", "growable"],
)
def test_the_first_task_stays(
    options: tuple[str, ...], neuroplast: Path, source: Path, data: Path
) -> None:
    """To the bit, whatever an optimizer does; and the second one learns."""
    ready = transfer(neuroplast, source, *GROWTH)
    learned = learn(neuroplast, ready, data, *options)
    x = {"x": np.random.default_rng(2).normal(size=(8, 2, 6, 6)).astype(np.float32)}
    first, before, after = (driver.run(neuroplast, m, x) for m in (source, ready, learned))
    np.testing.assert_allclose(before["y"], first["y"], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(after["y"], before["y"])
    assert np.abs(after["new"] - before["new"]).max() > 1e-3
    old, new = read_params(ready), read_params(learned)
    # What newborns read changes, and what old units read of them does not.
    assert (new["conv_w"][6:] != old["conv_w"][6:]).all()
    assert (new["dense_w"][8:] != old["dense_w"][8:]).any()
    np.testing.assert_array_equal(new["conv_w"][:6], old["conv_w"][:6])
    np.testing.assert_array_equal(new["norm_mean"][:6], old["norm_mean"][:6])
    np.testing.assert_array_equal(new["dense_w"][:8], old["dense_w"][:8])
    np.testing.assert_array_equal(new["head_w"], old["head_w"])


def test_old_units_may_listen(neuroplast: Path, source: Path, data: Path) -> None:
    ready = transfer(neuroplast, source, *GROWTH, "--freeze", "weights")
    learned = learn(neuroplast, ready, data)
    old, new = read_params(ready), read_params(learned)
    np.testing.assert_array_equal(new["dense_w"][:8, :6], old["dense_w"][:8, :6])
    assert (new["dense_w"][:8, 6:] != old["dense_w"][:8, 6:]).any()
    x = {"x": np.random.default_rng(2).normal(size=(8, 2, 6, 6)).astype(np.float32)}
    first, changed = (driver.run(neuroplast, model, x)["y"] for model in (source, learned))
    assert np.abs(changed - first).max() > 1e-4
    back, alone, small = (learned.with_name(f"{n}.onnx") for n in ("back", "alone", "small"))
    driver.edit(neuroplast, "undo", learned, back, "--to", "1")
    np.testing.assert_array_equal(driver.run(neuroplast, back, x)["y"], first)
    # The first task is had without what joined for the second, and this one with it.
    driver.edit(neuroplast, "select", learned, alone, "--output", "y")
    np.testing.assert_allclose(driver.run(neuroplast, alone, x)["y"], first, rtol=1e-5, atol=1e-6)
    driver.edit(neuroplast, "prune", alone, small, "--dead")
    assert {n: v.shape for n, v in read_params(small).items() if n in SHAPES} == SHAPES
    np.testing.assert_array_equal(driver.run(neuroplast, small, x)["y"], first)
    driver.edit(neuroplast, "select", learned, alone, "--output", "new")
    both, new = (driver.run(neuroplast, model, x)["new"] for model in (learned, alone))
    np.testing.assert_array_equal(both, new)


ENCODER = (
    '<ir_version: 9, opset_import: ["" : 20]> net (float[N, 2, 6, 6] x) => (float[N, 16] y) '
    "{ a = Conv <pads = [1, 1, 1, 1]> (x, conv_w, conv_b) b = Relu(a) "
    "d = GlobalAveragePool(b) e = Flatten(d) f = Gemm<transB = 1>(e, dense_w, dense_b) "
    "g = Relu(f) y = Concat <axis = 1> (f, g) }"
)


def test_a_head_for_a_network_without_one(neuroplast: Path, data: Path, tmp_path: Path) -> None:
    """What an encoder gives is read by a head on top; units may join in the body."""
    path, back = tmp_path / "encoder.onnx", tmp_path / "back.onnx"
    names = ("conv_w", "conv_b", "dense_w", "dense_b")
    write_network(path, ENCODER, draw_weights({name: SHAPES[name] for name in names}))
    x = {"x": np.random.default_rng(2).normal(size=(8, 2, 6, 6)).astype(np.float32)}
    before = driver.run(neuroplast, path, x)["y"]
    for growth in ((), ("--grow", "conv_b=3", "--freeze", "weights")):
        ready = transfer(neuroplast, path, *growth)
        assert driver.run(neuroplast, ready, x)["new"].shape == (8, 2)
        learned = learn(neuroplast, ready, data)
        old, new = read_params(ready), read_params(learned)
        assert (new["new.weight"] != old["new.weight"]).any()
        np.testing.assert_array_equal(new["dense_w"][:, :6], old["dense_w"][:, :6])
        driver.edit(neuroplast, "undo", learned, back, "--to", "1")
        np.testing.assert_array_equal(driver.run(neuroplast, back, x)["y"], before)


def test_later_newborns_learn(neuroplast: Path, source: Path, data: Path) -> None:
    """What is frozen goes along with edits: cut and grown once more."""
    ready = transfer(neuroplast, source, *GROWTH)
    cut, grown = ready.with_name("cut.onnx"), ready.with_name("grown.onnx")
    driver.edit(neuroplast, "prune", ready, cut, "--only", "dense_b", "--ratio", "0.25")
    driver.edit(neuroplast, "dropin", cut, grown, "--at", "dense_b", "--units", "2")
    learned = learn(neuroplast, grown, data)
    old, new = read_params(grown), read_params(learned)
    learns = old["dense_b.plasticity"] > 0
    assert len(learns) == 11
    assert learns[9:].all()
    assert 0 < (~learns).sum() <= 8
    np.testing.assert_array_equal(old["dense_b"][~learns], new["dense_b"][~learns])
    assert (old["dense_b"][learns] != new["dense_b"][learns]).any()


def test_a_malformed_list_is_left_out(neuroplast: Path, source: Path, tmp_path: Path) -> None:
    model = onnx.load(transfer(neuroplast, source))
    for entry in model.metadata_props:
        if entry.key == "neuroplast.plasticity":
            entry.value = '[{"of": "nothing"}]'
    path = tmp_path / "bad.onnx"
    onnx.save(model, path)
    said = subprocess.run([neuroplast, "inspect", path], capture_output=True, text=True, check=True)
    assert "'neuroplast.plasticity' is no list of parameters" in said.stderr


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ((), "needs '--new-head N'"),
        (("--new-head", "none"), "needs the number of its results"),
        (("--new-head", "2", "--grow", "dense"), "needs units and how many"),
        (("--new-head", "2", "--grow", "nowhere=2"), "no tensor with units has a name like"),
        (("--new-head", "2", "--grow", "head_b=2"), "no unit can join at 'head_b'"),
        (("--new-head", "2", "--freeze", "old"), "none of units, weights, kept and nothing"),
        (("--new-head", "y=2"), "has an output 'y' already"),
    ],
)
def test_refusals(
    options: tuple[str, ...], reason: str, neuroplast: Path, source: Path, tmp_path: Path
) -> None:
    target = tmp_path / "refused.onnx"
    with pytest.raises(driver.DriverError, match=reason):
        driver.call(neuroplast, "transfer", source, *options, "-o", target)
    assert not target.exists()


def say(neuroplast: Path, model: Path) -> dict[str, np.ndarray]:
    x = np.random.default_rng(2).normal(size=(8, 2, 6, 6)).astype(np.float32)
    return driver.run(neuroplast, model, {"x": x})


def test_tasks_share_what_was_masked(neuroplast: Path, source: Path, data: Path) -> None:
    """Three tasks in the weights of one network, each of which can be taken out as it was."""
    model, known = source, {}
    options = ("--optimizer", "adam", "--weight-decay", "0.1", "--lr", "0.01")
    for number in range(3):
        name = f"task{number}" if number else "y"
        if number:
            ready = model.with_name(f"ready{number}.onnx")
            report = driver.edit(
                neuroplast, "transfer", model, ready, "--new-head", f"{name}=2", "--freeze",
                "kept",
            )  # fmt: skip
            assert report["learning"] > 20
            model = learn(neuroplast, ready, data, *options).rename(ready.with_name("l.onnx"))
            assert np.abs(say(neuroplast, model)[name] - say(neuroplast, ready)[name]).max() > 1e-3
            # Old heads read what has changed.
            assert np.abs(say(neuroplast, model)["y"] - known["y"]).max() > 1e-3
        sparse = model.with_name(f"sparse{number}.onnx")
        layers = driver.edit(
            neuroplast, "sparsify", model, sparse, "--sparsity", "0.5", "--freeze", "head*"
        )["layers"]
        free = sum(layer["zeros"] for layer in layers if "head" not in layer["weight"])
        # Weights that nothing has moved are zero, too.
        assert {0: 54 + 24, 1: 27 + 12, 2: 13 + 6}[number] <= free <= {0: 78, 1: 78, 2: 39}[number]
        model = learn(neuroplast, sparse, data, *options).rename(sparse.with_name(f"{number}.onnx"))
        known[name] = say(neuroplast, model)[name]
    for name, output in known.items():
        alone = model.with_name("alone.onnx")
        driver.edit(neuroplast, "select", model, alone, "--output", name)
        assert say(neuroplast, alone).keys() == {name}
        np.testing.assert_array_equal(say(neuroplast, alone)[name], output)
        # It may learn again, and what was free for others stays zero.
        before = read_params(alone)["dense_w"]
        after = read_params(learn(neuroplast, alone, data, *options))["dense_w"]
        np.testing.assert_array_equal(before == 0, after == 0)
        assert (before != after).any()


def test_a_task_without_the_units_of_others(
    neuroplast: Path, source: Path, data: Path, tmp_path: Path
) -> None:
    """What joined for another task is dead then, and goes."""
    learned = learn(neuroplast, transfer(neuroplast, source, *GROWTH), data)
    alone, small = tmp_path / "alone.onnx", tmp_path / "small.onnx"
    driver.edit(neuroplast, "select", learned, alone, "--output", "y")
    driver.edit(neuroplast, "prune", alone, small, "--dead")
    shapes = {name: value.shape for name, value in read_params(small).items()}
    assert {name: shapes[name] for name in SHAPES} == SHAPES
    np.testing.assert_array_equal(say(neuroplast, small)["y"], say(neuroplast, learned)["y"])


def test_tasks_that_cannot_be(neuroplast: Path, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.onnx"
    for words, message in (
        (["transfer", source, "--new-head", "2", "--freeze", "kept"], "has no masked weights"),
        (
            ["transfer", source, "--new-head", "2", "--freeze", "kept", "--grow", "conv_b=2"],
            "comes into use, or units join, not both",
        ),
        (["select", source, "--output", "z"], "has no output 'z', but 'y'"),
        (["select", source], "'select' needs '--output NAME'"),
    ):
        with pytest.raises(driver.DriverError, match=message):
            driver.call(neuroplast, *words, "-o", target)
    assert not target.exists()
