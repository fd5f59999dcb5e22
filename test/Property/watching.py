"""What a command of the driver may do, whatever it is given."""

from __future__ import annotations

import os
import subprocess
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

from Models import server

SECONDS = 10.0
MEGABYTES = 6000  # of memory that a command may have


@dataclass(frozen=True)
class Finding:
    """What a command did that it may not do, and how to see it again."""

    kind: str
    seed: int
    command: str
    reason: str


def watch(command: list[str | Path], folder: Path) -> tuple[str, int]:
    """Runs a command; why it misbehaved, or nothing, and its exit code."""
    options = f"detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb={MEGABYTES}"
    if command[1] != "run":
        # LLVM's arenas cross into libraries that are not instrumented.
        options += ":allow_user_poisoning=0"
    environment = {**os.environ, "ASAN_OPTIONS": options}
    # A sanitizer reserves far more than it uses.
    limit = [] if server.is_sanitized(Path(command[0])) else ["prlimit", f"--as={MEGABYTES << 20}"]
    start = time.monotonic()
    try:
        done = subprocess.run(
            [*limit, *(str(part) for part in command)],
            capture_output=True,
            cwd=folder,
            timeout=6 * SECONDS,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        return "hangs", -1
    elapsed = time.monotonic() - start
    error = done.stderr.decode(errors="replace").strip()
    lines = [line for line in error.splitlines() if "WARNING: AddressSanitizer" not in line]
    error = "\n".join(lines)
    if done.returncode not in (0, 1) or "Sanitizer" in error or "runtime error" in error:
        lines = [line for line in error.splitlines() if "ERROR" in line or "runtime error" in line]
        shown = " ".join(lines[:1]) or error[-200:]
        return f"exit code {done.returncode}: {shown}", done.returncode
    if elapsed > SECONDS:
        return f"takes {elapsed:.0f} s", done.returncode
    if done.returncode == 1 and len(error.splitlines()) != 1:
        return f"{len(error.splitlines())} lines of error: {error[:300]}", 1
    return "", done.returncode


def seed_of(kind: str, number: int) -> int:
    return zlib.crc32(f"{kind} {number}".encode())
