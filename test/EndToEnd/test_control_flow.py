"""Branches, loops and sequences are written back as If, Loop and sequence operators."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from Models import driver
from onnx import numpy_helper
from Property.survey import node_cases

CASES = (
    "test_if",
    "test_if_opt",
    "test_if_seq",
    "test_loop11",
    "test_loop13_seq",
    "test_loop16_seq_none",
    "test_scan9_sum",
    "test_scan9_multi_state",
    "test_scan9_scalar",
    "test_range_float_type_positive_delta_expanded",
    "test_sequence_map_add_2_sequences_expanded",
    "test_sequence_map_extract_shapes_expanded",
)


def count_ops(graph: onnx.GraphProto) -> set[str]:
    ops = {node.op_type for node in graph.node}
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                ops |= count_ops(attribute.g)
    return ops


def read_value(path: Path, info: onnx.ValueInfoProto) -> object:
    kind = info.type.WhichOneof("value")
    if kind == "tensor_type":
        tensor = onnx.TensorProto.FromString(path.read_bytes())
        return numpy_helper.to_array(tensor)
    if kind == "sequence_type":
        return numpy_helper.to_list(onnx.SequenceProto.FromString(path.read_bytes()))
    return numpy_helper.to_optional(onnx.OptionalProto.FromString(path.read_bytes()))


@pytest.mark.parametrize("name", CASES)
def test_written_back(
    name: str, neuroplast: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """ONNX Runtime computes what the suite expects from the file that was written."""
    folder = node_cases(Path(request.config.getoption("--build")))[name]
    written = tmp_path / "written.onnx"
    driver.call(neuroplast, "import", folder / "model.onnx", "-o", written)
    before, after = onnx.load(folder / "model.onnx").graph, onnx.load(written).graph
    control = {"If", "Loop", "Scan"} & count_ops(before)
    assert {"Loop" if op == "Scan" else op for op in control} <= count_ops(after)
    data = folder / "test_data_set_0"
    feeds = {
        info.name: read_value(data / f"input_{i}.pb", info) for i, info in enumerate(before.input)
    }
    session = onnxruntime.InferenceSession(written, providers=["CPUExecutionProvider"])
    for i, (info, found) in enumerate(zip(before.output, session.run(None, feeds), strict=True)):
        expected = read_value(data / f"output_{i}.pb", info)
        if isinstance(expected, list):
            assert len(found) == len(expected)
        else:
            found, expected = [found], [expected]
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4)


# Doubles until the sum is large: no trip count, and a condition that is computed.
WHILE = """
func.func @main(%x: tensor<2xf32> {neuro.name = "x"}, %n: tensor<i64> {neuro.name = "n"})
    -> (tensor<2xf32> {neuro.name = "y"}, tensor<i64> {neuro.name = "steps"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %limit = tensor.extract %n[] : tensor<i64>
  %0:2 = scf.while (%v = %x, %i = %c0) : (tensor<2xf32>, index) -> (index, tensor<2xf32>) {
    %sum = neuro.reduce_sum %v {axes = array<i64: 0>, keepdims = false}
        : (tensor<2xf32>) -> tensor<f32>
    %whole = neuro.cast %sum {to = i64} : (tensor<f32>) -> tensor<i64>
    %value = tensor.extract %whole[] : tensor<i64>
    %goes = arith.cmpi slt, %value, %limit : i64
    scf.condition(%goes) %i, %v : index, tensor<2xf32>
  } do {
  ^bb0(%i: index, %v: tensor<2xf32>):
    %next = arith.addi %i, %c1 : index
    %twice = neuro.add %v, %v : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    scf.yield %twice, %next : tensor<2xf32>, index
  }
  %steps = arith.index_cast %0#0 : index to i64
  %count = tensor.from_elements %steps : tensor<i64>
  return %0#1, %count : tensor<2xf32>, tensor<i64>
}
"""


@pytest.mark.parametrize("limit", [0, 5, 1000])
def test_any_loop(limit: int, neuroplast: Path, tmp_path: Path) -> None:
    source, written = tmp_path / "loop.mlir", tmp_path / "loop.onnx"
    source.write_text(WHILE)
    driver.call(neuroplast, "import", source, "-o", written)
    inputs = {"x": np.array([1, 2], np.float32), "n": np.array(limit, np.int64)}
    session = onnxruntime.InferenceSession(written, providers=["CPUExecutionProvider"])
    y, steps = session.run(["y", "steps"], inputs)
    expected = inputs["x"].copy()
    count = 0
    while expected.sum() < limit:
        expected, count = expected * 2, count + 1
    np.testing.assert_array_equal(y, expected)
    assert steps == count
    for path in (source, written):
        found = driver.run(neuroplast, path, inputs)
        np.testing.assert_array_equal(found["y"], expected)
        assert found["steps"] == count
