"""Conditions on which a formula that is wrong in general is right: a target adds up to 1, gamma is 1, one sample.

Each changes drawn operands so that it holds; what is right then and not otherwise was hidden by the input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..formula.formula import Formula
from ..formula.nodes import ELLIPSIS, Element, Symbol, walk
from .draws import Draw, draw
from .names import derivative_name

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Condition:
    """A condition on operands.

    Attributes:
        words: it as the end of "equal where ...".
        about: the value, setting or index that it is about.
        change: a draw in which it holds; None where that cannot be had.
    """

    words: str
    about: str
    change: Callable[[Draw], Draw | None]


def conditions(lines: Sequence[Formula], drawn: Draw, back: str) -> Iterator[Condition]:
    """The conditions that may matter, for each value the more general ones first.

    Args:
        lines: the forward lines.
        drawn: operands, what comes back among them.
        back: the name of what comes back.
    """
    letters = sorted({i for line in lines for i in line.indices if i != ELLIPSIS and i not in line.bounds})
    for letter in letters:
        yield Condition(f"{letter} takes one value only", letter, _only_one(lines, letter, back))
    ids = {name for line in lines for name in line.ids}
    for name in drawn.arrays:
        if name in ids:
            yield Condition(f"no number stands in {name} twice", name, _all_other(lines, name))
            continue
        places = _places(lines, name, back)
        for axis, letter in places:
            yield Condition(f"{name} adds up to 1 over {letter}", name, _changed(name, _adding_up(axis)))
        for axis, letter in places:
            yield Condition(f"{name} adds up to 0 over {letter}", name, _changed(name, _centred(axis)))
        yield Condition(f"every {name} is above 0", name, _changed(name, np.abs))
        yield Condition(f"every {name} is below 0", name, _changed(name, lambda a: -np.abs(a)))
        yield Condition(f"every {name} is 0 or 1", name, _zeros_and_ones(name))
        if name == back or drawn.arrays[name].ndim < drawn.arrays[back].ndim:  # a scale, a shift: what is often 1 or 0
            yield Condition(f"every {name} is 1", name, _changed(name, np.ones_like))
            yield Condition(f"every {name} is 0", name, _changed(name, np.zeros_like))
    for name in drawn.settings:
        for value in (1, 0):
            yield Condition(f"{name} is {value}", name, _set(lines, name, value))


def _changed(name: str, change: Callable[[Array], Array]) -> Callable[[Draw], Draw]:
    return lambda drawn: replace(drawn, arrays={**drawn.arrays, name: np.asarray(change(drawn.arrays[name]))})


def _zeros_and_ones(name: str) -> Callable[[Draw], Draw | None]:
    def change(drawn: Draw) -> Draw | None:
        above = drawn.arrays[name] > 0
        return None if above.all() or not above.any() else _changed(name, lambda a: (a > 0) * 1.0)(drawn)

    return change


def _adding_up(axis: int) -> Callable[[Array], Array]:
    def change(a: Array) -> Array:
        if (a > 0).all():
            return a / a.sum(axis=axis, keepdims=True)
        return a - a.mean(axis=axis, keepdims=True) + 1 / a.shape[axis]  # of both signs, where the lines take these

    return change


def _centred(axis: int) -> Callable[[Array], Array]:
    return lambda a: a - a.mean(axis=axis, keepdims=True)


def _all_other(lines: Sequence[Formula], name: str) -> Callable[[Draw], Draw]:
    """Ids that differ from one another, and arrays with room for them."""

    def change(drawn: Draw) -> Draw:
        ids = drawn.arrays[name]
        arrays: dict[str, Array] = {**drawn.arrays, name: np.arange(ids.size).reshape(ids.shape)}
        for element in (e for line in lines for e in line.elements if e.name in arrays):
            for axis, place in enumerate(element.indices):
                if any(isinstance(n, Element) and n.name == name for n in walk(place)):
                    arrays[element.name] = np.resize(arrays[element.name], _with(arrays, element.name, axis, ids.size))
        return replace(drawn, arrays=arrays)

    return change


def _with(arrays: Mapping[str, Array], name: str, axis: int, size: int) -> tuple[int, ...]:
    shape = arrays[name].shape
    return (*shape[:axis], max(shape[axis], size), *shape[axis + 1 :])


def _set(lines: Sequence[Formula], name: str, value: int) -> Callable[[Draw], Draw | None]:
    """A setting at another value; one that stands in index places is drawn anew with all that depends on it."""

    def change(drawn: Draw) -> Draw | None:
        if not isinstance(drawn.settings[name], int):
            return replace(drawn, settings={**drawn.settings, name: float(value)})
        return draw(lines, 0, given={**drawn.settings, name: value}) if value else None

    return change


def _places(lines: Sequence[Formula], name: str, back: str) -> list[tuple[int, str]]:
    """The axes of a value with their letters; none where `...` is among them."""
    of = next((line.output for line in lines if name == back == derivative_name(line.output)), name)
    element = next((e for line in lines for e in line.elements if e.name == of), None)
    if element is None or Symbol(ELLIPSIS) in element.indices:
        return []
    return [(axis, place.name) for axis, place in enumerate(element.indices) if isinstance(place, Symbol)]


def _only_one(lines: Sequence[Formula], letter: str, back: str) -> Callable[[Draw], Draw | None]:
    """Every array cut to one value of an index."""

    def change(drawn: Draw) -> Draw | None:
        arrays: dict[str, Any] = dict(drawn.arrays)
        for name, axis in _axes(lines, letter, back):
            if name not in arrays:
                continue
            arrays[name] = np.take(arrays[name], [0], axis=axis)
        return replace(drawn, arrays=arrays, sizes={**drawn.sizes, letter: 1})

    return change


def _axes(lines: Sequence[Formula], letter: str, back: str) -> set[tuple[str, int]]:
    names: Mapping[str, str] = {line.output: derivative_name(line.output) for line in lines}
    found: set[tuple[str, int]] = set()
    for element in (e for line in lines for e in line.elements):
        for axis, place in enumerate(element.indices):
            if place == Symbol(letter):
                place_from_end = axis - len(element.indices) if Symbol(ELLIPSIS) in element.indices[:axis] else axis
                found.add((element.name, place_from_end))
                if names.get(element.name) == back:
                    found.add((back, place_from_end))
    return found
