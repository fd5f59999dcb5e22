#!/usr/bin/env python3
"""What small models learn: PP-OCR's networks, cut and trained, beside controls.

The classifier of upside-down lines is cut to a share of its operations and trained on
labelled lines, beside the original trained on the same lines and a net of the small one's
shape that starts from nothing; and it is cut and distilled without labels. The reader and
the one that finds lines on pages are compressed without labels. Lines to learn from and
lines to test share neither fonts nor words. Prints a table with the minutes that each took;
fails if a bound is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))

from Models import driver, models, text_lines  # noqa: E402

BATCH = 50


def scores(model: Path, images: np.ndarray) -> np.ndarray:
    """What ONNX Runtime makes of the model, on two threads."""
    session = models.session(model, threads=2)
    (name,) = (entry.name for entry in session.get_inputs())
    return np.concatenate(
        [
            session.run(None, {name: images[start : start + BATCH]})[0]
            for start in range(0, len(images), BATCH)
        ]
    )


def forget(model: Path, target: Path, seed: int) -> None:
    """The same network with weights that were never trained (He et al., arXiv 1502.01852)."""
    random = np.random.default_rng(seed)
    proto = onnx.load(model)
    norms: dict[str, float] = {}
    for node in proto.graph.node:
        if node.op_type == "BatchNormalization":
            norms |= dict(zip(node.input[1:], (1.0, 0.0, 0.0, 1.0), strict=True))
    for tensor in proto.graph.initializer:
        value = numpy_helper.to_array(tensor)
        if value.dtype != np.float32:
            continue
        if tensor.name in norms:
            fresh = np.full(value.shape, norms[tensor.name])
        elif value.ndim > 1 and value.size > max(value.shape):
            # Kernels are out first, matrices in first.
            fan = np.prod(value.shape[1:]) if value.ndim > 2 else value.shape[0]
            fresh = random.normal(size=value.shape) * np.sqrt(2 / fan)
        else:
            continue
        tensor.CopyFrom(numpy_helper.from_array(fresh.astype(np.float32), tensor.name))
    onnx.save(proto, target)


class Table:
    """Rows of what was reached, and whether all bounds hold."""

    def __init__(self) -> None:
        self.holds = True

    def add(self, what: str, right: float, minutes: float, bound: float | None = None) -> None:
        line = f"{what:46} {100 * right:6.2f} %  {minutes:5.1f} min"
        if bound is not None:
            self.holds &= right >= bound
            line += f"  at least {100 * bound:.2f}: {'holds' if right >= bound else 'MISSED'}"
        print(line, flush=True)


def timed(action: Callable[[], object]) -> float:
    start = time.monotonic()
    action()
    return (time.monotonic() - start) / 60


def classifier(neuroplast: Path, folder: Path, table: Table, arguments: argparse.Namespace) -> None:
    model = models.MODELS["ppocr_cls"].path()
    lines, epochs = arguments.lines or 16384, arguments.epochs or 4
    # What needs no labels is had easily: twice as many lines, half as often.
    images, turned = text_lines.turned_lines(2 * lines, seed=11, calibrates=True)
    seen, which = text_lines.turned_lines(4000, seed=arguments.seed, calibrates=False)
    driver.save(folder / "labelled.npz", {"x": images[:lines], "labels": turned[:lines]})
    driver.save(folder / "unlabelled.npz", {"x": images})

    def right(path: Path) -> float:
        return float(np.mean(scores(path, seen).argmax(axis=1) == which))

    def train(path: Path, target: Path, rate: str) -> float:
        return timed(
            lambda: driver.call(
                neuroplast, "train", path, "--data", folder / "labelled.npz", "-o", target,
                "--optimizer", "adam", "--lr", rate, "--schedule", "cosine", "--clip-norm", "5",
                "--epochs", str(epochs), "--average", "0.99", "--threads", "2", timeout=3600,
            )
        )  # fmt: skip

    table.add("classifier as it is", right(model), 0)
    minutes = train(model, folder / "original.onnx", "0.0002")
    original = right(folder / "original.onnx")
    table.add("  trained on the lines", original, minutes)
    cut = folder / "cut.onnx"
    target = ("--target-flops", f"{arguments.classifier}x")
    minutes = timed(
        lambda: driver.call(
            neuroplast, "prune", model, "-o", cut, "--data", folder / "unlabelled.npz", *target,
            timeout=3600,
        )
    )  # fmt: skip
    table.add(f"cut to {arguments.classifier} of its operations", right(cut), minutes)
    minutes += train(cut, folder / "small.onnx", "0.002")
    table.add("  trained on the lines", right(folder / "small.onnx"), minutes, 0.99 * original)
    forget(cut, folder / "fresh.onnx", seed=1)
    minutes = train(folder / "fresh.onnx", folder / "scratch.onnx", "0.002")
    table.add("  the same from nothing", right(folder / "scratch.onnx"), minutes)
    minutes = timed(
        lambda: driver.call(
            neuroplast, "compress", model, "--data", folder / "unlabelled.npz",
            "-o", folder / "taught.onnx", *target, "--epochs", str(max(epochs // 2, 1)),
            "--lr", "0.002", "--no-hints", "--augment", "warp:0.1,contrast:0.3,noise:0.05",
            "--average", "0.99",
            "--threads", "2", timeout=3600,
        )
    )  # fmt: skip
    table.add("  without labels", right(folder / "taught.onnx"), minutes, 0.99 * right(model))


def share_kept(small: np.ndarray, whole: np.ndarray) -> float:
    """By how much as many lines are right at least: of 2,000 draws of the same lines, the lower
    end of an interval of 95 %."""
    random = np.random.default_rng(0)
    drawn = random.integers(0, len(whole), (2000, len(whole)))
    return float(np.quantile(small[drawn].sum(axis=1) / whole[drawn].sum(axis=1), 0.025))


def reader(neuroplast: Path, folder: Path, table: Table, arguments: argparse.Namespace) -> None:
    model = models.MODELS["ppocr_rec"].path()
    images, _ = text_lines.lines_to_read(arguments.lines or 8192, seed=11, calibrates=True)
    how = ("--epochs", str(arguments.epochs or 3), "--batch", "16", "--augment", "contrast:0.2")
    seen, texts = text_lines.lines_to_read(4000, seed=arguments.seed, calibrates=False)
    driver.save(folder / "lines.npz", {"x": images})

    def read(path: Path) -> tuple[np.ndarray, float]:
        """Which lines are right, and which share of the characters."""
        lines = text_lines.decode(model, scores(path, seen))
        right = np.array([line == text for line, text in zip(lines, texts, strict=True)])
        return right, text_lines.read_correctly(lines, texts)[1]

    def compress(share: float, *options: str) -> tuple[np.ndarray, float, float]:
        minutes = timed(
            lambda: driver.call(
                neuroplast, "compress", model, "--data", folder / "lines.npz",
                "-o", folder / "reader.onnx", "--target-flops", f"{share}x", "--no-hints",
                "--threads", "2", *how, *options, timeout=14400,
            )
        )  # fmt: skip
        return *read(folder / "reader.onnx"), minutes

    def scratch(share: float) -> tuple[np.ndarray, float, float]:
        cut, fresh = folder / "cut.onnx", folder / "fresh.onnx"
        driver.call(
            neuroplast, "prune", model, "-o", cut, "--data", folder / "lines.npz",
            "--target-flops", f"{share}x", "--no-reconstruct", "--no-compare", timeout=3600,
        )  # fmt: skip
        forget(cut, fresh, seed=1)
        minutes = timed(
            lambda: driver.call(
                neuroplast, "distill", model, fresh, "--data", folder / "lines.npz",
                "-o", folder / "reader.onnx", "--optimizer", "adam", "--lr", "0.001",
                "--schedule", "cosine", "--clip-norm", "5", "--threads", "2", *how, timeout=14400,
            )
        )  # fmt: skip
        return *read(folder / "reader.onnx"), minutes

    whole, characters = read(model)
    table.add("reader as it is (characters)", characters, 0)
    table.add("  (lines)", whole.mean(), 0)
    for share in arguments.reader:
        small, kept, minutes = compress(share)
        bounds = (0.95, 0.98) if share >= 0.7 else (0.95 if share >= 0.6 else None, 0.95)
        least = bounds[0] and bounds[0] * characters
        table.add(f"  at {share} of its operations (characters)", kept, minutes, least)
        table.add("    (lines)", small.mean(), minutes)
        table.add("    (lines of those of the original, at least)", share_kept(small, whole),
                  minutes, bounds[1])  # fmt: skip
        if not arguments.controls:
            continue
        for what, run in (
            ("any units", lambda share=share: compress(share, "--criterion", "random")),
            ("from nothing", lambda share=share: scratch(share)),
        ):
            small, kept, minutes = run()
            table.add(f"    {what} (lines)", small.mean(), minutes)


def detector(neuroplast: Path, folder: Path, table: Table, arguments: argparse.Namespace) -> None:
    from Models import text_pages  # needs SciPy, which the others do not

    model = models.MODELS["ppocr_det"].path()
    images, _ = text_pages.pages(arguments.lines or 1000, seed=11, calibrates=True)
    seen, places = text_pages.pages(200, seed=arguments.seed, calibrates=False)
    driver.save(folder / "pages.npz", {"x": images})

    def right(path: Path) -> float:
        maps = scores(path, seen)[:, 0]
        return text_pages.agreement(map(text_pages.find_boxes, maps), places)

    original = right(model)
    table.add("detector as it is (boxes)", original, 0)
    minutes = timed(
        lambda: driver.call(
            neuroplast, "compress", model, "--data", folder / "pages.npz",
            "-o", folder / "detector.onnx", "--target-flops", f"{arguments.detector}x",
            "--loss", "bce", "--batch", "8", "--epochs", str(arguments.epochs or 14),
            "--threads", "2", timeout=7200,
        )
    )  # fmt: skip
    what = f"  at {arguments.detector} of its operations"
    table.add(what, right(folder / "detector.onnx"), minutes, 0.98 * original)


TASKS = {"classifier": classifier, "reader": reader, "detector": detector}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=list(TASKS), metavar="TASK")
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--lines", type=int, help="to learn from, or pages (16384, 8192, 1000)")
    parser.add_argument("--epochs", type=int, help="(4, 3, 14)")
    parser.add_argument("--seed", type=int, default=1007, help="of what is tested")
    parser.add_argument("--classifier", type=float, default=0.3, help="its share of operations")
    parser.add_argument("--reader", type=float, nargs="+", default=[0.7, 0.6, 0.5], help="the same")
    parser.add_argument("--controls", action="store_true", help="of the reader, too")
    parser.add_argument("--detector", type=float, default=0.5, help="the same")
    arguments = parser.parse_args()
    neuroplast = arguments.build.resolve() / "bin" / "neuroplast"
    table = Table()
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.tasks:
            TASKS[name](neuroplast, Path(folder), table, arguments)
    return 0 if table.holds else 1


if __name__ == "__main__":
    sys.exit(main())
