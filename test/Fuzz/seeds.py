"""Writes what a fuzzer starts from: seeds.py import|module FOLDER."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))


def write_models(folder: Path) -> None:
    """The small models of the conformance suite."""
    from Conformance.cases import write_cases

    with tempfile.TemporaryDirectory() as name:
        write_cases(Path(name))
        for path in Path(name).rglob("model.onnx"):
            if path.stat().st_size <= 4096:
                (folder / path.parent.name).write_bytes(path.read_bytes())


def write_modules(folder: Path) -> None:
    """The modules of the IR tests, one by one."""
    for path in sorted((ROOT / "test").rglob("*.mlir")):
        for number, text in enumerate(path.read_text().split("// -----")):
            if len(text) <= 4096:
                (folder / f"{path.stem}-{number}").write_text(text)


if __name__ == "__main__":
    kind, target = sys.argv[1], Path(sys.argv[2])
    if not any(target.iterdir()):
        (write_models if kind == "import" else write_modules)(target)
