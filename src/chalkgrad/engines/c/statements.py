"""From a program's steps to statements: one assignment for every value of its indices, in the network's names.

A statement is a rule's index formula with all that the network settles put in: operands by their names in the
network, settings as numbers, `...` as indices of their own. Nothing of the mathematics is written here again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...formula import Shape, Size
from ...formula.nodes import (
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
from ...program import Step

SAMPLES = "N"
"""The size of the index over the samples, and the name under which their number is known."""
SPREAD = ("i", "j", "k", "c", "h", "w", "r", "s", "t")
"""What the indices that `...` stands for are called, as far as the formula leaves the letters free."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One assignment.

    Attributes:
        output: the value that is set.
        place: the indices on the left; () where it is one number.
        body: the right side; its elements bear the network's names.
        sizes: how many values each index takes, "N" for the samples.
        loops: the indices that are free: those on the left, outermost first, and any others behind them.
        adds: whether terms are added where they fall, so that the value has to be zero before.
        text: the formula in the network's names, for a comment.
        step: the step that it states.
    """

    output: str
    place: tuple[Node, ...]
    body: Node
    sizes: Mapping[str, Size]
    loops: tuple[str, ...]
    adds: bool
    text: str
    step: Step
    reads: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reads", names_in(self.body))

    @property
    def sample(self) -> str | None:
        """The index over the samples, where the statement has one."""
        return next((name for name, size in self.sizes.items() if size == SAMPLES), None)

    @property
    def by_sample(self) -> bool:
        """Whether it sets something for every sample."""
        return bool(self.place) and isinstance(self.place[0], Symbol) and self.sizes.get(self.place[0].name) == SAMPLES

    @property
    def terms(self) -> int:
        """How many terms there are in all, for one sample."""
        return math.prod(size for size in self.sizes.values() if isinstance(size, int))

    @property
    def over_samples(self) -> tuple[Reduction, ...]:
        """The sums on the right that reach over the samples."""
        return tuple(n for n in walk(self.body) if isinstance(n, Reduction) and self.sample in n.indices)


def pointwise(made: Statement) -> bool:
    """Whether every element on the right stands at the place that is set."""
    return (
        bool(made.place)
        and not made.adds
        and not reduces(made.body)
        and all(e.indices == made.place for e in elements(made))
    )


def elements(made: Statement) -> list[Element]:
    """The elements on a statement's right side."""
    return [n for n in walk(made.body) if isinstance(n, Element)]


def overlaps(made: Statement) -> bool:
    """Whether the places to which a statement adds may be the same for different indices."""
    for place in made.place:
        terms = {i: c for i, c in (affine(place) or {}).items() if i}
        if len(terms) < 2:
            continue
        reach = 0
        for index, factor in sorted(terms.items(), key=lambda t: abs(t[1])):
            if abs(factor) <= reach:
                return True
            reach += abs(factor) * (int(made.sizes[index]) - 1)
    return False


def reduces(node: Node) -> bool:
    """Whether there is a sum, a mean or a maximum in a tree."""
    return any(isinstance(n, Reduction) for n in walk(node))


def names_in(node: Node) -> frozenset[str]:
    """The names of a tree's elements and symbols."""
    return frozenset(n.name for n in walk(node) if isinstance(n, (Element, Symbol)))


def rewritten(node: Node, change: Callable[[Node], Node]) -> Node:
    """The tree with every node replaced by what `change` makes of it, from the leaves up."""
    match node:
        case Element(name=name, indices=indices):
            node = Element(name, tuple(rewritten(i, change) for i in indices))
        case Function(name=name, arguments=arguments):
            node = Function(name, tuple(rewritten(a, change) for a in arguments))
        case Binary(operator=operator, left=left, right=right):
            node = Binary(operator, rewritten(left, change), rewritten(right, change))
        case Indicator(comparison=comparison, left=left, right=right):
            node = Indicator(comparison, rewritten(left, change), rewritten(right, change))
        case Negative(body=body):
            node = Negative(rewritten(body, change))
        case Reduction(kind=kind, indices=indices, body=body):
            node = Reduction(kind, indices, rewritten(body, change))
        case _:
            pass
    return change(node)


def statement(step: Step, shapes: Mapping[str, Shape]) -> Statement:
    """The statement of a step whose rule has an index formula.

    Args:
        step: the step.
        shapes: the shape of every named value.
    """
    rule, formula = step.rule, step.rule.formula
    assert formula is not None  # what has none is drawn, not computed
    names = {rule.output: step.output}
    known: dict[str, Shape] = {rule.output: step.shape}
    for operand, name in zip(rule.operands, step.inputs, strict=True):
        if name is None:
            formula = formula.without(operand)
        else:
            names[operand], known[operand] = name, shapes[name]
    sizes = formula.sizes(known, step.options)
    indices, spread = _settled(sizes, formula.indices)
    change = _naming(names, step.options, sizes, spread)
    left = formula.left
    place = tuple(_spread_out(left.indices, spread)) if isinstance(left, Element) else ()
    place = tuple(rewritten(i, change) for i in place)
    body = rewritten(_expanded(formula.right, spread), change)
    summed = {i for n in walk(body) if isinstance(n, Reduction) for i in n.indices}
    on_left = [n.name for i in place for n in walk(i) if isinstance(n, Symbol)]
    free = [*on_left, *(i for i in indices if i not in summed)]
    return Statement(
        step.output, place, body, indices, tuple(dict.fromkeys(i for i in free if i in indices)),
        formula.accumulates, _text(formula.text, names), step,
    )  # fmt: skip


def _settled(sizes: Mapping[str, Any], letters: frozenset[str]) -> tuple[dict[str, Size], tuple[str, ...]]:
    """The size of every index, those of `...` among them, and what these are called."""
    indices: dict[str, Size] = {n: s for n, s in sizes.items() if n != ELLIPSIS}
    if ELLIPSIS not in sizes:
        return indices, ()
    free = iter([c for c in SPREAD if c not in letters])
    spread: list[str] = []
    for size in sizes[ELLIPSIS]:
        name = "n" if size == SAMPLES else next(free)
        spread.append(name)
        indices[name] = size
    return indices, tuple(spread)


def _naming(
    names: Mapping[str, str], options: Mapping[str, Any], sizes: Mapping[str, Any], spread: tuple[str, ...]
) -> Callable[[Node], Node]:
    """Puts the network's names and settings into one node."""

    def change(node: Node) -> Node:
        match node:
            case Element(name=name, indices=indices):
                return Element(names[name], tuple(_spread_out(indices, spread)))
            case Symbol(name=name) if name in options:
                return Number(float(options[name]))
            case Symbol(name=name) if name in names:
                return Symbol(names[name])
            case Count(index=index):
                counted = sizes[index] if index == ELLIPSIS else (sizes[index],)
                number = Number(1.0)
                for size in counted:
                    factor: Node = Symbol(SAMPLES) if size == SAMPLES else Number(float(size))
                    number = folded("*", number, factor)
                return number
            case Position():
                place: Node = Number(0.0)
                for name, size in zip(spread, sizes[ELLIPSIS], strict=True):
                    place = folded("+", folded("*", place, Number(float(size))), Symbol(name))
                return place
            case Binary(operator=operator, left=left, right=right):
                return folded(operator, left, right)
            case _:
                return node

    return change


def folded(operator: str, left: Node, right: Node) -> Node:
    """`left operator right`, computed where both are numbers, and without zeros and ones that change nothing."""
    match operator, left, right:
        case (("+" | "-" | "*"), Number(value=a), Number(value=b)):
            return Number(a + b if operator == "+" else a - b if operator == "-" else a * b)
        case "+", Number(value=0.0), other:
            return other
        case (("+" | "-"), other, Number(value=0.0)):
            return other
        case "*", Number(value=1.0), other:
            return other
        case (("*" | "/"), other, Number(value=1.0)):
            return other
        case "*", (Number(value=0.0) as zero), _:
            return zero
        case "*", _, (Number(value=0.0) as zero):
            return zero
        case _:
            return Binary(operator, left, right)


def _spread_out(indices: tuple[Node, ...], spread: tuple[str, ...]) -> list[Node]:
    """The indices with those that `...` stands for in its place."""
    return [one for i in indices for one in (map(Symbol, spread) if i == Symbol(ELLIPSIS) else [i])]


def _expanded(node: Node, spread: tuple[str, ...]) -> Node:
    """The tree with sums over `...` as sums over its indices."""

    def change(inner: Node) -> Node:
        if isinstance(inner, Reduction) and ELLIPSIS in inner.indices:
            over = [n for i in inner.indices for n in (spread if i == ELLIPSIS else (i,))]
            return Reduction(inner.kind, tuple(over), inner.body)
        return inner

    return rewritten(node, change)


def _text(formula: str, names: Mapping[str, str]) -> str:
    return re.sub(r"[A-Za-z_]\w*", lambda m: names.get(m.group(), m.group()), formula)


def renamed(made: Statement, names: Mapping[str, str]) -> Statement:
    """The statement with other names for some of the values on its right."""

    def change(node: Node) -> Node:
        match node:
            case Element(name=name, indices=indices):
                return Element(names.get(name, name), indices)
            case Symbol(name=name) if name not in made.sizes:
                return Symbol(names.get(name, name))
            case _:
                return node

    return replace(made, body=rewritten(made.body, change))


def span(place: Node, sizes: Mapping[str, Size]) -> tuple[int, int]:
    """The least and the largest value of an affine index expression."""
    terms = affine(place) or {"": 0}
    low = high = terms[""]
    for index, factor in terms.items():
        if index:
            reach = factor * (int(sizes[index]) - 1)
            low, high = low + min(0, reach), high + max(0, reach)
    return low, high


def affine(node: Node) -> dict[str, int] | None:
    """An index expression as whole-number coefficients of its indices, the constant under ""; None if it is none."""
    match node:
        case Number(value=value):
            return {"": int(value)}
        case Symbol(name=name):
            return {name: 1, "": 0}
        case Negative(body=body):
            inner = affine(body)
            return None if inner is None else {k: -v for k, v in inner.items()}
        case Binary(operator=operator, left=left, right=right) if operator in "+-*":
            a, b = affine(left), affine(right)
            if a is None or b is None:
                return None
            if operator == "*":
                if len(a) > 1 and len(b) > 1:
                    return None
                factor, of = (a, b) if len(a) == 1 else (b, a)
                return {k: v * factor[""] for k, v in of.items()}
            sign = 1 if operator == "+" else -1
            return {k: a.get(k, 0) + sign * b.get(k, 0) for k in {**a, **b}}
        case _:
            return None
