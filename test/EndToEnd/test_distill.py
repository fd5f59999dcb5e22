"""A student that learns from a teacher, without labels: `neuroplast distill`."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from Models import architectures, driver, models
from Models.training import INS, OUTS, Arrays, differ, logits, perceptron, read_params, softmax
from onnx import TensorProto, helper, numpy_helper

RATE = 0.05


def divergence(
    said: np.ndarray,
    expected: np.ndarray,
    temperature: float,
    axis: int = 1,
    blank: tuple[int, float] = (0, 1),
) -> float:
    """Of softened probabilities, by logits, times the square of the temperature; a class may
    weigh less where it is expected."""
    p, q = softmax(expected / temperature, axis), softmax(said / temperature, axis)
    weights = 1 + (blank[1] - 1) * np.take(p, blank[0], axis)
    return float(np.average((p * np.log(p / q)).sum(axis=axis), weights=weights)) * temperature**2


@pytest.mark.parametrize("is_soft", [False, True])
@pytest.mark.parametrize("temperature", [1, 3])
def test_step(is_soft: bool, temperature: float, neuroplast: Path, tmp_path: Path) -> None:
    """A step goes along the gradient of the divergence, whoever ends with a softmax."""
    teacher, student, target = (tmp_path / f"{n}.onnx" for n in ("teacher", "student", "out"))
    wise = perceptron(teacher, has_softmax=True, dtype=TensorProto.DOUBLE)
    young = perceptron(student, has_softmax=is_soft, dtype=TensorProto.DOUBLE, hidden=4, seed=5)
    data, x = tmp_path / "d.npz", np.random.default_rng(1).normal(size=(16, INS))
    driver.save(data, {"x": x})
    printed = driver.call(
        neuroplast, "distill", teacher, student, "--data", data, "--val", data, "-o", target,
        "--temperature", str(temperature), "--batch", "16", "--lr", str(RATE),
    )  # fmt: skip

    def measure(p: Arrays) -> float:
        return divergence(logits(p, x), logits(wise, x), temperature)

    trained = read_params(target)
    found = [float(loss) for loss in re.findall(r"loss ([\d.]+)", printed)]
    assert found == pytest.approx([measure(young), measure(trained)], abs=1e-4)
    gradient = differ(measure, young)
    for key, value in trained.items():
        np.testing.assert_allclose(value, young[key] - RATE * gradient[key], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("blank", [(0, 1), (2, 0.1), (1, 0)])
def test_sequences(blank: tuple[int, float], neuroplast: Path, tmp_path: Path) -> None:
    """Classes are where the softmax says, as those of each place of a line of text."""
    teacher, student, target = (tmp_path / f"{n}.onnx" for n in ("teacher", "student", "out"))
    random = np.random.default_rng(2)
    weights = [random.normal(size=(INS, OUTS)) for _ in range(2)]
    for path, weight in zip((teacher, student), weights, strict=True):
        graph = onnx.parser.parse_graph(
            f"g (double[N,5,{INS}] x) => (double[N,5,{OUTS}] y)"
            " { z = MatMul(x, w) y = Softmax<axis: int = 2>(z) }"
        )
        graph.initializer.append(numpy_helper.from_array(weight, "w"))
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), path)
    data, x = tmp_path / "d.npz", random.normal(size=(8, 5, INS))
    driver.save(data, {"x": x})
    call = (neuroplast, "distill", teacher, student, "--data", data, "-o", target, "--batch", "8")
    blanks = ("--blank", str(blank[0]), "--blank-weight", str(blank[1]))
    driver.call(*call, "--lr", str(RATE), *blanks)
    gradient = differ(
        lambda p: divergence(x @ p["w"], x @ weights[0], 1, 2, blank), {"w": weights[1]}
    )
    np.testing.assert_allclose(
        read_params(target)["w"], weights[1] - RATE * gradient["w"], rtol=1e-6, atol=1e-8
    )
    for options, reason in {
        (f"--blank={OUTS}", "--blank-weight=0.5"): f"there is no class {OUTS}",
        ("--loss=mse", "--blank-weight=0.5"): "is for kl and soft-cross-entropy",
    }.items():
        with pytest.raises(driver.DriverError, match=reason):
            driver.call(*call, *options)
    labels = random.integers(0, OUTS, (8, 5))
    driver.save(data, {"x": x, "labels": labels})
    with pytest.raises(driver.DriverError, match="has them along axis 2"):
        driver.call(neuroplast, "train", student, "--data", data, "-o", target, "--batch", "8")


def two_layers(path: Path, hidden: int, seed: int) -> Arrays:
    """A network of each place of a sequence, in double precision; its weights."""
    random = np.random.default_rng(seed)
    shapes = {"w": (INS, hidden), "v": (hidden, OUTS)}
    params = {name: random.normal(size=shape) for name, shape in shapes.items()}
    graph = onnx.parser.parse_graph(
        f"g (double[N,5,{INS}] x) => (double[N,5,{OUTS}] y)"
        " { [first] z = MatMul(x, w) [inner] h = Tanh(z) [last] y = MatMul(h, v) }"
    )
    graph.initializer.extend(numpy_helper.from_array(params[name], name) for name in shapes)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), path)
    return params


def unit_length(a: np.ndarray) -> np.ndarray:
    axes = tuple(range(1, a.ndim))
    return a / np.sqrt((a * a).sum(axis=axes, keepdims=True) + 1e-12)


def attention(a: np.ndarray) -> np.ndarray:
    return unit_length((a * a).sum(axis=-1))


def relations(a: np.ndarray) -> np.ndarray:
    rows = a.reshape(len(a), -1)
    return unit_length(rows @ rows.T)


HINTS = {
    "values": lambda own, taught: ((own - taught) ** 2).mean(),
    "attention": lambda own, taught: (
        ((attention(own) - attention(taught)) ** 2).sum(axis=-1).mean()
    ),
    "relations": lambda own, taught: ((relations(own) - relations(taught)) ** 2).mean(),
}


@pytest.mark.parametrize("kind", HINTS)
def test_hints(kind: str, neuroplast: Path, tmp_path: Path) -> None:
    """A step goes along the gradient of what is said and of what nodes give in between."""
    teacher, student, target = (tmp_path / f"{n}.onnx" for n in ("teacher", "student", "out"))
    wise = two_layers(teacher, hidden=6, seed=3)
    young = two_layers(student, hidden=6 if kind == "values" else 4, seed=4)
    data, x = tmp_path / "d.npz", np.random.default_rng(1).normal(size=(8, 5, INS))
    driver.save(data, {"x": x})
    driver.call(
        neuroplast, "distill", teacher, student, "--data", data, "-o", target, "--batch", "8",
        "--loss", "mse", "--lr", str(RATE), "--hint", f"inner=3:{kind}",
    )  # fmt: skip

    def measure(p: Arrays) -> float:
        own, taught = (np.tanh(x @ q["w"]) for q in (p, wise))
        said = ((own @ p["v"] - taught @ wise["v"]) ** 2).mean()
        return float(said + 3 * HINTS[kind](own, taught))

    gradient = differ(measure, young)
    for key, value in read_params(target).items():
        np.testing.assert_allclose(value, young[key] - RATE * gradient[key], rtol=1e-6, atol=1e-8)


def test_hints_at_channels_that_stayed(neuroplast: Path, tmp_path: Path) -> None:
    """The history says which units of the teacher those of the student were; newborns are free."""
    teacher, cut, student, target = (
        tmp_path / f"{n}.onnx" for n in ("teacher", "cut", "student", "out")
    )
    wise = two_layers(teacher, hidden=6, seed=3)
    driver.edit(neuroplast, "prune", teacher, cut, "--ratio", "0.34", "--criterion", "random")
    driver.edit(neuroplast, "dropin", cut, student, "--units", "2")
    kept = [
        int(np.flatnonzero((wise["w"] == column[:, None]).all(axis=0))[0])
        for column in read_params(cut)["w"].T
    ]
    assert len(set(kept)) == 4
    random, model = np.random.default_rng(5), onnx.load(student)
    young = {}
    for tensor in model.graph.initializer:
        if tensor.name in wise:
            value = numpy_helper.to_array(tensor)
            young[tensor.name] = value + random.normal(size=value.shape)
            tensor.CopyFrom(numpy_helper.from_array(young[tensor.name], tensor.name))
    onnx.save(model, student)
    data, x = tmp_path / "d.npz", np.random.default_rng(1).normal(size=(8, 5, INS))
    driver.save(data, {"x": x})
    driver.call(
        neuroplast, "distill", teacher, student, "--data", data, "-o", target, "--batch", "8",
        "--loss", "mse", "--lr", str(RATE), "--hint", "inner=3:channels",
    )  # fmt: skip

    def measure(p: Arrays) -> float:
        own, taught = (np.tanh(x @ q["w"]) for q in (p, wise))
        said = ((own @ p["v"] - taught @ wise["v"]) ** 2).mean()
        apart = ((own[..., :4] - taught[..., kept]) ** 2).mean()
        return float(said + 3 * apart / (taught[..., kept] ** 2).mean())

    gradient = differ(measure, young)
    for key, value in read_params(target).items():
        np.testing.assert_allclose(value, young[key] - RATE * gradient[key], rtol=1e-6, atol=1e-8)


def test_unfit_hints(neuroplast: Path, tmp_path: Path) -> None:
    teacher, student, target = (tmp_path / f"{n}.onnx" for n in ("teacher", "student", "out"))
    two_layers(teacher, hidden=6, seed=3)
    two_layers(student, hidden=4, seed=4)
    driver.save(tmp_path / "d.npz", {"x": np.ones((8, 5, INS))})
    for hint, reason in {
        "inner": "no PATTERN=WEIGHT",
        "inner=-1": "a weight above 0",
        "inner=1:mood": "none of the kinds",
        "inner=1": "another shape there",
        "inner=1:channels": "no history tells of axis 2",
        "outer=1": "no node with a name like 'outer'",
    }.items():
        with pytest.raises(driver.DriverError, match=reason):
            driver.call(
                neuroplast, "distill", teacher, student, "--data", tmp_path / "d.npz", "-o",
                target, "--batch", "8", "--loss", "mse", "--hint", hint,
            )  # fmt: skip
        assert not target.exists()


def test_cut_and_distilled(neuroplast: Path, tmp_path: Path) -> None:
    """What was cut learns from what it was cut from; labels that are there are not needed."""
    teacher, small, target = (tmp_path / f"{n}.onnx" for n in ("teacher", "small", "out"))
    perceptron(teacher, hidden=32)
    driver.edit(neuroplast, "prune", teacher, small, "--ratio", "0.5", "--criterion", "random")
    data, random = tmp_path / "d.npz", np.random.default_rng(1)
    x = random.normal(size=(2048, INS)).astype(np.float32)
    driver.save(data, {"x": x, "labels": np.zeros(2048, np.int64)})
    driver.call(
        neuroplast, "distill", teacher, small, "--data", data, "-o", target, "--optimizer", "adam",
        "--lr", "0.01", "--epochs", "15", "--schedule", "cosine",
    )  # fmt: skip
    fresh = random.normal(size=(512, INS)).astype(np.float32)
    expected = models.reference(teacher, {"x": fresh})["y"].argmax(axis=1)
    agreement = [
        float((models.reference(path, {"x": fresh})["y"].argmax(axis=1) == expected).mean())
        for path in (small, target)
    ]
    assert agreement[1] > max(0.85, agreement[0] + 0.1)
    assert read_params(small)["w"].shape == read_params(target)["w"].shape


def test_compressed(neuroplast: Path, tmp_path: Path) -> None:
    """One command cuts and teaches: as far as it was told, and better than to cut alone."""
    teacher, small, alone = (tmp_path / f"{n}.onnx" for n in ("teacher", "small", "alone"))
    perceptron(teacher, hidden=64)
    data, random = tmp_path / "d.npz", np.random.default_rng(1)
    driver.save(data, {"x": random.normal(size=(2048, INS)).astype(np.float32)})
    target = ("--data", data, "--target-flops", "0.4x")
    driver.call(neuroplast, "prune", teacher, *target, "-o", alone)
    printed = driver.call(
        neuroplast, "compress", teacher, *target, "-o", small, "--epochs", "12", "--lr", "0.01"
    )
    assert "reached" in printed
    assert "epoch 12: loss" in printed
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["teacher.onnx", "small.onnx", "alone.onnx", "d.npz"]
    )
    assert read_params(small)["w"].shape == read_params(alone)["w"].shape
    assert read_params(small)["w"].shape[1] <= 26
    fresh = random.normal(size=(512, INS)).astype(np.float32)
    expected = models.reference(teacher, {"x": fresh})["y"]
    errors = [
        float(np.abs(models.reference(path, {"x": fresh})["y"] - expected).mean())
        for path in (alone, small)
    ]
    assert errors[1] < 0.9 * errors[0]


def test_what_cannot_be_compressed(neuroplast: Path, tmp_path: Path) -> None:
    teacher, small, data = tmp_path / "teacher.onnx", tmp_path / "small.onnx", tmp_path / "d.npz"
    perceptron(teacher)
    driver.save(data, {"x": np.zeros((64, INS), np.float32)})
    good = ("--data", data, "--target-flops", "0.5x", "-o", small)
    for options, message in (
        (("--data", data, "-o", small), "'compress' needs"),
        ((*good[:4], "-o", teacher), "does not overwrite its input"),
        ((*good, "--target-flops", "lots"), "lots"),
        ((*good, "--epochs", "-1"), "'--epochs' must be 0 or more"),
        ((*good, "--batch", "100"), "a batch has 100"),
        ((*good, "--no-hints", "--hint", "*=1"), "exclude each other"),
    ):
        with pytest.raises(driver.DriverError, match="exit code 1") as error:
            driver.call(neuroplast, "compress", teacher, *options)
        assert message in str(error.value)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["d.npz", "teacher.onnx"]


def test_refused(neuroplast: Path, tmp_path: Path) -> None:
    teacher, student, target = (tmp_path / f"{n}.onnx" for n in ("teacher", "student", "out"))
    data = tmp_path / "d.npz"
    perceptron(teacher)
    driver.save(data, {"x": np.zeros((64, INS), np.float32)})
    strange = onnx.parser.parse_graph(
        f"g (float[N,{INS}] x) => (float[N,3] y) {{ y = MatMul(x, w) }}"
    )
    strange.initializer.append(numpy_helper.from_array(np.ones((INS, 3), np.float32), "w"))
    other = onnx.parser.parse_graph(
        f"g (float[N,{INS}] z) => (float[N,{OUTS}] y) {{ y = MatMul(z, w) }}"
    )
    other.initializer.append(numpy_helper.from_array(np.ones((INS, OUTS), np.float32), "w"))
    for graph, options, message in (
        (strange, (), "its teacher one of type"),
        (other, (), "z"),
        (None, ("--loss", "cross-entropy"), "a teacher knows no classes"),
        (None, ("--temperature", "0"), "'--temperature' must not be zero"),
    ):
        if graph:
            model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
            onnx.save(model, student)
        else:
            perceptron(student)
        with pytest.raises(driver.DriverError, match="exit code 1") as error:
            driver.call(
                neuroplast, "distill", teacher, student, "--data", data, "-o", target, *options
            )
        assert message in str(error.value)
        assert not target.exists()


def test_derived(neuroplast: Path, tmp_path: Path) -> None:
    """A rule makes the student that its commands make one after the other."""
    teacher, data = tmp_path / "teacher.onnx", tmp_path / "d.npz"
    onnx.save(architectures.build("mobilenet", free=True), teacher)
    x = np.random.default_rng(0).normal(size=(8, 3, 32, 32)).astype(np.float32)
    driver.save(data, {"x": x})
    taught = ("--data", data, "--batch", "4", "--optimizer", "adam", "--lr", "0.001")
    derived, shallow, thin, flat, student = (tmp_path / f"{n}.onnx" for n in "dstfo")
    rule = "depth=0.5 width=0.5 rank=0.4"
    driver.call(neuroplast, "distill", teacher, "--derive", rule, *taught, "-o", derived)
    for command, source, target, *options in (
        ("shorten", teacher, shallow, "--blocks", "50%"),
        ("prune", shallow, thin, "--ratio", "0.5"),
        ("factorize", thin, flat, "--rank", "40%"),
    ):
        driver.edit(neuroplast, command, source, target, *options, "--data", data)
    driver.call(neuroplast, "distill", teacher, flat, *taught, "-o", student)
    one, other = read_params(derived), read_params(student)
    assert one.keys() == other.keys()
    for key, value in one.items():
        np.testing.assert_array_equal(value, other[key])
    sizes = [sum(map(np.size, read_params(path).values())) for path in (shallow, thin, flat)]
    assert sizes[0] > sizes[1] > sizes[2]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        path.name for path in (teacher, data, derived, shallow, thin, flat, student)
    )


@pytest.mark.parametrize("rule", ["", "width", "width=0", "width=1.5", "height=0.5", "width=1"])
def test_unfit_rules(rule: str, neuroplast: Path, tmp_path: Path) -> None:
    teacher, target = tmp_path / "teacher.onnx", tmp_path / "out.onnx"
    perceptron(teacher)
    driver.save(tmp_path / "d.npz", {"x": np.ones((32, INS), np.float32)})
    with pytest.raises(driver.DriverError, match="no list as|leaves everything"):
        driver.call(
            neuroplast, "distill", teacher, "--derive", rule, "--data", tmp_path / "d.npz", "-o",
            target,
        )  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.npz", "teacher.onnx"]
