#!/usr/bin/env python3
"""Runs the test suites and ends with one line: 'N passed, N failed'.

Suites: style (ruff, shellcheck, clang-format), lit (IR tests), unit (GoogleTest), e2e
(pytest), conformance (the ONNX backend suite), docs (the site, whose examples are run;
counted by page). Each is counted by case. A suite that dies without a report counts as one failure.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv" / "bin"


@dataclass
class Outcome:
    """Counts of one suite, and the names of what failed."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: int = 0

    def add(self, other: Outcome) -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


def run(command: list[str | Path], environment: dict[str, str] | None = None) -> int:
    """Runs a command with its output shown; returns its exit code."""
    words = [str(part) for part in command]
    merged = {**os.environ, **(environment or {})}
    return subprocess.run(words, cwd=ROOT, env=merged, check=False).returncode


def style(build: Path) -> Outcome:
    scripts = [
        ".ci/run",
        *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("tools/*.sh")),
        "test/Fuzz/run.sh",
    ]
    sources = [
        str(path.relative_to(ROOT))
        for folder in ("include", "lib", "python", "test", "tools")
        for suffix in ("h", "cpp", "c")
        for path in sorted((ROOT / folder).rglob(f"*.{suffix}"))
    ]
    checks: dict[str, list[str | Path]] = {
        "ruff": [VENV / "ruff", "check", "--quiet", "tools", "test", "python", "docs"],
        "shellcheck": ["shellcheck", *scripts],
        "clang-format": ["clang-format-22", "--dry-run", "-Werror", *sources],
    }
    outcome = Outcome()
    for name, command in checks.items():
        if run(command) == 0:
            outcome.passed += 1
        else:
            outcome.failed.append(f"style: {name}")
    return outcome


def lit(build: Path) -> Outcome:
    report = build / "test" / "lit.json"
    report.unlink(missing_ok=True)
    code = run([VENV / "lit", "-sv", "--order=lexical", "--output", report, build / "test"])
    if not report.exists():
        return Outcome(failed=[f"lit: exit code {code} and no report"])
    outcome = Outcome()
    for test in json.loads(report.read_text())["tests"]:
        if test["code"] in ("PASS", "XFAIL", "FLAKYPASS"):
            outcome.passed += 1
        elif test["code"] in ("UNSUPPORTED", "SKIPPED", "EXCLUDED"):
            outcome.skipped += 1
        else:
            outcome.failed.append(f"lit: {test['name']}")
    return outcome


def junit(report: Path, suite: str) -> Outcome:
    """Reads the counts of a JUnit XML report, as pytest and GoogleTest write."""
    outcome = Outcome()
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{suite}: {case.get('classname')}.{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            outcome.failed.append(name)
        elif case.find("skipped") is not None or case.get("status") == "notrun":
            outcome.skipped += 1
        else:
            outcome.passed += 1
    return outcome


def unit(build: Path) -> Outcome:
    listing = subprocess.run(
        [VENV / "ctest", "--test-dir", build / "test", "--show-only=json-v1"],
        capture_output=True,
        text=True,
        check=True,
    )
    outcome = Outcome()
    for test in json.loads(listing.stdout)["tests"]:
        name, report = test["name"], build / "test" / f"{test['name']}.xml"
        report.unlink(missing_ok=True)
        code = run([*test["command"], "--gtest_brief=1", f"--gtest_output=xml:{report}"])
        counted = junit(report, "unit") if report.exists() else Outcome()
        if code != 0 and not counted.failed:
            counted.failed.append(f"unit: {name} ended with {code}")
        outcome.add(counted)
    return outcome


def e2e(build: Path) -> Outcome:
    report = build / "test" / "pytest.xml"
    report.unlink(missing_ok=True)
    # The longest files decide how long it takes: what a process has left, another takes over.
    code = run(
        [
            VENV / "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-n",
            "2",
            "--dist",
            "worksteal",
            f"--junitxml={report}",
            f"--build={build}",
            "test/EndToEnd",
            "test/Property",
        ]
    )
    if not report.exists():
        return Outcome(failed=[f"e2e: exit code {code} and no report"])
    return junit(report, "e2e")


def conformance(build: Path) -> Outcome:
    report = build / "test" / "conformance.json"
    report.unlink(missing_ok=True)
    code = run([VENV / "python", "test/Conformance/run.py", "--build", build, "--json", report])
    if not report.exists():
        return Outcome(failed=[f"conformance: exit code {code} and no report"])
    counts = json.loads(report.read_text())
    outcome = Outcome(
        counts["passed"], [f"conformance: {n}" for n in counts["failed"]], counts["refused"]
    )
    if code != 0 and not outcome.failed:
        outcome.failed.append(f"conformance: exit code {code}")
    return outcome


def docs(build: Path) -> Outcome:
    environment = {"BUILD_DIR": str(build), "NO_MKDOCS_2_WARNING": "1"}
    code = run(
        [VENV / "mkdocs", "build", "--quiet", "--strict", "--site-dir", build / "site"],
        environment=environment,
    )
    if code != 0:
        return Outcome(failed=[f"docs: mkdocs ended with {code}"])
    return Outcome(passed=len(list((build / "site").rglob("index.html"))))


SUITES: dict[str, Callable[[Path], Outcome]] = {
    "style": style,
    "lit": lit,
    "unit": unit,
    "e2e": e2e,
    "conformance": conformance,
    "docs": docs,
}


def measure(name: str, build: Path) -> tuple[Outcome, float]:
    """What a suite comes to, and how many seconds it takes."""
    print(f"== {name}", flush=True)
    start = time.monotonic()
    return SUITES[name](build), time.monotonic() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(SUITES)}")
    arguments = parser.parse_args()
    if unknown := set(arguments.suites) - set(SUITES):
        parser.error(f"unknown suite: {', '.join(sorted(unknown))}")
    build = arguments.build.resolve()
    names = arguments.suites or list(SUITES)
    with ThreadPoolExecutor() as pool:
        # Examples of pages run one after the other, which leaves other cores to the rest.
        beside = {name: pool.submit(measure, name, build) for name in names if name == "docs"}
        alone = {name: measure(name, build) for name in names if name not in beside}
    measured = {**alone, **{name: future.result() for name, future in beside.items()}}
    total = Outcome()
    summary = []
    for name in names:
        outcome, seconds = measured[name]
        total.add(outcome)
        summary.append(
            f"{name}: {outcome.passed} passed, {len(outcome.failed)} failed, "
            f"{outcome.skipped} skipped, {seconds:.0f} s"
        )
    print("== summary")
    print("\n".join(summary))
    for name in total.failed:
        print(f"FAILED {name}")
    print(f"{total.passed} passed, {len(total.failed)} failed", flush=True)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
