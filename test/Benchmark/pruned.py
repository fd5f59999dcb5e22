#!/usr/bin/env python3
"""Prints what pruning brings on the clock, beside what peers make of the same files.

Models are cut at several ratios without rounding counts to vector widths. 'realised' is
the speed-up divided by the factor of operations that went; the ratio is to the best peer
on the same pruned file. One thread on one pinned core, rounds of all interleaved.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))

from Models import driver, models  # noqa: E402

from Benchmark import latency  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names", nargs="*", default=["resnet50", "vgg19", "ppocr_det"], metavar="MODEL"
    )
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--ratios", type=float, nargs="+", default=[0.25, 0.5, 0.75])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one round of one side")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    neuroplast = arguments.build.resolve() / "bin" / "neuroplast"
    latency.pin()
    figures = []
    print("| model | cut | operations | compiled ms | speed-up | realised | peers ms | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for name in arguments.names:
        model = models.MODELS[name]
        inputs = model.sample()
        whole = 0.0
        shapes = [f"--shape={key}={'x'.join(map(str, v.shape))}" for key, v in inputs.items()]
        for ratio in (0.0, *arguments.ratios):
            with tempfile.TemporaryDirectory() as folder:
                path, factor = model.path(), 1.0
                if ratio:
                    path = Path(folder) / "pruned.onnx"
                    options = ("--ratio", str(ratio), *shapes)
                    report = driver.edit(neuroplast, "prune", model.path(), path, *options)
                    factor = report["before"]["flops"] / report["after"]["flops"]
                library = Path(folder) / "model.so"
                made = latency.compile_model(neuroplast, path, library, inputs)
                result = latency.compare(
                    neuroplast, path, made.library, inputs, arguments.rounds, arguments.seconds
                )
            whole = whole or result.ours_ms
            speedup = whole / result.ours_ms
            peers = ", ".join(f"{peer} {ms:.2f}" for peer, ms in result.peers_ms.items())
            print(
                f"| {name} | {ratio:.2f} | 1/{factor:.2f} | {result.ours_ms:.2f} | {speedup:.2f} "
                f"| {speedup / factor:.2f} | {peers} | {result.ratio:.2f} |",
                flush=True,
            )
            figures.append(
                {
                    "model": name,
                    "cut": ratio,
                    "operations": factor,
                    "ours_ms": result.ours_ms,
                    "peers_ms": result.peers_ms,
                    "mismatch": result.mismatch,
                }
            )
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
