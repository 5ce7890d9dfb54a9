"""The paths form: every way from an element to the loss as a product of local derivatives.

A backward rule is linear in the derivatives that it carries back, so the local derivative of z by x is what
stands beside dz in the rule for dx. Nothing is differentiated here.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from ..base.address import Address
from ..base.digits import rounded
from ..base.errors import OptionError
from ..formula.expression import Partial, Quantity, Terms, number, parts, total_of
from ..formula.nodes import Binary, Negative, Node, Number
from ..program import Role, Step
from .opening import open_element

LARGEST = 60_000
"""The most local derivatives that the paths form looks at; beyond, the delta form is the one to read."""

LONGEST = 100
"""The most factors of a path."""

Array = np.ndarray[Any, Any]
LOSS = Address("L")


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear expression in derivatives of the loss: the factor beside each, and the term that stands alone."""

    beside: dict[Address, Node]
    alone: Node | None


class Edges:
    """The local derivatives of a program's values, read off the backward rules.

    Args:
        steps: the program's steps by output.
        values: every named value.
        digits: the significant digits that every local derivative is rounded to, or None.
    """

    def __init__(self, steps: Mapping[str, Step], values: Mapping[str, Array], digits: int | None = None) -> None:
        self.steps = steps
        self.values = values
        self.derivative_of = {forward: s.output for s in steps.values() if (forward := self.forward_name(s.output))}
        self.digits = digits
        self._known: dict[Address, list[Partial]] = {}
        self._made: dict[tuple[Address, Address], Node] = {}
        self._helpers: dict[Address, Linear] = {}
        self.count = 0

    def forward_name(self, name: str) -> str | None:
        """The value whose derivative of the loss `name` is; None where it is none."""
        step = self.steps.get(name)
        return step.value.of if step is not None and step.value.role is Role.DERIVATIVE else None

    def of(self, address: Address) -> list[Partial]:
        """The local derivatives out of a forward element, one for every value that it moves directly.

        The last on every path is the derivative of the loss itself.
        """
        if address not in self._known:
            linear = self._linear(Address(self.derivative_of[address.name], address.place))
            edges: list[Partial] = []
            for derivative, node in linear.beside.items():
                target = Address(self.forward_name(derivative.name) or "", derivative.place)
                edges.append(Partial(target, address, self._number(node)))
                self._made[target, address] = node
            if linear.alone is not None:
                edges.append(Partial(LOSS, address, self._number(linear.alone)))
                self._made[LOSS, address] = linear.alone
            self._known[address] = edges
            self.count += len(edges)
            if self.count > LARGEST:
                raise OptionError(
                    f"more than {LARGEST:,} local derivatives lie between here and the loss; take form='delta'"
                )
        return self._known[address]

    def _number(self, node: Node) -> float:
        return number(node) if self.digits is None else rounded(number(node), self.digits)

    def node(self, edge: Partial) -> Node:
        """The expression that a local derivative comes from."""
        return self._made[edge.of, edge.by]

    def _linear(self, address: Address) -> Linear:
        step = self.steps[address.name]
        opening = open_element(step, address.place, self.values, LARGEST)
        assert opening is not None  # backward rules have formulas
        return self._split(opening.expression)

    def _split(self, node: Node) -> Linear:
        match node:
            case Quantity(address=address):
                step = self.steps.get(address.name)
                if step is None or step.part != "backward":
                    return Linear({}, node)
                if self.forward_name(address.name) is not None and address.name != "dl":
                    return Linear({address: Number(1.0)}, None)
                if address not in self._helpers:  # a help value, or 1/N: not a place on the path
                    self._helpers[address] = self._linear(address)
                return self._helpers[address]
            case Negative(body=body):
                inner = self._split(body)
                return _scale(inner, _minus)
            case Binary(operator=("+" | "-") as sign, left=left, right=right):
                return self._sum([self._split(left), self._split(right if sign == "+" else Negative(right))])
            case Terms(terms=terms):
                return self._sum([self._split(t) for t in terms])
            case Binary(operator="*", left=left, right=right):
                first, second = self._split(left), self._split(right)
                if not second.beside:
                    return _scale(first, partial(_times, right=second.alone))
                return _scale(second, partial(_times, first.alone))
            case Binary(operator="/", left=left, right=right):
                return _scale(self._split(left), partial(_over, right=right))
            case _:
                return Linear({}, node)

    def _sum(self, summands: list[Linear]) -> Linear:
        beside: dict[Address, Node] = {}
        for summand in summands:
            for address, node in summand.beside.items():
                beside[address] = _plus(beside.get(address), node)
        alone: Node | None = None
        for summand in summands:
            if summand.alone is not None:
                alone = _plus(alone, summand.alone)
        return Linear(beside, alone)


_Path: TypeAlias = "tuple[Partial, _Path] | None"
"""The first local derivative of a path from an element to the loss, and the path behind it."""


@dataclass(frozen=True, slots=True)
class _Ways:
    """What is known of the paths from an element to the loss, those that carry exactly 0 left out.

    Attributes:
        count: how many they are.
        total: their sum.
        size: the sum of their sizes.
        longest: the most factors that one has.
        best: the largest ones, with their products.
    """

    count: int
    total: float
    size: float
    longest: int
    best: list[tuple[float, _Path]]


AT_LOSS = _Ways(1, 1.0, 1.0, 0, [(1.0, None)])


class Paths:
    """The paths from elements to the loss.

    Args:
        edges: the local derivatives.
        most: the most paths that are shown; of more the largest.
    """

    def __init__(self, edges: Edges, most: int) -> None:
        self.edges = edges
        self.most = most
        self._known: dict[Address, _Ways] = {}

    def expression(self, derivative: Address) -> Node:
        """dL/dv as a sum over paths: nested, as it is written by hand, where they are few; else the largest."""
        start = Address(self.edges.forward_name(derivative.name) or "", derivative.place)
        if min(self._length(start, end) for end in (0, -1)) > LONGEST:
            raise _too_long()
        ways = self._ways(start)
        if ways.count == 0:
            return Number(0.0)
        if ways.count <= 2 * self.most:
            if ways.longest > LONGEST:
                raise _too_long()
            return self._nested(start)
        terms = tuple(_product(path) for _, path in ways.best)
        return Terms(terms, ways.count - len(terms), ways.total - number(Terms(terms)))

    def partials(self, expression: Node) -> Iterator[Partial]:
        """The local derivatives in an expression, from left to right."""
        if isinstance(expression, Partial):
            yield expression
        for part in parts(expression):
            yield from self.partials(part)

    def local(self, edge: Partial) -> tuple[Node, Step]:
        """The expression that a local derivative comes from, and the step whose rule it was read from."""
        steps, derivative_of = self.edges.steps, self.edges.derivative_of
        step = steps[derivative_of[edge.by.name]]
        shares = [s for s in map(steps.get, filter(None, step.inputs)) if s is not None and s.value.role is Role.SHARE]
        derivative = derivative_of.get(edge.of.name)
        return self.edges.node(edge), next((s for s in shares if derivative in s.inputs), step)

    def _alive(self, start: Address) -> list[Partial]:
        """The local derivatives through which something reaches the loss."""
        return [p for p in self.edges.of(start) if p.value != 0 and (p.of == LOSS or self._count(p.of))]

    def _length(self, start: Address, end: int) -> int:
        """The number of factors of one path: by the first of the local derivatives, 0, or by the last, -1.

        Layers make all paths about as long; through time they differ.
        """
        length, address = 0, start
        while address != LOSS and length <= LONGEST:
            edges = [p for p in self.edges.of(address) if p.value != 0]
            if not edges:
                break
            address, length = edges[end].of, length + 1
        return length

    def size(self, derivative: Address) -> float:
        """The sum of the paths' sizes, to which rounding is relative where paths cancel."""
        return self._ways(Address(self.edges.forward_name(derivative.name) or "", derivative.place)).size

    def _count(self, start: Address) -> int:
        """The number of paths to the loss, those that carry exactly 0 left out."""
        return self._ways(start).count

    def _ways(self, start: Address) -> _Ways:
        """What is known of the paths from an element: found from the loss on, as a path through time may be long."""
        waiting = [start]
        while waiting:
            address = waiting[-1]
            edges = [p for p in self.edges.of(address) if p.value != 0]
            if missing := [p.of for p in edges if p.of not in self._known and p.of != LOSS]:
                waiting += missing
                continue
            waiting.pop()
            if address not in self._known:
                self._known[address] = self._combined(edges)
        return self._known[start]

    def _combined(self, edges: list[Partial]) -> _Ways:
        """The paths that begin with one of the local derivatives."""
        each = [(edge, AT_LOSS if edge.of == LOSS else self._known[edge.of]) for edge in edges]
        paths = [(value * edge.value, (edge, path)) for edge, after in each for value, path in after.best]
        return _Ways(
            sum(after.count for _, after in each),
            total_of(edge.value * after.total for edge, after in each),
            sum(abs(edge.value) * after.size for edge, after in each),
            1 + max((after.longest for _, after in each), default=0),
            heapq.nlargest(self.most, paths, key=lambda one: abs(one[0])),
        )

    def _nested(self, start: Address) -> Node:
        terms: list[Node] = []
        for edge in self._alive(start):
            terms.append(edge if edge.of == LOSS else Binary("*", self._nested(edge.of), edge))
        return terms[0] if len(terms) == 1 else Terms(tuple(terms))


def _too_long() -> OptionError:
    return OptionError(f"a path from here is a product of more than {LONGEST} factors; take form='delta'")


def _product(path: _Path) -> Node:
    """The product of a path's local derivatives, that of the loss first."""
    factors: list[Partial] = []
    while path is not None:
        factor, path = path
        factors.append(factor)
    if len(factors) > LONGEST:
        raise _too_long()
    product: Node = factors.pop()
    while factors:
        product = Binary("*", product, factors.pop())
    return product


def _plus(total: Node | None, node: Node) -> Node:
    if total is None:
        return node
    terms = total.terms if isinstance(total, Terms) else (total,)
    return Terms((*terms, node))


def _minus(node: Node) -> Node:
    match node:
        case Negative(body=body):
            return body
        case Number(value=value):
            return Number(-value)
        case _:
            return Negative(node)


def _times(left: Node | None, right: Node | None) -> Node:
    if left is None or right is None:
        raise OptionError("a backward rule is not linear in the derivatives that it carries back")
    if left == Number(1.0):
        return right
    if right == Number(1.0):
        return left
    if left == Number(-1.0):
        return _minus(right)
    return Binary("*", left, right)


def _over(node: Node, right: Node) -> Node:
    return node if right == Number(1.0) else Binary("/", node, right)


def _scale(linear: Linear, by: Callable[[Node], Node]) -> Linear:
    return Linear({a: by(n) for a, n in linear.beside.items()}, None if linear.alone is None else by(linear.alone))
