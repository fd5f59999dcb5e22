"""Compares drawn models of single operators with ONNX Runtime, on the model as drawn.

Run with -m: `versions` goes through all old versions of all operators, `attributes`
through the newest ones. It prints what was tried and what became of it, and ends with 1
if a result differs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from Models import driver
from onnx import helper
from onnx.reference import ReferenceEvaluator

from Property.operators import FORMS, draw_node, get_versions

ROOT = Path(__file__).resolve().parents[2]
NEWEST = 26  # the opset that the importer follows


@dataclass(frozen=True)
class Trial:
    """One drawn model."""

    op: str
    opset: int
    seed: int
    dynamic: bool

    def __str__(self) -> str:
        kind = "dynamic" if self.dynamic else "static"
        return f"{self.op}-{self.opset} seed {self.seed} {kind}"


@dataclass(frozen=True)
class Outcome:
    """What became of a trial, and why.

    `same`; `differs`; `not exported` or `exported wrong`, after being the same; `refused` (by
    us); `skipped` (by the oracle); `disputed` if ONNX Runtime differs from the reference that
    defines the operator, and we do not.
    """

    trial: Trial
    kind: str
    reason: str = ""


def compare(found: np.ndarray, expected: np.ndarray) -> str:
    """Why two results differ; empty if they do not."""
    if found.dtype != expected.dtype:
        return f"element type {found.dtype}, expected {expected.dtype}"
    if found.shape != expected.shape:
        return f"shape {found.shape}, expected {expected.shape}"
    if expected.dtype.kind != "f":
        wrong = int(np.sum(found != expected))
        return f"{wrong} of {expected.size} elements differ" if wrong else ""
    tolerance = {2: 2e-2, 4: 1e-3, 8: 1e-5}[expected.dtype.itemsize]
    a, b = found.astype(np.float64), expected.astype(np.float64)
    with np.errstate(invalid="ignore"):
        finite = np.isfinite(b)
        scale = np.max(np.abs(b[finite]), initial=1e-3)
        close = np.isclose(a, b, rtol=tolerance, atol=tolerance * scale, equal_nan=True)
    wrong = int(np.sum(~close))
    return f"{wrong} of {expected.size} elements differ" if wrong else ""


def make_session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    providers = ["CPUExecutionProvider"]
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers)


def evaluate(model: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What ONNX Runtime gives; the outputs of the model get their element types."""
    results = make_session(model).run(None, feeds)
    named = {}
    for output, result in zip(model.graph.output, results, strict=True):
        kind = helper.np_dtype_to_tensor_dtype(result.dtype)
        output.CopyFrom(helper.make_tensor_value_info(output.name, kind, None))
        named[output.name] = result
    return named


def evaluate_reference(
    model: onnx.ModelProto, feeds: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """What the reference implementation of ONNX gives; nothing if it has none."""
    try:
        results = ReferenceEvaluator(model).run(None, feeds)
    except Exception:  # it lacks operators and old versions, in ways of its own
        return {}
    names = [output.name for output in model.graph.output]
    return {name: np.asarray(value) for name, value in zip(names, results, strict=True)}


def attempt(trial: Trial, neuroplast: Path) -> Outcome:
    node = draw_node(trial.op, trial.opset, trial.seed)
    model = node.model(trial.op, trial.opset, trial.dynamic)
    feeds = node.feeds()
    try:
        expected = evaluate(model, feeds)
    except Exception as error:  # whatever the oracle says, it is no result
        return Outcome(trial, "skipped", str(error).replace("\n", " ")[:150])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.save(model, path)
        try:
            if trial.dynamic:
                library = Path(folder) / "model.so"
                driver.call(neuroplast, "compile", path, "-O", "1", "-o", library)
                path = library
            found = driver.run(neuroplast, path, feeds)
        except driver.DriverError as error:
            text = str(error)
            kind = "refused" if "exit code 1: " in text else "differs"
            return Outcome(trial, kind, text.split("exit code", 1)[1][:220].replace("\n", " "))
    for name, value in expected.items():
        if name not in found:
            return Outcome(trial, "differs", f"{name} is missing")
        if reason := compare(found[name], value):
            other = evaluate_reference(model, feeds)
            agrees = name in other and not compare(found[name], other[name])
            return Outcome(trial, "disputed" if agrees else "differs", f"{name}: {reason}")
    return attempt_export(trial, model, feeds, expected, neuroplast)


def attempt_export(
    trial: Trial,
    model: onnx.ModelProto,
    feeds: dict[str, np.ndarray],
    expected: dict[str, np.ndarray],
    neuroplast: Path,
) -> Outcome:
    """What is written back loads where the model loaded, and gives the same."""
    with tempfile.TemporaryDirectory() as folder:
        path, again = Path(folder) / "model.onnx", Path(folder) / "again.onnx"
        onnx.save(model, path)
        try:
            driver.call(neuroplast, "import", path, "-o", again)
            found = make_session(onnx.load(again)).run(None, feeds)
        except Exception as error:  # ours, or that of the runtime that does not load it
            return Outcome(trial, "not exported", str(error).replace("\n", " ")[-220:])
    for (name, value), result in zip(expected.items(), found, strict=True):
        if reason := compare(np.asarray(result), value):
            return Outcome(trial, "exported wrong", f"{name}: {reason}")
    return Outcome(trial, "same")


def draw_trials(kind: str, draws: int, ops: list[str]) -> Iterator[Trial]:
    for op in ops:
        versions = get_versions(op, NEWEST)
        chosen = versions[:-1] if kind == "versions" else [NEWEST]
        if op == "Upsample":
            chosen = [version for version in versions if version < 10]
        for opset in chosen:
            for number in range(draws):
                seed = zlib.crc32(f"{op} {opset} {number}".encode())
                yield Trial(op, opset, seed, dynamic=number % 4 == 3)


def survey(kind: str, draws: int, neuroplast: Path, ops: list[str], jobs: int) -> list[Outcome]:
    trials = list(draw_trials(kind, draws, ops))
    if jobs == 1:
        return [attempt(trial, neuroplast) for trial in trials]
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(attempt, trials, [neuroplast] * len(trials), chunksize=8))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["versions", "attributes"])
    parser.add_argument("--draws", type=int, default=8, help="models of each version")
    parser.add_argument("--only", nargs="*", default=sorted(FORMS), help="operators")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--build", default=str(ROOT / "build"))
    arguments = parser.parse_args()
    neuroplast = Path(arguments.build).resolve() / "bin" / "neuroplast"
    outcomes = survey(arguments.kind, arguments.draws, neuroplast, arguments.only, arguments.jobs)
    kinds = Counter(outcome.kind for outcome in outcomes)
    versions = {(outcome.trial.op, outcome.trial.opset) for outcome in outcomes}
    print(
        f"{len(outcomes)} models of {len(versions)} versions of {len(arguments.only)} operators: "
        + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    )
    for kind in ("skipped", "refused", "disputed", "not exported", "exported wrong", "differs"):
        groups: dict[tuple[str, int, str], list[Outcome]] = defaultdict(list)
        for outcome in outcomes:
            if outcome.kind == kind:
                groups[outcome.trial.op, outcome.trial.opset, outcome.reason[-60:]].append(outcome)
        for (op, opset, _), group in sorted(groups.items()):
            print(f"{kind} {len(group)} x {op}-{opset}: {group[0].reason} ({group[0].trial})")
    return 1 if kinds["differs"] or kinds["exported wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
