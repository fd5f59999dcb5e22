"""How keyword arguments become the options of a command, and its run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
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
    value, a list gives it several times. Data may come batch by batch, and need
    not fit into memory then. A plan may be what its JSON would hold.
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
        elif key == "plan" and isinstance(value, Mapping):
            path = folder / "plan.json"
            path.write_text(json.dumps(value), encoding="utf-8")
            words += [option, str(path)]
        elif isinstance(value, str | os.PathLike) or not isinstance(value, Iterable):
            words += [option, str(value)]
        elif key in ("data", "val") or isinstance(value, Mapping):
            words += [option, str(write_data(value, folder / key))]
        else:
            for item in value:
                words += [option, str(item)]
    return words


def write_data(data: Arrays | Iterable[Arrays], path: Path) -> Path:
    """Write arrays by name to an archive, or such ones, batch by batch, to a folder."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    number = 0
    for number, batch in enumerate([data] if isinstance(data, Mapping) else data, 1):
        if not isinstance(batch, Mapping):
            raise TypeError(f"data are arrays by name, or batches of these, not '{batch}'")
        arrays = {name: np.asarray(array) for name, array in batch.items()}
        np.savez(path / f"{number:09}.npz", **arrays)
    return path / f"{number:09}.npz" if number == 1 else path


def run(program: str, words: list[str], watch: Callable[[], None] | None = None) -> str:
    """What a program prints; an ``Error`` with its message if it fails.

    While it runs, ``watch`` is called ten times a second; if that raises, the
    program is ended.
    """
    with subprocess.Popen(
        [find_program(program), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            while True:
                try:
                    printed, said = process.communicate(timeout=0.1 if watch else None)
                    break
                except subprocess.TimeoutExpired:
                    if watch:
                        watch()
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        message = (said.strip() or printed.strip()).removeprefix("neuroplast: ")
        message = message.removeprefix("error: ")
        raise Error(message or f"'{program} {words[0]}' ended with {process.returncode}")
    return printed


class Log:
    """Entries of a log of JSON lines, handed on as they are written."""

    def __init__(self, path: Path, callback: Callable[[dict[str, Any]], None] | None) -> None:
        self.entries: list[dict[str, Any]] = []
        self._path, self._callback = path, callback
        path.unlink(missing_ok=True)

    def read(self) -> None:
        """Read what is new; a line without an end is still being written."""
        if not self._path.exists():
            return
        lines = self._path.read_text(encoding="utf-8").split("\n")[:-1]
        for line in lines[len(self.entries) :]:
            self.entries.append(json.loads(line))
            if self._callback:
                self._callback(self.entries[-1])


def main() -> None:
    """The program ``neuroplast`` of an installed package."""
    os.execv(find_program("neuroplast"), ["neuroplast", *sys.argv[1:]])
