"""Models that were compiled."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from neuroplast import _native
from neuroplast.commands import Shapes, format_shapes

NAMES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64",
    8: "string", 9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64",
    16: "bfloat16",
}  # fmt: skip


class Function:
    """A compiled model, which is called with its inputs.

    Inputs are arrays, or whatever else has DLPack, in their order or by name.
    Arrays that lie row by row are not copied. The result is an array, or a
    tuple of arrays if the model has several outputs; their memory is that in
    which the code wrote them.
    """

    def __init__(
        self, path: str | os.PathLike[str], shapes: Shapes | None = None, threads: int = 1
    ) -> None:
        """Compile an ``.onnx`` or ``.mlir`` file, or load a library.

        ``shapes`` are sizes of inputs to compile for; others may change from
        call to call.
        """
        self._native = _native.Function(os.fspath(path), format_shapes(shapes), threads)
        self._names = [info.name for info in self._native.inputs]

    @property
    def inputs(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Element types and shapes by name; -1 for sizes that a call decides."""
        return {
            info.name: (NAMES.get(info.dtype, "?"), tuple(info.shape))
            for info in self._native.inputs
        }

    @property
    def outputs(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """The same of the outputs."""
        return {
            info.name: (NAMES.get(info.dtype, "?"), tuple(info.shape))
            for info in self._native.outputs
        }

    def __call__(self, *arrays: Any, **named: Any) -> Any:
        """The output of inputs in their order or by name; a tuple if there are several."""
        if named:
            arrays = self._order(arrays, named)
        if len(arrays) != len(self._names):
            raise TypeError(
                f"takes {len(self._names)} inputs ({', '.join(self._names)}), not {len(arrays)}"
            )
        results = self._native.run(list(arrays))
        return results[0] if len(results) == 1 else tuple(results)

    def run(self, inputs: dict[str, Any]) -> dict[str, np.ndarray]:
        """The outputs by name of inputs by name, whatever they are called."""
        arrays = self._order((), inputs)
        names = [info.name for info in self._native.outputs]
        return dict(zip(names, self._native.run(list(arrays)), strict=True))

    def _order(self, arrays: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        rest = self._names[len(arrays) :]
        for name in named:
            if name not in rest:
                raise TypeError(f"there is no input '{name}' left; inputs: {self._names}")
        missing = [name for name in rest if name not in named]
        if missing:
            raise TypeError(f"inputs {missing} are missing")
        return (*arrays, *(named[name] for name in rest))
