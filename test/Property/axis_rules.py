"""Checks axis rules against ONNX Runtime.

A rule says which places of the operands and results of an op go together. If it is
right, removing the same indices everywhere and running the op is the same as running
the op with zeros in those places and removing them from the results.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
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


@dataclass
class Case:
    """A conformance case."""

    name: str
    model: onnx.ModelProto
    inputs: list[np.ndarray]


def load_case(folder: Path) -> Case:
    model = onnx.load(str(folder / "model.onnx"))
    data = folder / "test_data_set_0"
    infos = model.graph.input
    if any(info.type.WhichOneof("value") != "tensor_type" for info in infos):
        raise Refused("an input is no tensor")
    tensors = [onnx.load_tensor(str(data / f"input_{i}.pb")) for i in range(len(infos))]
    return Case(folder.name, model, [numpy_helper.to_array(tensor) for tensor in tensors])


def with_constants(case: Case, types: str) -> Case:
    """The case with its lists and numbers of these types as constants, save the first.

    Real models know their sizes, axes and scales.
    """
    model, values = onnx.ModelProto(), []
    model.CopyFrom(case.model)
    infos = list(model.graph.input)
    del model.graph.input[:]
    for position, (info, value) in enumerate(zip(infos, case.inputs, strict=True)):
        if position > 0 and value.dtype.kind in types and value.ndim <= 1:
            model.graph.initializer.append(numpy_helper.from_array(value, info.name))
        else:
            model.graph.input.append(info)
            values.append(value)
    return Case(case.name, model, values)


class Refused(Exception):
    """The case has no single rule over its inputs that could be edited, or none to run."""


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
        raise Refused("several operators" if rules else "no operator with a rule")
    (rule,) = rules
    if any(argument < 0 for argument in rule["arguments"]):
        raise Refused("an operand is no input")
    if len(set(rule["arguments"])) != len(rule["arguments"]):
        raise Refused("an input is used twice")
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


def is_free(factor: dict[str, Any]) -> bool:
    return factor["role"] == "plain" and not factor["pin"] and factor["zero_invariant"]


def equated(rule: Rule) -> set[int]:
    """Factors that an equation ties to others in ways that keep-lists do not express."""
    return {factor for pair in rule["equations"] for axis in pair
            for term in axis["terms"] for factor in term}  # fmt: skip


def editable(rule: Rule) -> list[int]:
    tied = equated(rule)
    return [
        index
        for index, factor in enumerate(rule["factors"])
        if is_free(factor) and factor["extent"] > 1 and index not in tied
    ]


def choose(rule: Rule, random: np.random.Generator) -> Keep:
    """Random keep-lists for some of the factors, among them those in `focus`."""
    owner = block_of(rule)
    candidates = editable(rule)
    if not candidates:
        raise Refused("nothing may be edited")
    focus = rule.get("focus", [candidates[int(random.integers(len(candidates)))]])
    keep: Keep = {}
    for index in candidates:
        if index not in focus and random.random() > 0.7:
            continue
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


Inputs = list[np.ndarray]


def negated(inputs: Inputs, random: np.random.Generator) -> Inputs:
    return [np.asarray(-v) if v.dtype.kind == "f" else v for v in inputs]


def replaced(inputs: Inputs, make: Callable[[np.ndarray], np.ndarray]) -> Inputs:
    """Other numbers in the tensors that are data: lists may be scales, which decide sizes."""
    return [
        make(value).astype(value.dtype) if value.dtype.kind == "f" and value.ndim > 1 else value
        for value in inputs
    ]


def random_numbers(inputs: Inputs, random: np.random.Generator) -> Inputs:
    return replaced(inputs, lambda value: random.normal(scale=3, size=value.shape))


def far_from_zero(inputs: Inputs, random: np.random.Generator) -> Inputs:
    """Numbers of one sign: a zero is an extremum, and a square does not vanish in a sum."""
    sign = random.choice([-1, 1])
    return replaced(inputs, lambda value: sign * random.uniform(30, 90, value.shape))


# What is put in besides the numbers of the case, which may be all alike or all positive.
VARIANTS: tuple[Callable[[Inputs, np.random.Generator], Inputs], ...] = (
    lambda inputs, random: inputs,
    negated,
    random_numbers,
    far_from_zero,
)


class Checker:
    """Checks rules with a given compiler, which writes models into a folder."""

    def __init__(self, opt: Path, folder: Path) -> None:
        self.opt = str(opt)
        self.source, self.whole, self.small = (
            folder / f"{name}.onnx" for name in ("source", "whole", "small")
        )

    def read(self, case: Case) -> tuple[Rule, Case]:
        """The rule of a case, with as few of its inputs made constant as possible."""
        found = []
        refusal = Refused("no operator with a rule")
        for types in ("", "iu", "iuf"):
            variant = with_constants(case, types)
            try:
                rule = self.get_rule(variant)
            except Refused as error:
                refusal = error
                continue
            if editable(rule):
                return rule, variant
            found.append(variant)
        if not found:
            raise refusal
        return self.get_rule(found[0]), found[0]

    def get_rule(self, case: Case) -> Rule:
        onnx.save(case.model, str(self.source))
        return get_rule(self.opt, self.source, self.whole)

    def resize(self, rule: Rule, extents: dict[int, int], target: Path) -> None:
        """Writes the model with other extents of some factors."""
        text = ",".join(f"{rule['factors'][i]['name']}:{size}" for i, size in extents.items())
        option = f"--neuro-test-rule=extents={text}"
        run_opt(self.opt, [str(self.source), option, "-o", str(target)])

    def widen(self, rule: Rule, case: Case, random: np.random.Generator) -> tuple[Rule, Case]:
        """A case in which nothing has two indices, with three of all that may change."""
        extents = {
            index: 3
            for index, factor in enumerate(rule["factors"])
            if is_free(factor) and factor["extent"] == 1 and index not in equated(rule)
        }
        if not extents:
            raise Refused("nothing may be edited")
        self.resize(rule, extents, self.whole)
        self.whole.replace(self.source)
        wide = get_rule(self.opt, self.source, self.whole)
        model = onnx.load(str(self.source))
        inputs = []
        for info, value in zip(model.graph.input, case.inputs, strict=True):
            shape = [dim.dim_value for dim in info.type.tensor_type.shape.dim]
            if list(value.shape) != shape:
                if value.dtype.kind != "f" or 0 in shape:
                    raise Refused("nothing may be edited")
                value = random.normal(size=shape).astype(value.dtype)
            inputs.append(value)
        return wide, Case(case.name, model, inputs)

    def check(
        self,
        case: Case,
        random: np.random.Generator,
        mutate: Callable[[Rule], Rule] | None = None,
        trials: int = 4,
    ) -> Rule:
        """Checks the rule of a case on random keep-lists and returns it.

        `mutate` may change the rule that the check believes in.
        """
        rule, case = self.read(case)
        if not editable(rule):
            try:
                rule, case = self.widen(rule, case, random)
            except Refused:
                if mutate is None:
                    raise
        believed = mutate(json.loads(json.dumps(rule))) if mutate else rule
        try:
            run(self.whole, case.inputs)
        except Exception as error:
            raise Refused("ONNX Runtime does not run it") from error
        for trial in range(trials):
            inputs = VARIANTS[trial % len(VARIANTS)](case.inputs, random)
            self.compare(believed, choose(believed, random), inputs)
        return rule

    def compare(self, rule: Rule, keep: Keep, inputs: list[np.ndarray]) -> None:
        """Runs the op on what is kept, and on everything with zeros elsewhere."""
        zeros = {factor: lists for factor, lists in keep.items() if factor in contracted(rule)}
        masked, small = list(inputs), list(inputs)
        try:
            self.resize(rule, {index: len(lists[0]) for index, lists in keep.items()}, self.small)
            for operand, argument in enumerate(rule["arguments"]):
                axes = rule["operands"][operand]
                masked[argument] = mask(rule, axes, zeros, inputs[argument])
                small[argument] = gather(rule, axes, keep, inputs[argument])
            expected, actual = run(self.whole, masked), run(self.small, small)
            for result, output in enumerate(rule["outputs"]):
                if output < 0:
                    continue
                want = gather(rule, rule["results"][result], keep, expected[output])
                if not is_close(actual[output], want):
                    raise Wrong(f"{rule['rule']} with {keep}: result {result} differs")
        except Wrong:
            raise
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise Wrong(f"{rule['rule']} with {keep}: {reason}") from error


def is_close(actual: np.ndarray, expected: np.ndarray) -> bool:
    if actual.shape != expected.shape:
        return False
    if actual.dtype.kind not in "fc":
        return np.array_equal(actual, expected)
    return np.allclose(
        expected.astype(np.float64), actual.astype(np.float64), rtol=1e-3, atol=1e-5,
        equal_nan=True,
    )  # fmt: skip


# ----------------------------------------------------------------------------
# Mutants: rules that are not true. `focus` names the factors that must be cut to see it.
# ----------------------------------------------------------------------------


def terms_of(tensors: list[list[dict[str, Any]]]) -> Iterator[list[int]]:
    return (term for axes in tensors for axis in axes for term in axis["terms"])


def forget_a_place(rule: Rule) -> Rule:
    """One operand's occurrence of an editable factor becomes a factor of its own."""
    for index in editable(rule):
        for term in terms_of(rule["operands"]):
            if index in term:
                twin = {**rule["factors"][index], "name": "mutant", "role": "fixed"}
                rule["factors"].append(twin)
                term[term.index(index)] = len(rule["factors"]) - 1
                return {**rule, "focus": [index]}
    raise Refused("nothing to mutate")


def swap_factors(rule: Rule) -> Rule:
    """In a product, an editable factor and its neighbour of another size change places."""
    factors = rule["factors"]
    for term in terms_of(rule["operands"] + rule["results"]):
        for place in range(1, len(term)):
            pair = term[place - 1 : place + 1]
            free = [index for index in pair if index in editable(rule)]
            if free and all(factors[index]["extent"] > 1 for index in pair):
                term[place - 1 : place + 1] = pair[::-1]
                return {**rule, "focus": free}
    raise Refused("nothing to mutate")


def unpin(rule: Rule) -> Rule:
    """A factor that must not be edited is said to be free."""
    used = {factor for term in terms_of(rule["operands"]) for factor in term}
    for index, factor in enumerate(rule["factors"]):
        if factor["pin"] and factor["extent"] > 1 and index in used:
            factor.update(pin="", role="plain", zero_invariant=True)
            return {**rule, "focus": [index]}
    raise Refused("nothing to mutate")


def ignore_statistics(rule: Rule) -> Rule:
    """A factor that is normalised over is said to bear zeros."""
    for index, factor in enumerate(rule["factors"]):
        if not factor["zero_invariant"] and not factor["pin"] and factor["extent"] > 1:
            factor["zero_invariant"] = True
            return {**rule, "focus": [index]}
    raise Refused("nothing to mutate")


MUTANTS = (forget_a_place, swap_factors, unpin, ignore_statistics)
