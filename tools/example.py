#!/usr/bin/env python3
"""Writes a small trained model and data for it, as the examples of the documentation use them.

The model is PP-OCR's classifier of the direction of text, which a package holds that
`tools/setup.sh` installs: cls.onnx. The data are lines of text that are rendered here:
unlabeled.npz (x) to cut and teach with, test.npz (x, labels) with other words and fonts,
and labeled.npz, which is unlabeled.npz with its labels.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "test"))

from Models import models, text_lines  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lines", type=int, default=512, help="in each file")
    arguments = parser.parse_args()
    folder = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(models.MODELS["ppocr_cls"].path(), folder / "cls.onnx")
    x, labels = text_lines.turned_lines(arguments.lines, seed=11, calibrates=True)
    np.savez(folder / "unlabeled.npz", x=x)
    np.savez(folder / "labeled.npz", x=x, labels=labels)
    x, labels = text_lines.turned_lines(arguments.lines, seed=7, calibrates=False)
    np.savez(folder / "test.npz", x=x, labels=labels)


if __name__ == "__main__":
    main()
