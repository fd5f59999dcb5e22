"""Cycles that benchmarks carry out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from Models import driver


def carry_out(
    neuroplast: Path, folder: Path, plan: dict[str, Any], data: str, seed: int, *options: Path | str
) -> list[dict[str, Any]]:
    """Takes `m.onnx` of a folder through a plan, on data that lie there; the lines of the log."""
    (folder / "plan.json").write_text(json.dumps({"version": 1} | plan))
    log = folder / "log.jsonl"
    driver.call(
        neuroplast, "cycle", folder / "m.onnx", "--plan", folder / "plan.json", "--data",
        folder / data, "-o", folder / "o.onnx", "--log", log, "--seed", str(seed), *options,
        timeout=7200,
    )  # fmt: skip
    return [json.loads(line) for line in log.read_text().splitlines()]
