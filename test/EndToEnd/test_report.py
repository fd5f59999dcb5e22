"""The page that shows what edits made of a model, and the data that it shows."""

from __future__ import annotations

import html
import itertools
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from Models import driver, models
from PIL import Image
from Property.random_networks import Network

LOG = (
    '{"epoch": 1, "loss": 0.9, "validation_loss": 0.8, "accuracy": 0.5}\n'
    '{"event": "grow", "place": "0", "parameters": 12}\n'
    '{"epoch": 2, "loss": 0.4, "validation_loss": 0.6, "accuracy": 0.75}\n'
)


def edited(neuroplast: Path, source: Path, folder: Path) -> Path:
    """A network that was cut, and then grown."""
    cut, grown = folder / "cut.onnx", folder / "grown.onnx"
    driver.call(neuroplast, "prune", source, "--ratio", "0.4", "--no-compare", "-o", cut)
    driver.call(neuroplast, "dropin", cut, "--units", "1", "--no-compare", "-o", grown)
    return grown


def read(neuroplast: Path, *arguments: str | Path) -> dict[str, Any]:
    return json.loads(driver.call(neuroplast, "report", *arguments, "--seconds", "0.01", "--json"))


@pytest.mark.parametrize("seed", range(6))
def test_data_of_random_networks(seed: int, neuroplast: Path, tmp_path: Path) -> None:
    source = tmp_path / "net.onnx"
    onnx.save(Network(seed).build(), source)
    target = edited(neuroplast, source, tmp_path)
    data = read(neuroplast, source, target)
    for side, path in (("before", source), ("after", target)):
        shapes = [word for shape in data["inputs"] for word in ("--shape", shape)]
        size = json.loads(driver.call(neuroplast, "inspect", path, "--json", *shapes))
        nodes = [node[side] for node in data["nodes"] if side in node]
        assert data[side]["flops"] == size["flops"]
        assert sum(node["flops"] for node in nodes) == size["flops"]
        assert data[side]["parameters"] == size["parameters"]
    # A mean that goes on over all it had is a sum now. All else is what it was.
    assert {n["op"] for n in data["nodes"] if "after" not in n} <= {"reduce_mean"}
    assert {n["op"] for n in data["nodes"] if "before" not in n} <= {"reduce_sum", "div"}
    for index, node in enumerate(data["nodes"]):
        assert all(source < index for source in node["inputs"])
    assert [edit["kind"] for edit in data["edits"]] == ["prune", "dropin"]
    changes = [units for edit in data["edits"] for units in edit["units"]]
    assert changes
    for units in changes:
        assert units["after"] == units["before"] - units["removed"] + units["added"]
    assert data["latency"]["before_ms"] > 0
    assert max(data["outputs"]["relative_to_largest"].values()) > 0


def test_renewed_units(neuroplast: Path, tmp_path: Path) -> None:
    """Their number is what it was, but they are not: the history knows."""
    source, target = tmp_path / "net.onnx", tmp_path / "recycled.onnx"
    onnx.save(Network(1).build(), source)
    driver.call(
        neuroplast, "recycle", source, "--share", "0.3", "--criterion", "l2", "--no-compare",
        "-o", target,
    )  # fmt: skip
    data = read(neuroplast, source, target)
    renewed = [node for node in data["nodes"] if node.get("added")]
    assert renewed
    for node in renewed:
        assert node["added"] == node["removed"]
        assert node["before"]["units"] == node["after"]["units"]
    assert not read(neuroplast, target, target)["edits"]


def test_nodes_that_come_and_go(neuroplast: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "net.onnx", tmp_path / "deeper.onnx"
    onnx.save(Network(2).build(), source)
    data = json.loads(driver.call(neuroplast, "inspect", source, "--json"))
    layer = next(entry["name"] for entry in data["layers"] if entry["parameters"])
    driver.call(neuroplast, "dropin", source, "--insert-after", layer, "--no-compare", "-o", target)
    fresh = [n for n in read(neuroplast, source, target)["nodes"] if "before" not in n]
    gone = [n for n in read(neuroplast, target, source)["nodes"] if "after" not in n]
    assert fresh
    assert [node["name"] for node in fresh] == [node["name"] for node in gone]


def show(page: Path, *options: str) -> str:
    """What a browser makes of a page."""
    return subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         "--virtual-time-budget=5000", "--window-size=1280,2400", *options, page.as_uri()],
        capture_output=True, text=True, check=True, timeout=120,
    ).stdout  # fmt: skip


@pytest.mark.parametrize("name", ["ppocr_cls", "random"])
def test_page(name: str, neuroplast: Path, tmp_path: Path) -> None:
    source = tmp_path / "a<b.onnx"  # a name that must not end the data
    if name == "ppocr_cls":
        source.write_bytes(models.MODELS[name].path().read_bytes())
    else:
        onnx.save(Network(7).build(), source)
    target, page = edited(neuroplast, source, tmp_path), tmp_path / "report.html"
    log = tmp_path / "log.jsonl"
    log.write_text(LOG)
    data = read(neuroplast, source, target, "--log", log, "-o", page)
    shown = show(page, "--dump-dom")
    drawn = re.findall(
        r'<g class="node" data-fate="(\w+)" transform="translate\((\S+),(\S+)\)"', shown
    )
    assert len(drawn) == len(data["nodes"])
    assert shown.count('<path class="edge"') == sum(len(n["inputs"]) for n in data["nodes"])
    fates = [fate for fate, *_ in drawn]
    assert "cut" in fates or "grown" in fates
    places = sorted((float(y), float(x)) for _, x, y in drawn)
    for (y, x), (next_y, next_x) in itertools.pairwise(places):
        assert y != next_y or next_x - x >= 190, "boxes lie on each other"
    text = html.unescape(re.sub(r"<[^>]*>", " ", shown.split('id="data"')[0]))
    assert "a<b.onnx → grown.onnx" in text
    for title in ("Parameters", "Latency, 1 thread", "Learning", "Loss", "Accuracy", "Edits"):
        assert title in text
    # None but what is in it.
    assert not re.findall(r'(?:src|href)="|url\(|@import', page.read_text())
    show(page, f"--screenshot={tmp_path / 'page.png'}")
    picture = np.asarray(Image.open(tmp_path / "page.png").convert("RGB")).astype(int)
    assert picture.shape == (2400, 1280, 3)
    # The colour of the boxes of what was cut or grown.
    tints = [(0xF8, 0xE3, 0xDB), (0xDC, 0xF0, 0xE4)]
    assert sum(int((abs(picture - tint).max(axis=2) < 3).sum()) for tint in tints) > 4000


def test_failures_say_why(neuroplast: Path, tmp_path: Path) -> None:
    source, page = tmp_path / "net.onnx", tmp_path / "report.html"
    onnx.save(Network(3).build(), source)
    log = tmp_path / "log.jsonl"
    log.write_text('{"epoch": 1}\n\nepoch 2\n')
    with pytest.raises(driver.DriverError, match=r"log.jsonl: line 3 is no entry of a log"):
        driver.call(neuroplast, "report", source, source, "-o", page, "--log", log)
    with pytest.raises(driver.DriverError, match=r"'report' needs '-o FILE.html'"):
        driver.call(neuroplast, "report", source, source)
    with pytest.raises(driver.DriverError, match=r"nothing.onnx"):
        driver.call(neuroplast, "report", source, tmp_path / "nothing.onnx", "-o", page)
    assert not page.exists()
