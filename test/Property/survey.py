"""Checks the axis rules on all conformance cases, and that wrong rules are found out.

Run with -m it prints how many cases and operators were checked, what became of the
others, and how many of the mutated rules were noticed; it ends with 1 if a rule does
not hold or a mutant is not noticed that is not known to be as true as the rule.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import zlib
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path

import numpy as np
from Conformance.cases import write_cases

from Property.axis_rules import MUTANTS, Checker, Refused, Rule, Wrong, load_case

ROOT = Path(__file__).resolve().parents[2]
# Keep-lists that show a wrong rule can be rare, as where few indices are looked at.
MUTANT_TRIALS = 16
# Mutants that are true of their case: patterns of their names, and why.
EQUIVALENT = {
    r"attention.*(mask|qk_matmul).*: unpin": "a masked key, as a removed one, takes no part",
    r"tri[lu]_(out|zero).*: unpin": "nothing is left, or all of it",
    r"tfidfvectorizer.*: unpin": "no n-gram of the pool is in the text, removed words or not",
    r"matmulinteger: ignore_statistics": "one zero point is zero",
    r"reduce_(max|min)_bool.*: ignore_statistics": "false is the neutral element",
    r"reshape_allowzero.*: unpin": "it has no elements",
    r"slice_start_out_of_bounds: unpin": "it has no elements",
    r"equal_string.*: unpin": "the results of what is left are the same",
}


def lists() -> dict[str, list[str]]:
    return defaultdict(list)


@dataclass
class Survey:
    """What became of the cases."""

    # Cases whose rule holds, by operator.
    holds: dict[str, list[str]] = field(default_factory=lists)
    # Messages on cases whose rule does not hold.
    wrong: list[str] = field(default_factory=list)
    # Cases that could not be checked, by reason.
    refused: dict[str, list[str]] = field(default_factory=lists)
    # By kind, the mutants that were noticed.
    noticed: Counter[str] = field(default_factory=Counter)
    # Messages on those that were not, and on those that are no worse than the rule.
    survived: list[str] = field(default_factory=list)
    equivalent: list[str] = field(default_factory=list)

    def add(self, other: Survey) -> None:
        for op, names in other.holds.items():
            self.holds[op] += names
        for reason, names in other.refused.items():
            self.refused[reason] += names
        self.wrong += other.wrong
        self.noticed += other.noticed
        self.survived += other.survived
        self.equivalent += other.equivalent

    def add_survivor(self, message: str) -> None:
        reason = next((EQUIVALENT[p] for p in EQUIVALENT if re.search(p, message)), None)
        if reason is None:
            self.survived.append(message)
        else:
            self.equivalent.append(f"{message} ({reason})")

    def print(self, limit: int = 20) -> None:
        cases = sum(map(len, self.holds.values()))
        print(f"rules hold on {cases} cases of {len(self.holds)} operators")
        print("  " + ", ".join(f"{op} {len(names)}" for op, names in sorted(self.holds.items())))
        print(f"rules do not hold on {len(self.wrong)} cases")
        for message in self.wrong[:limit]:
            print("  " + message)
        print(f"not checked: {sum(map(len, self.refused.values()))} cases")
        for reason, names in sorted(self.refused.items(), key=lambda item: -len(item[1])):
            print(f"  {len(names):4} {reason}, as {names[0]}")
        if self.noticed or self.survived:
            print(
                f"mutants noticed: {sum(self.noticed.values())}, {dict(self.noticed)}; "
                f"true of their case: {len(self.equivalent)}; not noticed: {len(self.survived)}"
            )
        for message in self.survived[:limit] + self.equivalent[:limit]:
            print("  " + message)


def shorten(message: str) -> str:
    """A reason without the names and numbers of the case."""
    text = re.sub(r".*error: ", "", message)
    text = re.sub(r"is no valid ONNX model.*", "is no valid ONNX model", text)
    return re.sub(r"^'[^']*' |input '[^']*' |operator '[^']*' ", "", text)[:70]


def survey(opt: Path, folders: list[Path], mutants: bool = False) -> Survey:
    """Checks the rules of the cases in these folders, and mutants of them, on all cores."""
    jobs = os.cpu_count() or 1
    total = Survey()
    with ProcessPoolExecutor(jobs) as pool:
        chunks = [folders[start :: 8 * jobs] for start in range(8 * jobs)]
        for part in pool.map(survey_some, repeat(opt), chunks, repeat(mutants)):
            total.add(part)
    return total


def survey_some(opt: Path, folders: list[Path], mutants: bool) -> Survey:
    with tempfile.TemporaryDirectory() as scratch:
        return survey_in(Path(scratch), opt, folders, mutants)


def survey_in(scratch: Path, opt: Path, folders: list[Path], mutants: bool) -> Survey:
    result = Survey()
    checker = Checker(opt, scratch)
    for folder in folders:
        name = folder.name
        random = np.random.default_rng(zlib.crc32(name.encode()))
        try:
            case = load_case(folder)
            rule: Rule = checker.check(case, random)
        except Wrong as error:
            result.wrong.append(f"{name}: {error}")
            continue
        except Refused as error:
            result.refused[shorten(str(error))].append(name)
            if "nothing may be edited" not in str(error):
                continue
        except (TypeError, ValueError) as error:
            result.refused[f"numpy cannot hold its data ({type(error).__name__})"].append(name)
            continue
        else:
            result.holds[rule["op"]].append(name)
        for mutant in MUTANTS if mutants else ():
            try:
                checker.check(case, random, mutant, trials=MUTANT_TRIALS)
                result.add_survivor(f"{name}: {mutant.__name__}")
            except Wrong:
                result.noticed[mutant.__name__] += 1
            except Refused:
                pass
    return result


def node_cases(build: Path) -> dict[str, Path]:
    """The folders of the node cases by name."""
    return {
        case.name: Path(case.folder)
        for case in write_cases(build.resolve() / "conformance")
        if case.name.startswith("test_")
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--every", type=int, default=1, help="check each N-th case only")
    parser.add_argument("--mutants", action="store_true", help="check mutated rules, too")
    parser.add_argument("names", nargs="*", help="of cases; all if none is given")
    arguments = parser.parse_args()
    cases = node_cases(arguments.build)
    names = arguments.names or sorted(cases)[:: arguments.every]
    opt = arguments.build.resolve() / "bin" / "neuroplast-opt"
    result = survey(opt, [cases[name] for name in names], arguments.mutants)
    result.print(limit=1000)
    return 1 if result.wrong or result.survived else 0


if __name__ == "__main__":
    sys.exit(main())
