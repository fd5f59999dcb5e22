"""What paired differences of seeds say."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]


def make_parser(description: str | None) -> argparse.ArgumentParser:
    """The options of a benchmark that goes through seeds."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--seeds", type=int, default=10)
    return parser


def interval(differences: np.ndarray) -> tuple[float, float]:
    """The bootstrap interval of 95 % of a mean."""
    drawn = np.random.default_rng(0).choice(differences, (10000, len(differences))).mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def describe(differences: np.ndarray) -> str:
    """The mean with its interval, of shares as points."""
    low, high = interval(differences)
    return f"{100 * differences.mean():+.2f} ({100 * low:+.2f}, {100 * high:+.2f})"
