"""Units that join change nothing, and what was edited can be taken back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from Models import driver, models, pruning

QUICK = ("shufflenet", "squeezenet", "ppocr_cls", "ppocr_rec", "minilm_l3", "silero_vad")
EXACT = ("zero-out", "pair", "net2wider")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "model" in metafunc.fixturenames:
        names = models.MODELS if metafunc.config.getoption("--all-models") else QUICK
        metafunc.parametrize("model", [models.MODELS[n] for n in names], ids=list(names))


def weights(path: Path) -> dict[str, np.ndarray]:
    """The tensors of floats that have axes, by name."""
    graph = onnx.load(path).graph
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    return {n: a for n, a in arrays.items() if a.dtype.kind == "f" and a.ndim}


def same(left: Path, right: Path) -> bool:
    """Whether the weights of two models are the same bit by bit."""
    a, b = weights(left), weights(right)
    return a.keys() == b.keys() and all(
        a[name].shape == b[name].shape and a[name].tobytes() == b[name].tobytes() for name in a
    )


@pytest.mark.parametrize("init", EXACT)
def test_grown_is_original(
    model: models.Model, init: str, neuroplast: Path, tmp_path: Path
) -> None:
    target, inputs = tmp_path / "big.onnx", model.sample()
    report = driver.edit(neuroplast, "dropin", model.path(), target, "--init", init)
    assert sum(units["added"] for units in report["sets"]) > 0
    assert report["after"]["parameters"] > 1.05 * report["before"]["parameters"]
    expected = models.reference(model.path(), inputs)
    assert pruning.worst(models.reference(target, inputs), expected) <= 1
    if init == "zero-out":
        assert pruning.worst(driver.run(neuroplast, target, inputs), expected) <= 1


def test_undone_is_original(model: models.Model, neuroplast: Path, tmp_path: Path) -> None:
    whole, small, big, back = (
        tmp_path / f"{name}.onnx" for name in ("whole", "small", "big", "back")
    )
    driver.call(neuroplast, "export", model.path(), "-o", whole)
    driver.edit(neuroplast, "prune", model.path(), small, "--keep-removed", "--min-units", "2")
    driver.edit(neuroplast, "dropin", small, big, "--keep-removed", "--init", "net2wider")
    assert not same(whole, small) and not same(small, big)
    # What edits removed goes along, and disturbs nobody.
    models.session(big)
    report = driver.edit(neuroplast, "undo", big, back)
    assert (report["undone"], report["left"]) == (1, 1) and same(small, back)
    assert driver.edit(neuroplast, "undo", big, back, "--to", "0")["left"] == 0
    assert same(whole, back)
    entries = {entry.key for entry in onnx.load(back).metadata_props}
    assert "neuroplast.history" not in entries


def test_replayed_is_edited(model: models.Model, neuroplast: Path, tmp_path: Path) -> None:
    """The history of a model does the same to the original again."""
    small, big, again = (tmp_path / f"{name}.onnx" for name in ("small", "big", "again"))
    driver.edit(neuroplast, "prune", model.path(), small, "--criterion", "random", "--seed", "3")
    driver.edit(neuroplast, "dropin", small, big, "--init", "pair", "--seed", "4")
    report = driver.edit(neuroplast, "replay", model.path(), again, "--history", str(big))
    assert report["done"] == 2 and same(big, again)


@pytest.fixture
def source() -> Path:
    return models.MODELS["ppocr_cls"].path()


def test_random_weights_change_the_output(neuroplast: Path, source: Path, tmp_path: Path) -> None:
    target, inputs = tmp_path / "big.onnx", models.MODELS["ppocr_cls"].sample()
    driver.edit(neuroplast, "dropin", source, target, "--init", "random")
    outputs = models.reference(target, inputs)
    assert pruning.worst(outputs, models.reference(source, inputs)) > 1


def test_units_at_and_freeze(neuroplast: Path, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "big.onnx"
    options = ("--units", "3", "--at", "conv1_weights")
    report = driver.edit(neuroplast, "dropin", source, target, *options)
    grown = [units for units in report["sets"] if units["added"]]
    assert grown and all(units["added"] == 3 for units in grown)
    assert all("conv1_weights" in " ".join(units["members"]) for units in grown)
    options = ("--units", "+50%", "--freeze", "conv1_weights")
    frozen = driver.edit(neuroplast, "grow", source, target, *options)
    reasons = {units["reason"] for units in frozen["sets"]}
    assert "frozen" in reasons and "" in reasons
    for units in frozen["sets"]:
        if units["added"]:
            assert units["added"] == units["units"] // 2
    rounded = driver.edit(neuroplast, "dropin", source, target, "--round-to", "16")
    for units in rounded["sets"]:
        if units["added"]:
            assert (units["units"] + units["added"]) % 16 == 0


def test_newborns_depend_on_the_seed_alone(neuroplast: Path, source: Path, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.onnx" for name in ("a", "b", "c")]
    for path, seed in zip(paths, ("1", "1", "2"), strict=True):
        driver.edit(neuroplast, "dropin", source, path, "--seed", seed)
    assert same(paths[0], paths[1]) and not same(paths[0], paths[2])


def test_the_cut_after_the_growth_is_the_original(
    neuroplast: Path, source: Path, tmp_path: Path
) -> None:
    """Growth that changed no old weight needs nothing kept to be taken back."""
    whole, big, back = (tmp_path / f"{name}.onnx" for name in ("whole", "big", "back"))
    driver.call(neuroplast, "export", source, "-o", whole)
    driver.edit(neuroplast, "dropin", source, big)
    driver.edit(neuroplast, "undo", big, back)
    assert same(whole, back)


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        ("dropin", ["--units", "some"], "'--units' needs a number of units, or a share"),
        ("dropin", ["--units", "-3"], "'--units' needs a number of units, or a share"),
        (
            "dropin",
            ["--init", "he"],
            "init 'he' is none of zero-out, pair, net2wider, split, gradmax, tiny and random",
        ),
        ("dropin", ["--init", "gradmax"], "'--init gradmax' goes by '--examples FILE.npz'"),
        (
            "dropin",
            ["--examples", "d.npz"],
            "'--examples' goes with '--init gradmax', 'split' and 'tiny'",
        ),
        ("dropin", ["--at", "nobody"], "no tensor with units has a name like 'nobody'"),
        ("undo", [], "has no history of edits"),
        ("replay", [], "'replay' needs '--history FILE'"),
    ],
)
def test_bad_options(
    command: str,
    options: list[str],
    message: str,
    neuroplast: Path,
    source: Path,
    tmp_path: Path,
) -> None:
    with pytest.raises(driver.DriverError, match=message):
        driver.call(neuroplast, command, source, "-o", tmp_path / "big.onnx", *options)
    assert not list(tmp_path.iterdir())


def test_what_is_not_kept_is_not_put_back(neuroplast: Path, source: Path, tmp_path: Path) -> None:
    small, back = tmp_path / "small.onnx", tmp_path / "back.onnx"
    driver.edit(neuroplast, "prune", source, small)
    with pytest.raises(driver.DriverError, match="the history does not keep them"):
        driver.call(neuroplast, "undo", small, "-o", back)
    with pytest.raises(driver.DriverError, match="the history has 1 edits"):
        driver.call(neuroplast, "undo", small, "-o", back, "--to", "2")
    assert not back.exists()
