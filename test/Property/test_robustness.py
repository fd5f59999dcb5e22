"""A slice of the hostile models, and of the inputs that do not fit."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

import numpy as np
import onnx
from Models import driver

from Property.hostile import KINDS, try_hostile
from Property.unfit import HEADER, OPEN, evaluate, try_open
from Property.watching import seed_of


def test_hostile_models(neuroplast: Path) -> None:
    with ProcessPoolExecutor(2) as pool:
        found = pool.map(
            try_hostile, KINDS, [seed_of(kind, 0) for kind in KINDS], repeat(neuroplast)
        )
        assert not [finding for findings in found for finding in findings]


# Pads that cut off more than there is, or stand around nothing.
PADS = [
    ((1, 4), (3, -1, -1, 5)),
    ((2, 4), (6, 3, -2, 2)),
    ((5, 0), (6, 2, 3, 0)),
    ((0, 2), (1, 3, 1, 3)),
    ((3, 4), (-4, 1, 2, 1)),
    ((3, 4), (-1, -1, -1, -1)),
]


def test_negative_pads(neuroplast: Path, tmp_path: Path) -> None:
    text, library = tmp_path / "m.onnxtext", tmp_path / "m.so"
    text.write_text(f"{HEADER}g {OPEN['pad']}")
    driver.call(neuroplast, "compile", text, "-o", library)
    for shape, pads in PADS:
        feeds = {"x": np.ones(shape, np.float32), "p": np.array(pads)}
        expected = evaluate(onnx.parser.parse_model(text.read_text()), feeds)
        assert expected
        np.testing.assert_array_equal(driver.run(neuroplast, library, feeds)["y"], expected["y"])


def test_empty_results(neuroplast: Path, tmp_path: Path) -> None:
    """What has no elements takes no time, whatever its other sizes."""
    text, library = tmp_path / "m.onnxtext", tmp_path / "m.so"
    text.write_text(f"{HEADER}g {OPEN['resize']}")
    driver.call(neuroplast, "compile", text, "-o", library)
    feeds = {"x": np.ones((1, 1, 2, 3), np.float32), "s": np.array([6, 6, 2**40, 0])}
    assert driver.run(neuroplast, library, feeds)["y"].shape == (6, 6, 2**40, 0)


# What once ended in a signal, or did not end.
FOUND = [
    ("lrn", 2913940347),
    ("lrn", 1916520019),
    ("lrn", 4221561475),
    ("constant_of_shape", 248549444),
    ("resize_antialias", 469980066),
    ("constant_of_shape", 1947792025),
    ("constant_of_shape", 723930037),
    ("global_lp_pool", 1880814610),
    ("reverse_sequence", 2250389017),
    ("resize_sizes", 379065697),
    ("split_count", 3427270026),
    ("range", 4284476445),
    ("slice", 1700368493),
]


def test_found_models(neuroplast: Path) -> None:
    assert not [finding for kind, seed in FOUND for finding in try_hostile(kind, seed, neuroplast)]


def test_unfit_inputs(neuroplast: Path) -> None:
    with ProcessPoolExecutor(2) as pool:
        found = list(
            pool.map(
                try_open, OPEN, [seed_of(kind, 0) for kind in OPEN], repeat(4), repeat(neuroplast)
            )
        )
    assert not [finding for findings, _ in found for finding in findings]
    # Some fit: those give what ONNX Runtime gives.
    assert sum(results for _, results in found) >= len(OPEN)
