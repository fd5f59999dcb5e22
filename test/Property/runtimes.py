"""Checks that what is written loads wherever the original loads.

Run with -m it writes the models of the tests and of the conformance suite, and loads
them in the ONNX Runtime of the tests and in another one, by default in the oldest that
pip has for this Python. It installs that one in the build folder. It ends with 1 if one
loads an original and not what was written of it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from Conformance.cases import write_cases
from Models import driver
from Models.models import MODELS

ROOT = Path(__file__).resolve().parents[2]
OLDEST = "1.15.0"
# Reads pairs of files as JSON, a line each; prints for each why they cannot be loaded.
LOADER = """
import json, sys
import onnxruntime
options = onnxruntime.SessionOptions()
options.log_severity_level = 4
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
for line in sys.stdin:
    reasons = []
    for path in json.loads(line):
        try:
            onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            reasons.append("")
        except Exception as error:
            reasons.append(str(error) or type(error).__name__)
    print(json.dumps(reasons), flush=True)
"""


def install(version: str, build: Path) -> Path:
    """A Python that has this version of ONNX Runtime."""
    folder = build / f"onnxruntime-{version}"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        # Old versions were built for the first interface of NumPy.
        subprocess.run(
            [
                python,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--only-binary",
                ":all:",
                f"onnxruntime=={version}",
                "numpy<2",
            ],
            check=True,
        )
    return python


def load(python: Path, pairs: list[tuple[Path, Path]]) -> list[tuple[str, str]]:
    """Why the files of each pair cannot be loaded; empty where they can."""
    lines = "".join(json.dumps([str(path) for path in pair]) + "\n" for pair in pairs)
    done = subprocess.run(
        [python, "-c", LOADER], input=lines, capture_output=True, text=True, check=True
    )
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def write(neuroplast: Path, source: Path, target: Path) -> str:
    """Reads a model and writes it again; the reason if that is refused."""
    try:
        driver.call(neuroplast, "import", source, "-o", target)
    except driver.DriverError as error:
        return str(error)
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--onnxruntime", default=OLDEST, help="the other version")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    pythons = {
        "of the tests": Path(sys.executable),
        arguments.onnxruntime: install(arguments.onnxruntime, build),
    }
    sources = {name: model.path() for name, model in MODELS.items()}
    cases = write_cases(build / "conformance")
    sources |= {case.name: Path(case.folder) / "model.onnx" for case in cases}
    failed = 0
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        targets = [Path(folder) / f"{number}.onnx" for number in range(len(sources))]
        refusals = pool.map(
            write, [build / "bin" / "neuroplast"] * len(sources), sources.values(), targets
        )
        written = {
            name: (source, target)
            for (name, source), target, refusal in zip(
                sources.items(), targets, refusals, strict=True
            )
            if not refusal
        }
        print(f"{len(MODELS)} models and {len(cases)} cases: {len(written)} written")
        for version, python in pythons.items():
            results = load(python, list(written.values()))
            loaded = [
                name for name, (before, _) in zip(written, results, strict=True) if not before
            ]
            lost = {
                name: after
                for name, (before, after) in zip(written, results, strict=True)
                if after and not before
            }
            print(
                f"ONNX Runtime {version}: loads {len(loaded)} originals, of the models "
                f"{sum(name in MODELS for name in loaded)}; not what was written of "
                f"{len(lost)}"
            )
            for name, reason in lost.items():
                print(f"  {name}: {reason[:200]}".replace("\n", " "))
            failed += len(lost)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
