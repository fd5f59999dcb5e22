"""Checks axis rules against ONNX Runtime.

A rule says which places of the operands and results of an op go together. If it is
right, removing the same indices everywhere and running the op is the same as running
the op with zeros in those places and removing them from the results.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

Rule = dict[str, Any]
# For each factor and block the indices that stay.
Keep = dict[int, list[list[int]]]

# Inputs after the first that hold sizes, axes and the like are made constants, as
# they are in real models.
INDEX_OPS = {
    "Gather", "GatherElements", "GatherND", "ScatterElements", "ScatterND", "Scatter",
    "TensorScatter", "OneHot", "MaxUnpool", "RotaryEmbedding", "Attention", "RNN", "GRU",
    "LSTM", "ReverseSequence", "RoiAlign", "Where", "NegativeLogLikelihoodLoss",
    "SoftmaxCrossEntropyLoss",
}  # fmt: skip


@dataclass
class Case:
    """A conformance case with its sizes made constant."""

    name: str
    model: onnx.ModelProto
    inputs: list[np.ndarray]


def read_tensor(path: Path) -> np.ndarray:
    return numpy_helper.to_array(onnx.load_tensor(str(path)))


def load_case(folder: Path) -> Case:
    model = onnx.load(str(folder / "model.onnx"))
    data = folder / "test_data_set_0"
    inputs = [read_tensor(data / f"input_{i}.pb") for i in range(len(model.graph.input))]
    ops = {node.op_type for node in model.graph.node}
    kept_inputs, kept_values = [], []
    for position, (info, value) in enumerate(zip(model.graph.input, inputs, strict=False)):
        is_size = value.dtype in (np.int64, np.int32) and position > 0 and value.ndim <= 1
        if is_size and not ops & INDEX_OPS:
            model.graph.initializer.append(numpy_helper.from_array(value, info.name))
            continue
        kept_inputs.append(info)
        kept_values.append(value)
    del model.graph.input[:]
    model.graph.input.extend(kept_inputs)
    return Case(folder.name, model, kept_values)


class Refused(Exception):
    """The case has no single rule over its inputs that could be edited."""


class Wrong(Exception):
    """The rule does not hold."""


def run_opt(opt: str, arguments: list[str]) -> str:
    done = subprocess.run([opt, *arguments], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        messages = [line for line in done.stderr.splitlines() if "error:" in line]
        raise Refused(messages[0] if messages else f"exit code {done.returncode}")
    return done.stderr


def get_rule(opt: str, model: Path, exported: Path) -> Rule:
    """The only rule of a model, and the model as the compiler writes it."""
    output = run_opt(opt, [str(model), "--neuro-print-axis-rules=json=1", "-o", str(exported)])
    rules = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    if len(rules) != 1:
        raise Refused(f"{len(rules)} rules")
    rule = rules[0]
    if any(argument < 0 for argument in rule["arguments"]):
        raise Refused("an operand is no input")
    if rule["equations"]:
        raise Refused("the rule has equations")
    return rule


def block_of(rule: Rule) -> dict[int, int]:
    """The block factor that numbers the copies of a factor."""
    owner: dict[int, int] = {}
    for tensors in (rule["operands"], rule["results"]):
        for axes in tensors:
            for axis in axes:
                for term in axis["terms"]:
                    for major, minor in zip(term, term[1:], strict=False):
                        if rule["factors"][major]["role"] == "block":
                            owner[minor] = major
    return owner


def editable(rule: Rule) -> list[int]:
    return [
        index
        for index, factor in enumerate(rule["factors"])
        if factor["role"] == "plain"
        and factor["extent"] > 1
        and not factor["pin"]
        and factor["zero_invariant"]
    ]


def choose(rule: Rule, random: np.random.Generator) -> Keep:
    """Random keep-lists for some of the factors."""
    owner = block_of(rule)
    candidates = editable(rule)
    if not candidates:
        raise Refused("nothing may be edited")
    chosen = [index for index in candidates if random.random() < 0.7]
    chosen = chosen or [candidates[int(random.integers(len(candidates)))]]
    keep: Keep = {}
    for index in chosen:
        extent = rule["factors"][index]["extent"]
        count = int(random.integers(1, extent))
        blocks = rule["factors"][owner[index]]["extent"] if index in owner else 1
        keep[index] = [
            sorted(random.choice(extent, count, replace=False).tolist()) for _ in range(blocks)
        ]
    return keep


def kept_places(rule: Rule, axis: dict[str, Any], keep: Keep) -> list[list[bool]]:
    """For every block (one if the axis has none) whether each place of it stays."""
    owner = block_of(rule)

    def walk(term: list[int], index: dict[int, int]) -> list[bool]:
        if not term:
            return [True]
        head, rest = term[0], term[1:]
        places = []
        for value in range(max(rule["factors"][head]["extent"], 0)):
            inner = walk(rest, {**index, head: value})
            lists = keep.get(head)
            if lists is None:
                stays = True
            elif len(lists) == 1:
                stays = value in lists[0]
            else:
                stays = value in lists[index[owner[head]]]
            places += [stays and place for place in inner]
        return places

    bare = [
        owner[term[0]]
        for term in axis["terms"]
        if term and term[0] in owner and len(keep.get(term[0], [[]])) > 1
    ]
    blocks = range(rule["factors"][bare[0]]["extent"]) if bare else [None]
    result = []
    for block in blocks:
        index = {} if block is None else {bare[0]: block}
        places = [place for term in axis["terms"] for place in walk(term, index)]
        result.append(places[::-1] if axis["reversed"] else places)
    return result


def is_dynamic(rule: Rule, axis: dict[str, Any]) -> bool:
    return any(rule["factors"][factor]["extent"] < 0 for term in axis["terms"] for factor in term)


def gather(rule: Rule, axes: list[dict[str, Any]], keep: Keep, array: np.ndarray) -> np.ndarray:
    """Removes what the keep-lists leave out."""
    # A size known at run time only is not edited.
    places = [
        kept_places(rule, expression, keep)
        if not is_dynamic(rule, expression)
        else [[True] * array.shape[axis]]
        for axis, expression in enumerate(axes)
    ]
    for axis, lists in reversed(list(enumerate(places))):
        if len(lists) == 1:
            array = np.compress(lists[0], array, axis=axis)
    for axis, lists in enumerate(places):
        if len(lists) > 1:
            # Blocks follow each other along the first axis.
            parts = np.split(array, len(lists), axis=0)
            array = np.concatenate(
                [
                    np.compress(keeps, part, axis=axis)
                    for keeps, part in zip(lists, parts, strict=False)
                ]
            )
    return array


def contracted(rule: Rule) -> set[int]:
    """Factors over which the op sums: absent from a result, or twice in an operand."""

    def used(axes: list[dict[str, Any]]) -> list[int]:
        return [factor for axis in axes for factor in {f for t in axis["terms"] for f in t}]

    everything = set(range(len(rule["factors"])))
    result: set[int] = set()
    for axes in rule["results"]:
        result |= everything - set(used(axes))
    for axes in rule["operands"]:
        factors = used(axes)
        result |= {factor for factor in factors if factors.count(factor) > 1}
    return result


def mask(rule: Rule, axes: list[dict[str, Any]], keep: Keep, array: np.ndarray) -> np.ndarray:
    """Puts zeros where the keep-lists leave out."""
    result = array.copy()
    for axis, expression in enumerate(axes):
        if is_dynamic(rule, expression):
            continue
        lists = kept_places(rule, expression, keep)
        parts = np.split(result, len(lists), axis=0) if len(lists) > 1 else [result]
        for keeps, part in zip(lists, parts, strict=False):
            index: list[Any] = [slice(None)] * array.ndim
            index[axis] = np.flatnonzero(~np.array(keeps, dtype=bool))
            part[tuple(index)] = np.zeros((), dtype=array.dtype)
    return result


def run(model: Path, inputs: list[np.ndarray]) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(model), options)
    names = [info.name for info in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs, strict=False)))


def extents_of(rule: Rule, keep: Keep) -> str:
    return ",".join(f"{rule['factors'][i]['name']}:{len(k[0])}" for i, k in keep.items())


def check(
    opt: str,
    case: Case,
    folder: Path,
    random: np.random.Generator,
    mutate: Any = None,
    trials: int = 2,
) -> str:
    """Checks the rule of a case on random keep-lists. Returns the rule.

    `mutate` may change the rule that the check believes in.
    """
    source, exported, edited = (folder / name for name in ("in.onnx", "out.onnx", "edit.onnx"))
    onnx.save(case.model, str(source))
    rule = get_rule(opt, source, exported)
    believed = mutate(json.loads(json.dumps(rule))) if mutate else rule
    arguments: list[int] = rule["arguments"]
    if len(set(arguments)) != len(arguments) or len(arguments) != len(case.inputs):
        raise Refused("an input is used twice or not at all")
    try:
        run(exported, case.inputs)
    except Exception as error:
        raise Refused("ONNX Runtime: " + str(error).splitlines()[0]) from error
    for _ in range(trials):
        keep = choose(believed, random)
        run_opt(
            opt,
            [
                str(source),
                f"--neuro-test-rule=extents={extents_of(believed, keep)}",
                "-o",
                str(edited),
            ],
        )
        masked, small = list(case.inputs), list(case.inputs)
        try:
            for operand, argument in enumerate(arguments):
                axes = believed["operands"][operand]
                zeros = {f: lists for f, lists in keep.items() if f in contracted(believed)}
                masked[argument] = mask(believed, axes, zeros, case.inputs[argument])
                small[argument] = gather(believed, axes, keep, case.inputs[argument])
            expected = run(exported, masked)
            actual = run(edited, small)
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise Wrong(f"{rule['rule']} with {keep}: {reason}") from error
        for result, output in enumerate(rule["outputs"]):
            if output < 0:
                continue
            try:
                want = gather(believed, believed["results"][result], keep, expected[output])
            except (ValueError, IndexError) as error:
                raise Wrong(f"{rule['rule']} with {keep}: {error}") from error
            got = actual[output]
            if want.shape != got.shape or not np.allclose(
                want.astype(np.float64),
                got.astype(np.float64),
                rtol=1e-3,
                atol=1e-5,
                equal_nan=True,
            ):
                raise Wrong(f"{rule['rule']} with {keep}: result {result} differs")
    return rule["rule"]
