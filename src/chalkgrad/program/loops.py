"""Loops over time: steps that read what they, or steps after them, compute at an earlier time.

A recurrence is no construct of its own. A formula that names a later step's value at `t-1` makes a loop of the steps
from itself to that one, run for t = 0, 1, ...; one that names it at `t+1` makes a loop from the last time back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..base.caching import cached_property
from ..base.errors import FormulaError
from .step import Step


@dataclass(frozen=True, eq=False)
class Loop:
    """Steps that run together, one time after another.

    Attributes:
        steps: the steps in the order in which they run at each time; every value is (N, T, ...).
        backward: whether time runs from the last step to the first.
    """

    steps: tuple[Step, ...]
    backward: bool

    @property
    def times(self) -> int:
        """T, how many steps of time there are."""
        return int(self.steps[0].shape[1])

    @property
    def order(self) -> range:
        """The times in the order in which they run."""
        return range(self.times)[::-1] if self.backward else range(self.times)

    @cached_property
    def delays(self) -> tuple[tuple[int | None, ...], ...]:
        """For every step and each of its operands how many times earlier it is read; None for what has no time."""
        return tuple(tuple(delay_of(step, place) for place in range(len(step.inputs))) for step in self.steps)

    @cached_property
    def carried(self) -> tuple[str, ...]:
        """The names of the values that one time hands on to the next: h, and an LSTM's c."""
        pairs = zip(self.steps, self.delays, strict=True)
        read = {i for step, delays in pairs for i, delay in zip(step.inputs, delays, strict=True) if delay}
        return tuple(step.output for step in self.steps if step.output in read)

    @cached_property
    def like(self) -> str:
        """The name of a value from outside the loop that has a row for every sample, (N, T, ...)."""
        own = {step.output for step in self.steps}
        places = zip(self.steps, self.delays, strict=True)
        read = [pair for step, delays in places for pair in zip(step.inputs, delays, strict=True)]
        return next(name for name, delay in read if name is not None and delay is not None and name not in own)

    def __str__(self) -> str:
        times = "T-1, ..., 0" if self.backward else "0, ..., T-1"
        return f"for t = {times}: {', '.join(s.output for s in self.steps)}"


Segment: TypeAlias = Step | Loop


def segments(steps: Sequence[Step]) -> tuple[Segment, ...]:
    """The steps in order, those that wait for one another over time as loops.

    Raises:
        FormulaError: where steps wait for one another at the same time, or in both directions.
    """
    written = {step.output: place for place, step in enumerate(steps)}
    ends = list(range(len(steps)))  # the last step of the loop that begins at each step
    for place, step in enumerate(steps):
        ends[place] = max([place, *(written[i] for i in step.inputs if i is not None and i in written)])
    found: list[Segment] = []
    place = 0
    while place < len(steps):
        if ends[place] == place and not _loops(steps[place]):
            found.append(steps[place])
            place += 1
            continue
        begin, end = place, ends[place]
        while place <= end:
            end = max(end, ends[place])
            place += 1
        found.append(_loop(steps[begin:place]))
    return tuple(found)


def _loops(step: Step) -> bool:
    """Whether a step is a loop by itself."""
    return step.rule.stepwise or step.output in step.inputs


def _loop(steps: Sequence[Step]) -> Loop:
    """Steps as a loop, which must run in one direction."""
    written = {step.output: place for place, step in enumerate(steps)}
    times = {step.shape[1] if len(step.shape) > 1 else None for step in steps}
    if len(times) > 1 or None in times:
        raise FormulaError(f"{steps[0]} waits for {steps[-1].output}, but not every value between has the same times")
    directions: set[bool] = set()
    for place, step in enumerate(steps):
        for operand, name in enumerate(step.inputs):
            if name is None or name not in written:
                continue
            delay = delay_of(step, operand)
            if delay is None or (delay == 0 and written[name] >= place):
                raise FormulaError(f"{step} needs {name}, which is computed after it at the same time")
            if delay:
                directions.add(delay < 0)
    if len(directions) > 1:
        raise FormulaError(f"the loop from {steps[0]} to {steps[-1]} runs over time in both directions")
    return Loop(tuple(steps), bool(directions) and directions.pop())


def delay_of(step: Step, place: int) -> int | None:
    """How many times earlier a step reads its operand at `place`: 1 for t-1; None for what has no time.

    Raises:
        FormulaError: where its formula reads the operand at two times.
    """
    formula = step.formula
    if formula is None or step.inputs[place] is None:
        return None
    operand = step.rule.operands[place]
    delays = formula.delays(operand)
    if len(delays) > 1:
        raise FormulaError(f"{formula.text!r} reads {operand} at {len(delays)} times; a step of a loop reads it at one")
    return next(iter(delays), None)
