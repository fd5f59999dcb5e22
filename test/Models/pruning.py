"""Prunes a model and checks the result against two independent twins.

The pruned model is run by ONNX Runtime and by the compiler, which must agree; and it
must compute what the original computes when every weight of a removed unit is zero.
Run with -m it prints a table of the whole collection and ends with 1 if a model
misses a limit.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from Models import driver, masking, models

# The share of inner parameters that may be left after half of the units went. Where
# the stream between blocks is an output, only one axis of a matrix can be halved.
KEPT_LIMIT = {"minilm_l3": 0.5}
# What may pin: the interface of the graph, a softmax or argmax over the axis, and
# operators that are unknown.
ALLOWED_PINS = re.compile(r"graph (input|output) '|'neuro\.(softmax|arg_max)' |'neuro\.opaque' ")
# Half of a network that nobody trained again may be sure of nothing or of anything: a
# detector's probabilities are too small for single precision, and a recogniser's scores
# reach 2,000, whose rounding a softmax makes an error of 1 %. What the last sigmoid or
# softmax reads is compared.
LOGITS = {"ppocr_det", "ppocr_rec"}


@dataclass
class Result:
    """What pruning did to one model. Errors are multiples of what is allowed."""

    name: str
    parameters: int
    kept: float
    inner_kept: float
    flops_kept: float
    pins: list[str]
    foreign_pins: list[str]
    against_masked: float
    against_compiled: float
    against_original: float
    varies: float

    def misses(self) -> list[str]:
        """The limits that the model misses, in words."""
        found = [f"pinned by {pin}" for pin in self.foreign_pins]
        if self.inner_kept > KEPT_LIMIT.get(self.name, 0.4):
            found.append(f"keeps {self.inner_kept:.1%} of its inner parameters")
        for twin in ("masked", "compiled", "original"):
            error = getattr(self, f"against_{twin}")
            if not error <= 1:
                found.append(f"differs from its {twin} twin by {error:.3g} × the tolerance")
        # What the input changes must be far above the errors, or they say nothing.
        if not self.varies > 100 * max(self.against_masked, self.against_compiled):
            found.append("ignores its input")
        return found

    def row(self) -> str:
        """A line of the table."""
        return (
            f"{self.name:14} {self.parameters:10}  {self.kept:5.1%}  {self.inner_kept:5.1%}"
            f"  {self.flops_kept:5.1%}  {self.against_masked:6.3f}  {self.against_compiled:8.3f}"
            f"  {self.against_original:8.3f}  {self.varies:7.0f}"
        )


def worst(actual: models.Inputs, expected: models.Inputs) -> float:
    """The largest mismatch of any output."""
    assert set(actual) == set(expected)
    return max(models.mismatch(actual[name], expected[name]) for name in expected)


def without_activation(path: Path, folder: Path) -> Path:
    """A copy of a model whose only output is what the last sigmoid or softmax reads."""
    model = onnx.load(path)
    (output,) = model.graph.output
    (last,) = (node for node in model.graph.node if output.name in node.output)
    assert last.op_type in ("Sigmoid", "Softmax")
    logits = last.input[0]
    model.graph.node.remove(last)
    output.name = logits
    target = folder / "logits.onnx"
    onnx.save(model, target)
    return target


def sizes(neuroplast: Path, model: Path, inputs: models.Inputs) -> dict[str, Any]:
    """What `inspect` says of a model for inputs of these shapes."""
    shapes = [
        argument
        for name, value in inputs.items()
        for argument in ("--shape", f"{name}={'x'.join(map(str, value.shape))}")
    ]
    return json.loads(driver.call(neuroplast, "inspect", model, "--json", *shapes))


@dataclass
class Pruned:
    """The files that pruning a model makes, and what it said."""

    small: Path
    # The original as the compiler writes it, and the same with zeros in removed units.
    whole: Path
    masked: Path
    report: dict[str, Any]

    def pins(self) -> list[str]:
        return sorted({pin for units in self.report["units"] for pin in units["pins"]})

    def foreign_pins(self) -> list[str]:
        return [pin for pin in self.pins() if not ALLOWED_PINS.search(pin)]

    def kept(self, kind: str) -> float:
        return self.report["after"][kind] / max(1, self.report["before"][kind])


def prune_file(neuroplast: Path, source: Path, folder: Path, *options: str) -> Pruned:
    """Prunes a model and writes its masked twin."""
    small, whole, masked = (folder / f"{name}.onnx" for name in ("small", "whole", "masked"))
    report = driver.edit(neuroplast, "prune", source, small, *options)
    # The report names parameters as the exported model does.
    driver.call(neuroplast, "export", source, "-o", whole)
    twin = masking.mask(onnx.load(whole), report["edits"])
    norms = {(norm["node"], norm["axis"]): norm["kept"] for norm in report["norms"]}
    onnx.save(masking.restrict_norms(twin, norms), masked)
    return Pruned(small, whole, masked, report)


def prune(neuroplast: Path, model: models.Model, folder: Path) -> Result:
    """Removes half of the units of a model and compares what is left with its twins."""
    source, inputs = model.path(), model.sample()
    if model.name in LOGITS:
        source = without_activation(source, folder)
    files = prune_file(neuroplast, source, folder, "--ratio", "0.5")
    outputs = models.reference(files.small, inputs)
    flops = [sizes(neuroplast, path, inputs)["flops"] for path in (source, files.small)]
    return Result(
        name=model.name,
        parameters=files.report["before"]["parameters"],
        kept=files.kept("parameters"),
        inner_kept=files.kept("inner_parameters"),
        flops_kept=flops[1] / flops[0],
        pins=files.pins(),
        foreign_pins=files.foreign_pins(),
        against_masked=worst(outputs, models.reference(files.masked, inputs)),
        against_compiled=worst(driver.run(neuroplast, files.small, inputs), outputs),
        against_original=worst(
            models.reference(files.whole, inputs), models.reference(source, inputs)
        ),
        varies=worst(models.reference(files.small, model.sample(1)), outputs),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=models.ROOT / "build")
    parser.add_argument("names", nargs="*", default=list(models.MODELS))
    arguments = parser.parse_args()
    neuroplast = arguments.build.resolve() / "bin" / "neuroplast"
    print("model          parameters   kept  inner  FLOPs  masked  compiled  original   varies")
    failures = 0
    pins: dict[str, list[str]] = {}
    for name in arguments.names:
        with tempfile.TemporaryDirectory() as folder:
            result = prune(neuroplast, models.MODELS[name], Path(folder))
        print(result.row(), flush=True)
        for miss in result.misses():
            print(f"  MISSED: {miss}")
        failures += bool(result.misses())
        pins[name] = result.pins
    print(
        "\nkept: of all parameters; inner: of those that no unit of a graph input, output or"
        "\nstate carries. masked, compiled, original: the error of the pruned model against the"
        "\nmasked original (both in ONNX Runtime), of the compiled pruned model against ONNX"
        "\nRuntime, and of the export of the original, as multiples of rtol 1e-3 plus 1e-5 of"
        "\nthe output's scale; varies: how far its output is from that on another input."
        "\n\npins:"
    )
    for name, reasons in pins.items():
        for reason in reasons:
            print(f"  {name}: {reason}")
    print(f"\n{len(arguments.names) - failures} of {len(arguments.names)} models within limits")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
