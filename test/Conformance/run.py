#!/usr/bin/env python3
"""Runs the public ONNX backend suite through `neuroplast run`; counts results per tier.

A refused case is one for which the driver names a reason; a wrong one gave another
result, crashed or did not end. The run fails if a case is wrong, if one of the list
passing.txt does not pass, or if one is refused for a reason that is not in the ledger
refused.tsv; --update brings both files up to date.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from cases import SHIPPED, Case, write_cases
from onnx import numpy_helper

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))
from Models import driver, server  # noqa: E402

PASSING = Path(__file__).with_name("passing.txt")
REFUSED = Path(__file__).with_name("refused.tsv")
GROUPS = ("A", "B", "C", *SHIPPED)
TIME_LIMIT = 120.0

# Whose values the specification does not fix: a Dropout that trains has a third operand.
RANDOM = {
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
    "Bernoulli",
    "Multinomial",
}


@dataclass(frozen=True)
class Result:
    """What became of one case: pass, refused or wrong."""

    name: str
    status: str
    reason: str = ""


def read_value(path: Path, info: onnx.ValueInfoProto) -> np.ndarray | None:
    """A tensor of the suite; none for values that are no tensors."""
    if info.type.WhichOneof("value") != "tensor_type":
        return None
    tensor = onnx.TensorProto()
    tensor.ParseFromString(path.read_bytes())
    array = numpy_helper.to_array(tensor)
    if array.dtype.kind != "O":
        return array
    texts = [text.decode() if isinstance(text, bytes) else text for text in array.reshape(-1)]
    return np.array(texts, dtype=np.str_).reshape(array.shape)


def compare(found: np.ndarray, expected: np.ndarray, values: bool, rtol: float, atol: float) -> str:
    """Why a result is not the expected one; empty if it is."""
    if found.dtype.kind == "V" and found.dtype.itemsize == expected.dtype.itemsize:
        found = found.view(expected.dtype)  # types that numpy does not know, by their bytes
    if found.dtype != expected.dtype and {found.dtype.kind, expected.dtype.kind} != {"U"}:
        return f"element type {found.dtype}, expected {expected.dtype}"
    if found.shape != expected.shape:
        return f"shape {list(found.shape)}, expected {list(expected.shape)}"
    if not values:
        return ""
    if found.dtype.kind in "biuU":
        close = found == expected
    else:
        if found.dtype.itemsize < 4:  # at most one step of the narrow type
            rtol = max(rtol, float(2 * onnx.numpy_helper.ml_dtypes.finfo(found.dtype).eps))
        a, b = found.astype(np.float64), expected.astype(np.float64)
        # Sums are no closer to zero than one rounding of the largest results.
        largest = np.max(np.abs(b), initial=0, where=np.isfinite(b))
        atol = max(atol, largest * float(onnx.numpy_helper.ml_dtypes.finfo(found.dtype).eps))
        close = np.isclose(a, b, rtol=rtol, atol=atol, equal_nan=True)
    if close.all():
        return ""
    first = int(np.argmin(close.reshape(-1)))
    return (
        f"element {first} is {found.reshape(-1)[first]}, expected "
        f"{expected.reshape(-1)[first]}; {int((~close).sum())} of {close.size} differ"
    )


def run_data_set(
    neuroplast: Path, case: Case, graph: onnx.GraphProto, data: Path, values: bool
) -> Result:
    inputs = {}
    for i, info in enumerate(graph.input):
        path = data / f"input_{i}.pb"
        array = read_value(path, info) if path.exists() else None
        if array is not None:
            inputs[info.name] = array
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.npz", Path(folder) / "out.npz"
        driver.save(source, inputs)
        model = Path(case.folder) / "model.onnx"
        command = ("run", model, "--inputs", source, "--outputs", target)
        try:
            done = server.run(neuroplast, *command, timeout=TIME_LIMIT)
        except subprocess.TimeoutExpired:
            return Result(case.name, "wrong", "out of time")
        lines = [line for line in done.stderr.splitlines() if "warning:" not in line]
        if done.returncode == 1 and len(lines) == 1:
            return Result(case.name, "refused", lines[0])
        if done.returncode != 0:
            return Result(case.name, "wrong", f"exit code {done.returncode}: {lines[:2]}")
        with np.load(target) as archive:
            for i, info in enumerate(graph.output):
                expected = read_value(data / f"output_{i}.pb", info)
                if expected is None or info.name not in archive.files:
                    return Result(case.name, "wrong", f"output {i} is missing")
                if why := compare(archive[info.name], expected, values, case.rtol, case.atol):
                    return Result(case.name, "wrong", f"output {i}: {why}")
    return Result(case.name, "pass")


def run_case(neuroplast: Path, case: Case) -> Result:
    graph = onnx.load(Path(case.folder) / "model.onnx", load_external_data=False).graph
    values = not any(
        node.op_type in RANDOM or (node.op_type == "Dropout" and len(node.input) > 2)
        for node in graph.node
    )
    sets = sorted(Path(case.folder).glob("test_data_set_*"))
    if not sets:
        return Result(case.name, "wrong", "there is no data set")
    for data in sets:
        result = run_data_set(neuroplast, case, graph, data, values)
        if result.status != "pass":
            break
    return result


def get_reason(text: str) -> str:
    """A refusal without the names of files and nodes."""
    text = re.sub(r"^(neuroplast: )?error: \S+?: ", "", text)
    return re.sub(r"^(node|input|output) '[^']*'(: | )", r"\1 ", text)


def report(cases: list[Case], results: list[Result], seconds: float, reasons: int) -> None:
    tier = {case.name: case.tier for case in cases}
    counts = Counter((tier[r.name], r.status) for r in results)
    print("| tier | cases | pass | refused | wrong |\n|---|---|---|---|---|")
    for group in GROUPS:
        row = [counts[group, status] for status in ("pass", "refused", "wrong")]
        print(f"| {group} | {sum(row)} | {' | '.join(map(str, row))} |")
    node = [sum(counts[g, s] for g in "ABC") for s in ("pass", "refused", "wrong")]
    print(f"| all node cases | {sum(node)} | {' | '.join(map(str, node))} |")
    print(f"{len(results)} cases in {seconds:.0f} s")
    grouped = Counter(get_reason(r.reason) for r in results if r.status == "refused")
    print(f"refused, by reason ({len(grouped)} reasons):")
    for reason, count in grouped.most_common(reasons):
        print(f"  {count:4} {reason[:150]}")
    for result in results:
        if result.status == "wrong":
            print(f"WRONG {result.name}: {result.reason}")


def read_ledger() -> dict[str, str]:
    """The reasons for which cases may be refused."""
    return dict(line.split("\t", 1) for line in REFUSED.read_text().splitlines())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--filter", default="", help="regular expression on names of cases")
    parser.add_argument("--json", type=Path, help="write the counts to this file")
    parser.add_argument("--results", type=Path, help="write a row for each case to this file")
    parser.add_argument("--reasons", type=int, default=25, help="reasons of refusal to print")
    parser.add_argument("--jobs", type=int, default=2, help="cases to run at a time")
    parser.add_argument(
        "--update", action="store_true", help="bring passing.txt and the ledger up to date"
    )
    arguments = parser.parse_args()
    neuroplast = arguments.build.resolve() / "bin" / "neuroplast"
    if not neuroplast.exists():
        print(f"error: {neuroplast} is not built", file=sys.stderr)
        return 1
    cases = [
        c
        for c in write_cases(arguments.build / "conformance")
        if re.search(arguments.filter, c.name)
    ]
    start = time.monotonic()
    with ThreadPoolExecutor(arguments.jobs) as pool:
        results = list(pool.map(lambda case: run_case(neuroplast, case), cases))
    results.sort(key=lambda r: r.name)
    report(cases, results, time.monotonic() - start, arguments.reasons)

    status = {r.name: r.status for r in results}
    expected, ledger = set(PASSING.read_text().split()), read_ledger()
    passed = {n for n, s in status.items() if s == "pass"}
    refused = {r.name: get_reason(r.reason) for r in results if r.status == "refused"}
    if arguments.update:
        kept = {n: why for n, why in ledger.items() if n not in status}
        expected = (expected - status.keys()) | passed | (expected & refused.keys())
        ledger = {n: why for n, why in (kept | refused).items() if n not in expected}
        PASSING.write_text("".join(f"{n}\n" for n in sorted(expected)))
        REFUSED.write_text("".join(f"{n}\t{why}\n" for n, why in sorted(ledger.items())))
    regressions = sorted(n for n in expected if status.get(n, "pass") != "pass")
    unexplained = sorted(n for n, why in refused.items() if ledger.get(n) != why)
    for name in regressions:
        print(f"REGRESSION {name}: {status[name]}")
    for name in unexplained:
        print(f"NOT IN THE LEDGER {name}: {refused[name]}")
    if new := passed - expected:
        print(f"{len(new)} cases pass that {PASSING.name} does not list")
    wrong = {n for n, s in status.items() if s == "wrong"}
    failed = sorted(wrong | set(regressions) | set(unexplained))
    if arguments.results:
        arguments.results.write_text(
            "".join(f"{r.name}\t{r.status}\t{r.reason}\n" for r in results)
        )
    if arguments.json:
        arguments.json.write_text(
            json.dumps(
                {
                    "passed": len(passed),
                    "failed": failed,
                    "refused": len(refused.keys() - set(failed)),
                }
            )
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
