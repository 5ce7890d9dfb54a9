"""Operands drawn at random for forward lines: odd sizes, numbers away from 0, ids in range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..base.errors import FormulaError
from ..formula.affine import affine
from ..formula.formula import Formula
from ..formula.nodes import ELLIPSIS, Element, Node, Number, Symbol, walk
from ..formula.rewrite import at

Array = np.ndarray[Any, Any]
LARGEST, MANY_LETTERS = 4, 6
"""An index takes so many values at most, one less where there are more letters than the second number."""


@dataclass(frozen=True)
class Draw:
    """What was drawn.

    Attributes:
        arrays: the operands, float64, ids int64.
        settings: the settings.
        sizes: how many values each index takes; `...` a tuple.
    """

    arrays: Mapping[str, Array]
    settings: Mapping[str, float | int]
    sizes: Mapping[str, Any]

    @property
    def words(self) -> str:
        """What was drawn, in a line."""
        shapes = [f"{name} {array.shape}" for name, array in self.arrays.items()]
        values = [f"{name} = {value:.4g}" for name, value in self.settings.items()]
        return ", ".join([*shapes, *values])


def draw(
    lines: Sequence[Formula], seed: int, *, positive: bool = False, given: Mapping[str, float | int] | None = None
) -> Draw:
    """Operands and settings for forward lines.

    Args:
        lines: the lines in order.
        seed: of the generator.
        positive: whether all numbers are above 0, for logarithms and roots.
        given: settings that are not drawn.

    Raises:
        FormulaError: where an index has a range that no draw gives.
    """
    rng = np.random.default_rng(seed)
    settings = {name: _setting(name, lines, rng) for name in sorted({o for line in lines for o in line.symbols})}
    outputs = {line.output for line in lines}
    settings = {name: value for name, value in settings.items() if name not in outputs} | dict(given or {})
    sizes = _sizes(lines, settings, rng)
    arrays: dict[str, Array] = {}
    ids = {name for line in lines for name in line.ids}
    for line in lines:
        for element in line.elements:
            if element.name in outputs or element.name in arrays or element.name in ids:
                continue
            shape = _shape(element, lines, sizes, settings)
            low = 0.2 if positive else 0.05
            size = low + (2 - low) * rng.random(shape)
            arrays[element.name] = size if positive else size * rng.choice([-1.0, 1.0], shape)
    for name in sorted(ids):
        element, size = _indexed(name, lines, arrays)
        shape = _shape(element, lines, sizes, settings)
        arrays[name] = rng.integers(0, size, shape)
    order = dict.fromkeys(e.name for line in lines for e in line.elements if e.name in arrays)
    return Draw({name: arrays[name] for name in order}, settings, sizes)


def _setting(name: str, lines: Sequence[Formula], rng: np.random.Generator) -> float | int:
    """A setting: a small whole number where it stands in an index place or is a range, else a number near 1."""
    for line in lines:
        for index, bound in line.bounds.items():
            if bound == Symbol(name):
                return int(rng.integers(1, 4)) if index else 1
        for element in line.elements:
            for place in element.indices:
                if Symbol(name) in walk(place):
                    product = any(_multiplies(n, name) for n in walk(place))
                    return int(rng.integers(1, 3)) if product else int(rng.integers(0, 2))
    return round(float(rng.uniform(0.5, 1.5)), 3)


def _multiplies(node: Node, name: str) -> bool:
    left, right = getattr(node, "left", None), getattr(node, "right", None)
    return getattr(node, "operator", "") == "*" and Symbol(name) in (left, right)


def _sizes(lines: Sequence[Formula], settings: Mapping[str, float | int], rng: np.random.Generator) -> dict[str, Any]:
    sizes: dict[str, Any] = {}
    most = LARGEST if len({i for line in lines for i in line.indices}) <= MANY_LETTERS else LARGEST - 1
    for line in lines:
        for letter in sorted(line.indices):
            bound = line.bounds.get(letter)
            if bound is not None:
                value = _number(bound, settings)
                if value is None:
                    raise FormulaError(f"the range of {letter} in {line.text!r} is no number or setting")
                sizes[letter] = value
            elif letter == ELLIPSIS:
                sizes.setdefault(letter, tuple(int(s) for s in rng.integers(1, 4, rng.integers(1, 3))))
            else:
                sizes.setdefault(letter, int(rng.integers(2, most + 1)))
    for _ in sizes:  # letters that stand in the same place of an array take as many values
        for first, second in _same(lines):
            if first in sizes and second in sizes:
                sizes[second if _bound(lines, first) else first] = sizes[first if _bound(lines, first) else second]
    return sizes


def _bound(lines: Sequence[Formula], letter: str) -> bool:
    return any(letter in line.bounds for line in lines)


def _same(lines: Sequence[Formula]) -> list[tuple[str, str]]:
    """Pairs of letters that stand in the same place of an array: the u and v of h[n,t,u] and h[n,t-1,v]."""
    places: dict[tuple[str, int], str] = {}
    pairs: list[tuple[str, str]] = []
    for line in lines:
        for element in line.elements:
            if Symbol(ELLIPSIS) in element.indices:
                continue
            for axis, place in enumerate(element.indices):
                if isinstance(place, Symbol) and place.name in line.indices:
                    first = places.setdefault((element.name, axis), place.name)
                    if first != place.name:
                        pairs.append((first, place.name))
    return pairs


def _number(node: Node, settings: Mapping[str, float | int]) -> int | None:
    terms = affine(at(node, {name: Number(float(value)) for name, value in settings.items()}))
    return terms[""] if terms is not None and set(terms) == {""} else None


def _shape(
    element: Element, lines: Sequence[Formula], sizes: Mapping[str, Any], settings: Mapping[str, float | int]
) -> tuple[int, ...]:
    """A shape with room for every place where the lines read the array."""
    every = [e for line in lines for e in line.elements if e.name == element.name]
    shape: list[int] = []
    for axis, place in enumerate(element.indices):
        if place == Symbol(ELLIPSIS):
            shape.extend(sizes[ELLIPSIS])
            continue
        plain = [e.indices[axis] for e in every if axis < len(e.indices)]
        letters = [p.name for p in plain if isinstance(p, Symbol) and p.name in sizes]
        shape.append(int(sizes[letters[0]]) if letters else max(_reach(p, sizes, settings) for p in plain))
    return tuple(shape)


def _reach(place: Node, sizes: Mapping[str, Any], settings: Mapping[str, float | int]) -> int:
    """One more than the largest value of an index expression; 3 for one that an array gives."""
    terms = affine(at(place, {name: Number(float(value)) for name, value in settings.items()}))
    if terms is None:
        return 3
    reach = terms.get("", 0) + sum(f * (int(sizes.get(i, 1)) - 1) for i, f in terms.items() if i and f > 0)
    return max(int(reach) + 1, 1)


def _indexed(name: str, lines: Sequence[Formula], arrays: Mapping[str, Array]) -> tuple[Element, int]:
    """The element of an array of ids, and how many values its ids may have."""
    for line in lines:
        for element in line.elements:
            for axis, place in enumerate(element.indices):
                for node in walk(place):
                    if isinstance(node, Element) and node.name == name:
                        size = arrays[element.name].shape[axis] if element.name in arrays else 3
                        return node, size
    raise FormulaError(f"{name} is no array of ids")
