"""The opening of one element of a value: the rule's index formula with numbers for its indices, and its terms."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ..base.address import Address
from ..formula import Formula
from ..formula.evaluation import Evaluation, Grid, OutsideError
from ..formula.expression import Extreme, Quantity, Terms, number, quantities, total_of
from ..formula.nodes import (
    ELLIPSIS,
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
    walk,
)
from ..formula.rewrite import rebuilt, shortened
from ..program import Step
from ..rules.derived import TIME

Array = np.ndarray[Any, Any]
WINDOW = 64
"""A window of so many places at most is shown whole where the place of its maximum is asked for."""


@dataclass(frozen=True, slots=True)
class Opening:
    """An element with the expression that it comes from.

    Attributes:
        address: the element.
        step: the step that computes its value.
        expression: the expression that it comes from, with the numbers.
        value: the value of the expression, over all terms, in float64.
        size: the largest sum of the terms' sizes in it; rounding is relative to this.
    """

    address: Address
    step: Step
    expression: Node
    value: float
    size: float


def open_element(step: Step, place: tuple[int, ...], values: Mapping[str, Array], most: int) -> Opening | None:
    """The opening of the element at `place` of the value that `step` computes.

    Args:
        step: the step.
        place: the element's indices.
        values: every named value.
        most: the most terms of a sum that are shown; of longer ones the largest.

    Returns:
        None where the value is not computed by a formula.
    """
    formula = step.formula
    if formula is None:
        return None
    return _Opener(step, formula, values, most).element(place)


def shares_over_time(step: Step, place: tuple[int, ...], values: Mapping[str, Array]) -> Array | None:
    """The shares (T,) that the times of a sequence have in the element at `place`; None where no sum runs over them.

    Args:
        step: the step that computes the value.
        place: the element's indices.
        values: every named value.
    """
    formula = step.formula
    if formula is None or not isinstance(formula.right, Reduction) or TIME not in formula.right.indices:
        return None
    opener = _Opener(step, formula, values, 0)
    (setting,) = opener.settings_of(place)
    opener.run.at = setting
    terms = Grid(opener.run, formula.right.indices).terms(formula.right)
    sizes = [int(opener.run.sizes[index]) for index in formula.right.indices]
    axes = tuple(axis for axis, index in enumerate(formula.right.indices) if index != TIME)
    shares: Array = terms.reshape(sizes).sum(axis=axes)
    return shares / math.prod(sizes) if formula.right.kind == "mean" else shares


class _Opener:
    def __init__(self, step: Step, formula: Formula, values: Mapping[str, Array], most: int) -> None:
        self.step = step
        self.formula = formula
        self.most = most
        self.size = 0.0
        self.names = {o: n for o, n in zip(step.rule.operands, step.inputs, strict=True) if n is not None}
        arrays = {o: np.asarray(values[n]) for o, n in self.names.items()}
        shapes = {o: a.shape for o, a in arrays.items()}
        shape = np.shape(values[step.output])
        sizes = formula.sizes({**shapes, formula.output: shape}, step.options)
        self.run = Evaluation(formula.text, arrays, step.options, sizes)

    def element(self, place: tuple[int, ...]) -> Opening:
        settings = self.settings_of(place)
        nodes: list[Node] = []
        values: list[float] = []
        for setting in settings:
            self.run.at = setting
            try:
                values.append(self._value(self.formula.right))
                nodes.append(self._ground(self.formula.right))
            except OutsideError:
                values = values[: len(nodes)]
        address = Address(self.step.output, place)
        if not self.formula.accumulates and len(nodes) == 1:
            return Opening(address, self.step, nodes[0], values[0], self.size)
        size = max(self.size, total_of(map(abs, values)))
        return Opening(address, self.step, self._chosen(*_flatten(nodes, values)), total_of(values), size)

    def settings_of(self, place: tuple[int, ...]) -> list[dict[str, Any]]:
        """The settings of the left side's indices that fall on `place`."""
        left = self.formula.left
        return list(self._settings(left, place)) if isinstance(left, Element) else [{}]

    def _settings(self, left: Element, place: tuple[int, ...]) -> Iterator[dict[str, Any]]:
        """Every setting of the left side's indices that falls on `place`."""
        fixed: dict[str, Any] = {}
        affine: list[tuple[Node, int]] = []
        spread = len(place) - (len(left.indices) - 1)
        at = 0
        for index in left.indices:
            if index == Symbol(ELLIPSIS):
                fixed[ELLIPSIS] = place[at : at + spread]
                at += spread
                continue
            if isinstance(index, Position):  # the row-by-row position, back to the indices it counts
                where = np.unravel_index(place[at], self.run.sizes[ELLIPSIS])
                fixed[ELLIPSIS] = tuple(map(int, where))
            elif isinstance(index, Symbol) and index.name in self.run.sizes:
                fixed[index.name] = place[at]
            else:
                affine.append((index, place[at]))
            at += 1
        choices: list[list[dict[str, int]]] = []
        for index, target in affine:
            letters = [n.name for n in walk(index) if isinstance(n, Symbol) and n.name in self.run.sizes]
            settings: list[dict[str, int]] = []
            for combination in itertools.product(*(range(cast("int", self.run.sizes[i])) for i in letters)):
                setting = dict(zip(letters, combination, strict=True))
                self.run.at = {**fixed, **setting}
                if round(self.run.value(index)) == target:
                    settings.append(setting)
            choices.append(settings)
        for combination in itertools.product(*choices):
            values = dict(fixed)
            for setting in combination:
                values.update(setting)
            yield values

    def _value(self, node: Node) -> float:
        """The node's number over all terms; sums are computed at once, not term by term."""
        match node:
            case Reduction(kind=kind):
                terms = Grid(self.run, node.indices).terms(node)
                if kind in ("sum", "mean"):
                    self.size = max(self.size, float(np.abs(terms).sum()))
                if kind == "sum":
                    return total_of(terms.tolist())
                if kind == "mean":
                    return total_of(terms.tolist()) / len(terms)
                return float(terms.max() if kind == "max" else terms.argmax())
            case Binary(operator=("+" | "-") as symbol, left=left, right=right):
                first, second = self._number(left), self._number(right)
                if first is None and second is None:
                    raise OutsideError
                return number(Binary(symbol, Number(first or 0.0), Number(second or 0.0)))
            case Binary() | Negative() | Function() | Indicator():
                return number(rebuilt(node, lambda part: Number(self._value(part))))
            case _:
                return self.run.value(node)

    def _number(self, node: Node) -> float | None:
        """A term's number; None where it lies outside its array."""
        try:
            return self._value(node)
        except OutsideError:
            return None

    def _ground(self, node: Node) -> Node:
        match node:
            case Number():
                return node
            case Symbol(name=name) if name in self.names and name not in self.run.at:
                return Quantity(Address(self.names[name]), float(self.run.arrays[name]))
            case Symbol() | Count() | Position():
                return Number(self.run.value(node))
            case Element(name=name):
                array = self.run.arrays[name]
                place = self.run.place(node, array.shape)
                return Quantity(Address(self.names[name], place), float(array[place]))
            case Binary(operator=("+" | "-") as operator, left=left, right=right):
                return self._sum(operator, left, right)
            case Binary(operator=operator, left=left, right=right):
                return shortened(operator, self._ground(left), self._ground(right))
            case Indicator():
                return rebuilt(node, lambda side: _folded(self._ground(side)))
            case Negative() | Function():
                return rebuilt(node, self._ground)
            case Reduction():
                return self._reduction(node)
            case _:
                raise TypeError(f"{type(node).__name__} cannot be opened")

    def _sum(self, operator: str, left: Node, right: Node) -> Node:
        """A sum without the terms that lie outside their arrays."""
        first, second = self._term(left), self._term(right)
        if first is not None and second is not None:
            return shortened(operator, first, second)
        if second is not None:
            return second if operator == "+" else Negative(second)
        if first is None:
            raise OutsideError
        return first

    def _term(self, node: Node) -> Node | None:
        try:
            return self._ground(node)
        except OutsideError:
            return None

    def _reduction(self, node: Reduction) -> Node:
        grid = Grid(self.run, node.indices)
        values = grid.terms(node)
        choosing = node.kind == "argmax" and grid.count <= WINDOW
        inside = np.arange(grid.count) if choosing else np.flatnonzero(~grid.outside)
        outer = dict(self.run.at)

        def term(index: int) -> Node:
            if grid.outside[index]:
                return Number(-math.inf)  # padding, which is never chosen
            self.run.at = {**outer, **grid.setting(index)}
            inner = self._ground(node.body)
            self.run.at = outer
            return inner

        indices = inside[_largest(values[inside], grid.count if choosing else self.most, node.kind)]
        terms = tuple(term(int(i)) for i in indices)
        omitted = len(inside) - len(indices)
        if node.kind in ("max", "argmax"):
            best = float(values.max() if node.kind == "max" else values.argmax())
            return Extreme(node.kind, terms, omitted, best)
        others = np.setdiff1d(inside, indices)
        rest = values[others]
        total = _simple(Terms(terms, omitted, total_of(rest.tolist()), bool(omitted) and not rest.any()))
        return total if node.kind == "sum" else Binary("/", total, Number(float(grid.count)))

    def _chosen(self, nodes: Sequence[Node], values: Sequence[float], omitted: int, rest: float) -> Node:
        """A sum with its largest terms, of terms that are open already."""
        indices: list[int] = _largest(np.asarray(values), self.most, "sum").tolist()
        others = [values[i] for i in range(len(nodes)) if i not in set(indices)]
        zeros = bool(others or omitted) and not any(others) and rest == 0
        terms = tuple(nodes[i] for i in indices)
        return _simple(Terms(terms, omitted + len(others), total_of([rest, *others]), zeros and not omitted))


def _flatten(nodes: Sequence[Node], values: Sequence[float]) -> tuple[list[Node], list[float], int, float]:
    """The terms of sums of sums as one list, their numbers, and the count and the sum of those left out."""
    flat: list[Node] = []
    numbers: list[float] = []
    omitted, rest = 0, 0.0
    for node, value in zip(nodes, values, strict=True):
        if isinstance(node, Terms):
            flat.extend(node.terms)
            numbers.extend(number(t) for t in node.terms)
            omitted += node.omitted
            rest += node.rest
        else:
            flat.append(node)
            numbers.append(value)
    return flat, numbers, omitted, rest


def _largest(values: Array, most: int, kind: str) -> Array:
    """The indices of the terms to show: all in order if they are few; else the largest first, of a sum those not 0."""
    if len(values) <= most:
        return np.arange(len(values))
    adds = kind in ("sum", "mean")
    order = np.argsort(-np.abs(values) if adds else -values, kind="stable")[:most]
    return order[values[order] != 0] if adds else order


def _simple(terms: Terms) -> Terms | Node:
    """A sum of one term as that term, and of none as 0."""
    if terms.omitted or len(terms.terms) > 1:
        return terms
    return terms.terms[0] if terms.terms else Number(0.0)


def _folded(node: Node) -> Node:
    """The number of arithmetic on indices alone (the place u*kw+v in a window); other nodes as they are."""
    return node if isinstance(node, Number) or any(True for _ in quantities(node)) else Number(number(node))
