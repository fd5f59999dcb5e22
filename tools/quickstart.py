#!/usr/bin/env python3
"""Prunes and compiles PP-OCR's text orientation classifier, and measures it.

The data are text lines that this script renders, half of them upside down, the same
ones at every run; those that calibrate share neither fonts nor words with those that
test. At first nothing is trained: what is left of the model is fitted to what it gave
before. In the end seven tenths of it learn, without labels, what the whole of it says.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "test"))

from Benchmark import latency  # noqa: E402
from Models import driver, models, text_lines  # noqa: E402

SHAPE = "x=1x3x48x192"
SHARES = (1.0, 0.9, 0.8, 0.7, 0.5, 0.3)
LIBRARY_SHARE = 0.8
TAUGHT_SHARE = 0.7


@dataclass(frozen=True)
class Row:
    """The figures for one share of the operations."""

    share: float
    cut: float
    fitted: float
    parameters: int
    flops: int
    ours_ms: float
    theirs_ms: float
    mismatch: float


def accuracy(neuroplast: Path, model: Path, images: np.ndarray, labels: np.ndarray) -> float:
    """Of the compiled model."""
    (scores,) = driver.run(neuroplast, model, {"x": images}).values()
    return float(np.mean(np.argmax(scores, axis=1) == labels))


@dataclass(frozen=True)
class Cut:
    """A model at one share of the operations, as cut and fitted, with their accuracies."""

    share: float
    model: Path
    accuracy: float
    fitted: float


def prune(
    neuroplast: Path,
    original: Path,
    share: float,
    folder: Path,
    data: Path,
    images: np.ndarray,
    labels: np.ndarray,
) -> Cut:
    """Cuts a model, and fits it to what it gave."""
    name = f"cls-{round(share * 100):03}"
    model, cut = folder / f"{name}.onnx", folder / f"{name}-cut.onnx"
    if share == 1:
        same = accuracy(neuroplast, original, images, labels)
        return Cut(share, original, same, same)
    call = ("prune", original, "--data", data, "--target-flops", f"{share}x", "--no-compare")
    driver.call(neuroplast, *call, "-o", cut, "--no-reconstruct")
    driver.call(neuroplast, *call, "-o", model)
    before, after = (accuracy(neuroplast, path, images, labels) for path in (cut, model))
    cut.unlink()
    return Cut(share, model, before, after)


def measure(neuroplast: Path, cut: Cut, folder: Path, images: np.ndarray, rounds: int) -> Row:
    """Compiles a model and measures it."""
    model, name = cut.model, cut.model.stem if cut.share < 1 else "cls-100"
    facts = json.loads(driver.call(neuroplast, "inspect", model, "--json", "--shape", SHAPE))
    inputs = {"x": images[:1]}
    library = folder / f"{name}.so"
    latency.compile_model(neuroplast, model, library, inputs, "--header", library.with_suffix(".h"))
    timed = latency.compare(neuroplast, model, library, inputs, rounds, 0.5)
    return Row(
        cut.share,
        cut.accuracy,
        cut.fitted,
        facts["parameters"],
        facts["flops"],
        timed.ours_ms,
        timed.peers_ms["ONNX Runtime"],
        timed.mismatch,
    )


def teach(
    neuroplast: Path, original: Path, cut: Cut, data: Path, epochs: int
) -> tuple[Path, float]:
    """Lets a cut model learn what the original says; the model, and the seconds that took."""
    model = cut.model.with_name(f"{cut.model.stem}-taught.onnx")
    start = time.monotonic()
    driver.call(
        neuroplast, "distill", original, cut.model, "--data", data, "-o", model,
        "--optimizer", "adam", "--lr", "0.001", "--schedule", "cosine", "--clip-norm", "5",
        "--epochs", str(epochs), "--threads", str(min(2, os.cpu_count() or 1)),
    )  # fmt: skip
    return model, time.monotonic() - start


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| operations | accuracy as cut | fitted | parameters | MFLOPs | compiled ms "
        "| ONNX Runtime ms |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.share:.1f}x | {row.cut:.3f} | {row.fitted:.3f} | {row.parameters:,} "
        f"| {row.flops / 1e6:.1f} | {row.ours_ms:.2f} | {row.theirs_ms:.2f} |"
        for row in rows
    ]
    return "\n".join(lines)


def picture(rows: list[Row], path: Path) -> None:
    """Accuracy, size and latency over the share of the operations, as a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2), constrained_layout=True)
    shares = [row.share for row in rows]
    left.plot(shares, [row.fitted for row in rows], "o-", label="accuracy, fitted")
    left.plot(shares, [row.cut for row in rows], "x:", label="accuracy, as cut")
    left.plot(
        shares,
        [row.parameters / rows[0].parameters for row in rows],
        "s--",
        label="parameters kept",
    )
    left.axhline(0.5, color="grey", linewidth=0.8)
    left.set(xlabel="share of the operations", ylim=(0, 1.05), title="What pruning keeps")
    right.plot(shares, [row.theirs_ms for row in rows], "s--", label="ONNX Runtime")
    right.plot(shares, [row.ours_ms for row in rows], "o-", label="Neuroplast")
    right.set(xlabel="share of the operations", ylabel="ms, one thread")
    right.set(title="Latency of one line")
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.invert_xaxis()
        axes.legend()
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=130)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--lines", type=int, default=512, help="to calibrate, and to test")
    parser.add_argument("--taught", type=int, default=4096, help="lines to learn from")
    parser.add_argument("--epochs", type=int, default=3, help="how often to learn from them")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of measuring latency")
    arguments = parser.parse_args()
    neuroplast = arguments.build.resolve() / "bin" / "neuroplast"
    folder = ROOT / "out" / "quickstart"
    folder.mkdir(parents=True, exist_ok=True)
    original = models.MODELS["ppocr_cls"].path()
    images, labels = text_lines.turned_lines(arguments.lines, seed=7, calibrates=False)
    calibration, _ = text_lines.turned_lines(arguments.lines, seed=11, calibrates=True)
    data = folder / "calibration.npz"
    driver.save(data, {"x": calibration})
    print(f"PP-OCR text orientation on {len(images)} rendered lines, half of them upside down")
    cuts = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for cut in pool.map(
            lambda share: prune(neuroplast, original, share, folder, data, images, labels), SHARES
        ):
            cuts.append(cut)
            print(f"  {cut.share:.1f}x: accuracy {cut.fitted:.3f}", flush=True)
    chosen_cut = next(cut for cut in cuts if cut.share == TAUGHT_SHARE)
    lines, _ = text_lines.turned_lines(arguments.taught, seed=12, calibrates=True)
    driver.save(folder / "lines.npz", {"x": lines})
    taught, seconds = teach(
        neuroplast, original, chosen_cut, folder / "lines.npz", arguments.epochs
    )
    right = accuracy(neuroplast, taught, images, labels)
    latency.pin()
    rows = [measure(neuroplast, cut, folder, images, arguments.rounds) for cut in cuts]
    text = table(rows)
    print(
        f"\n{text}\n\nNothing was trained: 'as cut' has the weights that were left, "
        "'fitted' has them fitted\nto what the layers gave before, on as many other lines."
    )
    (folder / "table.md").write_text(text + "\n")
    picture(rows, folder / "figure.png")
    chosen = f"cls-{round(LIBRARY_SHARE * 100):03}"
    print("Written to", folder.relative_to(ROOT))
    print(
        f"  table.md figure.png, and for each share (here {LIBRARY_SHARE}):",
        f"{chosen}.onnx {chosen}.so {chosen}.h",
    )
    whole = rows[0]
    learned = Cut(TAUGHT_SHARE, taught, chosen_cut.accuracy, right)
    small = measure(neuroplast, learned, folder, images, 1)
    # One after the other, several times, since other programs run at times.
    times = [
        [measure(neuroplast, cut, folder, images, 1).ours_ms for cut in (cuts[0], learned)]
        for _ in range(arguments.rounds)
    ]
    before, after = np.median(times, axis=0)
    print(
        f"\n{taught.relative_to(ROOT)} has learned for {seconds:.0f} s, without labels, what the "
        f"original says:\n"
        f"  smaller: {small.parameters:,} parameters of {whole.parameters:,}\n"
        f"  faster: {after:.2f} ms, where the original takes {before:.2f} "
        f"(ONNX Runtime: {whole.theirs_ms:.2f})\n"
        f"  as accurate: {small.fitted:.1%}, where the original has {whole.fitted:.1%}"
    )
    worst = max(row.mismatch for row in [*rows, small])
    print(f"Largest difference from ONNX Runtime: {worst:.3f} of the tolerance (at most 1)")
    return 0 if worst <= 1 and small.fitted >= 0.98 * whole.fitted else 1


if __name__ == "__main__":
    sys.exit(main())
