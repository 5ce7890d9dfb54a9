"""Matrix notation of index formulas that have one: x @ W, x.T @ dz, dz ⊙ a ⊙ (1 - a).

The notation is found from the formula's indices: a sum over one index that two matrices share is their product.
What has no matrix notation (a convolution, a maximum) stays an index formula.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..formula.expression import Hadamard, MatrixProduct, Named, Ones, Transposed
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
from ..formula.rewrite import rewritten, shortened
from ..program.statement import Statement


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


def matrix_form(statement: Statement, right: Node, symbols: Mapping[str, Named]) -> Node | None:
    """The right side in matrix notation; None where there is none.

    Args:
        statement: the step's statement.
        right: its right side for readers.
        symbols: the nodes of the network's values by their names.
    """
    target: tuple[str, ...] = ()
    if statement.place:
        places = _plain(Element(statement.output, statement.place))
        if places is None or statement.adds:
            return None
        target = places
    return _Form(symbols, statement.sizes).of(right, target)


class _Form:
    def __init__(self, symbols: Mapping[str, Named], sizes: Mapping[str, Any]) -> None:
        self.symbols = symbols
        self.sizes = sizes

    def of(self, node: Node, target: tuple[str, ...]) -> Node | None:
        match node:
            case Number() | Count() | Named():
                return node
            case Element(name=name):
                indices = _plain(node)
                return self.symbols[name] if indices is not None and _fits(indices, target) else None
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
        return Binary(sign, left, right)

    def _is_array(self, node: Node) -> bool:
        return any(isinstance(n, Ones) or (isinstance(n, Named) and not n.single) for n in _walk(node))

    def _reduction(self, node: Reduction, target: tuple[str, ...]) -> Node | None:
        if node.kind not in ("sum", "mean"):
            return None
        form = self._product(node, target) or self._line_sum(node, target)
        if form is None or node.kind == "sum":
            return form
        count: Node = Number(1.0)
        for index in node.indices:
            size = self.sizes.get(index)
            count = shortened("*", count, Number(float(size)) if isinstance(size, int) else Count(index))
        return Binary("/", form, count)

    def _product(self, node: Reduction, target: tuple[str, ...]) -> Node | None:
        """A sum over one index of two matrices that share it."""
        body = node.body
        if len(node.indices) != 1 or not isinstance(body, Binary) or body.operator != "*":
            return None
        over = node.indices[0]
        pair = [side for side in (body.left, body.right) if isinstance(side, Element)]
        places = [_plain(side) for side in pair]
        if len(pair) != 2 or len(target) != 2 or any(p is None or len(p) != 2 or over not in p for p in places):
            return None
        first, second = zip(pair, places, strict=True)
        if first[1] and target[0] not in first[1]:
            first, second = second, first
        left, right = self.symbols[first[0].name], self.symbols[second[0].name]
        if set(first[1] or ()) != {target[0], over} or set(second[1] or ()) != {over, target[1]}:
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
        places = map(_plain, [n for n in walk(node.body) if isinstance(n, Element)])
        inside = next((p for p in places if p is not None and len(p) <= 2 and over in p), None)
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
