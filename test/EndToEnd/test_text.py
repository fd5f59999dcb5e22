"""Strings cross the interface, are compared, joined and normalized."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from Models import driver


def run(neuroplast: Path, folder: Path, text: str, **inputs: np.ndarray) -> dict[str, np.ndarray]:
    path = folder / "model.onnx"
    onnx.save(onnx.parser.parse_model(text), path)
    library = folder / "model.so"
    driver.call(neuroplast, "compile", path, "-o", library)
    found = driver.run(neuroplast, library, inputs)
    for name, value in driver.run(neuroplast, path, inputs).items():
        np.testing.assert_array_equal(value, found[name])
    return found


WORDS = np.array(["Monday", "ÉTÉ", "ДЕНЬ", "Ωmega", "", "monday", "ŁÓDŹ"])


@pytest.mark.parametrize(("action", "change"), [("LOWER", str.lower), ("UPPER", str.upper)])
def test_normalizer(action: str, change: object, neuroplast: Path, tmp_path: Path) -> None:
    text = f"""<ir_version: 8, opset_import: ["" : 17]>
        g (string[N] x) => (string[M] y) {{
          y = StringNormalizer <case_change_action = "{action}", stopwords = ["été"]> (x)
        }}"""
    found = run(neuroplast, tmp_path, text, x=WORDS)["y"]
    expected = [change(word) for word in WORDS if word.lower() != "été"]
    assert found.tolist() == expected


def test_nothing_left_is_one_empty_string(neuroplast: Path, tmp_path: Path) -> None:
    text = """<ir_version: 8, opset_import: ["" : 17]>
        g (string[1, N] x) => (string[1, M] y) {
          y = StringNormalizer <is_case_sensitive = 1, stopwords = ["a", "b"]> (x)
        }"""
    assert run(neuroplast, tmp_path, text, x=np.array([["a", "b", "a"]]))["y"].tolist() == [[""]]


def test_moved_and_compared(neuroplast: Path, tmp_path: Path) -> None:
    text = """<ir_version: 8, opset_import: ["" : 20]>
        g (string[2, N] x, string[1] tail) => (string[N, 2] y, bool[2, N] same) {
          t = Transpose(x)
          y = StringConcat(t, tail)
          first = Gather <axis = 0> (x, zero)
          same = Equal(x, first)
        }"""
    model = text.replace("{\n", "<int64[1] zero = {0}> {\n", 1)
    x = np.array([["a", "bc", "a"], ["d", "bc", "é"]])
    found = run(neuroplast, tmp_path, model, x=x, tail=np.array(["!"]))
    assert found["y"].tolist() == [[f"{word}!" for word in row] for row in x.T]
    assert found["same"].tolist() == (x == x[:1]).tolist()
