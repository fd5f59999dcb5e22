"""Axis rules hold on the conformance cases, and wrong ones are found out."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axis_rules import Case, Refused, Rule, Wrong, check, editable, load_case

OPT = os.environ.get(
    "NEUROPLAST_OPT", str(Path(__file__).resolve().parents[2] / "build/bin/neuroplast-opt")
)
CASES = Path(os.environ.get("NEUROPLAST_NODE_CASES", "build/conformance/node"))


def all_cases() -> list[Path]:
    return sorted(path.parent for path in CASES.glob("*/model.onnx"))


def run_all(folder: Path, mutate: Any = None, names: list[str] | None = None) -> Counter[str]:
    """Counts cases by what came out, and prints those that are wrong."""
    counts: Counter[str] = Counter()
    for path in all_cases():
        if names is not None and path.name not in names:
            continue
        random = np.random.default_rng(len(path.name))
        try:
            case: Case = load_case(path)
            check(OPT, case, folder, random, mutate)
            counts["holds"] += 1
        except Wrong as error:
            counts["wrong"] += 1
            print(f"{path.name}: {error}")
        except Refused as error:
            counts["refused"] += 1
            if os.environ.get("NEUROPLAST_VERBOSE"):
                print(f"refused {path.name}: {error}")
        except Exception as error:  # cases with sequences, strings or no data
            counts["unreadable"] += 1
            if os.environ.get("NEUROPLAST_VERBOSE"):
                print(f"unreadable {path.name}: {error}")
    return counts


def forget_a_place(rule: Rule) -> Rule:
    """One operand's occurrence of an editable factor becomes a factor of its own."""
    for index in editable(rule):
        for axes in rule["operands"]:
            for axis in axes:
                for term in axis["terms"]:
                    if index in term:
                        rule["factors"].append({**rule["factors"][index], "name": "mutant"})
                        term[term.index(index)] = len(rule["factors"]) - 1
                        return rule
    raise Refused("nothing to mutate")


def swap_factors(rule: Rule) -> Rule:
    """The factors of the first product with two of them change places."""
    for tensors in (rule["operands"], rule["results"]):
        for axes in tensors:
            for axis in axes:
                for term in axis["terms"]:
                    if len(term) > 1 and set(term) & set(editable(rule)):
                        term[0], term[1] = term[1], term[0]
                        return rule
    raise Refused("no product")


@pytest.fixture(scope="session")
def cases() -> list[Path]:
    found = all_cases()
    if not found:
        pytest.skip("the node cases have not been written out")
    return found


def test_rules_hold(cases: list[Path], tmp_path: Path) -> None:
    counts = run_all(tmp_path)
    print(dict(counts))
    assert counts["wrong"] == 0
    assert counts["holds"] >= 300


MUTATION_CASES = [
    "test_matmul_2d", "test_add", "test_conv_with_strides_padding", "test_gemm_all_attributes",
    "test_lstm_defaults", "test_gru_defaults", "test_concat_2d_axis_0", "test_batchnorm_example",
]  # fmt: skip


def test_a_forgotten_place_is_found(cases: list[Path], tmp_path: Path) -> None:
    counts = run_all(tmp_path, forget_a_place, MUTATION_CASES)
    assert counts["wrong"] > 0 and counts["holds"] == 0


def test_swapped_factors_are_found(cases: list[Path], tmp_path: Path) -> None:
    names = ["test_lstm_defaults", "test_gru_defaults", "test_depthtospace_example",
             "test_depthtospace_crd_mode_example", "test_spacetodepth_example"]  # fmt: skip
    counts = run_all(tmp_path, swap_factors, names)
    assert counts["wrong"] > 0 and counts["holds"] == 0
