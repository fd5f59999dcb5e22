#!/usr/bin/env python3
"""Runs the public ONNX backend suite and prints pass, refused and wrong per tier.

A refused case is one that the compiler names a reason not to compile; a wrong one
gave another result, crashed or did not end. The run fails if a case is wrong, or
if a case of the list passing.txt does not pass; --update adds what passes to it.
"""

from __future__ import annotations

import argparse
import json
import queue
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cases import SHIPPED, Case, write_cases

PASSING = Path(__file__).with_name("passing.txt")
GROUPS = ("A", "B", "C", *SHIPPED)
STALL_SECONDS = 90.0


@dataclass(frozen=True)
class Result:
    """What became of one case: pass, refused or wrong."""

    name: str
    status: str
    reason: str


def run_once(runner: Path, cases: list[Case], folder: Path) -> tuple[list[Result], str]:
    """Runs the cases in one process; returns what it finished and how it ended."""
    table = folder / "cases.tsv"
    table.write_text("".join(f"{c.name}\t{c.folder}\t{c.rtol}\t{c.atol}\n" for c in cases))
    results: list[Result] = []
    with (folder / "stderr.txt").open("w") as errors:
        process = subprocess.Popen(
            [str(runner), str(table)], stdout=subprocess.PIPE, stderr=errors, text=True,
            errors="replace")
        lines: queue.Queue[str | None] = queue.Queue()

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                lines.put(line)
            lines.put(None)

        threading.Thread(target=read, daemon=True).start()
        while True:
            try:
                line = lines.get(timeout=STALL_SECONDS)
            except queue.Empty:
                process.kill()
                process.wait()
                return results, f"no end within {STALL_SECONDS:.0f} s"
            if line is None:
                break
            parts = line.rstrip("\n").split("\t")
            if len(parts) >= 2 and parts[1] in ("pass", "refused", "wrong"):
                results.append(Result(parts[0], parts[1], parts[2] if len(parts) > 2 else ""))
        code = process.wait()
    return results, "" if code in (0, 1) else f"the process ended with {code}"


def run_all(runner: Path, cases: list[Case], folder: Path) -> list[Result]:
    """Runs the cases; after a crash, goes on with the case behind the crash."""
    folder.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    rest = cases
    while rest:
        done, ended = run_once(runner, rest, folder)
        results += done
        rest = rest[len(done):]
        if rest:
            results.append(Result(rest[0].name, "wrong", ended or "no result"))
            rest = rest[1:]
    return results


def reason_key(reason: str) -> str:
    """The reason without what differs from case to case."""
    return re.sub(r"^\S+:\d+:\d+:\s*|^loc\(.*?\):?\s*", "", reason)[:120]


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
    grouped = Counter(reason_key(r.reason) for r in results if r.status == "refused")
    print(f"refused, by reason ({len(grouped)} reasons):")
    for reason, count in grouped.most_common(reasons):
        print(f"  {count:4} {reason}")
    for result in results:
        if result.status == "wrong":
            print(f"WRONG {result.name}: {result.reason}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--filter", default="", help="regular expression on names of cases")
    parser.add_argument("--json", type=Path, help="write the counts to this file")
    parser.add_argument("--results", type=Path, help="write a row for each case to this file")
    parser.add_argument("--reasons", type=int, default=25, help="reasons of refusal to print")
    parser.add_argument("--jobs", type=int, default=1, help="processes to spread the cases over")
    parser.add_argument("--update", action="store_true", help="add what passes to passing.txt")
    arguments = parser.parse_args()
    runner = arguments.build / "bin" / "neuroplast-conformance"
    if not runner.exists():
        print(f"error: {runner} is not built", file=sys.stderr)
        return 1
    folder = arguments.build / "conformance"
    cases = [c for c in write_cases(folder) if re.search(arguments.filter, c.name)]
    start = time.monotonic()
    with ThreadPoolExecutor(arguments.jobs) as pool:
        parts = pool.map(
            lambda job: run_all(runner, cases[job::arguments.jobs], folder / f"job{job}"),
            range(arguments.jobs))
        results = sorted((r for part in parts for r in part), key=lambda r: r.name)
    report(cases, results, time.monotonic() - start, arguments.reasons)

    status = {r.name: r.status for r in results}
    expected = set(PASSING.read_text().split()) if PASSING.exists() else set()
    regressions = sorted(n for n in expected if status.get(n, "pass") != "pass")
    for name in regressions:
        print(f"REGRESSION {name}: {status[name]}")
    passed = {n for n, s in status.items() if s == "pass"}
    if new := passed - expected:
        if arguments.update:
            PASSING.write_text("\n".join(sorted(expected | passed)) + "\n")
        print(f"{len(new)} cases pass that {PASSING.name} does not list")
    wrong = {n for n, s in status.items() if s == "wrong"}
    failed = sorted(wrong | set(regressions))
    if arguments.results:
        arguments.results.write_text(
            "".join(f"{r.name}\t{r.status}\t{r.reason}\n" for r in results))
    if arguments.json:
        refused = sum(s == "refused" for s in status.values()) - len(set(regressions) - wrong)
        arguments.json.write_text(json.dumps(
            {"passed": len(passed), "failed": failed, "refused": refused}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
