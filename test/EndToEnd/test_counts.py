"""What a run of a model allocates and copies is counted, and may only become less."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from Models import models

# Of a run: buffers that it asks for, copies from one to another, and MiB of workspace.
# Sizes of some are open: what these ask for is no part of the workspace.
MOST = {
    "resnet50": (0, 1, 6.9),
    "densenet121": (0, 27, 7.4),
    "squeezenet": (0, 0, 3.8),
    "shufflenet": (0, 1, 4.5),
    "inception_v1": (0, 8, 6.7),
    "inception_v2": (0, 8, 4.0),
    "ppocr_det": (115, 0, 0.1),
    "ppocr_rec": (94, 0, 0.1),
    "ppocr_cls": (92, 2, 0.1),
    "minilm_l3": (44, 6, 0.1),
    "silero_vad": (15, 4, 0.1),
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
    workspace = re.search(r"memref<(\d+)xi8> {neuro.workspace}", main[0])
    found = (
        main[0].count("memref.alloc("),
        main[0].count("memref.copy "),
        int(workspace[1]) / 2**20 if workspace else 0,
    )
    assert all(count <= most for count, most in zip(found, MOST[name], strict=True)), found
