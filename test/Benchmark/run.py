#!/usr/bin/env python3
"""Prints latency against ONNX Runtime, compile time and compile memory as a table.

One thread on one pinned core, rounds of both interleaved, medians, the same inputs,
outputs compared in the same run. Fails if an output differs; --limits also fails
on latency above twice ONNX Runtime's, and on compile time and memory of ResNet50.
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

DEFAULT = ("resnet50", "squeezenet", "ppocr_det", "ppocr_rec", "ppocr_cls")
MAX_RATIO = 2.0
MAX_COMPILE_SECONDS = 60.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(DEFAULT), metavar="MODEL")
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one round of one side")
    parser.add_argument("--limits", action="store_true", help="fail beyond the limits")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    neuroplast = arguments.build.resolve() / "bin" / "neuroplast"
    paths = {name: models.MODELS[name].path() for name in arguments.names}
    latency.pin()
    failures, figures = [], {}
    print(
        "| model | compiled ms | ONNX Runtime ms | ratio | error / tolerance "
        "| compile s | compile MiB | weights MiB |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, path in paths.items():
        inputs = models.MODELS[name].sample()
        weights = path.stat().st_size / 2**20
        with tempfile.TemporaryDirectory() as folder:
            try:
                made = latency.compile_model(neuroplast, path, Path(folder) / "model.so", inputs)
                result = latency.compare(
                    neuroplast, path, made.library, inputs, arguments.rounds, arguments.seconds
                )
            except driver.DriverError as error:
                print(f"| {name} | {str(error).splitlines()[0][-160:]} | | | | | | |", flush=True)
                failures.append(f"{name}: failed")
                continue
        print(
            f"| {name} | {result.ours_ms:.2f} | {result.theirs_ms:.2f} | {result.ratio:.2f} "
            f"| {result.mismatch:.3f} | {made.seconds:.1f} | {made.peak_mib:.0f} "
            f"| {weights:.0f} |",
            flush=True,
        )
        figures[name] = {
            "ours_ms": result.ours_ms,
            "theirs_ms": result.theirs_ms,
            "ratio": result.ratio,
            "mismatch": result.mismatch,
            "compile_s": made.seconds,
            "compile_mib": made.peak_mib,
        }
        if result.mismatch > 1:
            failures.append(f"{name}: outputs differ")
        if arguments.limits and result.ratio > MAX_RATIO:
            failures.append(f"{name}: {result.ratio:.2f} times ONNX Runtime")
        if arguments.limits and name == "resnet50":
            if made.seconds > MAX_COMPILE_SECONDS:
                failures.append(f"{name}: {made.seconds:.0f} s to compile")
            if made.peak_mib > 2 * weights + 1024:
                failures.append(f"{name}: {made.peak_mib:.0f} MiB to compile")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    for failure in failures:
        print(f"FAILED {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
