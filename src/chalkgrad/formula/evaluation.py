"""Formulas computed for one element: with plain loops, slow and easy to believe, and for many terms at once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, cast

import numpy as np

from ..base.errors import FormulaError
from .nodes import (
    ARITHMETIC,
    COMPARISONS,
    ELLIPSIS,
    FUNCTIONS,
    Binary,
    Count,
    Element,
    Function,
    Indicator,
    Negative,
    Node,
    Number,
    Position,
    Reduction,
    Symbol,
    applied,
)


class OutsideError(Exception):
    """An element outside its array was asked for."""


class Evaluation:
    """The values of nodes for one setting of the indices."""

    def __init__(
        self,
        text: str,
        arrays: Mapping[str, Any],
        options: Mapping[str, Any],
        sizes: Mapping[str, Any],
    ) -> None:
        self.text = text
        self.arrays = arrays
        self.options = options
        self.sizes = sizes
        self.at: dict[str, Any] = {}

    def loop(self, indices: tuple[str, ...], *, backward: bool = False) -> Iterator[None]:
        """Sets the indices to every combination of their values in turn, or from the last to the first."""
        for index in indices:
            if index not in self.sizes:
                raise FormulaError(f"nothing gives the range of {index} in {self.text!r}")
        ranges: list[Any] = []
        for index in indices:
            size = self.sizes[index]
            spread = isinstance(size, tuple)
            ranges.append(itertools.product(*map(range, cast("tuple[int, ...]", size))) if spread else range(size))
        combinations = itertools.product(*ranges)
        for values in reversed(list(combinations)) if backward else combinations:
            self.at.update(zip(indices, values, strict=True))
            yield
        for index in indices:
            self.at.pop(index, None)

    def place(self, element: Element, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The element's indices as numbers. Raises OutsideError where its array of that shape has no such element."""
        place: list[int] = []
        for index in element.indices:
            if not isinstance(index, Symbol) or index.name not in self.at:
                place.append(round(self.value(index)))
            elif index.name == ELLIPSIS:
                place.extend(self.at[ELLIPSIS])
            else:
                place.append(self.at[index.name])
        for at, size in zip(place, shape, strict=True):
            if not 0 <= at < size:
                raise OutsideError
        return tuple(place)

    def value(self, node: Node) -> float:
        """The number that a node has.

        Raises:
            OutsideError: where an element lies outside its array and no sum takes it as 0.
            FormulaError: where a name is unknown, or a node is none of a formula.
        """
        match node:
            case Element(name=name):
                array = self.arrays[name]
                return float(array[self.place(node, array.shape)])
            case Binary(operator=("+" | "-") as symbol, left=left, right=right):
                terms = self._term(left), self._term(right)
                if terms == (None, None):
                    raise OutsideError
                return float(ARITHMETIC[symbol](terms[0] or 0.0, terms[1] or 0.0))
            case Binary(operator=symbol, left=left, right=right):
                value = ARITHMETIC[symbol](self.value(left), self.value(right))
                return math.nan if isinstance(value, complex) else float(value)
            case Symbol(name=name):
                for source in (self.at, self.options, self.arrays):
                    if name in source:
                        return float(source[name])
                raise FormulaError(f"{name} is not known in {self.text!r}")
            case Number(value=value):
                return value
            case Count(index=index):
                count: Any = math.prod(self.sizes[index]) if index == ELLIPSIS else self.sizes[index]
                return float(count)
            case Position():
                position = 0
                for at, size in zip(self.at[ELLIPSIS], self.sizes[ELLIPSIS], strict=True):
                    position = position * size + at
                return float(position)
            case Negative(body=body):
                return -self.value(body)
            case Function(name=name, arguments=arguments):
                return float(FUNCTIONS[name](*(self.value(a) for a in arguments)))
            case Indicator(comparison=comparison, left=left, right=right):
                return float(COMPARISONS[comparison](self.value(left), self.value(right)))
            case Reduction():
                return self.reduce(node)
            case _:
                raise FormulaError(f"{type(node).__name__} cannot stand in the formula {self.text!r}")

    def _term(self, node: Node) -> float | None:
        """A term of a sum; None where it lies outside its array."""
        try:
            return self.value(node)
        except OutsideError:
            return None

    def reduce(self, node: Reduction) -> float:
        """The value of a sum, a mean, a maximum or the place of a maximum."""
        values: list[float] = []
        for _ in self.loop(node.indices):
            try:
                values.append(self.value(node.body))
            except OutsideError:
                values.append(0.0 if node.kind in ("sum", "mean") else -math.inf)
        match node.kind:
            case "sum":
                return math.fsum(values)
            case "mean":
                return math.fsum(values) / len(values)
            case "max":
                return max(values)
            case _:
                return float(values.index(max(values)))


class Grid(Evaluation):
    """The values of nodes for many settings of the indices at once: `at` holds arrays of equal length.

    An element outside its array is marked in `outside` instead of raising.
    """

    def __init__(self, like: Evaluation, indices: tuple[str, ...]) -> None:
        super().__init__(like.text, like.arrays, like.options, like.sizes)
        sizes: list[int] = []
        spans: dict[str, slice] = {}
        for index in indices:
            if index not in self.sizes:
                raise FormulaError(f"nothing gives the range of {index} in {self.text!r}")
            size = self.sizes[index]
            own = list(cast("tuple[int, ...]", size)) if isinstance(size, tuple) else [int(size)]
            spans[index] = slice(len(sizes), len(sizes) + len(own))
            sizes.extend(own)
        self.count = math.prod(sizes)
        places: Any = np.indices(sizes).reshape(len(sizes), self.count)
        self.at = dict(like.at)
        for index, span in spans.items():
            spread = isinstance(self.sizes[index], tuple)
            self.at[index] = tuple(places[span]) if spread else places[span.start]
        self.indices = indices
        self.outside = np.zeros(self.count, dtype=bool)

    def setting(self, term: int) -> dict[str, Any]:
        """The values that the indices have in one term, counted row by row."""
        return {
            i: tuple(int(a[term]) for a in self.at[i]) if isinstance(self.at[i], tuple) else int(self.at[i][term])
            for i in self.indices
        }

    def value(self, node: Node) -> Any:
        """The values of a node, an array (count,); one number where it depends on no index."""
        match node:
            case Symbol(name=name) if name in self.at:
                return self.at[name]
            case Element(name=name):
                array = self.arrays[name]
                place: list[Any] = []
                for index in node.indices:
                    place.extend(self.at[ELLIPSIS] if index == Symbol(ELLIPSIS) else [self.value(index)])
                subscripts: list[Any] = []
                for index, size in zip(place, array.shape, strict=True):
                    subscript = np.rint(index).astype(np.intp)
                    self.outside |= (subscript < 0) | (subscript >= size)
                    subscripts.append(np.clip(subscript, 0, size - 1))
                return array[tuple(subscripts)].astype(np.float64)
            case Position():
                position = 0
                for at, size in zip(self.at[ELLIPSIS], self.sizes[ELLIPSIS], strict=True):
                    position = position * size + at
                return position
            case Negative(body=body):
                return -self.value(body)
            case Binary(operator=("+" | "-") as symbol, left=left, right=right):
                first, first_outside = self._terms(left)
                second, second_outside = self._terms(right)
                self.outside |= first_outside & second_outside
                return ARITHMETIC[symbol](first, second)
            case Binary(operator=symbol, left=left, right=right):
                return ARITHMETIC[symbol](self.value(left), self.value(right))
            case Function(name=name, arguments=arguments):
                return np.vectorize(partial(applied, name), otypes=[float])(*(self.value(a) for a in arguments))
            case Indicator(comparison=comparison, left=left, right=right):
                return COMPARISONS[comparison](self.value(left), self.value(right)) * 1.0
            case Reduction():
                raise FormulaError(f"a {node.kind} inside another cannot be computed at once in {self.text!r}")
            case _:
                return super().value(node)

    def _terms(self, node: Node) -> tuple[Any, Any]:
        """A term of a sum, 0 where it lies outside its array, and where that is."""
        before, self.outside = self.outside, np.zeros(self.count, dtype=bool)
        value, outside = self.value(node), self.outside
        self.outside = before
        return (np.where(outside, 0.0, value) if outside.any() else value), outside

    def terms(self, node: Reduction) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The terms of a reduction, float64 (count,), row by row; outside its array 0, minus infinity for a maximum."""
        with np.errstate(all="ignore"):
            values = np.broadcast_to(np.asarray(self.value(node.body), dtype=np.float64), (self.count,))
        return np.where(self.outside, 0.0 if node.kind in ("sum", "mean") else -math.inf, values)
