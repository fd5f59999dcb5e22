"""What a run of a model allocates and copies is counted, and may only become less."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from Models import models

# Buffers that a run asks for, and copies from one to another.
MOST = {
    "resnet50": (44, 1),
    "densenet121": (158, 27),
    "squeezenet": (23, 0),
    "shufflenet": (66, 2),
    "inception_v1": (76, 18),
    "inception_v2": (73, 20),
    "ppocr_det": (114, 0),
    "ppocr_rec": (119, 0),
    "ppocr_cls": (85, 0),
    "minilm_l3": (119, 6),
    "silero_vad": (30, 5),
}


@pytest.mark.parametrize("name", list(MOST))
def test_buffers_and_copies(name: str, neuroplast_opt: Path) -> None:
    printed = subprocess.run(
        [
            neuroplast_opt,
            models.MODELS[name].path(),
            "--neuro-to-loops=vector-bits=512",
            "--mlir-elide-resource-strings-if-larger=4",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    main = re.search(r"func\.func @main\(.*?^  }", printed, re.DOTALL | re.MULTILINE)
    assert main
    found = (main[0].count("memref.alloc("), main[0].count("memref.copy "))
    assert all(count <= most for count, most in zip(found, MOST[name], strict=True)), found
