"""Slips of the right numbers in the wrong places: rows read as columns, another sample's statistic, a row's scale."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from ...calculus.mistakes import Change, formula_of
from ...calculus.said import said
from ...formula.nodes import Element, Reduction, Symbol, walk
from ...formula.rewrite import replaced
from ...program import Program, Step
from ...rules import Rule
from .changed import Changed, Shaped
from .slip import Slip

Array = np.ndarray[Any, Any]
COLUMNS, OTHER_SAMPLE, BY_ROW = 1.95, 1.9, 1.8
"""How far-fetched these are."""
STATISTIC = "statistic"
"""The formal name of a mean or sum of each sample's own."""


def rearranged(step: Step, program: Program, names: Collection[str], samples: int) -> Iterator[Slip]:
    """The slips of a step whose operands, or whose result, have their numbers in other places.

    Args:
        step: the step.
        program: the steps.
        names: the values that there are.
        samples: how many samples there are.
    """
    if step.output in program.recurrent:
        return
    shape = _sizes(program, step.output, samples)
    for place, name in enumerate(step.inputs):
        if name is None or name not in names or program.values[name].dtype != "float":
            continue
        own = _sizes(program, name, samples)
        if _not_square(own):
            yield _slip(step, place, _by_columns, f"{name} is read by columns, not by rows", COLUMNS)
        if len(own) == 1 < len(shape) and own[0] == shape[0] == samples > 1:
            for shift, which in ((1, "before"), (-1, "after")):
                words = f"every sample gets {name} of the sample {which}"
                yield _slip(step, place, partial(np.roll, shift=shift, axis=0), words, OTHER_SAMPLE)
        if len(own) == 1 and len(shape) == 2 and own[0] == shape[1] >= shape[0] > 1:
            words = f"{name} is taken at the number of the row, not of the column"
            yield _slip(step, place, partial(_of_the_row, shape[0]), words, BY_ROW)
    if _not_square(shape):
        yield _slip(step, None, _by_columns, "it is written by columns, not by rows", COLUMNS)


def of_another_sample(
    step: Step,
    rule: Rule,
    names: Mapping[str, str | None],
    settings: Mapping[str, Any],
    known: Collection[str],
    samples: int,
) -> Iterator[Slip]:
    """The slips in which a mean or sum of each sample's own, inside a formula, is that of the sample before or after.

    Args:
        step: the step.
        rule: a rule that computes its value.
        names: the network's names of the rule's.
        settings: the rule's settings.
        known: the values that there are.
        samples: how many samples there are.
    """  # fmt: skip
    formula = rule.formula
    if formula is None or not isinstance(formula.left, Element) or samples < 2 or len(formula.left.indices) < 2:
        return
    first = formula.left.indices[0]
    for node in dict.fromkeys(n for n in walk(formula.right) if isinstance(n, Reduction)):
        free = {i for e in walk(node) if isinstance(e, Element) for i in e.indices} - {Symbol(i) for i in node.indices}
        if free != {first}:
            continue
        alone = Element(STATISTIC, (first,))
        inner = formula_of(formula, alone, node)
        outer = formula_of(formula, formula.left, replaced(formula.right, node, alone))
        if inner is None or outer is None:
            continue
        one = Changed(Change(inner, "", (), OTHER_SAMPLE), rule)
        two = Changed(Change(outer, "", (), OTHER_SAMPLE, (STATISTIC,)), rule)
        operands = tuple(dict.fromkeys(o for o in (*one.operands, *two.operands) if o != STATISTIC))
        inputs = tuple(names.get(o) for o in operands)
        if any(i not in known for i in inputs):
            continue
        makers = [
            Shaped(changed, {o: settings[o] for o in changed.options if o in settings}, shape, samples)
            for changed, shape in ((one, (samples,)), (two, step.shape))
        ]
        for shift, which in ((1, "before"), (-1, "after")):
            words = f"every sample gets {said(node, names)} of the sample {which}"
            function = partial(_shifted, makers[0], makers[1], operands, shift)
            yield Slip(step.output, step, words, OTHER_SAMPLE, inputs, function, wrong=words, made=True)


def _shifted(inner: Shaped, outer: Shaped, operands: tuple[str, ...], shift: int, *arrays: Array) -> Array:
    values = dict(zip(operands, arrays, strict=True))
    values[STATISTIC] = np.roll(inner(*(values[o] for o in inner.changed.operands)), shift, axis=0)
    result: Array = outer(*(values[o] for o in outer.changed.operands))
    return result


def _slip(step: Step, place: int | None, change: Callable[[Array], Array], words: str, weight: float) -> Slip:
    function = partial(_changed, step, place, change)
    return Slip(step.output, step, words, weight, step.inputs, function, wrong=f"{step.output}: {words}", made=True)


def _changed(step: Step, place: int | None, change: Callable[[Array], Array], *arrays: Any) -> Any:
    """A step's result where one of its operands, or the result, is changed."""
    if place is None:
        return change(step.rule.function(*arrays, **step.options))
    other = [*arrays[:place], change(arrays[place]), *arrays[place + 1 :]]
    return step.rule.function(*other, **step.options)


def _by_columns(array: Array) -> Array:
    return array.swapaxes(-1, -2).reshape(array.shape)


def _of_the_row(rows: int, array: Array) -> Array:
    return array[:rows, None]


def _not_square(shape: tuple[int, ...]) -> bool:
    return len(shape) > 1 and shape[-1] != shape[-2] and min(shape[-2:]) > 1


def _sizes(program: Program, name: str, samples: int) -> tuple[int, ...]:
    return tuple(n if isinstance(n, int) else samples for n in program.shapes[name])
