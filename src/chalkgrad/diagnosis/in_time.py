"""Slips of loops over time: a mistake made with the right values of the other steps, and no recurrence at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from ..program import Loop, Program
from ..program.loops import delay_of
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
