"""A loop over time on NumPy arrays: each rule is called with the slices of its operands at one time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ...program.loops import Loop
from ...rules.arrays import namespace, zeros
from ...rules.rule import Stated

Values = dict[str, Any]
Array = np.ndarray[Any, Any]


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
        stated.function(*[_at(a, t, d) for a, d in zip(arrays, delays, strict=True)], **options)
        for t in range(like.shape[1])
    ]
    return namespace(like).stack(times, axis=1)


def _at(value: Any, t: int, delay: int | None) -> Any:
    """A value at a time, zeros before the first and after the last; whole where it has no time."""
    if value is None or delay is None:
        return value
    if 0 <= t - delay < value.shape[1]:
        return value[:, t - delay]
    return zeros((value.shape[0], *value.shape[2:]), value)


class TimeLoop:
    """A loop made ready to run.

    Args:
        loop: its steps.
    """

    def __init__(self, loop: Loop) -> None:
        self._times = loop.order
        self._shapes: dict[str, tuple[int, ...]] = {s.output: tuple(map(int, s.shape[2:])) for s in loop.steps}
        self._lines: list[tuple[str, Callable[..., Any], list[tuple[str, int | None]]]] = [
            (
                step.output,
                partial(step.rule.function, **step.options) if step.options else step.rule.function,
                [(name or "", delay) for name, delay in zip(step.inputs, delays, strict=True)],
            )
            for step, delays in zip(loop.steps, loop.delays, strict=True)
        ]
        operands = [operand for _, _, operands in self._lines for operand in operands if operand[0] not in self._shapes]
        self._like = next(name for name, delay in operands if delay is not None)  # it has a row for every sample

    def run(self, values: Values) -> None:
        """Adds every step's value, (N, T, ...), to `values`."""
        like: Array = values[self._like]
        shapes = {name: (like.shape[0], *shape) for name, shape in self._shapes.items()}
        done: dict[str, dict[int, Array]] = {name: {} for name in shapes}

        def at(name: str, t: int, delay: int | None) -> Any:
            if delay is None or name not in done:
                return _at(values[name], t, delay)
            before = done[name].get(t - delay)
            return zeros(shapes[name], like) if before is None else before

        for t in self._times:
            for output, function, operands in self._lines:
                done[output][t] = function(*[at(name, t, delay) for name, delay in operands])
        for name, times in done.items():
            values[name] = namespace(like).stack([times[t] for t in range(len(self._times))], axis=1)
