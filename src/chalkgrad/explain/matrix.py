"""Matrix notation of index formulas that have one: x @ W, x.T @ dz, dz ⊙ a ⊙ (1 - a).

The notation is found from the formula's indices: a sum over one index that two matrices share is their product.
What has no matrix notation (a convolution, a maximum) stays an index formula. Sequences (N, T, D) are matrices (N, D)
step by step: z[t] = x[t] @ W + h[t - 1] @ U + b.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..formula.affine import affine
from ..formula.expression import AtTime, Hadamard, MatrixProduct, Named, Ones, Transposed
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
from ..formula.rewrite import folded, rewritten, shortened
from ..program.statement import Statement

TIME = "t"
"""The index over the steps of a sequence."""


def sides(statement: Statement, symbols: Mapping[str, Node]) -> tuple[Node, Node]:
    """The two sides of a statement for readers, single numbers as whole values, and what is the same for all elements
    put in.

    Args:
        statement: the statement, spelled for readers.
        symbols: the node that stands for a value: a `Named`, or an expression that is the same for all elements.
    """

    def put(node: Node) -> Node:
        match node:
            case Element(name=name) if not isinstance(symbols.get(name, node), (Named, Element)):
                return symbols[name]
            case Symbol(name=name) if name in symbols and name not in statement.sizes:
                return symbols[name]
            case Binary(operator=operator, left=left, right=right):
                return shortened(operator, left, right)
            case _:
                return node

    left = Element(statement.output, statement.place) if statement.place else Named(statement.output)
    return left, rewritten(statement.body, put)


def matrix_form(
    statement: Statement, right: Node, symbols: Mapping[str, Named], *, recurrent: bool = False
) -> tuple[Node, Node] | None:
    """Both sides in matrix notation; None where there is none.

    Args:
        statement: the step's statement.
        right: its right side for readers.
        symbols: the nodes of the network's values by their names.
        recurrent: whether a loop over time computes it, so that it has to stand with its time.
    """
    if statement.adds:
        return None
    target = _plain(Element(statement.output, statement.place)) if statement.place else ()
    if target is None:
        return None
    form = None if recurrent else _Form(symbols, statement.sizes).of(right, target)
    if form is not None:
        return Named(statement.output), form
    time = target[1] if recurrent and len(target) > 1 else TIME
    if statement.sample is None:
        return None
    stepped = _Form(symbols, statement.sizes, statement.sample, time)
    here = stepped.placed(Element(statement.output, statement.place), {statement.output: Named(statement.output)})
    form = None if here is None else stepped.of(right, here[1])
    return None if here is None or form is None else (here[0], form)


class _Form:
    """The matrix notation of a right side.

    Args:
        symbols: the nodes of the network's values by their names.
        sizes: the size of each index.
        sample: the index over the samples, and
        time: the one over the steps, where the notation is for one step of time; else empty.
    """

    def __init__(
        self, symbols: Mapping[str, Named], sizes: Mapping[str, Any], sample: str = "", time: str = ""
    ) -> None:
        self.symbols = symbols
        self.sizes = sizes
        self.sample, self.time = sample, time

    def placed(
        self, element: Element, symbols: Mapping[str, Named] | None = None
    ) -> tuple[Node, tuple[str, ...]] | None:
        """An element's value, at its time where it has one, and its other indices; None where they are no letters."""
        node = (symbols or self.symbols)[element.name]
        if self.time and len(element.indices) > 1 and element.indices[0] == Symbol(self.sample):
            terms = affine(element.indices[1])
            if terms is not None and set(terms) <= {self.time, ""} and terms.get(self.time, 1) == 1:
                shift, whole = Number(float(abs(terms[""]))), Symbol(TIME)
                time = shortened("-" if terms[""] < 0 else "+", whole, shift) if self.time in terms else shift
                rest = _plain(Element(element.name, (element.indices[0], *element.indices[2:])))
                return None if rest is None else (AtTime(node, time), rest)
        indices = _plain(element)
        return None if indices is None else (node, indices)

    def of(self, node: Node, target: tuple[str, ...]) -> Node | None:
        match node:
            case Number() | Count() | Named():
                return node
            case Element():
                here = self.placed(node)
                return here[0] if here is not None and _fits(here[1], target) else None
            case Symbol(name=name) if name == self.time:
                return Symbol(TIME)
            case Negative(body=body):
                inner = self.of(body, target)
                return None if inner is None else Negative(inner)
            case Binary(operator=sign, left=left, right=right):
                return self._pair(sign, self.of(left, target), self.of(right, target))
            case Function(name=name, arguments=arguments):
                inner = [self.of(a, target) for a in arguments]
                return None if None in inner else Function(name, tuple(i for i in inner if i is not None))
            case Indicator(comparison=comparison, left=left, right=right):
                first, second = self.of(left, target), self.of(right, target)
                return None if first is None or second is None else Indicator(comparison, first, second)
            case Reduction():
                return self._reduction(node, target)
            case _:
                return None

    def _pair(self, sign: str, left: Node | None, right: Node | None) -> Node | None:
        if left is None or right is None:
            return None
        if sign == "*" and self._is_array(left) and self._is_array(right):
            return Hadamard(left, right)
        if self.time:
            return folded(sign, left, right)
        return Binary(sign, left, right)

    def _is_array(self, node: Node) -> bool:
        return any(isinstance(n, (Ones, AtTime)) or (isinstance(n, Named) and not n.single) for n in _walk(node))

    def _reduction(self, node: Reduction, target: tuple[str, ...]) -> Node | None:
        if node.kind not in ("sum", "mean"):
            return None
        form = self._over_time(node, target) or self._product(node, target) or self._line_sum(node, target)
        if form is None or node.kind == "sum":
            return form
        count: Node = Number(1.0)
        for index in node.indices:
            size = self.sizes.get(index)
            count = shortened("*", count, Number(float(size)) if isinstance(size, int) else Count(index))
        return Binary("/", form, count)

    def _over_time(self, node: Reduction, target: tuple[str, ...]) -> Node | None:
        """A sum over the steps, of what each step gives."""
        if not self.time or self.time not in node.indices:
            return None
        others = tuple(i for i in node.indices if i != self.time)
        form = self.of(Reduction("sum", others, node.body) if others else node.body, target)
        return None if form is None else Reduction("sum", (TIME,), form)

    def _product(self, node: Reduction, target: tuple[str, ...]) -> Node | None:
        """A sum over one index of two matrices that share it."""
        body = node.body
        if len(node.indices) != 1 or not isinstance(body, Binary) or body.operator != "*":
            return None
        over = node.indices[0]
        pair = [self.placed(side) for side in (body.left, body.right) if isinstance(side, Element)]
        if len(pair) != 2 or len(target) != 2:
            return None
        first, second = pair
        if first is None or second is None or any(len(p) != 2 or over not in p for _, p in (first, second)):
            return None
        if target[0] not in first[1]:
            first, second = second, first
        left, right = first[0], second[0]
        if set(first[1]) != {target[0], over} or set(second[1]) != {over, target[1]}:
            return None
        return MatrixProduct(
            left if first[1] == (target[0], over) else Transposed(left),
            right if second[1] == (over, target[1]) else Transposed(right),
        )

    def _line_sum(self, node: Reduction, target: tuple[str, ...]) -> Node | None:
        """A sum over the rows (or the columns) of one matrix: a product with a column of ones."""
        if len(node.indices) != 1:
            return None
        over = node.indices[0]
        places = [self.placed(n) for n in walk(node.body) if isinstance(n, Element)]
        inside = next((p[1] for p in places if p is not None and len(p[1]) <= 2 and over in p[1]), None)
        if not inside:
            return None
        inner = self.of(node.body, inside)
        if inner is None or not self._is_array(inner) or ELLIPSIS in inside:
            return None
        rest = tuple(i for i in inside if i != over)
        if inside[0] == over and rest == target:
            return MatrixProduct(Transposed(Ones()), inner)
        if inside[-1] == over and rest == target:
            return MatrixProduct(inner, Ones())
        if inside[-1] == over and rest == target[:1] and len(target) == 2:
            if self.sizes.get(target[1]) == 1:  # a column
                return MatrixProduct(inner, Ones())
            if self.sizes.get(over) == 1:  # a column that stands in every column
                return MatrixProduct(inner, Transposed(Ones()))
        return None


def _plain(element: Element) -> tuple[str, ...] | None:
    """An element's indices where all are bare letters."""
    letters = [i for i in element.indices if isinstance(i, (Symbol, Position))]
    if len(letters) != len(element.indices):
        return None
    return tuple(ELLIPSIS if isinstance(i, Position) else i.name for i in letters)


def _fits(indices: tuple[str, ...], target: tuple[str, ...]) -> bool:
    """Whether a value with these indices stands beside the target's as it is, or once for every row."""
    return indices == target or (0 < len(indices) < len(target) and indices == target[-len(indices) :])


def _walk(node: Node) -> list[Node]:
    match node:
        case Transposed(body=body):
            return [node, *_walk(body)]
        case MatrixProduct(left=left, right=right) | Hadamard(left=left, right=right):
            return [node, *_walk(left), *_walk(right)]
        case _:
            inner: list[Node] = [node]
            for child in walk(node):
                if child is not node and isinstance(child, (Transposed, MatrixProduct, Hadamard)):
                    inner.extend(_walk(child))
                else:
                    inner.append(child)
            return inner
