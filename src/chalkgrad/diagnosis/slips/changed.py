"""A rule with one thing changed in its formula: what a made mistake computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

import numpy as np

from ...base.caching import cached_property
from ...base.errors import FormulaError
from ...calculus.array_code import function_text
from ...calculus.array_function import array_function
from ...calculus.mistakes import Change, made
from ...formula import Formula, Shape
from ...formula.affine import affine
from ...formula.nodes import Element, Node, Symbol, walk
from ...formula.rewrite import rewritten
from ...formula.text import formula_text
from ...rules.rule import Rule, Stated
from .activations import activations

OTHER = "other"
"""The formal name of what stands in another value's place."""
LIKE = "like"
"""The parameter that lends the result its shape."""
ASSIGNED = 1.2
SAMPLE, TIME = "n", "t"


class Changed(Stated):
    """The rule that a changed formula states; its function is printed when it is first called.

    Attributes:
        change: the change.
        rule: the right rule.
        stepwise: whether its function computes one time of a loop.
        assigned: whether terms are assigned where they fall: the last one stays.
    """

    def __init__(self, change: Change, rule: Rule, *, assigned: bool = False) -> None:
        self.assigned = assigned
        self.change, self.rule, self.stepwise = change, rule, rule.stepwise
        formula = change.formula
        self._text = formula.text
        self.output = formula.output
        self.shape_of = None
        names = formula.arrays | formula.symbols - formula.options
        self.operands = (*(o for o in rule.operands if o in names), *(t for t in change.takes if t in names))
        self.optional = ()
        self.options = tuple(o for o in rule.options if o in formula.symbols | formula.indices | _bounds(formula))
        self.__dict__["formula"] = formula

    @property
    def name(self) -> str:
        """The right rule's name."""
        return self.rule.name

    @cached_property
    def function(self) -> Callable[..., Any]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Computes it of the operands' arrays and one of the output's shape.

        Raises:
            FormulaError: where the formula has no form on whole arrays.
        """
        formula = self.change.formula
        if self.stepwise:
            formula = at_one_time(formula)
        names = [*self.operands, LIKE]
        try:
            function_text(formula, "changed", names)
            like = None if formula.gives_shape and not formula.accumulates else LIKE
        except FormulaError:
            like = LIKE
        function = array_function(formula, "changed", names, like)
        if self.assigned:
            function.__globals__["added"] = _assigned  # its globals are its own
        return function

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(Changed, assigned=self.assigned), (self.change, self.rule)


def _assigned(values: Any, axis: int, places: Any, size: int) -> Any:
    """As `added` of `array_code`, but the last value that is not 0 stays at each place."""
    own = range(axis, axis + places.ndim)
    values = np.moveaxis(values, own, range(places.ndim))
    total = np.zeros((size, *values.shape[places.ndim :]), dtype=values.dtype)
    for at in np.ndindex(places.shape):
        place = int(places[at])
        if 0 <= place < size:
            total[place] = np.where(values[at] != 0, values[at], total[place])
    return np.moveaxis(total, 0, axis)


def _bounds(formula: Formula) -> set[str]:
    return {n.name for bound in formula.bounds.values() for n in walk(bound) if isinstance(n, Symbol)}


def at_one_time(formula: Formula) -> Formula:
    """The formula of a loop's line for the values at one time: h[n,t-1,v] is h[n,v].

    Raises:
        FormulaError: where time stands in another place.
    """

    def change(node: Node) -> Node:
        if isinstance(node, Element) and len(node.indices) > 1:
            terms = affine(node.indices[1]) or {}
            if TIME in terms and set(terms) <= {TIME, ""}:
                return Element(node.name, (node.indices[0], *node.indices[2:]))
        return node

    # an operand called like the output is its value at another time
    right = rewritten(formula.right, change)
    left = rewritten(formula.left, change)
    assert isinstance(left, Element)
    left = Element("now", left.indices)
    other = formula.changed(lambda side: left if side is formula.left else right)
    if TIME in other.indices or any(n == Symbol(TIME) for n in walk(right)):
        raise FormulaError(f"{formula.text!r} counts its times")
    return Formula(formula_text(other), formula.options)


@lru_cache(maxsize=2_000)
def changes(rule: Rule, absent: tuple[str, ...] = (), upstream: tuple[str, ...] = ()) -> tuple[Changed, ...]:
    """The mistakes that are made from a rule's formula; none where it has no formula.

    Args:
        rule: the rule.
        absent: the operands that are absent.
        upstream: those that are derivatives from above.
    """
    formula = rule.formula
    if formula is None:
        return ()
    for operand in absent:
        formula = formula.without(operand)
    arrays = formula.arrays - formula.ids
    numbers = (formula.symbols | formula.options) - formula.indices
    alike = {o: (OTHER,) for o in arrays if OTHER not in formula.arrays}
    found = made(formula, alike, upstream, numbers, _function(rule, formula))
    every = [Changed(change, rule) for change in found]
    if formula.accumulates:
        words = "it is assigned where it should be added: the last one stays"
        every.insert(0, Changed(Change(formula, words, (), ASSIGNED), rule, assigned=True))
    return tuple(every)


def _function(rule: Rule, formula: Formula) -> tuple[str, Formula] | None:
    """The activation that a rule belongs to, with its name; None of another rule, or where it has other settings."""
    operation = activations().get(rule)
    forward = None if operation is None else operation.forward[0].formula
    if operation is None or forward is None or not forward.options <= formula.options:
        return None
    return operation.name, forward


class Shaped:
    """A changed rule's function for a step, which gives an array of the right value's shape or none.

    Args:
        changed: the changed rule.
        options: its settings.
        shape: the right value's shape.
        samples: how many samples there are.
    """

    def __init__(self, changed: Changed, options: Mapping[str, Any], shape: Shape, samples: int) -> None:
        self.changed, self.options = changed, options
        self.like = np.broadcast_to(np.float64(0), [n if isinstance(n, int) else samples for n in shape])

    def __call__(self, *arrays: Any) -> Any:
        try:
            result = self.changed.function(*arrays, self.like, **self.options)
        except (ArithmeticError, AttributeError) as error:  # 1 / (|n| - 1) of one sample, an axis of a number
            raise ValueError(str(error)) from None
        if self.changed.stepwise:
            return result
        if getattr(result, "shape", ()) != self.like.shape:
            raise ValueError("of another shape")
        return result
