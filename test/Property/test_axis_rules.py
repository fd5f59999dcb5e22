"""Axis rules hold on the conformance cases, and wrong ones are found out."""

from __future__ import annotations

from pathlib import Path

import pytest

from Property.axis_rules import MUTANTS
from Property.survey import node_cases, survey


@pytest.fixture(scope="session")
def cases(request: pytest.FixtureRequest) -> dict[str, Path]:
    """The node cases by name."""
    return node_cases(Path(request.config.getoption("--build")))


# Cases on which rules have been wrong.
FOUND = ["test_attention_4d_diff_heads_mask4d_padded_kv", "test_attention_bidirectional_window"]


def test_rules_hold(
    cases: dict[str, Path], neuroplast_opt: Path, request: pytest.FixtureRequest
) -> None:
    every = 1 if request.config.getoption("--all-models") else 16
    chosen = dict.fromkeys([*FOUND, *sorted(cases)[::every]])
    result = survey(neuroplast_opt, [cases[name] for name in chosen])
    result.print()
    assert not result.wrong
    assert sum(map(len, result.holds.values())) >= 700 // every


# Cases whose rules have many ways to be wrong.
MUTATION_CASES = [
    "test_add", "test_attention_3d", "test_batchnorm_example", "test_concat_2d_axis_0",
    "test_conv_with_strides_padding", "test_cumsum_2d_axis_0", "test_depthtospace_example",
    "test_gather_0", "test_gemm_all_attributes", "test_gru_defaults",
    "test_layer_normalization_2d_axis1", "test_lstm_defaults", "test_matmul_2d",
    "test_reduce_mean_keepdims_random", "test_reshape_reduced_dims", "test_softmax_axis_0",
    "test_split_equal_parts_2d", "test_top_k",
]  # fmt: skip


def test_wrong_rules_are_noticed(cases: dict[str, Path], neuroplast_opt: Path) -> None:
    result = survey(neuroplast_opt, [cases[name] for name in MUTATION_CASES], mutants=True)
    result.print()
    assert not result.wrong and not result.survived
    assert set(result.noticed) == {mutant.__name__ for mutant in MUTANTS}
