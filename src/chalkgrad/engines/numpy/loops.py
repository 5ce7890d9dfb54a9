"""A loop over time on NumPy arrays: each rule is called with the slices of its operands at one time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ...program.loops import Loop

Values = dict[str, Any]
Array = np.ndarray[Any, Any]


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
        computed: dict[str, Array] = {}
        for output, shape in self._shapes.items():
            computed[output] = np.zeros((len(like), len(self._times), *shape), like.dtype)
        known: Values = {**values, **computed}
        for t in self._times:
            for output, function, operands in self._lines:
                computed[output][:, t] = function(*[self._at(known[name], t, delay) for name, delay in operands])
        values.update(computed)

    def _at(self, value: Any, t: int, delay: int | None) -> Any:
        """A value at a time, zeros before the first and after the last; whole where it has no time."""
        if delay is None:
            return value
        if not 0 <= t - delay < len(self._times):
            return np.zeros_like(value[:, 0])
        return value[:, t - delay]
