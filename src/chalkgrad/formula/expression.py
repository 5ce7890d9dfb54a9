"""Expressions: the trees that explanations show.

An expression is a formula's tree with every index a number: elements have become `Quantity`, sums and maxima lists
of terms. Or it is one in matrix notation, of whole values. Its other nodes are the formula's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ..base.address import Address
from .nodes import ARITHMETIC, COMPARISONS, Binary, Function, Indicator, Negative, Node, Number, applied, children


@dataclass(frozen=True, slots=True)
class Quantity(Node):
    """One element of a named value, with its number."""

    address: Address
    value: float


@dataclass(frozen=True, slots=True)
class Partial(Node):
    """A local derivative: how the element `of` moves with the element `by`, with its number."""

    of: Address
    by: Address
    value: float


@dataclass(frozen=True, slots=True)
class Deriving(Node):
    """The local derivative of an expression, still to be made: ∂(x[n,i] * W[i,o])/∂W[i,o]."""

    body: Node
    by: Node


@dataclass(frozen=True, slots=True)
class Terms(Node):
    """A sum written out.

    Attributes:
        terms: the terms that are shown.
        omitted: how many are not.
        rest: the sum of the omitted ones.
        zeros: whether each of the omitted ones is 0.
    """

    terms: tuple[Node, ...]
    omitted: int = 0
    rest: float = 0.0
    zeros: bool = False


@dataclass(frozen=True, slots=True)
class Extreme(Node):
    """The largest of several, or the place of the largest (the first of equals), counted from 0.

    Attributes:
        kind: "max" or "argmax".
        entries: the entries that are shown.
        omitted: how many are not; none of them is larger.
        value: the result.
    """

    kind: str
    entries: tuple[Node, ...]
    omitted: int
    value: float


Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Named(Node):
    """A whole value by its name.

    Attributes:
        name: the name.
        rows: its numbers, where they are to be shown.
        single: whether it is one number.
    """

    name: str
    rows: Rows | None = None
    single: bool = False


@dataclass(frozen=True, slots=True)
class AtTime(Node):
    """A value (N, T, ...) at one step of time, (N, ...); zeros before the first step and after the last.

    Attributes:
        value: the whole value, or with `rows` its numbers at that step.
        time: the step: the index t, t - 1, a number.
    """

    value: Named
    time: Node


@dataclass(frozen=True, slots=True)
class Ones(Node):
    """A column of ones, as long as it has to be."""


@dataclass(frozen=True, slots=True)
class Transposed(Node):
    """A matrix transposed."""

    body: Node


@dataclass(frozen=True, slots=True)
class MatrixProduct(Node):
    """The product of two matrices."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Hadamard(Node):
    """Two matrices multiplied element by element."""

    left: Node
    right: Node


def parts(node: Node) -> tuple[Node, ...]:
    """The nodes directly below, in an expression or a formula."""
    match node:
        case Terms(terms=inner) | Extreme(entries=inner):
            return inner
        case Deriving(body=body, by=by):
            return body, by
        case _:
            return children(node)


def walk_expression(node: Node) -> Iterator[Node]:
    """`node` and every node below it, from left to right."""
    yield node
    for part in parts(node):
        yield from walk_expression(part)


def quantities(node: Node) -> Iterator[Quantity]:
    """Every named number of an expression, from left to right."""
    return (n for n in walk_expression(node) if isinstance(n, Quantity))


def total_of(values: Iterable[float]) -> float:
    """The sum without rounding on the way; NaN or infinity where the values have any."""
    terms = list(values)
    try:
        return math.fsum(terms)
    except (OverflowError, ValueError):
        return float(sum(terms))


def number(node: Node, rounding: Callable[[float], float] = float) -> float:
    """The value of an expression, in float64, its sums without rounding on the way.

    Args:
        node: the expression.
        rounding: applied to every operation's result (to see what rounding to float32 would do).

    Raises:
        TypeError: where the expression has no number: one in matrix notation.
    """

    def of(part: Node) -> float:
        return number(part, rounding)

    match node:
        case Number(value=value) | Quantity(value=value) | Partial(value=value) | Extreme(value=value):
            return value
        case Terms(terms=terms, rest=rest):
            return rounding(total_of([*map(of, terms), rest]))
        case Negative(body=body):
            return -of(body)
        case Binary(operator=symbol, left=left, right=right):
            a, b = of(left), of(right)
            try:
                return rounding(float(ARITHMETIC[symbol](a, b)))
            except (ZeroDivisionError, OverflowError):
                return math.nan if symbol == "/" and a == 0 else math.inf
        case Function(name=name, arguments=arguments):
            return rounding(applied(name, *map(of, arguments)))
        case Indicator(comparison=comparison, left=left, right=right):
            return float(COMPARISONS[comparison](of(left), of(right)))
        case _:
            raise TypeError(f"{node} has no number")
