"""A loop over time on NumPy arrays: each rule is called with the slices of its operands at one time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ...base.errors import FormulaError
from ...program import Step
from ...program.loops import Loop, segments
from ...rules.arrays import namespace, zeros
from ...rules.rule import Stated

Values = dict[str, Any]
Array = np.ndarray[Any, Any]
Get = Callable[[str], Any]


def computed(stated: Stated, arrays: Sequence[Any], options: Mapping[str, Any], stepwise: bool | None = None) -> Any:
    """What a rule, or a mistake, makes of whole arrays: one that computes one time of a loop is called for each.

    Args:
        stated: the rule or mistake.
        arrays: its operands in order, (N, T, ...) where they have time; its own output too where it reads that.
        options: its settings.
        stepwise: whether it computes one time; the rule's own word if not given.
    """
    if not (getattr(stated, "stepwise", False) if stepwise is None else stepwise) or stated.formula is None:
        return stated.function(*arrays, **options)
    delays = [next(iter(stated.formula.delays(operand)), None) for operand in stated.operands]
    like = next(a for a, delay in zip(arrays, delays, strict=True) if a is not None and delay is not None)
    times = [
        stated.function(*[at_time(a, t, d) for a, d in zip(arrays, delays, strict=True)], **options)
        for t in range(like.shape[1])
    ]
    return namespace(like).stack(times, axis=1)


def at_time(value: Any, t: int, delay: int | None) -> Any:
    """A value at a time, zeros before the first and after the last; whole where it has no time."""
    if value is None or delay is None:
        return value
    if 0 <= t - delay < value.shape[1]:
        return value[:, t - delay]
    return zeros((value.shape[0], *value.shape[2:]), value)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a loop: how a value is computed at a time.

    Attributes:
        function: computes it from the operands' arrays at their times.
        operands: the operands' names ("" for an absent one), each with how many times earlier it is read; None for
            what has no time.
    """

    function: Callable[..., Any]
    operands: tuple[tuple[str, int | None], ...]


class TimeLoop:
    """A loop made ready to run.

    Args:
        loop: its steps.
    """

    def __init__(self, loop: Loop) -> None:
        self._times = loop.order
        self._shapes: dict[str, tuple[int, ...]] = {s.output: tuple(map(int, s.shape[2:])) for s in loop.steps}
        self.lines = {
            step.output: Line(
                partial(step.rule.function, **step.options) if step.options else step.rule.function,
                tuple((name or "", delay) for name, delay in zip(step.inputs, delays, strict=True)),
            )
            for step, delays in zip(loop.steps, loop.delays, strict=True)
        }
        self._like = loop.like

    def run(self, values: Values) -> None:
        """Adds every step's value, (N, T, ...), to `values`."""
        values.update(self.computed(values.__getitem__))

    def computed(
        self,
        whole: Get,
        *,
        instead: Mapping[str, Line] | None = None,
        make: Callable[[str, list[Any]], Any] | None = None,
        taken: Callable[[str, int, Array], Array] | None = None,
        carried: Get | None = None,
    ) -> Values:
        """What every step computes, (N, T, ...), by its output's name.

        Args:
            whole: the whole values from outside the loop, by name.
            instead: other lines in place of a step's own, by its output.
            make: computes a step's result, by its output's name, from its operands' arrays at a time; if not given,
                its line's function does.
            taken: what the other steps take of a step's result at a time; the result itself if not given.
            carried: whole values, by name, that the steps take of other times instead of those computed there.

        Raises:
            FormulaError: where a line reads what is computed after it.
        """
        lines = self.lines if not instead else {**self.lines, **instead}
        outside: Values = {"": None}
        results: dict[str, list[Array]] = {name: [] for name in lines}
        done: dict[str, dict[int, Array]] = {name: {} for name in lines}
        like: Array = whole(self._like)
        count = len(self._times)

        def at(name: str, t: int, delay: int | None) -> Any:
            if name not in done:
                if name not in outside:
                    outside[name] = whole(name)
                return at_time(outside[name], t, delay)
            if delay == 0 and t in done[name]:
                return done[name][t]
            if carried is not None:
                return at_time(carried(name), t, delay)
            if delay is not None and not 0 <= t - delay < count:
                return zeros((like.shape[0], *self._shapes[name]), like)
            if delay is None or t - delay not in done[name]:
                raise FormulaError(f"{name} is read before it is computed")
            return done[name][t - delay]

        for t in self._times:
            for output, line in lines.items():
                arrays = [at(name, t, delay) for name, delay in line.operands]
                result = line.function(*arrays) if make is None else make(output, arrays)
                results[output].append(result)
                done[output][t] = result if taken is None else taken(output, t, result)
        forward = -1 if self._times.step < 0 else 1
        return {name: namespace(like).stack(times[::forward], axis=1) for name, times in results.items()}


def step_by_step(steps: Sequence[Step], values: Values, make: Callable[[Step, list[Any]], Any]) -> None:
    """Adds each step's value to `values`.

    Args:
        steps: the steps.
        values: what is given, by name.
        make: computes a step's value of its operands' arrays; in a loop of those at one time, for each time.
    """
    by_output = {step.output: step for step in steps}
    for segment in segments(steps):
        if isinstance(segment, Loop):
            values.update(
                TimeLoop(segment).computed(values.__getitem__, make=lambda name, arrays: make(by_output[name], arrays))
            )
        else:
            values[segment.output] = make(segment, [None if i is None else values[i] for i in segment.inputs])
