"""The index formulas of the rules: a tiny language that states a rule for one element.

    z[n,o] = sum_i x[n,i] * W[i,o] + b[o]
    dx[n,c,p*sh+u-pt,q*sw+v-pl] += sum_o dz[n,o,p,q] * W[o,c,u,v]
    dz[n,c,i*sh+u-pt,j*sw+v-pl] += dp[n,c,i,j] * [win[n,c,i,j] = u*kw+v] for u<kh, v<kw

What it knows:

- an array element with affine indices; an element outside its array is 0 (zero padding), and is
  passed over by `max` and `argmax`;
- `+ - * / ^`, numbers, named options, and the functions in `FUNCTIONS`;
- `sum_i`, `mean_i`, `max_i`, `argmax_{u,v}` (the first winner, counted row by row), each reaching over
  the product that follows it;
- `[a > b]`, the indicator: 1 where the comparison holds, else 0;
- `|n|`, how many values the index n takes; `...`, any number of further indices; `#...`, the position
  that they have, counted row by row;
- on the left `+=` or an affine index: the terms are added where they fall;
- `for u<kh`: the range of an index that no array gives.

The formula is parsed once into a tree. From this tree come the shape check, the slow oracle in the tests,
and every later reading (explanation, mathematics, compiled loops).
"""

from __future__ import annotations

import copy
import itertools
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, cast

import numpy as np

from .errors import FormulaError

Size: TypeAlias = "int | str"
"""How many values an index takes: a number, or a letter such as "N" for a size known only when it runs."""
Shape: TypeAlias = tuple[Size, ...]


def sign(value: float) -> float:
    """-1, 0 or 1."""
    return float(value > 0) - float(value < 0)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "tanh": math.tanh,
    "erf": math.erf,
    "abs": abs,
    "max": max,
    "min": min,
    "sign": sign,
}
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
ARITHMETIC: dict[str, Callable[[float, float], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": float.__truediv__,
    "^": float.__pow__,
}
REDUCTIONS = ("sum", "mean", "max", "argmax")
ELLIPSIS = "..."


@dataclass(frozen=True, slots=True)
class Number:
    """A number written out."""

    value: float


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name without indices: an option, an index used as a number, or a value that is one number."""

    name: str


@dataclass(frozen=True, slots=True)
class Element:
    """One element of an array: `W[i,o]`."""

    name: str
    indices: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """`|n|`: how many values an index takes."""

    index: str


@dataclass(frozen=True, slots=True)
class Position:
    """`#...`: the row-by-row position of the indices that `...` stands for."""


@dataclass(frozen=True, slots=True)
class Negative:
    """`-a`."""

    body: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """`a + b`, `a - b`, `a * b`, `a / b`, `a ^ b`."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Function:
    """`exp(a)`, `max(a, b)`, ..."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Indicator:
    """`[a > b]`: 1 where it holds, else 0."""

    comparison: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Reduction:
    """`sum_i`, `mean_{n,...}`, `max_{u,v}` or `argmax_{u,v}` over a product."""

    kind: str
    indices: tuple[str, ...]
    body: Node


Node: TypeAlias = "Number | Symbol | Element | Count | Position | Negative | Binary | Function | Indicator | Reduction"

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:e-?\d+)?)"
    r"|(?P<reduce>(?:sum|mean|max|argmax)_(?=\{|\.\.\.|[a-z]\b))"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<op>\.\.\.|\+=|<=|>=|[-+*/^=<>()\[\]{},|#]))"
)


class _Parser:
    """Recursive descent over the grammar in this module's docstring."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        place = 0
        while place < len(text.rstrip()):
            match = _TOKEN.match(text, place)
            if match is None:
                raise FormulaError(f"cannot read {text[place:]!r} in the formula {text!r}")
            kind = match.lastgroup or ""
            self.tokens.append((kind, match.group(kind)))
            place = match.end()
        self.tokens.append(("end", ""))
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at][1]

    def kind(self) -> str:
        return self.tokens[self.at][0]

    def next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1][1]

    def accept(self, *ops: str) -> str | None:
        if self.kind() in ("op", "name") and self.peek() in ops:
            return self.next()
        return None

    def expect(self, op: str) -> None:
        if self.accept(op) is None:
            raise FormulaError(f"expected {op!r} before {self.peek()!r} in the formula {self.text!r}")

    def formula(self) -> tuple[Node, str, Node, dict[str, Node]]:
        left = self.atom()
        sign = self.accept("=", "+=")
        if sign is None or not isinstance(left, (Element, Symbol)):
            raise FormulaError(f"a formula is 'element = expression', not {self.text!r}")
        right = self.sum()
        bounds: dict[str, Node] = {}
        if self.accept("for"):
            while True:
                index = self.next()
                self.expect("<")
                bounds[index] = self.sum()
                if self.accept(",") is None:
                    break
        if self.kind() != "end":
            raise FormulaError(f"{self.peek()!r} is left over in the formula {self.text!r}")
        return left, sign, right, bounds

    def sum(self) -> Node:
        left = self.term()
        while op := self.accept("+", "-"):
            left = Binary(op, left, self.term())
        return left

    def term(self) -> Node:
        left = self.unary()
        while op := self.accept("*", "/"):
            left = Binary(op, left, self.unary())
        return left

    def unary(self) -> Node:
        if self.accept("-"):
            return Negative(self.unary())
        base = self.atom()
        if self.accept("^"):
            return Binary("^", base, self.unary())
        return base

    def atom(self) -> Node:
        kind = self.kind()
        if kind == "number":
            return Number(float(self.next()))
        if kind == "reduce":
            name = self.next()[:-1]
            if self.accept("{"):
                indices = [self.next()]
                while self.accept(","):
                    indices.append(self.next())
                self.expect("}")
            else:
                indices = [self.next()]
            return Reduction(name, tuple(indices), self.term())
        if kind == "name":
            name = self.next()
            if self.accept("["):
                return Element(name, self.list("]"))
            if name in FUNCTIONS and self.accept("("):
                return Function(name, self.list(")"))
            return Symbol(name)
        if self.accept("("):
            inner = self.sum()
            self.expect(")")
            return inner
        if self.accept("["):
            left = self.sum()
            comparison = self.accept(*COMPARISONS)
            if comparison is None:
                raise FormulaError(f"an indicator needs a comparison in the formula {self.text!r}")
            right = self.sum()
            self.expect("]")
            return Indicator(comparison, left, right)
        if self.accept("|"):
            index = self.next()
            self.expect("|")
            return Count(index)
        if self.accept("#"):
            self.expect(ELLIPSIS)
            return Position()
        if self.accept(ELLIPSIS):
            return Symbol(ELLIPSIS)
        raise FormulaError(f"cannot read {self.peek()!r} in the formula {self.text!r}")

    def list(self, closing: str) -> tuple[Node, ...]:
        items = [self.sum()]
        while self.accept(","):
            items.append(self.sum())
        self.expect(closing)
        return tuple(items)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below `node`."""
    match node:
        case Element(indices=inner) | Function(arguments=inner):
            return inner
        case Binary(left=left, right=right) | Indicator(left=left, right=right):
            return (left, right)
        case Negative(body=body) | Reduction(body=body):
            return (body,)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """`node` and every node below it, from the top."""
    yield node
    for child in children(node):
        yield from walk(child)


class _OutsideError(Exception):
    """An element outside its array was asked for."""


class Formula:
    """One index formula, parsed.

    Attributes:
        text: as it was written.
        output: the name on the left.
        left, right: the two sides as trees.
        accumulates: whether terms are added where they fall (`+=`).
        bounds: the ranges given behind `for`.

    Raises:
        FormulaError: where the text is not a formula.
    """

    def __init__(self, text: str) -> None:
        self.text = " ".join(text.split())
        left, sign, self.right, self.bounds = _Parser(self.text).formula()
        if not isinstance(left, (Element, Symbol)):  # the parser has checked it
            raise FormulaError(f"a formula is 'element = expression', not {text!r}")
        self.left: Element | Symbol = left
        self.output = self.left.name
        self.accumulates = sign == "+="

    def __repr__(self) -> str:
        return f"Formula({self.text!r})"

    @cached_property
    def indices(self) -> frozenset[str]:
        """Every index letter: those that stand alone in an index place, those of reductions and bounds."""
        found = set(self.bounds)
        for node in self.nodes():
            if isinstance(node, Reduction):
                found.update(node.indices)
            elif isinstance(node, Element):
                found.update(i.name for i in node.indices if isinstance(i, Symbol))
            elif isinstance(node, Position):
                found.add(ELLIPSIS)
            elif isinstance(node, Count):
                found.add(node.index)
        return frozenset(found)

    @cached_property
    def arrays(self) -> frozenset[str]:
        """The names on the right that are indexed."""
        return frozenset(n.name for n in walk(self.right) if isinstance(n, Element))

    @cached_property
    def symbols(self) -> frozenset[str]:
        """The names on either side that are neither indexed nor indices: options and single numbers."""
        names = {n.name for n in self.nodes() if isinstance(n, Symbol)}
        return frozenset(names - self.indices - ({self.output} if isinstance(self.left, Symbol) else set()))

    def nodes(self) -> Iterator[Node]:
        """Every node of both sides and of the bounds."""
        for side in (self.left, self.right, *self.bounds.values()):
            yield from walk(side)

    def without(self, absent: str) -> Formula:
        """This formula with the term that holds the operand `absent` left out (a layer without a bias)."""
        trimmed = copy.copy(self)
        for cached in ("indices", "arrays", "symbols"):
            trimmed.__dict__.pop(cached, None)
        trimmed.right = _drop(self.right, absent)
        trimmed.text = f"{self.text} (without {absent})"
        return trimmed

    def sizes(self, shapes: Mapping[str, Shape], options: Mapping[str, Any]) -> dict[str, Any]:
        """How many values each index takes, from the arrays' shapes; `...` gets a tuple of sizes.

        Args:
            shapes: the shape of each array, the output's too if it is known.
            options: the rule's options, for the ranges behind `for`.

        Raises:
            FormulaError: where two arrays give one index two sizes, or an array has the wrong rank.
        """
        sizes: dict[str, Any] = {}
        origin: dict[str, str] = {}
        for index, bound in self.bounds.items():
            sizes[index] = int(_Evaluation(self, {}, options, {}).value(bound))
            origin[index] = "the options"
        for node in self.nodes():
            if isinstance(node, Element) and node.name in shapes:
                self._bind(node, shapes[node.name], sizes, origin)
        return sizes

    def _bind(self, element: Element, shape: Shape, sizes: dict[str, Any], origin: dict[str, str]) -> None:
        places = list(element.indices)
        spread = Symbol(ELLIPSIS) in places
        if (len(shape) < len(places) - 1) if spread else (len(shape) != len(places)):
            raise FormulaError(f"{element.name} has shape {shape}, but {self.text!r} gives it {len(places)} indices")
        if spread:
            at = places.index(Symbol(ELLIPSIS))
            rest = len(shape) - (len(places) - 1)
            given: list[Any] = [*shape[:at], tuple(shape[at : at + rest]), *shape[at + rest :]]
        else:
            given = list(shape)
        for place, size in zip(places, given, strict=True):
            if not isinstance(place, Symbol) or place.name not in self.indices:
                continue
            known = sizes.setdefault(place.name, size)
            if known != size:
                raise FormulaError(
                    f"the index {place.name} takes {known} values in {origin[place.name]} "
                    f"but {size} in {element.name} {shape}, in {self.text!r}"
                )
            origin.setdefault(place.name, f"{element.name} {shape}")

    def output_shape(self, shapes: Mapping[str, Shape], options: Mapping[str, Any]) -> Shape | None:
        """The output's shape as the arrays' shapes give it; None where an index on the left is affine
        or bound by no array.
        """
        if isinstance(self.left, Symbol):
            return ()
        sizes = self.sizes(shapes, options)
        shape: list[Size] = []
        for place in self.left.indices:
            if not isinstance(place, Symbol) or place.name not in sizes:
                return None
            size = sizes[place.name]
            shape.extend(cast("Shape", size) if isinstance(size, tuple) else [size])
        return tuple(shape)

    def evaluate(
        self,
        arrays: Mapping[str, Any],
        options: Mapping[str, Any],
        shape: tuple[int, ...] | None = None,
    ) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The slow oracle: the formula computed element by element, in float64, with plain loops.

        Args:
            arrays: the operands by the names that the formula gives them; absent ones are None.
            options: the rule's options.
            shape: the output's shape, where the formula alone does not give it.
        """
        formula = self
        present: dict[str, Any] = {}
        for name, array in arrays.items():
            if array is None:
                formula = formula.without(name)
            else:
                present[name] = np.asarray(array)
        shapes: dict[str, Shape] = {n: a.shape for n, a in present.items()}
        if shape is None:
            inferred = formula.output_shape(shapes, options)
            if inferred is None:
                raise FormulaError(f"{self.text!r} does not give the output's shape")
            shape = tuple(int(s) for s in inferred)
        sizes = formula.sizes({**shapes, formula.output: shape}, options)
        result = np.zeros(shape)
        run = _Evaluation(formula, present, options, sizes)
        if isinstance(formula.left, Symbol):
            result[()] = run.value(formula.right)
            return result
        bound_on_right = {i for n in walk(formula.right) if isinstance(n, Reduction) for i in n.indices}
        free = [i for i in _in_order(formula) if i not in bound_on_right or i in _names(formula.left)]
        for _ in run.loop(tuple(free)):
            try:
                place = run.place(formula.left, shape)
                value = run.value(formula.right)
            except _OutsideError:
                continue
            result[place] += value
        return result


def _names(node: Node) -> set[str]:
    found = {n.name for n in walk(node) if isinstance(n, Symbol)}
    return found | ({ELLIPSIS} if any(isinstance(n, Position) for n in walk(node)) else set())


def _in_order(formula: Formula) -> list[str]:
    """The indices in the order in which they are first written."""
    seen: dict[str, None] = {}
    for node in formula.nodes():
        if isinstance(node, Symbol) and node.name in formula.indices:
            seen[node.name] = None
        elif isinstance(node, Position):
            seen[ELLIPSIS] = None
        elif isinstance(node, Reduction):
            seen.update(dict.fromkeys(node.indices))
    return list(seen)


def _drop(node: Node, absent: str) -> Node:
    """A sum without the terms that hold `absent`."""
    if not isinstance(node, Binary) or node.operator not in "+-":
        return node
    left, right = _drop(node.left, absent), _drop(node.right, absent)
    if _holds(right, absent):
        return left
    if _holds(left, absent):
        return right if node.operator == "+" else Negative(right)
    return Binary(node.operator, left, right)


def _holds(node: Node, name: str) -> bool:
    return any(isinstance(n, Element) and n.name == name for n in walk(node))


class _Evaluation:
    """Computes nodes for one setting of the indices."""

    def __init__(
        self,
        formula: Formula,
        arrays: Mapping[str, Any],
        options: Mapping[str, Any],
        sizes: Mapping[str, Any],
    ) -> None:
        self.formula = formula
        self.arrays = arrays
        self.options = options
        self.sizes = sizes
        self.at: dict[str, Any] = {}

    def loop(self, indices: tuple[str, ...]) -> Iterator[None]:
        """Sets the indices to every combination of their values in turn."""
        for index in indices:
            if index not in self.sizes:
                raise FormulaError(f"nothing gives the range of {index} in {self.formula.text!r}")
        ranges: list[Any] = []
        for index in indices:
            size = self.sizes[index]
            spread = isinstance(size, tuple)
            ranges.append(itertools.product(*map(range, cast("tuple[int, ...]", size))) if spread else range(size))
        for values in itertools.product(*ranges):
            self.at.update(zip(indices, values, strict=True))
            yield
        for index in indices:
            self.at.pop(index, None)

    def place(self, element: Element, shape: tuple[int, ...]) -> tuple[int, ...]:
        place: list[int] = []
        for index in element.indices:
            if index == Symbol(ELLIPSIS):
                place.extend(self.at[ELLIPSIS])
            else:
                place.append(round(self.value(index)))
        if any(not 0 <= p < s for p, s in zip(place, shape, strict=True)):
            raise _OutsideError
        return tuple(place)

    def value(self, node: Node) -> float:
        match node:
            case Number(value=value):
                return value
            case Symbol(name=name):
                for source in (self.at, self.options, self.arrays):
                    if name in source:
                        return float(source[name])
                raise FormulaError(f"{name} is not known in {self.formula.text!r}")
            case Element(name=name):
                array = self.arrays[name]
                return float(array[self.place(node, array.shape)])
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
            case Binary(operator=symbol, left=left, right=right):
                return float(ARITHMETIC[symbol](self.value(left), self.value(right)))
            case Function(name=name, arguments=arguments):
                return float(FUNCTIONS[name](*(self.value(a) for a in arguments)))
            case Indicator(comparison=comparison, left=left, right=right):
                return float(COMPARISONS[comparison](self.value(left), self.value(right)))
            case Reduction():
                return self.reduce(node)

    def reduce(self, node: Reduction) -> float:
        values: list[float] = []
        for _ in self.loop(node.indices):
            try:
                values.append(self.value(node.body))
            except _OutsideError:
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
