"""A formula's tree as numbers of the intermediate form.

A tree without elements and loop indices is the same for the whole step: it is computed once, in double, before the
loops (`Constants`). Dividing by one is multiplying by its reciprocal; powers of 2, 3 and 3/2 are functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from ....formula import Size
from ....formula.nodes import Binary, Element, Function, Indicator, Negative, Node, Number, Reduction, Symbol, walk
from ....formula.rewrite import rebuilt
from .ir import NOTHING, Choice, Code, DeclareConstant, Instruction, Variable

POWERS = {2.0: "square", 3.0: "cube", 1.5: "power_1_5"}
"""Powers that have a function of their own."""


@dataclass(slots=True)
class Constants:
    """The numbers that are computed once in a step, before the loops, each under a name of its own.

    Attributes:
        single: names that stand for one number in the whole step.
        indices: the indices here with their sizes; such a name stands for no number of the step.
        declared: the declarations, in order.
        known: the name of each tree.
    """

    single: Collection[str]
    indices: Mapping[str, Size] = field(default_factory=dict[str, Size])
    declared: Code = field(default_factory=list[Instruction])
    known: dict[Node, str] = field(default_factory=dict[Node, str])

    def same(self, node: Node) -> bool:
        """Whether the tree is the same for the whole step."""
        return not any(
            isinstance(n, (Element, Reduction)) or (isinstance(n, Symbol) and not self._single(n.name))
            for n in walk(node)
        )

    def _single(self, name: str) -> bool:
        return name in self.single and name not in self.indices

    def number(self, node: Node) -> Node:
        """The node for such a tree: its number, or the variable in which it is computed."""
        value = _number(node)
        return Variable(self.named(node)) if value is None else Number(value)

    def named(self, node: Node) -> str:
        """The name under which it is computed."""
        if node not in self.known:
            self.known[node] = f"k{len(self.known) + 1}"
            self.declared.append(DeclareConstant(self.known[node], node))
        return self.known[node]


def _number(node: Node) -> float | None:
    """The tree's value, where it holds nothing but numbers."""
    match node:
        case Number(value=value):
            return value
        case Negative(body=body):
            inner = _number(body)
            return None if inner is None else -inner
        case Binary(operator=operator, left=left, right=right):
            a, b = _number(left), _number(right)
            if a is None or b is None:
                return None
            try:
                return {"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else math.nan, "^": a**b}[operator]
            except OverflowError:
                return None
        case Function(name="sqrt", arguments=(inner,)):
            value = _number(inner)
            return None if value is None else math.sqrt(value)
        case _:
            return None


@dataclass(slots=True)
class Lowering:
    """The lowering of a statement's right side, for one setting of its loop indices.

    Attributes:
        constants: the numbers that are the same for the whole step.
        element: gives the node for an element.
        symbol: gives the node for a symbol that is neither a number nor the same for the whole step.
        reduction: gives the node for a sum, mean or maximum.
        inside: gives the conditions under which a term's elements lie inside their arrays, those known to hold left
            out.
        hoisted: gives the node for a tree that is the same in the whole innermost loop, computed before that; None
            where it is not.
    """

    constants: Constants
    element: Callable[[Element], Node]
    symbol: Callable[[str], Node]
    reduction: Callable[[Reduction], Node]
    inside: Callable[[Node], tuple[Node, ...]]
    hoisted: Callable[[Node], Node | None]

    def lower(self, node: Node) -> Node:
        """The tree as a number of the intermediate form."""
        if isinstance(node, Reduction):
            return self.reduction(node)
        if self.constants.same(node):
            return self.constants.number(node)
        match node:
            case Element():
                return self.element(node)
            case Symbol(name=name):
                return self.symbol(name)
            case Binary(operator="^", left=left, right=right):
                function = POWERS.get(_number(right) or 0.0)
                return Function(function, (self.lower(left),)) if function else self._power(left, right)
            case Binary(operator="/", left=left, right=right) if self.constants.same(right):
                return Binary("*", self.lower(left), self.constants.number(Binary("/", Number(1.0), right)))
            case Binary(operator="/", left=left, right=right) if (
                reciprocal := self.hoisted(Binary("/", Number(1.0), right))
            ) is not None:
                return Binary("*", self.lower(left), reciprocal)
            case Function() if (before := self.hoisted(node)) is not None:
                return before
            case Binary(operator=("+" | "-") as operator, left=left, right=right):
                second = self._term(right)  # constants are numbered in this order
                return Binary(operator, self._term(left), second)
            case Binary(operator="*", left=left, right=Indicator() as right):
                indicator = self.lower(right)
                return Binary("*", self.lower(left), indicator)
            case _:
                return rebuilt(node, self.lower)

    def _term(self, node: Node) -> Node:
        """A term of a sum, which is 0 where an element of it lies outside its array."""
        number, conditions = self.lower(node), self.inside(node)
        return Choice(conditions, number, NOTHING) if conditions else number

    def _power(self, base: Node, exponent: Node) -> Node:
        return Function("pow", (self.lower(base), self.lower(exponent)))
