"""The cases of the ONNX suite as several test processes ask for them at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_processes_write_cases_once(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "test" / "Conformance" / "cases.py", tmp_path / "cases"]
    writers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    answers = [writer.communicate() for writer in writers]
    assert len(set(answers)) == 1, answers
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert len(list((tmp_path / "cases" / "node").iterdir())) > 1000
