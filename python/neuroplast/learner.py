"""Networks that learn in memory."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from neuroplast import _native
from neuroplast.commands import format_options


class Learner:
    """A network that answers, learns and changes its structure, step by step.

    It is for one thread at a time, and stays in memory; units that are
    ``growable`` come and go within what is compiled once. Options are those of
    the command ``train``::

        learner = npl.Learner("net.onnx", loss="mse", optimizer="adam", lr=1e-3,
                              growable="fc1")
        y = learner.act(x=state)["y"]
        loss, accuracy = learner.learn(x=states, labels=targets)
        learner.edit("dropin", at="fc1", units=4)
    """

    def __init__(self, path: str | os.PathLike[str], **options: Any) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="neuroplast-")
        words = format_options(options, Path(self._folder.name))
        self._native = _native.LearningSession(os.fspath(path), words)

    def act(self, **inputs: Any) -> dict[str, np.ndarray]:
        """The outputs by name of inputs by name."""
        return dict(self._native.act(inputs))

    def learn(self, **examples: Any) -> tuple[float, float | None]:
        """Take a step from inputs by name and ``labels``.

        Return the loss before it, and of classes the share that was right.
        """
        if "labels" in examples:
            labels = np.asarray(examples["labels"])
            if labels.dtype.kind in "iu":
                examples["labels"] = labels.astype(np.int64)
        return self._native.learn(examples)

    def edit(self, command: str, **options: Any) -> None:
        """Change the structure by a command, as ``"dropin"`` or ``"prune"``, and its options.

        What was learned stays, with what the optimizer remembers of each unit.
        """
        self._native.edit([command, *format_options(options, Path(self._folder.name))])

    @property
    def steps(self) -> int:
        """The steps that were taken."""
        return self._native.steps

    @property
    def parameters(self) -> int:
        """How many parameters the network has now."""
        return self._native.parameters

    def save(self, path: str | os.PathLike[str], keep_state: bool = False) -> None:
        """Write the network, with what the optimizer remembers if asked for."""
        self._native.save(os.fspath(path), keep_state)
