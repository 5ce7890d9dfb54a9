"""Rules made from others, so that the mathematics stands once: for every step of a sequence, with time running from the
last step to the first, and under other names.

All rewrite the rule's index formula and keep its function; its usual mistakes come along.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache, wraps
from typing import Any

from ..base.caching import cached_property
from ..formula.nodes import Element, Symbol, walk
from ..formula.rewrite import mirrored, spread
from ..formula.rewrite import renamed as renamed_tree
from ..formula.text import formula_text
from .arrays import turned
from .rule import ENDINGS, Array, Facts, Mistake, Operation, Rule, Stated

SAMPLE, TIME = "n", "t"
"""The index over the samples in every formula, and the one over the steps of a sequence."""
Names = tuple[tuple[str, str], ...]
Indices = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Way:
    """How a rule is made from another one.

    Attributes:
        names: the new formal names by the old ones.
        indices: the new indices by the old ones.
        stepwise: whether its function computes one step of a sequence, where its formula is for every step.
        turned: whether time runs from the last step to the first.
        variant: tells it from others of the same text, with other mistakes.
    """

    names: Names = ()
    indices: Indices = ()
    stepwise: bool = False
    turned: bool = False
    variant: str = ""

    @property
    def axes(self) -> int:
        """How many axes there are in the place of the samples' one."""
        return len(dict(self.indices).get(SAMPLE, (SAMPLE,)))


class Derived(Rule):
    """A rule made from another one; see `over_time`, `stepwise`, `backwards`, `spread_over` and `renamed`.

    Attributes:
        base: the rule that it is made from.
        way: how.
        folds: the operands whose samples' axes become one before the base's function is called, and the output, if its
            axis becomes several again; empty for a rule that takes its base's arrays, as a product does
            whose rows stand for themselves: x @ W takes the last axis, whatever is before it.
        turns: the operands, and the output, whose steps are turned round before and after it.
    """

    def __init__(self, base: Rule, way: Way) -> None:
        self.base, self.way = base, way
        known = dict(way.names)
        self.folds = _folds(base, way)
        if base.product and base.output in self.folds and len(self.folds) == 2:
            self.folds = frozenset[str]()
        self.turns = _turns(base, way)
        facts = {field.name: getattr(base, field.name) for field in fields(Facts)}
        facts["form"] = ""  # in the base's names
        facts["stepwise"] = base.stepwise or way.stepwise
        output = known.get(base.output, base.output)
        shape_of = None if base.shape_of is None else known.get(base.shape_of, base.shape_of)
        super().__init__(base.function, _text(base, way), output, shape_of, base.source, **facts)
        _dress(self, base, known, _function(base, way, self.folds, self.turns))
        if base.kinks is not None:
            self.kinks = _folded(base.kinks, base.operands, self.folds - {base.output}, None, way.axes)
        self.kinks_at = base.kinks_at

    @cached_property
    def mistakes(self) -> list[Mistake]:
        """Those of the rule that it is made from, made like it."""
        return [self._made(wrong) for wrong in self.base.mistakes]

    def _made(self, wrong: Mistake) -> Mistake:
        known, letters = dict(self.way.names), dict(self.way.indices)
        words = re.sub(r"\{(\w+)\}", lambda name: f"{{{_new(name[1], known)}}}", wrong.text)
        varies = {setting: letters.get(index, (index,))[-1] for setting, index in wrong.varies.items()}
        mistake = Mistake(self, _text(wrong, self.way) or "", words, wrong.function, varies)
        function = _function(wrong, self.way, _folds(wrong, self.way), _turns(wrong, self.way))
        _dress(mistake, wrong, known, function)
        mistake.reread()
        return mistake

    def __reduce__(self) -> tuple[Any, ...]:
        return _derived, (self.base, self.way)


@cache
def _derived(base: Rule, way: Way) -> Rule:
    return Derived(base, way)


def over_time(rule: Rule) -> Rule:
    """The rule for every step of a sequence: x[n,i] becomes x[n,t,i], a sum over the samples one over the steps too.

    Its function is called with samples and steps as one axis. A rule that has no samples, or works on each element for
    itself, is its own.
    """
    return spread_over(rule, n=(SAMPLE, TIME)) if _by_sample(rule) else rule


def stepwise(rule: Rule) -> Rule:
    """The rule for every step of a sequence, as `over_time` gives it, for a loop: its function computes one step."""
    return _derived(rule, Way(indices=((SAMPLE, (SAMPLE, TIME)),), stepwise=True)) if _by_sample(rule) else rule


def spread_over(rule: Rule, **indices: tuple[str, ...]) -> Rule:
    """The rule with other indices in place of its own: with n=("n", "m", "t"), a[n,k] becomes a[n,m,t,k].

    Where n becomes several, its function is called with their axes as one.
    """
    return _derived(rule, Way(indices=tuple(sorted(indices.items()))))


def backwards(rule: Rule) -> Rule:
    """The rule with time running from the last step to the first: h[n,t-1,v] becomes h[n,t+1,v].

    A rule that looks at one time only is its own.
    """
    formula = rule.formula
    if formula is None or formula.changed(lambda side: mirrored(side, TIME)).sides == formula.sides:
        return rule
    return _derived(rule, Way(turned=True))


@cache
def operation_over_time(operation: Operation) -> Operation:
    """The operation with each of its rules for every step of a sequence."""
    forward, backward, update = (
        tuple(map(over_time, part)) for part in (operation.forward, operation.backward, operation.update)
    )
    return replace(operation, forward=forward, backward=backward, update=update)


def renamed(rule: Rule, **names: str) -> Rule:
    """The rule under other formal names, which its derivatives follow: with a="h", h[...] = tanh(z[...])."""
    names = {old: new for old, new in names.items() if old != new}
    return _derived(rule, Way(tuple(sorted(names.items())))) if names else rule


def variant(rule: Rule, called: str) -> Rule:
    """The rule once more, to have further mistakes that its other uses do not have."""
    return _derived(rule, Way(variant=called))


def _by_sample(stated: Stated) -> frozenset[str]:
    """The operands, and the output, that have a row for every sample."""
    formula = stated.formula
    if formula is None or SAMPLE not in formula.indices:
        return frozenset()
    sides = [n for side in formula.sides for n in walk(side)]
    found = {n.name for n in sides if isinstance(n, Element) and n.indices[:1] == (Symbol(SAMPLE),)}
    return frozenset(found | ({stated.shape_of} if stated.shape_of else set()))


def _folds(stated: Stated, way: Way) -> frozenset[str]:
    """The operands, and the output, whose samples' axes become one."""
    return _by_sample(stated) if way.axes > 1 and not way.stepwise else frozenset()


def _turns(stated: Stated, way: Way) -> frozenset[str]:
    """The operands, and the output, whose steps are turned round: those with time, for a function that takes all."""
    formula = stated.formula
    if not way.turned or formula is None or bool(getattr(getattr(stated, "rule", stated), "stepwise", False)):
        return frozenset()
    sides = [n for side in formula.sides for n in walk(side)]
    return frozenset(
        n.name for n in sides if isinstance(n, Element) and any(Symbol(TIME) in walk(place) for place in n.indices[1:2])
    )


def _text(stated: Stated, way: Way) -> str | None:
    formula = stated.formula
    if formula is None:
        return None
    for index, over in way.indices:
        formula = formula.changed(lambda side, index=index, over=over: spread(side, index, over))
    if way.turned:
        formula = formula.changed(lambda side: mirrored(side, TIME))
    every = {o: _new(o, dict(way.names)) for o in (*stated.operands, stated.output)}
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


def _dress(stated: Stated, base: Stated, names: Mapping[str, str], function: Callable[..., Array]) -> None:
    """Gives a derived rule or mistake its names, and its function."""
    stated.operands = tuple(_new(o, names) for o in base.operands)
    stated.optional = tuple(_new(o, names) for o in base.optional)
    stated.output = _new(base.output, names)
    stated.options = base.options
    stated.function = function


def _function(base: Stated, way: Way, folds: frozenset[str], turns: frozenset[str]) -> Callable[..., Array]:
    """The base's function for arrays whose samples' axes become one, or whose steps are turned round."""
    output = base.output
    if turns:
        return _turned(base.function, base.operands, turns - {output}, whole=output in turns)
    return _folded(base.function, base.operands, folds - {output}, output if output in folds else None, way.axes)


def _turned(
    function: Callable[..., Array], operands: tuple[str, ...], turns: frozenset[str], *, whole: bool
) -> Callable[..., Array]:
    """The function on arrays with their steps from the last to the first.

    Args:
        function: the function.
        operands: its parameters.
        turns: those that have steps.
        whole: whether what it computes has steps too.
    """

    @wraps(function)
    def from_the_end(*arrays: Array, **options: Any) -> Array:
        pairs = zip(operands, arrays, strict=False)
        result = function(*[turned(a) if o in turns and a is not None else a for o, a in pairs], **options)
        return turned(result) if whole else result

    return from_the_end


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
