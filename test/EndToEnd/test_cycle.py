"""Networks that learn, grow and shrink as a plan says."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from Models import driver, server
from Models.training import HIDDEN, INS, OUTS, Arrays, perceptron, read_params
from onnx import numpy_helper

TRAIN = {"optimizer": "adam", "lr": 0.01, "batch": 16}


def classes(count: int, seed: int) -> Arrays:
    """Examples of as many classes as there are outputs."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(9).normal(size=(OUTS, INS)) * 1.5
    labels = random.integers(0, OUTS, count)
    x = centres[labels] + random.normal(size=(count, INS))
    return {"x": x.astype(np.float32), "labels": labels}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A model, and data to train and to validate it."""
    found = {name: tmp_path / name for name in ("m.onnx", "d.npz", "v.npz", "o.onnx", "plan.json")}
    perceptron(found["m.onnx"])
    driver.save(found["d.npz"], classes(256, 1))
    driver.save(found["v.npz"], classes(64, 2))
    return found


def arguments(files: dict[str, Path], plan: dict[str, Any], *options: str | Path) -> list[Any]:
    files["plan.json"].write_text(json.dumps({"version": 1, "train": TRAIN, **plan}))
    return [
        "cycle", files["m.onnx"], "--plan", files["plan.json"], "--data", files["d.npz"], "--val",
        files["v.npz"], "-o", files["o.onnx"], *options,
    ]  # fmt: skip


def events(path: Path) -> list[dict[str, Any]]:
    """What phases came to; epochs say less."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line for line in lines if "event" in line]


LIFE = [
    {"train": {"epochs": 3}},
    {"repeat": 2, "phases": [
        {"dropin": {"units": "+50%", "init": "pair", "at": ["w"]}},
        {"train": {"epochs": 2}},
        {"prune": {"ratio": 0.25, "only": "w"}},
    ]},
    {"train": {"epochs": 2, "schedule": "cosine"}},
]  # fmt: skip


def test_is_its_commands(files: dict[str, Path], neuroplast: Path, tmp_path: Path) -> None:
    """A cycle does what its phases do, called one by one, bit for bit."""
    log = tmp_path / "log.jsonl"
    driver.call(neuroplast, *arguments(files, {"phases": LIFE}, "--log", log))
    path, common = files["m.onnx"], [w for k, v in TRAIN.items() for w in (f"--{k}", str(v))]
    inputs = {"x": classes(256, 1)["x"]}
    driver.save(tmp_path / "inputs.npz", inputs)
    calls = [
        ["train", "--epochs", "3"],
        *2 * [
            ["dropin", "--units", "+50%", "--init", "pair", "--at", "w"],
            ["train", "--epochs", "2"],
            ["prune", "--ratio", "0.25", "--only", "w", "--data", tmp_path / "inputs.npz"],
        ],
        ["train", "--epochs", "2", "--schedule", "cosine"],
    ]  # fmt: skip
    for number, (command, *options) in enumerate(calls):
        target = tmp_path / f"{number}.onnx"
        if command == "train":
            options += ["--data", files["d.npz"], "--seed", str(number), "--keep-state", *common]
        driver.call(neuroplast, command, path, "-o", target, *options)
        path = target
    by_hand, found = read_params(path), read_params(files["o.onnx"])
    assert not any("moment" in key for key in found)
    for key, value in found.items():
        np.testing.assert_array_equal(value, by_hand[key])
    assert found["w"].shape == (INS, 10)  # 8, 12, 9, 13, and 10 again
    told = events(log)
    assert [e["event"] for e in told] == ["start", *(c[0] for c in calls)]
    # What joins in pairs changes nothing.
    for before, after in zip(told, told[1:], strict=False):
        if after["event"] == "dropin":
            assert after["parameters"] > before["parameters"]
            assert after["validation_loss"] == pytest.approx(before["validation_loss"], rel=1e-4)
    assert told[-1]["validation_loss"] < told[0]["validation_loss"]
    steps = 256 // 16
    flops = [e["flops"] for e in told]
    assert told[1]["training_flops"] == 3 * 16 * steps * 3 * flops[0]


def test_ended_cycles_go_on(files: dict[str, Path], neuroplast: Path, tmp_path: Path) -> None:
    """Killed at any moment, it comes to the same weights."""
    if server.is_sanitized(neuroplast):
        pytest.skip("it would be ended before its first phase ends")
    call = [neuroplast, *arguments(files, {"phases": LIFE})]
    subprocess.run(call, check=True, stdout=subprocess.DEVNULL)
    whole = read_params(files["o.onnx"])
    files["o.onnx"].unlink()
    call += ["--state", tmp_path / "state"]
    kills = driver.call_through_kills(call, (0.1, 0.35))
    assert kills >= 2
    for key, value in read_params(files["o.onnx"]).items():
        np.testing.assert_array_equal(value, whole[key])
    # The folder is of this cycle alone.
    with pytest.raises(driver.DriverError, match="belongs to another cycle"):
        driver.call(neuroplast, *call[1:], "--seed", "1")
    perceptron(files["m.onnx"], seed=4)
    with pytest.raises(driver.DriverError, match="belongs to another cycle"):
        driver.call(neuroplast, *call[1:])


@pytest.mark.parametrize("price", [0, 10])
def test_choices(price: float, files: dict[str, Path], neuroplast: Path, tmp_path: Path) -> None:
    """The way with the least loss is gone on, but for what its parameters cost."""
    log = tmp_path / "log.jsonl"
    ways = [
        [{"dropin": {"units": "+100%", "at": "w"}}, {"train": {"epochs": 4}}],
        [{"prune": {"ratio": 0.5, "only": "w"}}],
        [],
    ]
    plan = {"phases": [{"train": {}}, {"choose": ways, "price": price}]}
    driver.call(neuroplast, *arguments(files, plan, "--log", log))
    told = events(log)
    start, grown, cut = (told[i] for i in (1, 3, 4))
    costs = [e["validation_loss"] + price * np.log2(e["parameters"]) for e in (grown, cut, start)]
    chosen = int(np.argmin(costs))
    assert chosen == (1 if price else 0)
    assert told[-1]["event"] == "choose"
    assert told[-1]["chosen"] == chosen
    assert told[-1]["validation_loss"] == (grown, cut, start)[chosen]["validation_loss"]
    # What was not gone on has been paid for.
    assert told[-1]["training_flops"] == grown["training_flops"] > start["training_flops"]
    hidden = read_params(files["o.onnx"])["w"].shape[1]
    assert hidden == (HIDDEN // 2 if price else 2 * HIDDEN)


@pytest.mark.parametrize("price", [0.0, 0.4])
def test_repeats_while_it_gets_better(
    price: float, files: dict[str, Path], neuroplast: Path, tmp_path: Path
) -> None:
    """What made nothing better is undone; growth pays as long as its price is less."""
    log = tmp_path / "log.jsonl"
    grow = [{"dropin": {"units": 8, "at": "w"}}, {"train": {"epochs": 4}}]
    loop = {"repeat": 3, "while": "better", "price": price, "phases": grow}
    plan = {"phases": [{"train": {"epochs": 8}}, loop]}
    driver.call(neuroplast, *arguments(files, plan, "--log", log))
    told = [e for e in events(log) if e["event"] != "dropin"]
    ends = [e for e in told if e["event"] == "end"]
    costs = [e["validation_loss"] + price * np.log2(e["parameters"]) for e in told]
    trained = costs[1 : len(costs) - len(ends)]
    assert all(b < a for a, b in zip(trained, trained[1:-1], strict=False))
    assert len(ends) == (1 if trained[-1] >= trained[-2] else 0)
    rounds = ends[0]["repetitions"] if ends else 3
    assert read_params(files["o.onnx"])["w"].shape[1] == HIDDEN + 8 * rounds
    assert rounds == (3 if price == 0 else 0)


def test_rewinding(files: dict[str, Path], neuroplast: Path) -> None:
    """A ticket has the weights that it had early, in the units that were chosen late."""
    plan = {"phases": [{"train": {"epochs": 1}}]}
    driver.call(neuroplast, *arguments(files, plan))
    early = read_params(files["o.onnx"])
    plan["phases"] += [
        {"mark": "early"},
        {"train": {"epochs": 3}},
        {"prune": {"ratio": 0.5, "only": "w", "no-reconstruct": True}},
        {"rewind": "early"},
    ]
    driver.call(neuroplast, *arguments(files, plan))
    ticket = read_params(files["o.onnx"])
    assert ticket["w"].shape == (INS, HIDDEN // 2)
    places = [
        int(np.flatnonzero((early["w"] == column[:, None]).all(axis=0))[0])
        for column in ticket["w"].T
    ]
    np.testing.assert_array_equal(ticket["b"], early["b"][places])
    np.testing.assert_array_equal(ticket["v"], early["v"][places])


def test_cuts_by_gradients(files: dict[str, Path], neuroplast: Path, tmp_path: Path) -> None:
    """A criterion by a loss is given what the network of now says of it."""
    plan: dict[str, Any] = {"phases": [{"prune": {"ratio": 0.5, "criterion": "taylor"}}]}
    driver.call(neuroplast, *arguments(files, plan))
    stats, data, target = (tmp_path / name for name in ("g.npz", "i.npz", "p.onnx"))
    driver.call(
        neuroplast, "calibrate", files["m.onnx"], "--gradients", "--data", files["d.npz"],
        "--batch", "16", "-o", stats,
    )  # fmt: skip
    driver.save(data, {"x": classes(256, 1)["x"]})
    driver.call(
        neuroplast, "prune", files["m.onnx"], "--ratio", "0.5", "--criterion", "taylor",
        "--stats", stats, "--data", data, "-o", target,
    )  # fmt: skip
    for key, value in read_params(target).items():
        np.testing.assert_array_equal(read_params(files["o.onnx"])[key], value)


@pytest.mark.parametrize("init", ["gradmax", "split", "tiny"])
def test_grows_by_gradients(
    init: str, files: dict[str, Path], neuroplast: Path, tmp_path: Path
) -> None:
    """So is an init by the same loss."""
    plan: dict[str, Any] = {"phases": [{"dropin": {"units": 2, "at": "w", "init": init}}]}
    driver.call(neuroplast, *arguments(files, plan))
    target = tmp_path / "g.onnx"
    driver.call(
        neuroplast, "dropin", files["m.onnx"], "--units", "2", "--at", "w", "--init", init,
        "--examples", files["d.npz"], "--batch", "16", "-o", target,
    )  # fmt: skip
    for key, value in read_params(target).items():
        np.testing.assert_array_equal(read_params(files["o.onnx"])[key], value)


@pytest.mark.parametrize("phase", ["recycle", "perturb"])
def test_beginning_anew(phase: str, files: dict[str, Path], neuroplast: Path) -> None:
    """Units, or all weights a little; each time by a draw of its own."""
    options = {"recycle": {"share": 0.25}, "perturb": {"keep": 0.5, "noise": 0.1}}[phase]
    plan: dict[str, Any] = {"phases": [{phase: options}]}
    old = read_params(files["m.onnx"])
    results = []
    for seed in ("0", "1"):
        driver.call(neuroplast, *arguments(files, plan, "--seed", seed))
        results.append(read_params(files["o.onnx"]))
    changed = (results[0]["w"] != old["w"]).any(axis=0)
    assert not np.array_equal(results[0]["w"], results[1]["w"])
    if phase == "recycle":
        assert changed.sum() == HIDDEN // 4
        return
    assert changed.all()
    noise = results[0]["w"] - 0.5 * old["w"]
    assert noise.std() == pytest.approx(0.1 * old["w"].std(), rel=0.4)


@pytest.mark.parametrize("redraw", [False, True])
def test_tickets(redraw: bool, files: dict[str, Path], neuroplast: Path, tmp_path: Path) -> None:
    """Masks are found late, and the weights are those of before, or drawn anew alike."""
    late, state = tmp_path / "late.onnx", tmp_path / "state"
    plan: dict[str, Any] = {
        "sparsify": {"criterion": "magnitude", "sparsity": 0.5, "of-rest": True},
        "phases": [
            {"repeat": 2, "phases": [{"train": {"epochs": 2}}, {"sparsify": {}}]},
            {"rewind": "start", "redraw": redraw},
        ],
    }
    driver.call(neuroplast, *arguments(files, plan, "--state", state))
    start, ticket = read_params(files["m.onnx"]), read_params(files["o.onnx"])
    for key in "wv":
        kept = ticket[key] != 0
        assert kept.mean() == 0.25
        same = ticket[key][kept] == start[key][kept]
        assert not same.any() if redraw else same.all()
        if redraw:
            whole = start[key]
            distances = np.abs(ticket[key][kept] - whole.mean()) / whole.std()
            assert 0.2 < distances.mean() < 1.6
    plan["phases"] += [{"train": {"epochs": 2, "weight-decay": 0.1}}]
    files["o.onnx"] = late
    driver.call(neuroplast, *arguments(files, plan))
    for key in "wv":
        np.testing.assert_array_equal(read_params(late)[key] == 0, ticket[key] == 0)
    assert not np.array_equal(read_params(late)["w"], ticket["w"])


def test_growth_within_a_step(files: dict[str, Path], neuroplast: Path, tmp_path: Path) -> None:
    """Growable units come and go without a step being compiled anew, to the same end."""
    log = tmp_path / "log.jsonl"
    compiled, params = {}, {}
    for growable in ([], ["w"]):
        plan = {"phases": LIFE, "train": TRAIN | {"growable": growable, "average": 0.9}}
        driver.call(neuroplast, *arguments(files, plan, "--log", log))
        key = bool(growable)
        compiled[key] = [event["compiled"] for event in events(log)]
        params[key] = read_params(files["o.onnx"])
    assert compiled[True] == [1, 1] + [0] * (len(compiled[True]) - 2)
    assert sum(compiled[False]) == len(compiled[False])
    assert params[True].keys() == params[False].keys()
    for key, value in params[True].items():
        np.testing.assert_allclose(value, params[False][key], rtol=1e-4, atol=1e-5)


def test_steps_are_compiled_once(files: dict[str, Path], neuroplast: Path, tmp_path: Path) -> None:
    """A structure that there was needs nothing new."""
    log, train = tmp_path / "log.jsonl", {"train": {}}
    phases = [train, train, {"dropin": {"units": "+1"}}, train, {"undo": {"to": "0"}}, train]
    driver.call(neuroplast, *arguments(files, {"phases": phases}, "--log", log))
    assert [event["compiled"] for event in events(log)] == [1, 1, 0, 1, 1, 0, 0]


SIGNALS = ["loss", "accuracy", "progress", "drift", "dormant", "rank", "gain"]


def test_signals(files: dict[str, Path], neuroplast: Path, tmp_path: Path) -> None:
    """Of two units that sleep, and of a network that is what it was, numbers are known."""
    model = onnx.load(files["m.onnx"])
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    for name in ("w", "b"):
        value = numpy_helper.to_array(weights[name]).copy()
        value[..., :2] = 0
        weights[name].CopyFrom(numpy_helper.from_array(value, name))
    onnx.save(model, files["m.onnx"])
    log = tmp_path / "log.jsonl"
    look = {"when": {name: {"above": -1} for name in SIGNALS}, "phases": []}
    phases = [look, {"train": {"epochs": 2}}, {"dropin": {"units": 2, "at": "w"}}, look]
    driver.call(neuroplast, *arguments(files, {"phases": phases}, "--log", log))
    start, before, _, _, after = events(log)
    assert before["progress"] == before["drift"] == 0
    assert before["dormant"] == 2 / HIDDEN
    assert before["loss"] == pytest.approx(start["validation_loss"])
    for line in (before, after):
        assert line["event"] == "when" and line["holds"]
        assert 0 < line["rank"] < 1 and 0 < line["gain"] < 1
    assert after["loss"] == pytest.approx((1 - after["progress"]) * before["loss"])
    assert after["accuracy"] == after["validation_accuracy"]
    # What has joined was not there to move.
    first, last = read_params(files["m.onnx"]), read_params(files["o.onnx"])
    moved = sum(np.sum((last[n][tuple(map(slice, p.shape))] - p) ** 2) for n, p in first.items())
    length = sum(np.sum(p**2) for p in first.values())
    assert after["drift"] == pytest.approx(np.sqrt(moved / length), rel=1e-4)


@pytest.mark.parametrize("bound", [{"above": 0.1}, {"below": 0.1}, {"above": -1, "below": 0.5}])
def test_signals_decide(
    bound: dict[str, float], files: dict[str, Path], neuroplast: Path, tmp_path: Path
) -> None:
    """Nothing sleeps at first, and nothing moves."""
    holds = bound.get("above", -1) < 0
    grow = [[{"dropin": {"units": units, "at": "w"}}] for units in (3, 5)]
    phase = {"when": {"dormant": bound, "drift": bound}, "phases": grow[0], "otherwise": grow[1]}
    log = tmp_path / "log.jsonl"
    driver.call(neuroplast, *arguments(files, {"phases": [phase]}, "--log", log))
    assert read_params(files["o.onnx"])["b"].size == HIDDEN + (3 if holds else 5)
    assert [line["place"] for line in events(log)] == [
        "", "phases[0]", f"phases[0].{'phases' if holds else 'otherwise'}[0]",
    ]  # fmt: skip


PRESETS = ["neuroplasticity", "lottery-ticket", "compress", "expand", "continual"]


@pytest.mark.parametrize("preset", PRESETS)
def test_presets(preset: str, files: dict[str, Path], neuroplast: Path) -> None:
    text = driver.call(neuroplast, "cycle", files["m.onnx"], "--preset", preset, "--print-plan")
    plan = json.loads(text)
    for command in ("train", "distill"):
        if command in plan:
            plan[command]["batch"] = 64
    files["plan.json"].write_text(json.dumps(plan))
    data = {"x": classes(64, 1)["x"]} if preset == "compress" else classes(64, 1)
    driver.save(files["d.npz"], data)
    driver.call(
        neuroplast, "cycle", files["m.onnx"], "--plan", files["plan.json"], "--data",
        files["d.npz"], "--val", files["v.npz"], "-o", files["o.onnx"],
    )  # fmt: skip
    after = read_params(files["o.onnx"])["w"].shape[1]
    # Small steps of few examples bring little: it expands.
    assert after > HIDDEN if preset == "expand" else after <= HIDDEN


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"version": 2, "phases": []}, "no object with 'version' 1"),
        ({}, "the plan has no 'phases'"),
        ({"phases": [], "fly": {}}, "'fly', which is no command"),
        ({"phases": [{"train": {}}, {"fly": {}}]}, r"phases\[1\] 'fly' is no command"),
        ({"phases": [{"train": 3}]}, r"phases\[0\] 'train' has no object of options"),
        ({"phases": [{"train": {"epochs": {}}}]}, r"phases\[0\] option 'epochs' is no text"),
        ({"phases": [{"train": {}, "prune": {}}]}, r"phases\[0\] is not one thing"),
        ({"phases": [{"repeat": 2}]}, r"phases\[0\] needs 'repeat'"),
        ({"phases": [{"repeat": 2, "phases": [], "price": 1}]}, "'price', which it has no use for"),
        ({"phases": [{"repeat": 2, "phases": [], "while": "x"}]}, "'while' that is not \"better\""),
        ({"phases": [{"choose": [[], []], "price": "x"}]}, "a price that is no number"),
        ({"phases": [{"choose": [[]]}]}, r"phases\[0\] needs 'choose', two lists"),
        ({"phases": [{"when": {}, "phases": []}]}, "needs 'when', an object of signals"),
        ({"phases": [{"when": {"mood": {"above": 1}}, "phases": []}]}, "'mood', which is none of"),
        ({"phases": [{"when": {"rank": {}}, "phases": []}]}, "'rank' needs 'above' or 'below'"),
        ({"phases": [{"when": {"rank": {"above": 1}}}]}, r"phases\[0\] needs 'phases', a list"),
        (
            {"phases": [{"when": {"rank": {"above": 1, "since": "start"}}, "phases": []}]},
            "'rank' has 'since', which it has no use for",
        ),
        (
            {"phases": [{"when": {"drift": {"above": 1, "since": "x"}}, "phases": []}]},
            "'drift' looks back to what nothing before it marks",
        ),
        (
            {"phases": [{"choose": [[], [{"rewind": "x"}]]}]},
            r"phases\[0\]\.choose\[1\]\[0\] rewinds to 'x', which nothing before it marks",
        ),
        ({"phases": [{"rewind": "start", "redraw": 3}]}, "may have 'redraw', true or false"),
        ({"phases": [{"perturb": {"keep": 1}}]}, r"phases\[0\] 'perturb' needs 'keep' and 'noise'"),
        ({"phases": [{"train": {"speed": 3}}]}, r"'--speed'"),
        ({"phases": [{"prune": {"ratio": 2}}]}, r"phases\[0\] \(prune\) failed"),
    ],
)
def test_plans_that_are_none(
    plan: dict[str, Any], message: str, files: dict[str, Path], neuroplast: Path
) -> None:
    with pytest.raises(driver.DriverError, match=message):
        driver.call(neuroplast, *arguments(files, plan))
    assert not files["o.onnx"].exists()
