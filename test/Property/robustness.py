"""Hostile models, and inputs that do not fit sound ones: nothing but an error in one line.

Whatever they hold, a command ends with 0 or 1, with one line of error, within seconds.
Run with -m it goes through all kinds with many draws; `--build` of a sanitized build
looks into the code that is compiled, too.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from Property.hostile import KINDS, try_hostile
from Property.unfit import OPEN, try_open
from Property.watching import Finding, seed_of

ROOT = Path(__file__).resolve().parents[2]


def show(findings: list[Finding]) -> None:
    """Each kind of misbehaviour once, with how often it came."""
    counts = Counter((finding.kind, finding.command, finding.reason[:60]) for finding in findings)
    for finding in findings:
        key = (finding.kind, finding.command, finding.reason[:60])
        if count := counts.pop(key, 0):
            print(
                f"{count} x {finding.kind} ({finding.command}, seed {finding.seed}): "
                f"{finding.reason[:300]}",
                flush=True,
            )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--build", default=str(ROOT / "build"))
    arguments = parser.parse_args()
    neuroplast = Path(arguments.build).resolve() / "bin" / "neuroplast"
    findings: list[Finding] = []
    hostile = [kind for kind in KINDS if not arguments.only or kind in arguments.only]
    sound = [kind for kind in OPEN if not arguments.only or f"open:{kind}" in arguments.only]
    with ProcessPoolExecutor(arguments.jobs) as pool:
        trials = [(kind, seed_of(kind, n)) for kind in hostile for n in range(arguments.draws)]
        for found in (
            pool.map(
                try_hostile, *zip(*trials, strict=True), [neuroplast] * len(trials), chunksize=8
            )
            if trials
            else []
        ):
            findings += found
        print(
            f"{len(hostile)} kinds of hostile models x {arguments.draws}: {len(findings)} findings"
        )
        show(findings)
        before, results = len(findings), 0
        count = len(sound)
        for found, good in pool.map(
            try_open,
            sound,
            [seed_of(kind, 0) for kind in sound],
            [arguments.draws] * count,
            [neuroplast] * count,
        ):
            findings += found
            results += good
        print(
            f"{count} kinds of sound models x {arguments.draws} inputs, of which {results} fit: "
            f"{len(findings) - before} findings"
        )
    show(findings[before:])
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
