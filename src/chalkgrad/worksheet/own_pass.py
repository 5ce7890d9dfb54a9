"""The pass as a student computes it who uses their own numbers where they have some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..diagnosis.slips import Slip
from ..explain.trace import Trace
from ..program import Step

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
    """

    def __init__(
        self,
        trace: Trace,
        numbers: Mapping[str, Array] | None = None,
        slip: Slip | None = None,
        digits: int | None = None,
        seed: int = 0,
    ) -> None:
        self.trace, self.slip, self.digits = trace, slip, digits
        self.numbers = dict(numbers or {})
        self.steps = {s.output: s for s in trace.program if s.output in trace}
        self._random = np.random.default_rng(seed)
        self._results: dict[str, Array] = {}
        self._values: dict[str, Array] = {}

    def value(self, name: str) -> Array:
        """A value as the next step takes it: the student's numbers, and the computed ones where there are none."""
        if name not in self._values:
            if name not in self.steps:
                return np.asarray(self.trace[name])
            computed = self.result(name)
            numbers = self.numbers.get(name)
            self._values[name] = computed if numbers is None else np.where(np.isnan(numbers), computed, numbers)
        return self._values[name]

    def result(self, name: str) -> Array:
        """The result of a step from the values before it."""
        waiting = [name]
        while waiting:  # not by recursion: a program may be longer than Python's stack
            missing = next((i for i in self._asked(waiting[-1]) if i not in self._results), None)
            if missing is not None:
                waiting.append(missing)
                continue
            output = waiting.pop()
            if output not in self._results:
                self._results[output] = self._computed(self.steps[output])
        return self._results[name]

    def _asked(self, output: str) -> list[str]:
        """The values that a step asks for and that are computed in turn; a mistake asks for what it likes."""
        if self.slip is not None and self.slip.output == output:
            return []
        return [i for i in self.steps[output].inputs if i in self.steps]

    def _computed(self, step: Step) -> Array:
        with np.errstate(all="ignore"):
            if self.slip is not None and self.slip.output == step.output:
                return np.asarray(self.slip.replacement(self.value))
            value = np.asarray(step.computed(self.value))
            if self.digits is not None and value.dtype.kind == "f" and not step.rule.exact:
                value = value + self._rounding(value, step)
        return value

    def _rounding(self, value: Array, step: Step) -> Array:
        """How much rounding the terms and the result may come to: of a sum, its terms' sizes count."""
        sizes = np.abs(value)
        assert self.digits is not None
        if step.rule.choosing:  # its terms are no larger than its result
            return units(sizes, self.digits) * self._random.uniform(-1.0, 1.0, sizes.shape)
        terms = np.asarray(step.computed(lambda name: np.abs(self.value(name))))
        if terms.shape == sizes.shape:
            sizes = np.fmax(sizes, np.where(np.isfinite(terms), np.abs(terms), 0.0))
        return units(sizes, self.digits) * self._random.uniform(-1.0, 1.0, sizes.shape)


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
