"""import(export(import(f))) gives the operations and parameters of import(f)."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from Models import models

NAMES = ("squeezenet", "shufflenet", "ppocr_det", "ppocr_cls")


def read(neuroplast_opt: Path, source: Path, target: Path) -> str:
    """The module of a file, with the data of resources in place of their keys."""
    subprocess.run([neuroplast_opt, source, "-o", target], check=True)
    code, _, resources = target.read_text().partition("{-#")
    data = dict(re.findall(r'^ +("[^"]+"|[\w.$-]+): "(0x[0-9A-F]+)"', resources, re.MULTILINE))
    assert data
    return re.sub(r"dense_resource<([^>]+)>", lambda key: f"dense<{hash(data[key[1]])}>", code)


@pytest.mark.parametrize("name", NAMES)
def test_models(name: str, neuroplast_opt: Path, tmp_path: Path) -> None:
    model, written = models.MODELS[name].path(), tmp_path / "written.onnx"
    before = read(neuroplast_opt, model, tmp_path / "before.mlir")
    subprocess.run([neuroplast_opt, model, "-o", written], check=True)
    assert read(neuroplast_opt, written, tmp_path / "after.mlir") == before
