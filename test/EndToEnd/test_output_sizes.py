"""A library tells the sizes of its outputs before it runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from Models import driver, models
from Models.c_interface import Tensor, describe, load


def output_sizes(
    library: Path, inputs: list[np.ndarray], count: int, with_data: bool = False
) -> list[tuple[list[int], int]]:
    """Shape and bytes of each output."""
    loaded = load(library)
    given = (Tensor * len(inputs))(*[describe(array, with_data) for array in inputs])
    results = (Tensor * count)()
    code = loaded.neuroplast_output_sizes(given, results)
    assert code == 0, loaded.neuroplast_error()
    return [(list(tensor.shape[: tensor.rank]), tensor.capacity) for tensor in results]


@pytest.mark.parametrize("name", ["ppocr_rec", "ppocr_cls", "minilm_l3", "silero_vad"])
def test_models(name: str, neuroplast: Path, tmp_path: Path) -> None:
    model, library = models.MODELS[name], tmp_path / "model.so"
    driver.call(neuroplast, "compile", model.path(), "-o", library)
    inputs = model.sample()
    for batch in (1, 2):
        # Outputs are named as the model has them, and in its order.
        wide = {
            key: np.concatenate([value] * batch) if name.startswith("ppocr") else value
            for key, value in inputs.items()
        }
        expected = models.reference(model.path(), wide)
        found = output_sizes(library, list(wide.values()), len(expected))
        assert found == [(list(v.shape), v.nbytes) for v in expected.values()]


def compile_text(neuroplast: Path, text: str, folder: Path) -> Path:
    (folder / "model.onnxtext").write_text(text)
    driver.call(neuroplast, "compile", folder / "model.onnxtext", "-o", folder / "model.so")
    return folder / "model.so"


HEADER = '<ir_version: 8, opset_import: ["" : 17]>\n'


def test_sizes_from_data(neuroplast: Path, tmp_path: Path) -> None:
    """An input may hold the sizes of an output."""
    library = compile_text(
        neuroplast, HEADER + "g (float[1] x, int64[2] s) => (float[A,B] y) { y = Expand(x, s) }",
        tmp_path,
    )  # fmt: skip
    inputs = [np.zeros(1, np.float32), np.array([3, 5])]
    assert output_sizes(library, inputs, 1, with_data=True) == [([3, 5], 60)]
    with pytest.raises(AssertionError, match="has no data"):
        output_sizes(library, inputs, 1)


def test_sizes_from_the_computation(neuroplast: Path, tmp_path: Path) -> None:
    """What only running the model decides is not known before."""
    library = compile_text(
        neuroplast, HEADER + "g (float[N] x) => (int64[1,M] y, float[N] z)"
        "{ r = Relu(x) y = NonZero(r) z = Neg(r) }",
        tmp_path,
    )  # fmt: skip
    assert output_sizes(library, [np.zeros(4, np.float32)], 2) == [([1, -1], -1), ([4], 16)]


def test_a_part_of_a_larger_tensor(neuroplast: Path, tmp_path: Path) -> None:
    """A result that is a slice comes without what lies between its rows."""
    library = compile_text(
        neuroplast, HEADER + """g (float[N,4,M] x) => (float[N,2,M] y)
          <int64[1] from = {1}, int64[1] to = {3}, int64[1] axis = {1}>
          { r = Neg(x) y = Slice(r, from, to, axis) }""",
        tmp_path,
    )  # fmt: skip
    x = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    assert np.array_equal(driver.run(neuroplast, library, {"x": x})["y"], -x[:, 1:3])
