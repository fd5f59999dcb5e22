"""Axis rules hold on the conformance cases, and wrong ones are found out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axis_rules import Refused, Rule, Wrong, check, editable, load_case
from Conformance.cases import write_cases


def run_all(
    opt: Path, cases: list[Path], folder: Path, mutate: Any = None
) -> tuple[Counter[str], list[str]]:
    """Counts cases by what came out; also says what is wrong, and why."""
    counts: Counter[str] = Counter()
    messages = []
    for path in cases:
        random = np.random.default_rng(len(path.name))
        try:
            check(str(opt), load_case(path), folder, random, mutate)
            counts["holds"] += 1
        except Wrong as error:
            counts["wrong"] += 1
            messages.append(f"{path.name}: {error}")
        except Refused as error:
            counts["refused"] += 1
            messages.append(f"refused {path.name}: {error}")
        except Exception as error:  # cases with sequences, strings or no data
            counts["unreadable"] += 1
            messages.append(f"unreadable {path.name}: {error}")
    return counts, messages


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
    """In the first product that can be edited, a factor and its neighbour change places."""
    for tensors in (rule["operands"], rule["results"]):
        for axes in tensors:
            for axis in axes:
                for term in axis["terms"]:
                    for place in range(1, len(term)):
                        if set(term[place - 1 : place + 1]) & set(editable(rule)):
                            term[place - 1], term[place] = term[place], term[place - 1]
                            return rule
    raise Refused("no product")


@pytest.fixture(scope="session")
def cases(request: pytest.FixtureRequest) -> dict[str, Path]:
    """The node cases by name."""
    folder = Path(request.config.getoption("--build")).resolve() / "conformance"
    return {
        case.name: Path(case.folder)
        for case in write_cases(folder)
        if case.name.startswith("test_")
    }


def test_rules_hold(
    cases: dict[str, Path], neuroplast_opt: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    every = request.config.getoption("--all-models")
    chosen = [cases[name] for name in sorted(cases)][:: 1 if every else 8]
    counts, messages = run_all(neuroplast_opt, chosen, tmp_path)
    print(dict(counts))
    wrong = [message for message in messages if not message.startswith(("refused", "unread"))]
    assert not wrong, "\n".join(wrong)
    assert counts["holds"] >= (300 if every else 30)


MUTATION_CASES = [
    "test_matmul_2d", "test_add", "test_conv_with_strides_padding", "test_gemm_all_attributes",
    "test_lstm_defaults", "test_gru_defaults", "test_concat_2d_axis_0", "test_batchnorm_example",
]  # fmt: skip


def test_a_forgotten_place_is_found(
    cases: dict[str, Path], neuroplast_opt: Path, tmp_path: Path
) -> None:
    chosen = [cases[name] for name in MUTATION_CASES]
    counts, messages = run_all(neuroplast_opt, chosen, tmp_path, forget_a_place)
    assert counts["wrong"] > 0 and counts["holds"] == 0, messages


def test_swapped_factors_are_found(
    cases: dict[str, Path], neuroplast_opt: Path, tmp_path: Path
) -> None:
    names = ["test_lstm_defaults", "test_gru_defaults", "test_depthtospace_example",
             "test_depthtospace_crd_mode_example"]  # fmt: skip
    counts, messages = run_all(
        neuroplast_opt, [cases[name] for name in names], tmp_path, swap_factors
    )
    assert counts["wrong"] > 0 and counts["holds"] == 0, messages
