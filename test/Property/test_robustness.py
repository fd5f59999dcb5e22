"""A slice of the hostile models, and of the inputs that do not fit."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

from Property.hostile import KINDS, try_hostile
from Property.unfit import OPEN, try_open
from Property.watching import seed_of


def test_hostile_models(neuroplast: Path) -> None:
    with ProcessPoolExecutor(2) as pool:
        found = pool.map(try_hostile, KINDS, [seed_of(kind, 0) for kind in KINDS],
                         repeat(neuroplast))
        assert not [finding for findings in found for finding in findings]


def test_unfit_inputs(neuroplast: Path) -> None:
    with ProcessPoolExecutor(2) as pool:
        found = list(pool.map(try_open, OPEN, [seed_of(kind, 0) for kind in OPEN], repeat(4),
                              repeat(neuroplast)))
    assert not [finding for findings, _ in found for finding in findings]
    # Some fit: those give what ONNX Runtime gives.
    assert sum(results for _, results in found) >= len(OPEN)
