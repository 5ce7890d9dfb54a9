"""The pass as a student computes it who uses their own numbers where they have some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..diagnosis.rerun import carried_values
from ..diagnosis.slip import Slip
from ..engines.numpy.loops import TimeLoop
from ..explain.trace import Trace
from ..program import Loop, Step

Array = np.ndarray[Any, Any]
RUNS = 24
"""How often the pass is gone through with other roundings."""


class OwnPass:
    """The values of a program where a student has numbers for some.

    Args:
        trace: the program and what was given.
        numbers: the student's, by value, NaN where there is none; what follows uses them.
        slip: a mistake in place of one step's rule.
        digits: where given, every result is off by up to a unit of so many significant digits, at random.
        seed: which of the random roundings.
        known: results that are known already, by name.
    """

    def __init__(
        self,
        trace: Trace,
        numbers: Mapping[str, Array] | None = None,
        slip: Slip | None = None,
        digits: int | None = None,
        seed: int = 0,
        known: Mapping[str, Array] | None = None,
    ) -> None:
        self.trace, self.slip, self.digits = trace, slip, digits
        self.numbers = dict(numbers or {})
        self.steps = {s.output: s for s in trace.program if s.output in trace}
        self.loops = {s.output: loop for loop in trace.program.segments if isinstance(loop, Loop) for s in loop.steps}
        self._random = np.random.default_rng(seed)
        self._results: dict[str, Array] = dict(known or {})
        self._values: dict[str, Array] = {}

    def value(self, name: str) -> Array:
        """A value as the next step takes it: the student's numbers, and the computed ones where there are none."""
        if name not in self._values:
            if name not in self.steps:
                return np.asarray(self.trace[name])
            self._values[name] = _written(self.result(name), self.numbers.get(name))
        return self._values[name]

    @property
    def results(self) -> Mapping[str, Array]:
        """What was computed so far."""
        return self._results

    def result(self, name: str) -> Array:
        """The result of a step from the values before it."""
        waiting = [name]
        while waiting:  # not by recursion: a program may be longer than Python's stack
            missing = next((i for i in self._asked(waiting[-1]) if i not in self._results), None)
            if missing is not None:
                waiting.append(missing)
                continue
            output = waiting.pop()
            if output in self._results:
                continue
            if output in self.loops:
                self._results.update(self._over_time(self.loops[output]))
            else:
                self._results[output] = self._computed(self.steps[output])
        return self._results[name]

    def _asked(self, output: str) -> list[str]:
        """The values that a step, or its loop, asks for and that are computed in turn; a mistake asks for what it
        likes.
        """
        if output in self.loops:
            steps = self.loops[output].steps
            inside = {s.output for s in steps}
            return [i for s in steps for i in s.inputs if i in self.steps and i not in inside]
        if self.slip is not None and self.slip.output == output:
            return []
        return [i for i in self.steps[output].inputs if i in self.steps]

    def _computed(self, step: Step) -> Array:
        with np.errstate(all="ignore"):
            if self.slip is not None and self.slip.output == step.output:
                return np.asarray(self.slip.replacement(self.value))
            return self._made(step, [None if i is None else self.value(i) for i in step.inputs])

    def _over_time(self, loop: Loop) -> dict[str, Array]:
        """What the steps of a loop compute, each from the student's numbers at the other times."""
        slip = self.slip if self.slip is not None and self.loops.get(self.slip.output) is loop else None

        def make(name: str, arrays: list[Any]) -> Array:
            if slip is not None and slip.output == name:
                return np.asarray(slip.function(*arrays))
            return self._made(self.steps[name], arrays)

        def taken(name: str, t: int, result: Array) -> Array:
            numbers = self.numbers.get(name)
            return result if numbers is None else _written(result, numbers[:, t])

        with np.errstate(all="ignore"):
            return TimeLoop(loop).computed(
                self.value if slip is None else lambda name: slip.taken(name, self.value),
                instead=None if slip is None else {slip.output: slip.line},
                make=make,
                taken=taken,
                carried=None if slip is None else carried_values([slip], self.trace.__getitem__),
            )

    def _made(self, step: Step, arrays: list[Any]) -> Array:
        """What a step computes of its operands' arrays, off by the rounding of its terms."""
        value = np.asarray(step.rule.function(*arrays, **step.options))
        if self.digits is not None and value.dtype.kind == "f" and not step.rule.exact:
            value = value + self._rounding(value, step, arrays)
        return value

    def _rounding(self, value: Array, step: Step, arrays: list[Any]) -> Array:
        """How much rounding the terms and the result may come to: of a sum, its terms' sizes count."""
        sizes = np.abs(value)
        assert self.digits is not None
        if step.rule.choosing:  # its terms are no larger than its result
            return units(sizes, self.digits) * self._random.uniform(-1.0, 1.0, sizes.shape)
        terms = np.asarray(step.rule.function(*[None if a is None else np.abs(a) for a in arrays], **step.options))
        if terms.shape == sizes.shape:
            sizes = np.fmax(sizes, np.where(np.isfinite(terms), np.abs(terms), 0.0))
        return units(sizes, self.digits) * self._random.uniform(-1.0, 1.0, sizes.shape)


def _written(computed: Array, numbers: Array | None) -> Array:
    """The student's numbers, and the computed ones where there are none."""
    return computed if numbers is None else np.where(np.isnan(numbers), computed, numbers)


def units(sizes: Array, digits: int) -> Array:
    """One unit of the last of so many significant digits; 0 for 0."""
    safe = np.where((sizes > 0) & np.isfinite(sizes), sizes, 1.0)
    return np.where(sizes > 0, 10.0 ** (np.floor(np.log10(safe)) - digits + 1), 0.0)


def spreads(
    trace: Trace, names: Sequence[str], digits: int, numbers: Mapping[str, Array], runs: int = RUNS
) -> dict[str, Array]:
    """How far rounding on the way can move each value, from the student's numbers."""
    base = OwnPass(trace, numbers)
    apart = {n: np.zeros(np.shape(base.result(n))) for n in names}
    for seed in range(runs):
        variant = OwnPass(trace, numbers, digits=digits, seed=seed)
        for name in names:
            with np.errstate(all="ignore"):
                difference = np.abs(variant.result(name) - base.result(name))
            apart[name] = np.fmax(apart[name], np.where(np.isfinite(difference), difference, 0.0))
    return apart
