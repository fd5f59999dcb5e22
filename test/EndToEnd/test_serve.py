"""Commands that another program sends: `neuroplast serve`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from Models import models, server
from Models.server import Server


def ask(neuroplast: Path, *requests: str) -> list[dict[str, Any]]:
    """What is answered to some lines."""
    done = subprocess.run(
        [neuroplast, "serve"], input="\n".join(requests), capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_commands(neuroplast: Path, tmp_path: Path) -> None:
    """Each has its own folder, environment, files and exit code."""
    if server.is_sanitized(neuroplast):
        pytest.skip("a sanitizer writes to the standard error of all")
    text, errors, cache = tmp_path / "out", tmp_path / "err", tmp_path / "cache"
    model = models.MODELS["shufflenet"].path()
    requests = [
        {"arguments": ["inspect", str(model), "--json"], "stdout": str(text)},
        {"arguments": ["inspect", "missing.onnx"], "directory": str(tmp_path)},
        {"arguments": ["nonsense"], "stderr": str(errors)},
        {
            "arguments": ["compile", str(model), "-o", "m.so"],
            "directory": str(tmp_path),
            "environment": {"NEUROPLAST_CACHE": str(cache), "HOME": None},
        },
        {"arguments": ["--help"], "directory": "/no/such/folder"},
        {"arguments": ["--help"], "stdout": "/no/such/folder/file"},
    ]
    answers = ask(neuroplast, *map(json.dumps, requests))
    assert [list(answer) for answer in answers] == [["pid"], ["code"]] * len(requests)
    assert [answer["code"] for answer in answers[1::2]] == [0, 1, 1, 0, 1, 1]
    assert len({answer["pid"] for answer in answers[::2]}) == len(requests)
    assert json.loads(text.read_text())
    assert errors.read_text() == (
        "neuroplast: error: 'nonsense' is no command; see neuroplast --help\n"
    )
    assert (tmp_path / "m.so").exists()
    assert any(cache.rglob("*"))


def test_requests_that_are_none(neuroplast: Path) -> None:
    good = json.dumps({"arguments": ["--help"], "stdout": "/dev/null"})
    answers = ask(neuroplast, "{", "3", '{"arguments": 3}', '{"stdout": "x"}', good)
    assert [list(answer) for answer in answers] == [["error"]] * 4 + [["pid"], ["code"]]


def test_what_ends_a_command_does_not_end_the_server(neuroplast: Path, tmp_path: Path) -> None:
    if server.is_sanitized(neuroplast):
        pytest.skip("a sanitizer takes its time to end")
    served = Server(neuroplast)
    model = models.MODELS["resnet50"].path()
    # The benchmark would go on for long; it is ended from outside.
    with pytest.raises(subprocess.TimeoutExpired):
        served.run(["bench", str(model), "--seconds", "600"], 1.0, {})
    done = served.run(["inspect", str(tmp_path)], 60.0, {})
    assert done.returncode == 1
    assert "error" in done.stderr
