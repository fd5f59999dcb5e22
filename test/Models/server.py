"""A driver that is loaded once for many commands; each runs in a process of its own."""

from __future__ import annotations

import functools
import json
import os
import select
import signal
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Server:
    """`neuroplast serve`, for one thread."""

    def __init__(self, neuroplast: Path) -> None:
        self.environment = dict(os.environ)
        self.folder = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [str(neuroplast), "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        self.received = b""
        weakref.finalize(self, Server.stop, self.process)

    @staticmethod
    def stop(process: subprocess.Popen[bytes]) -> None:
        assert process.stdin
        process.stdin.close()
        process.wait()

    def receive(self, timeout: float | None = None) -> dict[str, Any] | None:
        """An answer; none if there is none in time."""
        assert self.process.stdout
        while b"\n" not in self.received:
            if not select.select([self.process.stdout], [], [], timeout)[0]:
                return None
            more = os.read(self.process.stdout.fileno(), 65536)
            assert more, "the server has ended"
            self.received += more
        line, self.received = self.received.split(b"\n", 1)
        return json.loads(line)

    def run(
        self, arguments: list[str], timeout: float, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        texts = [Path(self.folder.name) / name for name in ("stdout", "stderr")]
        changes = {
            name: environment.get(name)
            for name in environment.keys() | self.environment.keys()
            if environment.get(name) != self.environment.get(name)
        }
        request = {
            "arguments": arguments,
            "directory": os.getcwd(),
            "environment": changes,
            "stdout": str(texts[0]),
            "stderr": str(texts[1]),
        }
        assert self.process.stdin
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        started = self.receive()
        assert started and "pid" in started, started
        ended = self.receive(timeout)
        if ended is None:
            os.kill(started["pid"], signal.SIGKILL)
            self.receive()
            raise subprocess.TimeoutExpired(arguments, timeout)
        output, errors = (text.read_text(errors="replace") for text in texts)
        code = ended["code"] if "code" in ended else -ended["signal"]
        return subprocess.CompletedProcess(arguments, code, output, errors)


servers = threading.local()


@functools.cache
def is_sanitized(neuroplast: Path) -> bool:
    return b"__asan_init" in neuroplast.read_bytes()


def run(
    neuroplast: Path,
    *arguments: str | Path,
    timeout: float = 600,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """What a command of the driver comes to, or of another tool; in a new process where
    options of a sanitizer are read when it starts."""
    words, environment = [str(argument) for argument in arguments], environment or os.environ
    if neuroplast.name != "neuroplast" or is_sanitized(neuroplast):
        return subprocess.run(
            [str(neuroplast), *words],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
            env=environment,
        )
    # A process that was split off from this one needs a server of its own.
    known, key = servers.__dict__.setdefault("known", {}), (os.getpid(), neuroplast)
    if key not in known:
        known[key] = Server(neuroplast)
    return known[key].run(words, timeout, environment)
