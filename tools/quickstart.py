#!/usr/bin/env python3
"""Prunes and compiles PP-OCR's text orientation classifier, and measures it.

The data are text lines that this script renders, half of them upside down, the same
ones at every run. Nothing is trained: what accuracy falls by is what recovery
training has to bring back.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "test"))

from Benchmark import latency  # noqa: E402
from Models import driver, models  # noqa: E402

FONTS = Path("/usr/share/fonts/truetype/dejavu")
WORDS = [
    "neuron",
    "channel",
    "growth",
    "total",
    "invoice",
    "amount",
    "street",
    "number",
    "Friday",
    "morning",
    "tea",
    "station",
    "platform",
    "2048",
    "delivery",
    "return",
    "window",
    "open",
    "closed",
    "price",
    "19.99",
    "order",
    "address",
    "garden",
    "bridge",
    "signal",
    "Berlin",
    "Oslo",
    "Kyoto",
    "reading",
    "glass",
    "paper",
    "copper",
]
HEIGHT, WIDTH, BATCH = 48, 192, 64
RATIOS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7)
LIBRARY_RATIO = 0.5


@dataclass(frozen=True)
class Row:
    """The figures of one ratio."""

    ratio: float
    accuracy: float
    parameters: int
    flops: int
    ours_ms: float
    theirs_ms: float
    mismatch: float


def text_line(random: np.random.Generator) -> Image.Image:
    """Dark words in one of the fonts on a light, slightly noisy ground."""
    fonts = sorted(FONTS.glob("DejaVu*.ttf"))
    font = ImageFont.truetype(str(fonts[random.integers(len(fonts))]), int(random.integers(24, 40)))
    words = random.choice(WORDS, random.integers(1, 4))
    text = " ".join(words)
    left, top, right, bottom = font.getbbox(text)
    margin = random.integers(2, 8, 4)
    size = (int(right - left + margin[0] + margin[1]), int(bottom - top + margin[2] + margin[3]))
    ground, ink = int(random.integers(180, 256)), int(random.integers(0, 90))
    picture = Image.new("L", size, ground)
    ImageDraw.Draw(picture).text((margin[0] - left, margin[2] - top), text, fill=ink, font=font)
    noise = random.normal(0, 6, (size[1], size[0]))
    pixels = np.clip(np.asarray(picture, np.float32) + noise, 0, 255).astype(np.uint8)
    return Image.fromarray(pixels).convert("RGB")


def prepare(picture: Image.Image) -> np.ndarray:
    """The classifier's input: height 48, at most 192 wide, padded by zeros."""
    width = min(WIDTH, max(1, round(HEIGHT * picture.width / picture.height)))
    resized = picture.resize((width, HEIGHT), Image.Resampling.BILINEAR)
    pixels = np.asarray(resized, np.float32)[:, :, ::-1].transpose(2, 0, 1) / 127.5 - 1
    padded = np.zeros((3, HEIGHT, WIDTH), np.float32)
    padded[:, :, :width] = pixels
    return padded


def data_set(count: int, seed: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels: 0 upright, 1 turned by 180 degrees."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    lines = (text_line(random) for _ in range(count))
    images = [
        prepare(line.rotate(180) if turned else line)
        for line, turned in zip(lines, labels, strict=True)
    ]
    return np.stack(images), labels


def accuracy(neuroplast: Path, model: Path, images: np.ndarray, labels: np.ndarray) -> float:
    """Of the compiled model, over batches."""
    hits = 0
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]
        (scores,) = driver.run(neuroplast, model, {"x": batch}).values()
        hits += int(np.sum(np.argmax(scores, axis=1) == labels[start : start + BATCH]))
    return hits / len(images)


def measure(
    neuroplast: Path,
    original: Path,
    ratio: float,
    folder: Path,
    images: np.ndarray,
    labels: np.ndarray,
    rounds: int,
) -> Row:
    """Prunes, compiles and measures at one ratio."""
    model = folder / f"cls-{round(ratio * 100):02}.onnx"
    if ratio == 0:
        model = original
    else:
        driver.call(neuroplast, "prune", original, "-o", model, "--ratio", str(ratio),
                    "--no-compare")
    facts = json.loads(
        driver.call(neuroplast, "inspect", model, "--json", "--shape", f"x=1x3x{HEIGHT}x{WIDTH}")
    )
    inputs = {"x": images[:1]}
    library = folder / f"cls-{round(ratio * 100):02}.so"
    latency.compile_model(neuroplast, model, library, inputs, "--header", library.with_suffix(".h"))
    timed = latency.compare(neuroplast, model, library, inputs, rounds, 0.5)
    return Row(
        ratio,
        accuracy(neuroplast, model, images, labels),
        facts["parameters"],
        facts["flops"],
        timed.ours_ms,
        timed.theirs_ms,
        timed.mismatch,
    )


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| ratio | accuracy | parameters | MFLOPs | compiled ms | ONNX Runtime ms |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.ratio:.2f} | {row.accuracy:.3f} | {row.parameters:,} | {row.flops / 1e6:.1f} "
        f"| {row.ours_ms:.2f} | {row.theirs_ms:.2f} |"
        for row in rows
    ]
    return "\n".join(lines)


def picture(rows: list[Row], path: Path) -> None:
    """Accuracy, size and latency over the ratio, as a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2), constrained_layout=True)
    ratios = [row.ratio for row in rows]
    left.plot(ratios, [row.accuracy for row in rows], "o-", label="accuracy, no recovery training")
    left.plot(
        ratios,
        [row.parameters / rows[0].parameters for row in rows],
        "s--",
        label="parameters kept",
    )
    left.plot(ratios, [row.flops / rows[0].flops for row in rows], "^:", label="FLOPs kept")
    left.axhline(0.5, color="grey", linewidth=0.8)
    left.set(xlabel="share of units removed", ylim=(0, 1.05), title="What pruning keeps")
    right.plot(ratios, [row.theirs_ms for row in rows], "s--", label="ONNX Runtime")
    right.plot(ratios, [row.ours_ms for row in rows], "o-", label="Neuroplast")
    right.set(xlabel="share of units removed", ylabel="ms, one thread", title="Latency of one line")
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.legend()
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=130)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--lines", type=int, default=512, help="text lines to render")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of measuring latency")
    arguments = parser.parse_args()
    neuroplast = arguments.build.resolve() / "bin" / "neuroplast"
    folder = ROOT / "out" / "quickstart"
    folder.mkdir(parents=True, exist_ok=True)
    original = models.MODELS["ppocr_cls"].path()
    images, labels = data_set(arguments.lines)
    latency.pin()
    print(f"PP-OCR text orientation on {len(images)} rendered lines, half of them upside down")
    rows = []
    for ratio in RATIOS:
        rows.append(measure(neuroplast, original, ratio, folder, images, labels, arguments.rounds))
        print(f"  ratio {ratio:.2f}: accuracy {rows[-1].accuracy:.3f}", flush=True)
    text = table(rows)
    print(f"\n{text}\n\nNo recovery training yet: accuracy is that of the cut weights as they are.")
    (folder / "table.md").write_text(text + "\n")
    picture(rows, folder / "figure.png")
    chosen = f"cls-{round(LIBRARY_RATIO * 100):02}"
    print("Written to", folder.relative_to(ROOT))
    print(
        f"  table.md figure.png, and for each ratio (here {LIBRARY_RATIO}):",
        f"{chosen}.onnx {chosen}.so {chosen}.h",
    )
    worst = max(row.mismatch for row in rows)
    print(f"Largest difference from ONNX Runtime: {worst:.3f} of the tolerance (at most 1)")
    return 0 if worst <= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
