"""The nodes of a formula's tree, and the functions that its words stand for."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

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
    "sin": math.sin,
    "cos": math.cos,
    "erf": math.erf,
    "erfc": math.erfc,
    "abs": abs,
    "max": max,
    "min": min,
    "sign": sign,
}
COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: a / b,
    "^": lambda a, b: a**b,
}


def applied(name: str, *arguments: float) -> float:
    """The value of a function of numbers; infinity or NaN where `math` would raise, as in NumPy."""
    try:
        return float(FUNCTIONS[name](*arguments))
    except OverflowError:
        return math.inf
    except ValueError:
        return -math.inf if name == "log" and arguments[0] == 0 else math.nan


ELLIPSIS = "..."


class Node:
    """Base of all nodes of a formula, and of those that explanations put in their place."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A number written out."""

    value: float


@dataclass(frozen=True, slots=True)
class Symbol(Node):
    """A name without indices: an option, an index used as a number, or a value that is one number."""

    name: str


@dataclass(frozen=True, slots=True)
class Element(Node):
    """One element of an array: `W[i,o]`."""

    name: str
    indices: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Count(Node):
    """`|n|`: how many values an index takes."""

    index: str


@dataclass(frozen=True, slots=True)
class Position(Node):
    """`#...`: the row-by-row position of the indices that `...` stands for."""


@dataclass(frozen=True, slots=True)
class Negative(Node):
    """`-a`."""

    body: Node


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """`a + b`, `a - b`, `a * b`, `a / b`, `a ^ b`."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Function(Node):
    """`exp(a)`, `max(a, b)`, ..."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Indicator(Node):
    """`[a > b]`: 1 where it holds, else 0."""

    comparison: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Reduction(Node):
    """`sum_i`, `mean_{n,...}`, `max_{u,v}` or `argmax_{u,v}` over a product."""

    kind: str
    indices: tuple[str, ...]
    body: Node


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
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(children(node)))


def symbols_in(node: Node) -> list[str]:
    """The names of a tree's symbols, and `...` where it stands for indices, in the order of the tree."""
    found: dict[str, None] = {}
    for inner in walk(node):
        if isinstance(inner, Position):
            found[ELLIPSIS] = None
        elif isinstance(inner, Symbol):
            found[inner.name] = None
    return list(found)
