"""import(export(import(f))) gives the operations and parameters of import(f)."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import onnx
import pytest
from Models import models, server
from Property.survey import node_cases

# Those with groups, sizes known at run time, and states; all with --all-models.
FEW = ("squeezenet", "shufflenet", "ppocr_det", "ppocr_rec", "minilm_l3", "silero_vad")


def convert(neuroplast: Path, source: Path, target: Path) -> bool:
    return server.run(neuroplast, "import", source, "-o", target).returncode == 0


def read(neuroplast: Path, source: Path, target: Path) -> str:
    """The module of a file without its locations, with data in place of keys of resources."""
    assert convert(neuroplast, source, target)
    code, _, resources = target.read_text().partition("{-#")
    place = r'(#loc\d*|"[^"]*"(:\d+:\d+|\(#loc\d*\))?)'
    code = re.sub(rf"^#loc.*\n| loc\({place}\)", "", code, flags=re.MULTILINE)
    data = dict(re.findall(r'^ +("[^"]+"|[\w.$-]+): "(0x[0-9A-F]+)"', resources, re.MULTILINE))
    return re.sub(r"dense_resource<([^>]+)>", lambda key: f"dense<{hash(data[key[1]])}>", code)


@pytest.mark.parametrize("name", models.MODELS)
def test_models(
    name: str, neuroplast: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if name not in FEW and not request.config.getoption("--all-models"):
        pytest.skip("runs with --all-models")
    model, written = models.MODELS[name].path(), tmp_path / "written.onnx"
    before = read(neuroplast, model, tmp_path / "before.mlir")
    assert convert(neuroplast, model, written)
    assert read(neuroplast, written, tmp_path / "after.mlir") == before
    # What loaded the file loads what was written.
    one, other = (onnx.load(path, load_external_data=False) for path in (model, written))
    assert other.opset_import[0].version == one.opset_import[0].version
    assert other.ir_version == one.ir_version
    # What was written once is written with the same names.
    again = tmp_path / "again.onnx"
    assert convert(neuroplast, written, again)
    last = onnx.load(again)
    names = [[t.name for t in m.graph.initializer] for m in (other, last)]
    assert sorted(names[0]) == sorted(names[1])


# Cases that come back as something else of the same meaning: sizes that are read from
# an input and may be 0 or -1 there, integers out of the range of sizes, constants that
# nothing uses or that are results (and get a name besides that of the result).
OTHERS = re.compile(
    r"test_(affine_grid_3d|center_crop_pad|dft|dropout_default_mask|reshape_|slice_default_axes)"
    r"|_scaled_expanded$|_bias_[34]d_mask_causal_expanded$"
)


def test_node_cases(neuroplast: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    cases = node_cases(Path(request.config.getoption("--build")))
    every = 1 if request.config.getoption("--all-models") else 8
    same, different = [], []
    for name in sorted(cases)[::every]:
        model, written = cases[name] / "model.onnx", tmp_path / "written.onnx"
        # Some are refused on the way in or out, by name.
        if OTHERS.search(name) or not convert(neuroplast, model, written):
            continue
        before = read(neuroplast, model, tmp_path / "before.mlir")
        after = read(neuroplast, written, tmp_path / "after.mlir")
        (same if before == after else different).append(name)
    assert not different
    assert len(same) >= 1400 // every


def test_external_data(neuroplast: Path, tmp_path: Path) -> None:
    """Weights beside the model are the same weights, in and out again."""
    model, written = models.MODELS["squeezenet"].path(), tmp_path / "written.onnx"
    subprocess.run([neuroplast, "import", model, "--external-data", "-o", written], check=True)
    data = tmp_path / "written.onnx.data"
    assert written.stat().st_size < 100_000 < data.stat().st_size
    before = read(neuroplast, model, tmp_path / "before.mlir")
    assert read(neuroplast, written, tmp_path / "after.mlir") == before
    again = tmp_path / "again.onnx"
    subprocess.run([neuroplast, "import", written, "-o", again], check=True)
    inputs = models.MODELS["squeezenet"].sample()
    expected = models.reference(model, inputs)
    for path in (written, again):
        for name, value in models.reference(path, inputs).items():
            assert models.mismatch(value, expected[name]) <= 1
    # No half of a model is left where one of its files cannot be written.
    (tmp_path / "taken.onnx.data").mkdir()
    done = subprocess.run(
        [neuroplast, "import", model, "--external-data", "-o", tmp_path / "taken.onnx"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and "taken.onnx.data" in done.stderr
    assert not (tmp_path / "taken.onnx").exists()
