"""A slice of the sweep over operators: each version, and each newest form, once or twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from Property.operators import FORMS
from Property.sweep import survey


@pytest.mark.parametrize(("kind", "draws"), [("versions", 1), ("attributes", 2)])
def test_operators(kind: str, draws: int, neuroplast: Path) -> None:
    outcomes = survey(kind, draws, neuroplast, sorted(FORMS), jobs=2)
    assert not [o for o in outcomes if o.kind in ("differs", "exported wrong", "not exported")]
    # Most are computed; the others are refused by name, or by the oracle.
    assert sum(o.kind == "same" for o in outcomes) >= 0.7 * len(outcomes)
