"""Cuts that a program of the user's judges."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from Models import driver, models


@pytest.fixture
def source() -> Path:
    return models.MODELS["ppocr_cls"].path()


@pytest.fixture
def evaluation(tmp_path: Path) -> str:
    """Says how many of 133,628 parameters a model has, after some chatter."""
    script = tmp_path / "it's judging.py"
    script.write_text(
        "import math, sys, onnx\n"
        "print('looking at', sys.argv[1])\n"
        "graph = onnx.load(sys.argv[1]).graph\n"
        "values = [a.t for n in graph.node if n.op_type == 'Constant' for a in n.attribute]\n"
        "values += graph.initializer\n"
        "print(sum(math.prod(t.dims) for t in values if t.dims) / 133628)\n"
    )
    return f'{sys.executable} "{script}"'


def prune(neuroplast: Path, source: Path, target: Path, *options: str) -> dict[str, Any]:
    return driver.edit(neuroplast, "prune", source, target, *options)


@pytest.mark.parametrize(
    "amount", [("--ratio", "0.9"), ("--target-params", "0.05x"), ("--target-params", "10k")]
)
def test_a_cut_stops_at_the_largest_drop(
    amount: tuple[str, str], evaluation: str, neuroplast: Path, source: Path, tmp_path: Path
) -> None:
    target = tmp_path / "it's small.onnx"
    report = prune(neuroplast, source, target, *amount, "--eval", evaluation, "--max-drop", "0.3")
    accuracy = report["accuracy"]
    kept = report["after"]["parameters"] / report["before"]["parameters"]
    drop = accuracy["before"] - accuracy["after"]
    assert drop == pytest.approx(1 - kept, abs=0.03), "it judged what was written"
    assert 0.2 < drop <= 0.3
    leftovers = {path.name for path in tmp_path.iterdir()} - {"it's judging.py", target.name}
    assert not leftovers


def test_a_cut_that_is_allowed_is_made_in_full(
    evaluation: str, neuroplast: Path, source: Path, tmp_path: Path
) -> None:
    plain = prune(neuroplast, source, tmp_path / "plain.onnx", "--ratio", "0.3")
    judged = prune(
        neuroplast,
        source,
        tmp_path / "judged.onnx",
        "--ratio",
        "0.3",
        "--eval",
        evaluation + " {}",
        "--max-drop",
        "0.9",
    )
    assert judged["edits"] == plain["edits"]
    assert judged["accuracy"]["after"] < judged["accuracy"]["before"]


def test_no_cut_is_allowed(evaluation: str, neuroplast: Path, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "small.onnx"
    done = subprocess.run(
        [
            neuroplast,
            "prune",
            source,
            "-o",
            target,
            "--ratio",
            "0.9",
            "--eval",
            evaluation,
            "--max-drop",
            "0.0001",
            "--no-compare",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "no cut keeps the drop" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["it's judging.py"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--eval", "false"], "'--eval false' ended with code 1"),
        (["--eval", "echo no"], "printed no number in the end, but 'no"),
        (["--max-drop", "0.1"], "'--max-drop' is about what '--eval' says"),
        (["--eval", "true", "--dry-run"], "'--eval' tries cuts"),
    ],
)
def test_bad_evaluations(
    options: list[str], message: str, neuroplast: Path, source: Path, tmp_path: Path
) -> None:
    with pytest.raises(driver.DriverError, match=message):
        prune(neuroplast, source, tmp_path / "small.onnx", *options)
    assert not list(tmp_path.iterdir())
