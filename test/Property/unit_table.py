"""Which elements of the weights of a network belong to which unit, told by hand.

Every channel of a tensor is a *place*: a tuple of atoms, all of which it needs. Layers
name the places of their weights as they are written down, unite places that an addition
makes the same, and take atoms apart where a reshape does. Nothing here comes from the
compiler: what it cuts must be what the table says, and a masked twin has zeros where the
table has removed units.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Place = tuple[int, ...]


class Atoms:
    """Atoms that can turn out to be the same, or to be products of others."""

    def __init__(self) -> None:
        self.parent: list[int] = []
        self.factors: dict[int, Place] = {}

    def make(self, count: int) -> list[Place]:
        first = len(self.parent)
        self.parent.extend(range(first, first + count))
        return [(atom,) for atom in range(first, first + count)]

    def resolve(self, place: Place) -> Place:
        """The atoms that a place consists of, the major ones first."""
        result: list[int] = []
        for atom in place:
            while self.parent[atom] != atom:
                atom = self.parent[atom]
            found = self.resolve(self.factors[atom]) if atom in self.factors else (atom,)
            result += [atom for atom in found if atom not in result]
        return tuple(result)

    def unite(self, left: Sequence[Place], right: Sequence[Place]) -> None:
        """States that two axes have the same places."""
        for a, b in zip(left, right, strict=True):
            mine, other = self.resolve(a), self.resolve(b)
            rest = [atom for atom in mine if atom not in other]
            others = [atom for atom in other if atom not in mine]
            if len(rest) == len(others):
                for x, y in zip(rest, others, strict=True):
                    self.parent[max(x, y)] = min(x, y)
            elif len(rest) == 1:
                self.factors[rest[0]] = tuple(others)
            else:
                assert len(others) == 1, (a, b)
                self.factors[others[0]] = tuple(rest)


@dataclass
class Row:
    """The places along one axis of a weight, by block."""

    axis: int
    blocks: list[list[Place]]
    block_axis: int = 0

    def slices(self, shape: Sequence[int], hit: Any) -> Iterable[tuple[Any, ...]]:
        """Indices of the elements at places of which `hit` is true."""
        length = shape[self.block_axis] // len(self.blocks)
        for number, places in enumerate(self.blocks):
            index: list[Any] = [slice(None)] * len(shape)
            if len(self.blocks) > 1:
                index[self.block_axis] = slice(number * length, (number + 1) * length)
            index[self.axis] = [i for i, place in enumerate(places) if hit(place)]
            if index[self.axis]:
                yield tuple(index)


@dataclass
class Table:
    """What belongs to which unit in all weights of a network."""

    atoms: Atoms = field(default_factory=Atoms)
    rows: dict[str, list[Row]] = field(default_factory=dict)
    # Nodes that count the places along an axis of their first operand.
    counts: dict[str, tuple[int, list[Place]]] = field(default_factory=dict)
    # Places that are summed although a masked unit is not zero there.
    sums: list[list[Place]] = field(default_factory=list)

    def is_hit(self, place: Place, removed: frozenset[int]) -> bool:
        return not removed.isdisjoint(self.atoms.resolve(place))

    def find_removed(self, edits: list[dict[str, Any]]) -> frozenset[int]:
        """The atoms of which an edit left no place."""
        seen: set[int] = set()
        kept: set[int] = set()
        for edit in edits:
            for row in self.rows[edit["source_name"]]:
                if row.axis != edit["axis"]:
                    continue
                for places, sources in zip(row.blocks, edit["sources"], strict=True):
                    for place in places:
                        seen.update(self.atoms.resolve(place))
                    for source in sources:
                        kept.update(self.atoms.resolve(places[source]))
        return frozenset(seen - kept)

    def check(self, edits: list[dict[str, Any]], removed: frozenset[int]) -> list[str]:
        """Axes that did not lose exactly the places of the removed units."""
        sources = {(edit["source_name"], edit["axis"]): edit["sources"] for edit in edits}
        wrong = []
        for name, rows in self.rows.items():
            for row in rows:
                stays = [
                    [i for i, place in enumerate(places) if not self.is_hit(place, removed)]
                    for places in row.blocks
                ]
                actual = sources.get(
                    (name, row.axis), [list(range(len(places))) for places in row.blocks]
                )
                # Where groups took turns, those that stay do so again, in another order.
                if [sorted(places) for places in actual] != stays:
                    wrong.append(f"{name}[{row.axis}] keeps {actual}, not {stays}")
        return wrong

    def mask(self, name: str, array: np.ndarray, removed: frozenset[int]) -> np.ndarray:
        """A weight with zeros at removed units."""
        result = array.copy()
        for row in self.rows.get(name, []):
            for index in row.slices(array.shape, lambda place: self.is_hit(place, removed)):
                result[index] = 0
        return result

    def kept_counts(self, removed: frozenset[int]) -> dict[tuple[str, int], list[int]]:
        """For nodes that count places of which some went: those that stay."""
        result = {}
        for node, (axis, places) in self.counts.items():
            stays = [i for i, place in enumerate(places) if not self.is_hit(place, removed)]
            if len(stays) < len(places):
                result[node, axis] = stays
        return result

    def has_lost_sums(self, removed: frozenset[int]) -> bool:
        """Whether a removed unit was summed where masking would not make it zero."""
        return any(self.is_hit(place, removed) for places in self.sums for place in places)
