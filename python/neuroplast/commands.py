"""How keyword arguments become the options of a command, and its run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neuroplast._native import Error

Arrays = Mapping[str, Any]
Shapes = Mapping[str, Iterable[int]]


def find_program(name: str) -> str:
    """A program of the project: beside the package, as it is installed, or as it is built."""
    package = Path(__file__).parent
    folders = [package / "bin", package.parent.parent / "bin"]
    if "NEUROPLAST_BIN" in os.environ:
        folders.insert(0, Path(os.environ["NEUROPLAST_BIN"]))
    for folder in folders:
        if (folder / name).is_file():
            return str(folder / name)
    raise Error(f"there is no program '{name}' in {', '.join(map(str, folders))}")


def format_shapes(shapes: Shapes | None) -> list[str]:
    """Values of the option ``--shape``."""
    return [f"{name}={'x'.join(map(str, shape))}" for name, shape in (shapes or {}).items()]


def format_options(options: Mapping[str, Any], folder: Path) -> list[str]:
    """Words of a command line. Arrays by name become archives in a folder.

    ``None`` and ``False`` leave an option out, ``True`` gives one without a
    value, a list gives it several times.
    """
    words: list[str] = []
    for key, value in options.items():
        option = "--" + key.rstrip("_").replace("_", "-")
        if value is None or value is False:
            continue
        if value is True:
            words.append(option)
        elif key == "shapes":
            for shape in format_shapes(value):
                words += ["--shape", shape]
        elif isinstance(value, Mapping):
            path = folder / f"{key}.npz"
            np.savez(path, **{name: np.asarray(array) for name, array in value.items()})
            words += [option, str(path)]
        elif isinstance(value, list | tuple):
            for item in value:
                words += [option, str(item)]
        else:
            words += [option, str(value)]
    return words


def run(program: str, words: list[str]) -> str:
    """What a program prints; an ``Error`` with its message if it fails."""
    result = subprocess.run(
        [find_program(program), *words], capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        said = result.stderr.strip() or result.stdout.strip()
        message = said.removeprefix("neuroplast: ").removeprefix("error: ")
        raise Error(message or f"'{program} {words[0]}' ended with {result.returncode}")
    return result.stdout


def main() -> None:
    """The program ``neuroplast`` of an installed package."""
    os.execv(find_program("neuroplast"), ["neuroplast", *sys.argv[1:]])
