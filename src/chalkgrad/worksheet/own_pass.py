"""The pass as somebody goes through it who uses their own numbers where they have written some down."""

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
    """Values of a program where some are already written down.

    Args:
        trace: the program and what was given.
        written: the numbers written down, by value, NaN where there is none; what follows uses them.
        slip: a mistake in place of one step's rule.
        digits: where given, every result is off by up to a unit of so many significant digits, at random.
        seed: which of the random roundings.
    """

    def __init__(
        self,
        trace: Trace,
        written: Mapping[str, Array] | None = None,
        slip: Slip | None = None,
        digits: int | None = None,
        seed: int = 0,
    ) -> None:
        self.trace, self.slip, self.digits = trace, slip, digits
        self.written = dict(written or {})
        self.steps = {s.output: s for s in trace.program if s.output in trace}
        self._random = np.random.default_rng(seed)
        self._made: dict[str, Array] = {}
        self._held: dict[str, Array] = {}

    def held(self, name: str) -> Array:
        """What the person goes on with: the numbers written down, and for the others those computed."""
        if name not in self._held:
            if name not in self.steps:
                return np.asarray(self.trace[name])
            computed = self.made(name)
            numbers = self.written.get(name)
            self._held[name] = computed if numbers is None else np.where(np.isnan(numbers), computed, numbers)
        return self._held[name]

    def made(self, name: str) -> Array:
        """What this step gives from what is held of the values before it."""
        waiting = [name]
        while waiting:  # not by recursion: a program may be longer than Python's stack
            missing = next((i for i in self._asked(waiting[-1]) if i not in self._made), None)
            if missing is not None:
                waiting.append(missing)
                continue
            output = waiting.pop()
            if output not in self._made:
                self._made[output] = self._result(self.steps[output])
        return self._made[name]

    def _asked(self, output: str) -> list[str]:
        """The values that a step asks for and that are computed in turn; a mistake asks for what it likes."""
        if self.slip is not None and self.slip.output == output:
            return []
        return [i for i in self.steps[output].inputs if i in self.steps]

    def _result(self, step: Step) -> Array:
        with np.errstate(all="ignore"):
            if self.slip is not None and self.slip.output == step.output:
                return np.asarray(self.slip.replacement(self.held))
            value = np.asarray(step.computed(self.held))
            if self.digits is not None and value.dtype.kind == "f" and not step.rule.exact:
                value = value + self._rounding(value, step)
        return value

    def _rounding(self, value: Array, step: Step) -> Array:
        """How much rounding the terms and the result may come to: of a sum, its terms' sizes count."""
        sizes = np.abs(value)
        assert self.digits is not None
        if step.rule.choosing:  # its terms are no larger than its result
            return units(sizes, self.digits) * self._random.uniform(-1.0, 1.0, sizes.shape)
        terms = np.asarray(step.computed(lambda name: np.abs(self.held(name))))
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
    """How far rounding on the way can carry each value, from what is written down."""
    base = OwnPass(trace, numbers)
    apart = {n: np.zeros(np.shape(base.made(n))) for n in names}
    for seed in range(runs):
        variant = OwnPass(trace, numbers, digits=digits, seed=seed)
        for name in names:
            with np.errstate(all="ignore"):
                difference = np.abs(variant.made(name) - base.made(name))
            apart[name] = np.fmax(apart[name], np.where(np.isfinite(difference), difference, 0.0))
    return apart
