"""Models, and what commands do with them."""

from __future__ import annotations

import html
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neuroplast.commands import Arrays, Log, Shapes, format_options, format_shapes, run
from neuroplast.function import Function
from neuroplast.learner import Learner

# Gets an entry of the log: of an epoch, or of an edit.
Callback = Callable[[dict[str, Any]], None]


def load(source: str | os.PathLike[str] | bytes | Any) -> Model:
    """Read a model: a path, the bytes of an ONNX file, or an ``onnx.ModelProto``."""
    return Model(source)


class Model:
    """A network whose structure may change.

    Methods that change it do so in place, and return what the command reports.
    Keyword arguments are the options of the command, with underscores for
    dashes: ``model.prune(target_flops="0.5x")``. Data may be archives by their
    paths, arrays by name (``data={"x": x}``), or whatever gives such arrays
    batch by batch.
    """

    def __init__(self, source: str | os.PathLike[str] | bytes | Any) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="neuroplast-")
        self._number = 0
        if isinstance(source, str | os.PathLike):
            # Reading it says what is wrong with it, and takes its external data along.
            self._path = self._name_next()
            run("neuroplast", ["import", os.fspath(source), "-o", str(self._mlir())])
            run("neuroplast", ["export", str(self._mlir()), "-o", str(self._path)])
            return
        data = source if isinstance(source, bytes) else source.SerializeToString()
        self._path = self._name_next()
        self._path.write_bytes(data)
        self.inspect()

    def _mlir(self) -> Path:
        return Path(self._folder.name) / "model.mlir"

    def _name_next(self) -> Path:
        self._number += 1
        return Path(self._folder.name) / f"{self._number}.onnx"

    def _words(self, options: dict[str, Any]) -> list[str]:
        return format_options(options, Path(self._folder.name))

    def _ask(
        self, command: str, *files: str, watch: Callable[[], None] | None = None, **options: Any
    ) -> str:
        return run("neuroplast", [command, *files, *self._words(options)], watch)

    def _change(self, command: str, *before: str, **options: Any) -> str:
        target = self._name_next()
        text = self._ask(command, *before, str(self._path), "-o", str(target), **options)
        self._path.unlink()
        self._path = target
        return text

    def _edit(self, command: str, options: dict[str, Any]) -> dict[str, Any]:
        if "data" not in options and "shapes" not in options:
            options.setdefault("no_compare", True)
        return json.loads(self._change(command, json=True, **options))

    def inspect(self) -> dict[str, Any]:
        """Unit sets, what pins them, parameters and operations."""
        return json.loads(self._ask("inspect", str(self._path), json=True))

    def units(self) -> list[dict[str, Any]]:
        """The sets of units that can go or come together, and why others cannot."""
        return self.inspect()["units"]

    def explain(self, what: str | int) -> str:
        """Say what belongs together, of a set of units, a node or a parameter."""
        return self._ask("explain", str(self._path), str(what))

    def prune(self, **options: Any) -> dict[str, Any]:
        """Remove the units that matter least."""
        return self._edit("prune", options)

    def dropin(self, **options: Any) -> dict[str, Any]:
        """Add units, or layers, that compute nothing yet, or lessen a loss on ``examples``."""
        return self._edit("dropin", options)

    def recycle(self, **options: Any) -> dict[str, Any]:
        """Let units that do little begin anew."""
        return self._edit("recycle", options)

    def rewire(self, **options: Any) -> dict[str, Any]:
        """Give the weights of a sparse model other connections."""
        return self._edit("rewire", options)

    def factorize(self, **options: Any) -> dict[str, Any]:
        """Make two small layers of a large one."""
        return self._edit("factorize", options)

    def shorten(self, **options: Any) -> dict[str, Any]:
        """Take residual blocks out that do little."""
        return self._edit("shorten", options)

    def sparsify(self, **options: Any) -> dict[str, Any]:
        """Make weights zero that matter least."""
        return self._edit("sparsify", options)

    def transfer(self, new_head: int | str, **options: Any) -> dict[str, Any]:
        """Make it ready for a second task, with a head of so many results."""
        return self._edit("transfer", {"new_head": new_head, **options})

    def select(self, output: str, **options: Any) -> dict[str, Any]:
        """Leave what makes one output, as it was when its task was learnt."""
        return self._edit("select", {"output": output, **options})

    def undo(self, **options: Any) -> dict[str, Any]:
        """Take edits back, the last one or those ``to`` a number."""
        return self._edit("undo", options)

    def replay(self, other: Model, **options: Any) -> dict[str, Any]:
        """Do the edits of another model to this one."""
        return self._edit("replay", {"history": str(other.path), **options})

    def sensitivity(self, **options: Any) -> dict[str, Any]:
        """Tell what cutting each group of units alone does."""
        return json.loads(self._ask("sensitivity", str(self._path), json=True, **options))

    def bench(self, **options: Any) -> dict[str, Any]:
        """Measure how long it takes, in milliseconds."""
        return json.loads(self._ask("bench", str(self._path), json=True, **options))

    def train(
        self, data: Any, callback: Callback | None = None, **options: Any
    ) -> list[dict[str, Any]]:
        """Train on labelled examples; return the log, one entry for each epoch.

        Data are an archive, arrays by name, or batches of these. A callback gets
        each entry when it is written; if it raises, training ends, and the model
        stays as it was.
        """
        return self._learn("train", (), data, callback, options)

    def distill(
        self, teacher: Model, data: Any, callback: Callback | None = None, **options: Any
    ) -> list[dict[str, Any]]:
        """Train to say what another model says, without labels; return the log."""
        return self._learn("distill", (str(teacher.path),), data, callback, options)

    def cycle(
        self, data: Any, callback: Callback | None = None, **options: Any
    ) -> list[dict[str, Any]]:
        """Train, grow and cut as a plan says; return the log, with the edits."""
        return self._learn("cycle", (), data, callback, options)

    def _learn(
        self,
        command: str,
        before: tuple[str, ...],
        data: Any,
        callback: Callback | None,
        options: dict[str, Any],
    ) -> list[dict[str, Any]]:
        log = Log(path := Path(self._folder.name) / "log.jsonl", callback)
        self._change(command, *before, data=data, log=path, watch=log.read, **options)
        log.read()
        return log.entries

    def compress(self, data: Any, **options: Any) -> str:
        """Cut, fit and distil on examples without labels; return what was said."""
        return self._change("compress", data=data, **options)

    def calibrate(self, data: Any, path: str | os.PathLike[str], **options: Any) -> str:
        """Write statistics of data, for criteria that regard them, to a file."""
        return self._ask("calibrate", str(self._path), "-o", os.fspath(path), data=data, **options)

    def verify(self, other: Model, inputs: Arrays | str, **options: Any) -> str:
        """Compare what both models compute of the same inputs; an ``Error`` if it differs."""
        return self._ask("verify", str(other.path), str(self._path), inputs=inputs, **options)

    def report(
        self, other: Model, path: str | os.PathLike[str], log: Any = None, **options: Any
    ) -> None:
        """Write a page that shows what edits made of the other model: this one.

        A log is a file, or what ``train``, ``distill`` or ``cycle`` returned.
        """
        if isinstance(log, list):
            file = Path(self._folder.name) / "log.jsonl"
            file.write_text("".join(json.dumps(entry) + "\n" for entry in log))
            log = file
        if log is not None:
            options["log"] = os.fspath(log)
        self._ask("report", str(other.path), str(self._path), "-o", os.fspath(path), **options)

    def compile(self, shapes: Shapes | None = None, threads: int = 1) -> Function:
        """Compile it for this process, for inputs of some shapes if they are given."""
        return Function(self._path, shapes, threads)

    def build(
        self, path: str | os.PathLike[str], shapes: Shapes | None = None, **options: Any
    ) -> None:
        """Compile it to a shared library, which needs no runtime."""
        words = [word for shape in format_shapes(shapes) for word in ("--shape", shape)]
        self._ask("compile", str(self._path), "-o", os.fspath(path), *words, **options)

    def learner(self, **options: Any) -> Learner:
        """A copy that learns in memory, step by step."""
        return Learner(self._path, **options)

    def copy(self) -> Model:
        """Another model that is the same."""
        return Model(self._path.read_bytes())

    def ir(self) -> str:
        """The network in the dialect ``neuro``, as MLIR."""
        return self._ask("import", str(self._path), "-o", "-")

    def run_passes(self, pipeline: str) -> str:
        """What passes make of its IR, as ``"--neuro-prune=ratio=0.5"``."""
        mlir = self._mlir()
        mlir.write_text(self.ir(), encoding="utf-8")
        return run("neuroplast-opt", [str(mlir), *pipeline.split()])

    @property
    def path(self) -> Path:
        """Where it is as an ONNX file now, until it changes."""
        return self._path

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as ONNX."""
        shutil.copyfile(self._path, path)

    def __repr__(self) -> str:
        size = self.inspect()
        return f"<neuroplast.Model of {size['parameters']:,} parameters>"

    def _repr_html_(self) -> str:
        """A table of its layers."""
        size = self.inspect()
        rows = "".join(
            f"<tr><td>{html.escape(layer['name'])}</td><td>{html.escape(layer['op'])}</td>"
            f"<td style='text-align:right'>{layer['parameters']:,}</td></tr>"
            for layer in size["layers"]
        )
        total = f"<tr><th>all</th><th></th><th>{size['parameters']:,}</th></tr>"
        head = "<tr><th>layer</th><th>operator</th><th>parameters</th></tr>"
        return f"<table>{head}{rows}{total}</table>"
