"""The slips that are made from the steps' formulas, beside those that stand beside the rules."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from functools import cache, partial
from typing import Any

from ..base.errors import FormulaError
from ..formula.nodes import Element, walk
from ..program import Program, Role, Step
from ..rules import OPERATIONS, Operation, Rule, shares
from .changed import OTHER, Changed, Shaped, changes
from .settings import of_settings, of_updates
from .slip import Slip

FARTHER = 0.5
"""How much more far-fetched a made mistake is than the catalogue's."""
ELSEWHERE = 0.2
"""How much more far-fetched a value of another layer is than one of the operation's own."""
MOST_OTHERS = 16
"""So many values of the same shape are taken for another one at most."""

_ABOVE = (Role.DERIVATIVE, Role.SHARE)
Values = Mapping[str, Any]


def made_slips(program: Program, values: Values) -> list[Slip]:
    """The slips made from the formula of every step, the least far-fetched first.

    Args:
        program: the steps.
        values: what they compute.
    """
    found: list[Slip] = []
    alike = _by_shape(program, values)
    for step in program:
        if step.output not in values or step.rule is shares.sum_of_shares:
            continue
        found.extend(_of_a_step(step, program, values, alike))
        found.extend(_of_other_activations(step, values))
        found.extend(of_settings(step, len(values["x"])))
    found.extend(of_updates(program))
    found.sort(key=lambda s: s.weight)
    return found


def _by_shape(program: Program, values: Values) -> Mapping[Any, list[str]]:
    """The names of the values by their shapes."""
    found: dict[Any, list[str]] = {}
    for name, value in program.values.items():
        if name in values and value.dtype == "float" and value.role not in (Role.OPTIMIZER, Role.STATE):
            found.setdefault(value.shape, []).append(name)
    return found


def _of_a_step(step: Step, program: Program, values: Values, alike: Mapping[Any, list[str]]) -> Iterator[Slip]:
    absent = tuple(o for o, i in zip(step.rule.operands, step.inputs, strict=True) if i is None)
    pairs = dict(zip(step.rule.operands, step.inputs, strict=True))
    names = {**step.bound, **pairs}
    follows = _following(step, program)
    above = tuple(o for o, i in pairs.items() if i is not None and program.values[i].role in _ABOVE)
    for changed in changes(step.rule, absent, above):
        change = changed.change
        if OTHER not in change.takes:
            yield _slip(step, changed, names, values, "")
            continue
        formal = next(n for n in _replaced(changed, step.rule))
        own = pairs.get(formal)
        if own is None:
            continue
        for place, other in enumerate(_others(own, step, program, alike, follows)[:MOST_OTHERS]):
            near = other in step.bound.values() or other in pairs.values()
            yield _slip(step, changed, {**names, OTHER: other}, values, "" if near else other, place * 0.001)


def _replaced(changed: Changed, rule: Rule) -> list[str]:
    """The operands in whose place another value stands."""
    names = [n.name for p in changed.change.parts[1:] for n in walk(p) if isinstance(n, Element)]
    return [n for n in names if n in rule.operands]


def _others(
    own: str, step: Step, program: Program, alike: Mapping[Any, list[str]], follows: Collection[str]
) -> list[str]:
    """The values of the same shape as one, those of the operation and the layer first."""
    taken = program.values[own]
    near = {i for i in (*step.bound.values(), *step.inputs) if i is not None}
    backward = taken.role in _ABOVE
    loops = program.recurrent

    def distance(name: str) -> tuple[bool, bool, bool]:
        value = program.values[name]
        maker = program.by_output.get(name)
        owner = maker is not None and maker.owner == step.owner
        return name not in near, not owner, (value.role in _ABOVE) != backward

    new = program.updated.get(own)
    fits = [
        n
        for n in alike.get(taken.shape, ())
        if n != own
        and n not in follows
        and (n == new or program.values[n].role is not Role.UPDATED)
        and (step.output not in loops or n in loops or n in near)
    ]
    return sorted(fits, key=lambda n: (n != new, *distance(n)))


def _following(step: Step, program: Program) -> set[str]:
    """The values that are computed from a step's, and its own."""
    found = {step.output}
    grown = 0
    while grown < len(found):  # in a loop over time a value may come before what it is computed from
        grown = len(found)
        found.update(s.output for s in program if not found.isdisjoint(i for i in s.inputs if i is not None))
    return found


def _slip(
    step: Step, changed: Changed, names: Mapping[str, str | None], values: Values, far: str, further: float = 0.0
) -> Slip:
    change = changed.change
    inputs = tuple(names.get(o) for o in changed.operands)
    options = {o: step.options[o] for o in changed.options if o in step.options}
    mistaken = dataclasses.replace(step, rule=changed, inputs=inputs, options=options)  # type: ignore[arg-type]
    formal = {v: k for k, v in step.bound.items() if v is not None}
    general = "" if far else change.said({OTHER: formal.get(names.get(OTHER) or "", names.get(OTHER))})
    weight = change.distance + FARTHER + (ELSEWHERE if far else 0.0) + further
    function = Shaped(changed, options, values[step.output])
    return Slip(
        step.output, step, change.said(names), weight, inputs, function, mistaken, general=general, made=True
    )  # fmt: skip


@cache
def _activations() -> Mapping[Rule, Operation]:
    """The activations by each of their rules."""
    found: dict[Rule, Operation] = {}
    for operation in OPERATIONS:
        formula = operation.backward[0].formula if len(operation.backward) == 1 else None
        if operation.input != "z" or operation.output != "a" or formula is None or len(operation.forward) != 1:
            continue
        if formula.output == "dz" and formula.text.startswith("dz[...]"):
            found[operation.forward[0]] = found[operation.backward[0]] = operation
    return found


DEFAULTS = {"alpha": 1.0, "slope": 0.01}
"""The settings of an activation that is taken for another."""


def _of_other_activations(step: Step, values: Values) -> Iterator[Slip]:
    """Another activation, or its derivative, in place of the network's."""
    own = _activations().get(step.rule)
    if own is None:
        return
    for other in dict.fromkeys(_activations().values()):
        if other is own:
            continue
        backward = step.rule is own.backward[0]
        rule = other.backward[0] if backward else other.forward[0]
        options = {o: step.settings.get(o, DEFAULTS.get(o)) for o in rule.options}
        inputs = tuple(step.bound.get(o) for o in rule.operands)
        if None in inputs or None in options.values():
            continue
        text = (
            f"the derivative of {other.name} is taken" if backward else f"{other.name} stands where {own.name} belongs"
        )
        mistaken = dataclasses.replace(step, rule=rule, inputs=inputs, options=options)
        function = partial(rule.function, **options)
        yield Slip(step.output, step, text, 1.9, inputs, function, mistaken, general=text, made=True)
    if step.rule is own.backward[0]:
        yield from _slopes(step, own, values)


def _slopes(step: Step, own: Operation, values: Values) -> Iterator[Slip]:
    """The derivative as it follows from the forward formula, of z, taken at other values."""
    z, a, da = (step.bound.get(name) for name in ("z", "a", "da"))
    if None in (z, a, da) or "z" in own.backward[0].operands:
        return
    try:
        (rule,) = _of_z(own)
    except (FormulaError, ValueError):
        return
    for changed in changes(rule, (), ("da",)):
        if changed.change.takes and changed.change.takes != (OTHER,):
            continue
        for other in (a, da) if changed.change.takes else (None,):
            names = {**step.bound, OTHER: other}
            inputs = tuple(names.get(o) for o in changed.operands)
            if None in inputs:
                continue
            mistaken = dataclasses.replace(step, rule=changed, inputs=inputs, options={})  # type: ignore[arg-type]
            words = changed.change.said(names) + f", in the slope of {own.name} by {z}"
            weight = changed.change.distance + FARTHER + ELSEWHERE
            function = Shaped(changed, {}, values[step.output])
            yield Slip(step.output, step, words, weight, inputs, function, mistaken, made=True)


@cache
def _of_z(operation: Operation) -> tuple[Rule, ...]:
    return operation.forward[0].backward()
