"""Slips of settings and of updates: a rate per sample, betas crossed, a decay where there is none."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from ...program import Program, Role, Step
from ...rules.weight_decay import weight_decay
from .slip import Slip

SCALED, CROSSED, DECAYED = 1.8, 1.6, 1.7
"""How far-fetched these are."""
NOT_ALONE = 0.1
"""A layer's setting is one number: that it is wrong in one step only is farther."""
POWERS = (1, 2, 3, -1, -2, -3)
"""Of ten, by which a setting may be another one."""
PAIRS = (("beta1", "beta2"),)


def of_settings(step: Step, samples: int) -> Iterator[Slip]:
    """A setting that is divided by the number of samples, doubled, halved, or taken for what it lacks to 1."""
    for name in step.rule.options:
        for text, other in _others(name, step.options.get(name), samples):
            yield _with(step, {**step.options, name: other}, text, SCALED)


def _others(name: str, value: Any, samples: int) -> Iterator[tuple[str, float]]:
    """What may stand in a setting's place, in words and as a number."""
    if isinstance(value, float) and value:
        others = {
            f"{name} is divided by N": value / samples, f"{name} is multiplied by N": value * samples,
            f"{name} is taken twice": 2 * value, f"{name} is halved": value / 2,
            f"1 - {name} stands where {name} belongs": 1 - value,
        }  # fmt: skip
        if value != 1.0:  # ten times 1 is a factor like any other
            others |= {f"{name} is {value * 10.0**power:g}, not {value:g}": value * 10.0**power for power in POWERS}
        for text, other in others.items():
            if other not in (value, 0.0):
                yield text, other


def of_layers(program: Program, samples: int) -> Iterator[Slip]:
    """A layer's setting that is another number in the forward pass and on the way back alike."""
    steps: dict[tuple[str, str], list[Step]] = {}
    for step in program.part("forward", "backward"):
        for name in step.rule.options:
            if step.owner.kind == "layer" and name in step.options:
                steps.setdefault((step.owner.text, name), []).append(step)
    for (_, name), places in steps.items():
        if len({s.part for s in places}) < 2:
            continue
        for text, other in _others(name, places[0].options[name], samples):
            members = tuple(_with(s, {**s.options, name: other}, text, SCALED - NOT_ALONE) for s in places)
            yield dataclasses.replace(members[0], where="in the forward pass and on the way back", members=members)


def _with(step: Step, options: Mapping[str, Any], text: str, weight: float) -> Slip:
    mistaken = dataclasses.replace(step, options=options)
    function = partial(step.rule.function, **options)
    return Slip(step.output, step, text, weight, step.inputs, function, mistaken, general=text, made=True)


def of_updates(program: Program) -> Iterator[Slip]:
    """What an optimizer does wrong alike for every parameter, or for parameters that it should leave alone."""
    steps = [s for s in program.part("update") if s.owner.kind == "optimizer"]
    moments = [s for s in steps if s.value.role is not Role.UPDATED or s.value.of not in program.parameters]
    for (one, two), (among, where) in itertools.product(PAIRS, ((steps, "everywhere"), (moments, "in the moments"))):
        crossed = {one: two, two: one}
        members = tuple(
            _with(step, {**step.options, **others}, f"{one} and {two} are crossed", CROSSED)
            for step in among
            if (others := {o: step.settings[crossed[o]] for o in step.rule.options if crossed.get(o) in step.settings})
        )
        if len(members) > 1:
            yield dataclasses.replace(members[0], where=where, members=members)
    decays = [s for s in steps if s.rule is weight_decay]
    if decays:
        bare = tuple(_decayed(s, decays[0]) for s in steps if _undecayed(s, program))
        yield from bare
        if len(bare) > 1:
            yield dataclasses.replace(bare[0], where="for every one of these", members=bare, mistake=bare[0].general)


def of_earlier(program: Program, before: Mapping[str, Any]) -> Iterator[Slip]:
    """Gradients to which those of the pass before are added: they were not set to zero."""
    members: list[Slip] = []
    for name in program.parameters:
        gradient = program.derivative_of.get(name, "")
        step = program.by_output.get(gradient)
        if step is None or gradient not in before:
            continue
        function = partial(_added, step, before[gradient])
        text = "the gradient of the pass before is added to it: it was not set to zero"
        members.append(
            Slip(gradient, step, text, CROSSED, step.inputs, function, wrong=f"{gradient} + its earlier number",
                 general=text, made=True)
        )  # fmt: skip
    yield from members
    if len(members) > 1:
        where = "for every parameter"
        yield dataclasses.replace(members[0], where=where, members=tuple(members), weight=CROSSED - 0.1)


def _added(step: Step, earlier: Any, *arrays: Any) -> Any:
    return step.rule.function(*arrays, **step.options) + earlier


def _undecayed(step: Step, program: Program) -> bool:
    """Whether a step takes a gradient as it is."""
    gradient = step.bound.get("g")
    return gradient in step.inputs and gradient in program.derivatives


def _decayed(step: Step, like: Step) -> Slip:
    gradient, parameter = step.bound["g"] or "", step.bound.get("W") or step.value.of or ""
    decay = float(like.options["decay"])
    inputs = (*step.inputs, parameter)
    place = step.inputs.index(gradient)

    def function(*arrays: Any) -> Any:
        own = list(arrays[: len(step.inputs)])
        own[place] = own[place] + decay * arrays[-1]
        return step.rule.function(*own, **step.options)

    return Slip(
        step.output, step, f"{parameter} is decayed too", DECAYED, inputs, function, made=True,
        wrong=f"{step.output} with {gradient} + decay * {parameter} in place of {gradient}",
        general="biases and scales are decayed too",
    )  # fmt: skip
