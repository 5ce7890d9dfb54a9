"""A training step as a list of NumPy calls on fixed memory: recorded from the rules once, then made again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ...program import Loop, Step, segments
from .calls import Calls, TooLargeError
from .loops import at_time
from .recorded import Array, Line, Number, Recorded
from .runner import Runner

Values = dict[str, Any]


def _plain(value: Any) -> Any:
    """The plain array or number, for a rule that cannot be recorded."""
    match value:
        case Recorded():
            return value.array
        case Number():
            return value.value
        case _:
            return value


class Recording:
    """Steps that compute from and into fixed arrays, and were made once when this has been made.

    Args:
        steps: the steps, in order.
        arrays: the arrays from outside, by name; `run` reads what is then in them.
        numbers: the numbers from outside for the first run.
        into: the arrays for results, by name.
        watched: the names of results of one number that a run returns.
        scratch: the arrays of an earlier recording of these steps, to be used again.
        most: the most bytes that may be kept for results.

    Attributes:
        called: the names of the steps whose rule is called in each run, as it cannot be recorded.
        scratch: see above.

    Raises:
        TooLargeError: where the results take more.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        arrays: Mapping[str, Array],
        numbers: Mapping[str, float],
        into: Mapping[str, Array],
        watched: Sequence[str] = (),
        scratch: Sequence[Array | None] = (),
        most: float = np.inf,
    ) -> None:
        calls = Calls(scratch, most)
        own = {name: Number(calls, value) for name, value in numbers.items()}
        self._values: Values = {**{n: calls.given(a) for n, a in arrays.items()}, **own, "": None}
        self.called: list[str] = []
        for segment in segments(steps):
            if isinstance(segment, Loop):
                self._loop(calls, segment)
                continue
            begin = len(calls.lines)
            result = self._recorded(calls, segment, [self._values[name or ""] for name in segment.inputs])
            if segment.output in into:
                calls.move(result, into[segment.output], begin)
            self._values[segment.output] = result
        self._numbers = list(own.values())
        self._lines = calls.lines
        self._watched = [self._values[name].array for name in watched]
        self.scratch = calls.made

    def _recorded(self, calls: Calls, step: Step, operands: Sequence[Any]) -> Recorded:
        """What a step gives for operands; where its rule cannot be recorded, it is called in every run."""
        function = partial(step.rule.function, **step.options)
        try:
            result = function(*operands)
        except TooLargeError:
            raise
        except Exception:  # an error of the rule's own comes again when it is called
            result = None
        if isinstance(result, Recorded):
            return result
        self.called.append(step.output)
        return _call(calls, function, operands)

    def _loop(self, calls: Calls, loop: Loop) -> None:
        """Records a loop time by time, every value into its slice of an array that stays."""
        like: Array = self._values[loop.like].array
        whole: dict[str, Array] = {}
        for step in loop.steps:
            shape = (len(like), *map(int, step.shape[1:]))
            whole[step.output] = calls.place(lambda shape=shape: np.zeros(shape, like.dtype), lambda _: [])
            self._values[step.output] = calls.given(whole[step.output])
        for t in loop.order:
            for step, delays in zip(loop.steps, loop.delays, strict=True):
                operands = [
                    at_time(self._values[name or ""], t, delay) for name, delay in zip(step.inputs, delays, strict=True)
                ]
                begun = len(calls.lines)
                result = self._recorded(calls, step, operands)
                calls.move(result, whole[step.output][:, t], begun)

    def run(self, *numbers: float) -> list[float]:
        """Computes everything from what lies in the given arrays and from the numbers, which stand in their order."""
        for number, value in zip(self._numbers, numbers):  # noqa: B905 - `strict` takes time
            number.value = value
        for line in self._lines:
            line()
        return self.watched()

    def watched(self) -> list[float]:
        """The last run's results that are watched."""
        return [array.item() for array in self._watched]

    def values(self) -> Values:
        """The last run's values by name; the arrays are changed by the next run."""
        return {name: _plain(value) for name, value in self._values.items() if name}


def _call(calls: Calls, function: Any, operands: Sequence[Any]) -> Recorded:
    """A rule that is called in every run."""

    def compute() -> Any:
        return function(*map(_plain, operands))

    def write(out: Array) -> list[Line]:
        return [lambda: np.copyto(out, compute())]

    array = calls.place(lambda: np.array(compute()), write)  # a copy, as a rule may return what it was given
    calls.lines += write(array)
    return calls.given(array)


class Running:
    """Steps without a recording, for those that take much memory: every rule is called in every run.

    Args:
        runner: the steps.
        values: gets their values, and several may share: of one run there is only one.
        arrays, numbers, into, watched: see `Recording`.
    """

    def __init__(
        self,
        runner: Runner,
        values: Values,
        arrays: Mapping[str, Array],
        numbers: Mapping[str, float],
        into: Mapping[str, Array],
        watched: Sequence[str] = (),
    ) -> None:
        self._runner, self._values = runner, values
        self._arrays, self._numbers, self._into = arrays, tuple(numbers), into
        self._watched = watched
        self.run(*numbers.values())

    def run(self, *numbers: float) -> list[float]:
        values = self._values
        values.update(self._arrays)
        values.update(zip(self._numbers, numbers, strict=True))
        self._runner.compute(values)
        for name, array in self._into.items():
            np.copyto(array, values[name])
        return self.watched()

    def watched(self) -> list[float]:
        return [float(self._values[name]) for name in self._watched]

    def values(self) -> Values:
        return {name: value for name, value in self._values.items() if name}
