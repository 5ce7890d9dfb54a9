"""Rules made from others, so that the mathematics stands once: for every step of a sequence, and under other names.

They rewrite the rule's index formula and keep its function; its usual mistakes come along.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache, wraps
from typing import Any

from ..formula.nodes import Element, Symbol, walk
from ..formula.rewrite import renamed as renamed_tree
from ..formula.rewrite import spread
from ..formula.text import formula_text
from .rule import ENDINGS, Array, Facts, Mistake, Operation, Rule, Stated

SAMPLE, TIME = "n", "t"
"""The index over the samples in every formula, and the one over the steps of a sequence."""
Names = tuple[tuple[str, str], ...]
Indices = tuple[tuple[str, tuple[str, ...]], ...]


class Derived(Rule):
    """A rule made from another one; see `over_time`, `spread_over` and `renamed`.

    Attributes:
        base: the rule that it is made from.
        names: the new formal names by the old ones.
        indices: the new indices by the old ones.
        variant: tells it from others of the same text, with other mistakes.
        folds: the operands whose samples' axes become one before the base's function is called, and the output, if
            its axis becomes several again; empty for a rule under other names.
    """

    def __init__(self, base: Rule, names: Names, indices: Indices, variant: str) -> None:
        self.base, self.names, self.indices, self.variant = base, names, indices, variant
        known, over = dict(names), dict(indices)
        axes = len(over.get(SAMPLE, (SAMPLE,)))
        self.folds = _by_sample(base) if axes > 1 else frozenset[str]()
        facts = {field.name: getattr(base, field.name) for field in fields(Facts)}
        output = known.get(base.output, base.output)
        shape_of = None if base.shape_of is None else known.get(base.shape_of, base.shape_of)
        super().__init__(base.function, _text(base, known, over), output, shape_of, base.source, **facts)
        _dress(self, base, known, self.folds, axes)
        if base.kinks is not None:
            self.kinks = _folded(base.kinks, base.operands, self.folds - {base.output}, None, axes)
        self.kinks_at = base.kinks_at
        for wrong in base.mistakes:
            folds = _by_sample(wrong) if axes > 1 else frozenset[str]()
            words = re.sub(r"\{(\w+)\}", lambda name: f"{{{_new(name[1], known)}}}", wrong.text)
            varies = {setting: over.get(index, (index,))[-1] for setting, index in wrong.varies.items()}
            mistake = Mistake(self, _text(wrong, known, over) or "", words, wrong.function, varies)
            _dress(mistake, wrong, known, folds, axes)
            mistake.reread()
            self.mistakes.append(mistake)

    def __reduce__(self) -> tuple[Any, ...]:
        return _derived, (self.base, self.names, self.indices, self.variant)


@cache
def _derived(base: Rule, names: Names, indices: Indices, variant: str = "") -> Rule:
    return Derived(base, names, indices, variant)


def over_time(rule: Rule) -> Rule:
    """The rule for every step of a sequence: x[n,i] becomes x[n,t,i], a sum over the samples one over the steps too.

    Its function is called with samples and steps as one axis. A rule that has no samples, or works on each element for
    itself, is its own.
    """
    return spread_over(rule, n=(SAMPLE, TIME)) if _by_sample(rule) else rule


def spread_over(rule: Rule, **indices: tuple[str, ...]) -> Rule:
    """The rule with other indices in place of its own: with n=("n", "m", "t"), a[n,k] becomes a[n,m,t,k].

    Where n becomes several, its function is called with their axes as one.
    """
    return _derived(rule, (), tuple(sorted(indices.items())))


@cache
def operation_over_time(operation: Operation) -> Operation:
    """The operation with each of its rules for every step of a sequence."""
    forward, backward, update = (
        tuple(map(over_time, part)) for part in (operation.forward, operation.backward, operation.update)
    )
    return Operation(operation.name, forward, backward, operation.input, operation.output, update, operation.others)


def renamed(rule: Rule, **names: str) -> Rule:
    """The rule under other formal names, which its derivatives follow: with a="h", h[...] = tanh(z[...])."""
    return _derived(rule, tuple(sorted(names.items())), ())


def variant(rule: Rule, called: str) -> Rule:
    """The rule once more, to have further mistakes that its other uses do not have."""
    return _derived(rule, (), (), called)


def _by_sample(stated: Stated) -> frozenset[str]:
    """The operands, and the output, that have a row for every sample."""
    formula = stated.formula
    if formula is None or SAMPLE not in formula.indices:
        return frozenset()
    sides = [n for side in (formula.left, formula.right) for n in walk(side)]
    found = {n.name for n in sides if isinstance(n, Element) and n.indices[:1] == (Symbol(SAMPLE),)}
    return frozenset(found | ({stated.shape_of} if stated.shape_of else set()))


def _text(stated: Stated, names: Mapping[str, str], indices: Mapping[str, tuple[str, ...]]) -> str | None:
    formula = stated.formula
    if formula is None:
        return None
    for index, over in indices.items():
        formula = formula.changed(lambda side, index=index, over=over: spread(side, index, over))
    every = {o: _new(o, names) for o in (*stated.operands, stated.output)}
    letters = formula.indices
    return formula_text(formula.changed(lambda side: renamed_tree(side, every, letters)))


def _new(name: str, names: Mapping[str, str]) -> str:
    """A formal name under the new names: of a value, its derivative, or another version of it."""
    for ending in ("", *ENDINGS):
        for prefix in ("", "d"):
            plain = name.removesuffix(ending).removeprefix(prefix)
            if name == f"{prefix}{plain}{ending}" and plain in names:
                return f"{prefix}{names[plain]}{ending}"
    return name


def _dress(stated: Stated, base: Stated, names: Mapping[str, str], folds: frozenset[str], axes: int) -> None:
    """Gives a derived rule or mistake its names, and its function."""
    stated.operands = tuple(_new(o, names) for o in base.operands)
    stated.optional = tuple(_new(o, names) for o in base.optional)
    stated.output = _new(base.output, names)
    stated.options = base.options
    stated.function = _folded(
        base.function, base.operands, folds - {base.output}, base.output if base.output in folds else None, axes
    )


def _folded(
    function: Callable[..., Array], operands: tuple[str, ...], folds: frozenset[str], output: str | None, axes: int
) -> Callable[..., Array]:
    """The function on arrays whose first axes, of samples and steps, are one.

    Args:
        function: the function.
        operands: its parameters.
        folds: those that have these axes.
        output: the name of what it computes, where that has them too.
        axes: how many they are.
    """
    if not folds:
        return function

    @wraps(function)
    def with_steps(*arrays: Array, **options: Any) -> Array:
        lead: tuple[int, ...] = ()
        folded: list[Array] = []
        for operand, array in zip(operands, arrays, strict=False):
            if operand in folds and array is not None:
                lead = array.shape[:axes]
                array = array.reshape((math.prod(lead), *array.shape[axes:]))
            folded.append(array)
        result = function(*folded, **options)
        return result if output is None else result.reshape((*lead, *result.shape[1:]))

    return with_steps
