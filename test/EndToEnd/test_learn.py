"""Learning from streams, while structures change."""

from __future__ import annotations

import io
import json
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from Models import driver
from Models.training import HIDDEN, INS, OUTS, Arrays, perceptron, read_params
from Models.training import draw_examples as draw

BATCH = 16
OPTIONS = ["--batch", str(BATCH), "--lr", "0.05", "--optimizer", "adam", "--growable", "w"]


@pytest.fixture(name="source")
def write_source(tmp_path: Path) -> Path:
    path = tmp_path / "m.onnx"
    perceptron(path)
    return path


def split(examples: Arrays, sizes: list[int]) -> list[Arrays]:
    ends = np.cumsum(sizes)[:-1]
    parts = {name: np.split(array, ends) for name, array in examples.items()}
    return [{name: part[i] for name, part in parts.items()} for i in range(len(sizes))]


def as_pipe(parts: list[Arrays]) -> bytes:
    """The arrays one behind the other, labels as another kind of integer."""
    out = io.BytesIO()
    for part in parts:
        np.save(out, part["x"])
        np.save(out, part["labels"].astype(np.int32))
    return out.getvalue()


def learn_pipe(
    neuroplast: Path, stream: bytes, *words: object
) -> subprocess.CompletedProcess[bytes]:
    command = [neuroplast, "train", *words]
    return subprocess.run(list(map(str, command)), input=stream, capture_output=True, check=False)


def read_log(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def assert_same(a: Path, b: Path) -> None:
    left, right = read_params(a), read_params(b)
    assert left.keys() == right.keys()
    for key, value in left.items():
        np.testing.assert_array_equal(value, right[key], err_msg=key)


def test_stream_is_one_epoch(source: Path, neuroplast: Path, tmp_path: Path) -> None:
    """However it is cut into files or pieces, it is learned from batch by batch."""
    examples = draw(10 * BATCH + 5)
    sizes = [3, 40, BATCH, 60, 46]
    folder = tmp_path / "parts"
    folder.mkdir()
    for number, part in enumerate(split(examples, sizes)):
        driver.save(folder / f"{number}.npz", part)
    log = tmp_path / "log.jsonl"
    files = tmp_path / "files.onnx"
    driver.call(
        neuroplast, "train", source, "--learn", folder, "--wait", 0, *OPTIONS, "-o", files,
        "--report-every", 4, "--log", log,
    )  # fmt: skip
    assert [line["step"] for line in read_log(log)] == [4, 8, 10]
    piped = tmp_path / "piped.onnx"
    for pieces in (sizes, [5 * BATCH, 5 * BATCH + 5], [1] * (10 * BATCH + 5)):
        result = learn_pipe(
            neuroplast, as_pipe(split(examples, pieces)),
            source, "--learn", "-", *OPTIONS, "-o", piped,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        assert_same(files, piped)


def test_accuracy_is_that_before_each_step(source: Path, neuroplast: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    result = learn_pipe(
        neuroplast, as_pipe([draw(400 * BATCH)]),
        source, "--learn", "-", *OPTIONS, "-o", tmp_path / "o.onnx", "--log", log,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    accuracies = [line["accuracy"] for line in read_log(log)]
    assert len(accuracies) == 4
    assert accuracies[0] < accuracies[1] and accuracies[-1] > 0.9


def test_edits_between_steps(source: Path, neuroplast: Path, tmp_path: Path) -> None:
    """Units come and go within what is compiled once, and the optimizer goes on."""
    log, target = tmp_path / "log.jsonl", tmp_path / "o.onnx"
    events = [
        "10: dropin --at w --units 3",
        "15: prune --only w --ratio 0.2 --criterion taylor",
        "20: recycle --only w --share 0.2 --criterion l2 --keep-removed",
        "40: undo",
    ]
    words = [word for event in events for word in ("--event", event)]
    result = learn_pipe(
        neuroplast, as_pipe([draw(60 * BATCH)]),
        source, "--learn", "-", *OPTIONS, *words, "-o", target, "--log", log, "--keep-state",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    lines = [line for line in read_log(log) if "event" in line]
    told = [(line["step"], line["event"]) for line in lines]
    assert told[:3] == [(10, "dropin"), (15, "prune"), (20, "dropin")]
    assert len(told) == 60 // 10 + 60 // 15 + 60 // 20 + 1
    # The first prune by gradients compiles what measures them.
    compiled = [line["compiled"] for line in lines if line["event"] != "undo"]
    assert compiled[1] == 1 and sum(compiled) == 1
    text = driver.call(neuroplast, "inspect", target)
    assert f"{lines[-1]['parameters']}" in text
    driver.call(neuroplast, "train", target, "--data", save(tmp_path), *OPTIONS, "-o",
                tmp_path / "more.onnx")  # fmt: skip


def test_updates_of_several_batches(source: Path, neuroplast: Path, tmp_path: Path) -> None:
    """Steps are updates: an edit comes once after so many."""
    log = tmp_path / "log.jsonl"
    result = learn_pipe(
        neuroplast, as_pipe([draw(24 * BATCH)]), source, "--learn", "-", *OPTIONS,
        "--accumulate", 4, "--event", "2: dropin --at w --units 1", "--report-every", 3,
        "-o", tmp_path / "o.onnx", "--log", log,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    lines = read_log(log)
    assert [line["step"] for line in lines if "event" in line] == [2, 4, 6]
    assert [line["step"] for line in lines if "loss" in line] == [3, 6]


def save(folder: Path) -> Path:
    path = folder / "d.npz"
    driver.save(path, draw(4 * BATCH))
    return path


def test_budget(source: Path, neuroplast: Path, tmp_path: Path) -> None:
    """An edit that leads to too many parameters is as if it had not been asked for."""
    log = tmp_path / "log.jsonl"
    params = sum(value.size for value in read_params(source).values())
    stream = as_pipe([draw(30 * BATCH)])
    result = learn_pipe(
        neuroplast, stream, source, "--learn", "-", *OPTIONS, "-o", tmp_path / "a.onnx",
        "--event", "10: dropin --at w --units 4", "--most-parameters", params + 50, "--log", log,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    lines = [line for line in read_log(log) if "event" in line]
    grown = params + 4 * (INS + 1 + OUTS)
    assert [(line["fits"], line["parameters"]) for line in lines] == [
        (True, grown), (False, grown), (False, grown),
    ]  # fmt: skip
    # The network that learns on is the one of a single edit.
    once = learn_pipe(
        neuroplast, stream, source, "--learn", "-", *OPTIONS, "-o", tmp_path / "b.onnx",
        "--event", "10: dropin --at w --units 4", "--most-parameters", grown,
    )  # fmt: skip
    assert once.returncode == 0, once.stderr
    assert_same(tmp_path / "a.onnx", tmp_path / "b.onnx")


def test_folder_that_grows(source: Path, neuroplast: Path, tmp_path: Path) -> None:
    """What appears while it learns is learned from, and written in between."""
    folder, target = tmp_path / "in", tmp_path / "o.onnx"
    folder.mkdir()
    parts = split(draw(12 * BATCH), [4 * BATCH] * 3)

    def feed() -> None:
        for number, part in enumerate(parts):
            driver.save(tmp_path / "part.npz", part)
            (tmp_path / "part.npz").rename(folder / f"{number}.npz")
            time.sleep(0.3)

    feeder = threading.Thread(target=feed)
    feeder.start()
    text = driver.call(
        neuroplast, "train", source, "--learn", folder, "--wait", 2, *OPTIONS,
        "--report-every", 1, "--write-every", 4, "-o", target,
    )  # fmt: skip
    feeder.join()
    assert text.count("step ") == 12
    assert read_params(target)["w"].shape == (INS, HIDDEN)


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (b"no array at all", "array 1, 'x', is no numpy array"),
        (as_pipe([draw(8)])[:-5], "array 2, 'labels', is truncated"),
        (as_pipe([draw(8)])[:50], "array 1, 'x', is truncated"),
    ],
)
def test_bad_streams(
    source: Path, neuroplast: Path, tmp_path: Path, stream: bytes, reason: str
) -> None:
    result = learn_pipe(
        neuroplast, stream, source, "--learn", "-", *OPTIONS, "-o", tmp_path / "o.onnx"
    )
    assert result.returncode == 1
    assert f"standard input: {reason}" in result.stderr.decode()
    assert not (tmp_path / "o.onnx").exists()


def test_examples_that_do_not_agree(source: Path, neuroplast: Path, tmp_path: Path) -> None:
    short = draw(8)
    short["labels"] = short["labels"][:5]
    wide = draw(8)
    wide["x"] = np.tile(wide["x"], 2)
    wrong = draw(BATCH)
    wrong["labels"] = wrong["labels"] + 9
    for parts, reason in (
        ([short], "has 8 examples, and others have 5"),
        ([draw(8), wide], "is none that examples before it have in this form"),
        ([wrong], f"but there are {OUTS} classes"),
    ):
        result = learn_pipe(
            neuroplast, as_pipe(parts), source, "--learn", "-", *OPTIONS, "-o", tmp_path / "o.onnx"
        )
        assert result.returncode == 1
        assert reason in result.stderr.decode()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--learn", "-", "--epochs", "3"], "'--epochs' does not go with '--learn'"),
        (["--learn", "nowhere"], "'--learn' takes a folder"),
        (["--learn", "-", "--schedule", "cosine"], "constant"),
        (["--learn", "-", "--event", "dropin"], "STEPS: COMMAND OPTIONS"),
        (["--learn", "-", "--event", "5: compile"], "'compile' is none of prune, dropin"),
        (["--learn", "-", "--event", "5: dropin -o x"], "'-o' is not for a network in memory"),
        (["--data", "d.npz", "--wait", "3"], "'--wait' goes with '--learn'"),
    ],
)
def test_words_that_do_not_fit(
    source: Path, neuroplast: Path, tmp_path: Path, words: list[str], reason: str
) -> None:
    result = learn_pipe(neuroplast, b"", source, *words, "-o", tmp_path / "o.onnx")
    assert result.returncode == 1
    assert reason in result.stderr.decode()
