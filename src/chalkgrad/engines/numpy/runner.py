"""The reference engine: runs a program's steps one after another on arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np

from ...base.errors import NotFiniteError
from ...program import Step
from ...program.loops import Loop, segments
from .loops import TimeLoop

Values = dict[str, Any]
_Line = tuple[str, Callable[..., Any], Callable[[Values], tuple[Any, ...]]]


class Runner:
    """Steps ready to run: every rule with its options bound.

    Args:
        steps: the steps, in order.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        self._lines: list[_Line | TimeLoop] = [
            TimeLoop(s)
            if isinstance(s, Loop)
            else (
                s.output,
                partial(s.rule.function, **s.options) if s.options else s.rule.function,
                _getter([i or "" for i in s.inputs]),
            )
            for s in segments(steps)
        ]

    def run(self, values: Values) -> Values:
        """The values with every step's added; `values` holds the inputs, and is changed.

        Overflow to infinity and what follows from it is no warning here: whoever runs a program looks at
        the values (`first_not_finite`).
        """
        with np.errstate(all="ignore"):
            return self.compute(values)

    def compute(self, values: Values) -> Values:
        """The values as from `run`, with warnings as they are set: one who runs it often switches them off once."""
        values[""] = None
        for line in self._lines:
            if isinstance(line, TimeLoop):
                line.run(values)
            else:
                output, function, inputs = line
                values[output] = function(*inputs(values))
        return values


def _getter(names: Sequence[str]) -> Callable[[Values], tuple[Any, ...]]:
    """A function that looks up the values of the names; without a loop of Python's where that is possible."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[n] for n in names)


def first_not_finite(steps: Sequence[Step], values: Values) -> str | None:
    """The place of the first NaN or infinity, as the beginning of a sentence; None where all is finite.

    Inputs come first, then each step's value in order.
    """
    computed = {s.output: s for s in steps}
    for name in [n for n in values if n and n not in computed] + list(computed):
        value = values.get(name)
        if value is None:
            continue
        array = np.asarray(value)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0]) if array.ndim else ()
            address = f"{name}[{', '.join(map(str, place))}]" if place else name
            what = "NaN" if np.isnan(array[place]) else "infinite"
            of = f" ({computed[name].part} step of {computed[name].owner})" if name in computed else ""
            return f"{address} is {what}{of}"
    return None


def require_finite(steps: Sequence[Step], values: Values) -> None:
    """Raises NotFiniteError where a value is NaN or infinite, naming the first."""
    if place := first_not_finite(steps, values):
        raise NotFiniteError(place)
