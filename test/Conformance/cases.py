"""Writes the cases of the public ONNX backend suite to folders.

A case is a folder with model.onnx and test_data_set_N/{input,output}_M.pb. The
node cases are computed by the onnx package; the simple, pytorch-operator and
pytorch-converted ones are files that it ships.
"""

from __future__ import annotations

import csv
import fcntl
import json
import shutil
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

SHIPPED = ("simple", "pytorch-operator", "pytorch-converted")
TIERS = Path(__file__).with_name("tiers.tsv")


@dataclass(frozen=True)
class Case:
    """One case: its tier (A, B, C or a shipped folder), folder and tolerance."""

    name: str
    tier: str
    folder: str
    rtol: float
    atol: float


def tiers() -> dict[str, str]:
    """The tier of every node case."""
    with TIERS.open() as file:
        return {row[0]: row[1] for row in csv.reader(file, delimiter="\t")}


def to_proto(value: Any, info: onnx.ValueInfoProto) -> Any:
    """The protobuf message of a test input or output of the given type."""
    kind = info.type.WhichOneof("value")
    if kind == "map_type":
        return numpy_helper.from_dict(value, info.name)
    if kind == "sequence_type":
        return numpy_helper.from_list(value, info.name)
    if kind == "optional_type":
        return numpy_helper.from_optional(value, info.name)
    if isinstance(value, TensorProto):
        return value
    return numpy_helper.from_array(np.asarray(value), info.name)


def write_node_case(case: Any, folder: Path) -> None:
    """Writes one case of the onnx package's generator."""
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    graph = case.model.graph
    for index, (inputs, outputs) in enumerate(case.data_sets):
        data = folder / f"test_data_set_{index}"
        data.mkdir()
        for kind, values, infos in (
            ("input", inputs, graph.input),
            ("output", outputs, graph.output),
        ):
            for position, value in enumerate(values):
                proto = to_proto(value, infos[position])
                (data / f"{kind}_{position}.pb").write_bytes(proto.SerializeToString())


def write_cases(folder: Path) -> list[Case]:
    """Writes all cases below `folder`, once for each version of the package.

    Test processes call this at once: the first writes, the others wait for it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        index = folder / "index.json"
        if index.exists():
            stored = json.loads(index.read_text())
            if stored["onnx"] == onnx.__version__:
                return [Case(**row) for row in stored["cases"]]
        shutil.rmtree(folder, ignore_errors=True)
        cases = [*write_node_cases(folder / "node"), *shipped_cases()]
        rows = [asdict(case) for case in cases]
        index.write_text(json.dumps({"onnx": onnx.__version__, "cases": rows}))
        return cases


def write_node_cases(folder: Path) -> list[Case]:
    """Writes the cases that the onnx package computes."""
    from onnx.backend.test.loader import load_node_model_tests

    tier_of = tiers()
    cases = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case in load_node_model_tests():
            target = (folder / case.name).resolve()
            write_node_case(case, target)
            tier = tier_of.get(case.name, "C")
            cases.append(Case(case.name, tier, str(target), float(case.rtol), float(case.atol)))
    return cases


def shipped_cases() -> list[Case]:
    """The cases that the onnx package ships as files."""
    shipped = Path(onnx.__file__).parent / "backend" / "test" / "data"
    return [
        Case(f"{group}/{model.parent.name}", group, str(model.parent), 1e-3, 1e-7)
        for group in SHIPPED
        for model in sorted((shipped / group).glob("*/model.onnx"))
    ]


if __name__ == "__main__":
    import sys

    print(len(write_cases(Path(sys.argv[1]))), "cases")
