"""Slips of loops over time: a mistake made with the right values of the other steps, and no recurrence at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ...program import Loop, Program, Role, Step
from ...program.loops import delay_of
from .slip import Carried, Slip

FARTHER = 0.3
"""How much more far-fetched a mistake is that does not go on to the next step."""


def loops_of(program: Program) -> Mapping[str, Loop]:
    """The loop that computes each value that one computes."""
    loops = [segment for segment in program.segments if isinstance(segment, Loop)]
    return {step.output: loop for loop in loops for step in loop.steps}


def through_time(loop: Loop, name: str) -> bool:
    """Whether a step of a loop takes what the loop computes at another time."""
    inside = {step.output for step in loop.steps}
    step = next(s for s in loop.steps if s.output == name)
    return any(i in inside and delay_of(step, place) for place, i in enumerate(step.inputs))


def in_loops(mistakes: Sequence[Slip], program: Program) -> Iterator[Slip]:
    """Further slips of a program's loops.

    Args:
        mistakes: the slips that go on from step to step.
        program: the steps.
    """
    loops = loops_of(program)
    for slip in mistakes:
        if slip.output in loops and loops[slip.output].times > 1:
            yield dataclasses.replace(slip, weight=slip.weight + FARTHER, carried=Carried.RIGHT)
    yield from _of_one_step(program)
    for loop in {id(loop): loop for loop in loops.values()}.values():
        late = [s for s in loop.steps if through_time(loop, s.output)]
        back = bool(late) and late[0].part == "backward"
        if loop.times < 2 or not late or (back and len(late) < 2):  # then leaving out the one share is the same
            continue
        step = late[0]
        forward = "nothing goes on from one step to the next: no recurrence"
        backward = "nothing comes back from the step after, on any way: no recurrence in the backward pass"
        text = backward if back else forward
        function = partial(step.rule.function, **step.options)
        yield Slip(
            step.output, step, text, 0.9, step.inputs, function, wrong=text, carried=Carried.NOTHING,
        )  # fmt: skip


def _of_one_step(program: Program) -> Iterator[Slip]:
    """Parameters used at every step whose derivative is that of the first or the last use alone.

    Of the first step on, the way to the loss is the longest one.
    """
    for step in program.part("backward"):
        parameter = step.value.of
        coming = [k for k, i in enumerate(step.inputs) if i is not None and _comes_back(program, i)]
        if parameter not in program.parameters or len(coming) != 1 or step.output in loops_of(program):
            continue
        late = any(delay_of(step, k) for k in range(len(step.inputs)))
        known = {mistake.text for mistake in step.rule.mistakes}
        for first, words in (
            (True, "only the first step counts: the longest way"),
            (False, "only the last step counts"),
        ):
            if words not in known:
                function = partial(_used_once, step, coming[0], int(late) if first else -1)
                wrong = f"{step.output} of {step.inputs[coming[0]]} at the {'first' if first else 'last'} step"
                yield Slip(step.output, step, words, 1.2, step.inputs, function, wrong=wrong, general=words)


def _comes_back(program: Program, name: str) -> bool:
    """Whether a value is a derivative of every step of a sequence."""
    value = program.values[name]
    return value.role in (Role.DERIVATIVE, Role.SHARE) and len(program.shapes[name]) == 3 and value.shape[1] != 1


def _used_once(step: Step, place: int, t: int, *arrays: Any) -> Any:
    """What a step computes where only one time of one operand counts."""
    alone = np.zeros_like(arrays[place])
    alone[:, t] = arrays[place][:, t]
    return step.rule.function(*arrays[:place], alone, *arrays[place + 1 :], **step.options)
