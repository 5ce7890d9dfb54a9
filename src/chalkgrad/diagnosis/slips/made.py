"""The slips that are made from the steps' formulas, beside those that stand beside the rules."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from functools import cache, partial
from typing import Any

from ...base.errors import FormulaError
from ...calculus.names import derivative_name
from ...calculus.said import said
from ...formula.nodes import ELLIPSIS, Element, walk
from ...program import Loop, Program, Role, Step
from ...rules import Rule, shares
from ...rules.rule import backward_rules, from_formula
from .activations import activations
from .back_only import on_the_way_back
from .changed import OTHER, Changed, Shaped, changes
from .rearranged import of_another_sample, rearranged
from .settings import of_layers, of_settings, of_updates
from .slip import Slip

FARTHER = 0.5
"""How much more far-fetched a made mistake is than the catalogue's."""
ELSEWHERE = 0.2
"""How much more far-fetched a value of another layer is than one of the operation's own."""
MOST_OTHERS = 16
"""So many values of the same shape are taken for another one at most."""

MORE_AXES = "|...|"
"""How many values further axes have, in a text."""
FEATURES = "the number of features"
_ABOVE = (Role.DERIVATIVE, Role.SHARE)


def made_slips(program: Program, names: Collection[str], samples: int) -> list[Slip]:
    """The slips made from the formula of every step, the least far-fetched first.

    Args:
        program: the steps.
        names: the values that there are.
        samples: how many samples there are.
    """
    found: list[Slip] = []
    alike = _by_shape(program, names)
    following = _following(program)
    for step in program:
        if step.output not in names or step.rule is shares.sum_of_shares:
            continue
        found.extend(_of_a_step(step, program, samples, alike, following))
        found.extend(_of_other_activations(step))
        found.extend(of_settings(step, samples))
        found.extend(_of_another_form(step, program, names, samples, following))
        found.extend(rearranged(step, program, names, samples))
    found.extend(of_layers(program, samples))
    found.extend(of_updates(program))
    found.extend(on_the_way_back(found, program))
    found.sort(key=lambda s: s.weight)
    return found


def _by_shape(program: Program, names: Collection[str]) -> Mapping[Any, list[str]]:
    """The names of the values by their shapes."""
    found: dict[Any, list[str]] = {}
    for name, value in program.values.items():
        if name in names and value.dtype == "float" and value.role not in (Role.OPTIMIZER, Role.STATE):
            found.setdefault(value.shape, []).append(name)
    return found


def _of_a_step(
    step: Step, program: Program, samples: int, alike: Mapping[Any, list[str]], following: Mapping[str, Collection[str]]
) -> Iterator[Slip]:
    absent = tuple(o for o, i in zip(step.rule.operands, step.inputs, strict=True) if i is None)
    pairs = dict(zip(step.rule.operands, step.inputs, strict=True))
    names = {**step.bound, **pairs}
    follows = following[step.output]
    others: dict[str, list[str]] = {}
    bare = _no_more_axes(step, program)
    above = tuple(o for o, i in pairs.items() if i is not None and program.values[i].role in _ABOVE)
    for changed in changes(step.rule, absent, above):
        change = changed.change
        if OTHER not in change.takes:
            yield _slip(step, changed, names, samples, bare, "")
            continue
        formal = next(n for n in _replaced(changed, step.rule))
        own = pairs.get(formal)
        if own is None:
            continue
        if own not in others:
            others[own] = _others(own, step, program, alike, follows)[:MOST_OTHERS]
        for place, other in enumerate(others[own]):
            near = other in step.bound.values() or other in pairs.values()
            far = "" if near else other
            yield _slip(step, changed, {**names, OTHER: other}, samples, bare, far, place * 0.001)


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


def _following(program: Program) -> Mapping[str, set[str]]:
    """For each value those that are computed from it, and itself; in a loop over time all of the loop's."""
    found: dict[str, set[str]] = {step.output: set() for step in program}
    for segment in reversed(program.segments):
        members = segment.steps if isinstance(segment, Loop) else (segment,)
        later = {s.output for s in members}.union(*(found[s.output] for s in members))
        for step in members:
            found[step.output] = later
            for name in step.inputs:
                if name in found:
                    found[name] |= later
    return found


def _slip(
    step: Step,
    changed: Changed,
    names: Mapping[str, str | None],
    samples: int,
    bare: bool,
    far: str,
    further: float = 0.0,
) -> Slip:
    change = changed.change
    inputs = tuple(names.get(o) for o in changed.operands)
    options = {o: step.options[o] for o in changed.options if o in step.options}
    mistaken = dataclasses.replace(step, rule=changed, inputs=inputs, options=options)  # type: ignore[arg-type]
    formal = {v: k for k, v in step.bound.items() if v is not None}
    general = "" if far else change.said({OTHER: formal.get(names.get(OTHER) or "", names.get(OTHER))})
    weight = change.distance + FARTHER + (ELSEWHERE if far else 0.0) + further
    function = Shaped(changed, options, step.shape, samples)
    text = change.said(names)
    text, general = (_of_more_axes(t, bare=bare) for t in (text, general))
    return Slip(step.output, step, text, weight, inputs, function, mistaken, general=general, made=True)


def _of_more_axes(text: str, *, bare: bool) -> str:
    """A text with the size of the further axes in words, or without it where there are none."""
    if not bare:
        return text.replace(MORE_AXES, FEATURES)
    return text.replace(f" / {MORE_AXES}", "").replace(f" {MORE_AXES}", "")


def _no_more_axes(step: Step, program: Program) -> bool:
    """Whether the further axes of a step's formula, `...`, are none here."""
    pairs = zip(step.rule.operands, step.inputs, strict=True)
    shapes = {o: program.shapes[i] for o, i in pairs if i is not None}
    try:
        return step.formula is not None and not step.formula.sizes(shapes, step.options).get(ELLIPSIS, True)
    except FormulaError:
        return False


DEFAULTS = {"alpha": 1.0, "slope": 0.01}
"""The settings of an activation that is taken for another."""


def _of_other_activations(step: Step) -> Iterator[Slip]:
    """Another activation, or its derivative, in place of the network's."""
    own = activations().get(step.rule)
    if own is None:
        return
    for other in dict.fromkeys(activations().values()):
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


def _of_another_form(
    step: Step, program: Program, known: Collection[str], samples: int, following: Mapping[str, Collection[str]]
) -> Iterator[Slip]:
    """Mistakes of the derivative in another form: in z, term by term, of a whole normalisation in one line."""
    if step.value.role is not Role.DERIVATIVE or step.part != "backward" or step.output in program.recurrent:
        return
    yield from of_another_sample(
        step,
        step.rule,
        {**step.bound, **dict(zip(step.rule.operands, step.inputs, strict=True))},
        step.options,
        known,
        samples,
    )
    for rule, names, settings, above in _forms(step, program):
        yield from of_another_sample(step, rule, names, settings, known, samples)
        for changed in changes(rule, (), (above,)):
            others: tuple[str | None, ...] = (None,)
            if changed.change.takes:
                formal = _replaced(changed, rule)[:1] if changed.change.takes == (OTHER,) else []
                own = program.shapes.get(names.get(formal[0]) or "") if formal else None
                others = tuple(
                    n for o, n in names.items() if formal and o != formal[0] and program.shapes.get(n or "") == own
                )
            for other in dict.fromkeys(others):
                every = {**names, OTHER: other}
                inputs = tuple(every.get(o) for o in changed.operands)
                options = {o: settings[o] for o in changed.options if o in settings}
                if any(i not in known or i in following[step.output] for i in inputs) or len(options) < len(
                    changed.options
                ):
                    continue
                mistaken = dataclasses.replace(step, rule=changed, inputs=inputs, options=options)  # type: ignore[arg-type]
                words = f"{changed.change.said(every)}, in {said(rule.formula.right, names)}"  # type: ignore[union-attr]
                weight = changed.change.distance + FARTHER + ELSEWHERE
                function = Shaped(changed, options, step.shape, samples)
                yield Slip(step.output, step, words, weight, inputs, function, mistaken, made=True)


def _forms(step: Step, program: Program) -> Iterator[tuple[Rule, Mapping[str, str | None], Mapping[str, Any], str]]:
    """Other rules for a step's value: with their names, settings, and the operand that comes from above."""
    own = dict(zip(step.rule.operands, step.inputs, strict=True))
    if step.rule.form:
        above = next((o for o, i in own.items() if i in program.derivatives), "")
        yield _stated(step.rule.form, step.rule.options), {**step.bound, **own}, step.options, above
    users = [s for s in program.part("forward", "loss") if step.value.of in s.inputs]
    if len(users) != 1 or not (users[0].part == "loss" or users[0].rule in activations()):
        return
    user = users[0]
    pairs = dict(zip(user.rule.operands, user.inputs, strict=True))
    rule = _derived(user.rule, next(o for o, i in pairs.items() if i == step.value.of))
    if rule is None or rule.formula is None or step.formula is None or rule.formula.text == step.formula.text:
        return
    above = derivative_name(user.rule.output)
    names = {**user.bound, **pairs, above: program.derivative_of.get(user.output)}
    names.setdefault(user.rule.output, user.output)
    yield rule, names, user.options, above


@cache
def _stated(form: str, settings: tuple[str, ...]) -> Rule:
    return from_formula(form, "form", __name__, settings=settings)


@cache
def _derived(rule: Rule, formal: str) -> Rule | None:
    """The derivative by one operand as it follows from the formula; None where there is none in one line."""
    try:
        return next((r for r in backward_rules([rule], [formal]) if r.output == derivative_name(formal)), None)
    except (FormulaError, ValueError):
        return None
