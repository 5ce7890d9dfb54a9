"""The pass as a student computes it who uses their own numbers where they have some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..base.caching import cached_property
from ..diagnosis.rerun import carried_values
from ..diagnosis.slips.slip import Slip
from ..engines.numpy.loops import TimeLoop
from ..explain.trace import Trace
from ..program import Loop, Step

Array = np.ndarray[Any, Any]
RUNS = 24
"""How often the pass is gone through with other roundings."""


class _Order:
    """What the steps of a trace ask for, worked out once for all passes through it.

    Attributes:
        steps: the steps by what they compute.
        loops: the loops by what their steps compute.
        asked: by each of these, the computed values that the step, or its loop, asks for.
    """

    def __init__(self, trace: Trace) -> None:
        self.steps = {s.output: s for s in trace.program if s.output in trace}
        self.loops = {s.output: loop for loop in trace.program.segments if isinstance(loop, Loop) for s in loop.steps}
        self.asked = {output: self._asked(output) for output in {**self.steps, **self.loops}}

    def _asked(self, output: str) -> tuple[str, ...]:
        inside: set[str] = set()
        steps: Sequence[Step] = [self.steps[output]] if output not in self.loops else self.loops[output].steps
        if output in self.loops:
            inside = {s.output for s in steps}
        return tuple(i for s in steps for i in s.inputs if i in self.steps and i not in inside)

    def after(self, output: str) -> frozenset[str]:
        """A value with all that is computed from it."""
        found = {output}
        for name in self.steps:
            if not found.isdisjoint((*self.asked[name], *self._together(name))):
                found.update(self._together(name))
        return frozenset(found)

    def _together(self, name: str) -> tuple[str, ...]:
        return tuple(s.output for s in self.loops[name].steps) if name in self.loops else (name,)


class OwnPass:
    """The values of a program where a student has numbers for some.

    Args:
        trace: the program and what was given.
        numbers: the student's, by value, NaN where there is none; what follows uses them.
        slip: a mistake in place of one step's rule.
        digits: where given, every result is off by up to a unit of so many significant digits, at random.
        seed: which of the random roundings.
        right: a pass with the same trace and numbers, without a mistake or roundings, whose work this one shares.
    """

    def __init__(
        self,
        trace: Trace,
        numbers: Mapping[str, Array] | None = None,
        slip: Slip | None = None,
        digits: int | None = None,
        seed: int = 0,
        right: OwnPass | None = None,
    ) -> None:
        self.trace, self.slip, self.digits, self.right = trace, slip, digits, right
        self._slips = {} if slip is None else {one.output: one for one in slip.every}
        self.numbers = dict(numbers or {})
        self._order: _Order | None = None
        self._random = np.random.default_rng(seed)
        self._results: dict[str, Array] = {}
        self._values: dict[str, Array] = {}

    @property
    def order(self) -> _Order:
        """What the steps ask for."""
        if self._order is None:
            self._order = _Order(self.trace) if self.right is None else self.right.order
        return self._order

    def with_numbers(self, numbers: Mapping[str, Array]) -> OwnPass:
        """A pass of the same trace with other numbers."""
        other = OwnPass(self.trace, numbers)
        other._order = self.order
        return other

    def with_mistake(self, slip: Slip) -> OwnPass:
        """The same pass with a mistake in it."""
        return OwnPass(self.trace, self.numbers, slip, right=self)

    def rounded(self, digits: int, seed: int) -> OwnPass:
        """The same pass with random roundings."""
        return OwnPass(self.trace, self.numbers, digits=digits, seed=seed, right=self)

    @cached_property
    def _own(self) -> frozenset[str] | None:
        """The values that the right pass does not have; None for all."""
        if self.right is None or self.slip is None:
            return None
        return frozenset(name for output in self._slips for name in self.order.after(output))

    def value(self, name: str) -> Array:
        """A value as the next step takes it: the student's numbers, and the computed ones where there are none."""
        if name not in self._values:
            if name not in self.order.steps:
                return np.asarray(self.trace[name])
            self._values[name] = _written(self.result(name), self.numbers.get(name))
        return self._values[name]

    def result(self, name: str) -> Array:
        """The result of a step from the values before it."""
        if name in self._results:
            return self._results[name]
        with np.errstate(all="ignore"):
            return self.found(name)

    def found(self, name: str) -> Array:
        """As `result`, where numbers that overflow warn unless the caller sees to it."""
        if name in self._results:
            return self._results[name]
        waiting = [name]
        while waiting:  # not by recursion: a program may be longer than Python's stack
            missing = next((i for i in self._asked(waiting[-1]) if i not in self._results), None)
            if missing is not None:
                waiting.append(missing)
                continue
            output = waiting.pop()
            if output in self._results:
                continue
            if self.right is not None and self._own is not None and output not in self._own:
                self._results[output] = self.right.found(output)
            elif output in self.order.loops:
                self._results.update(self._over_time(self.order.loops[output]))
            else:
                self._results[output] = self._computed(self.order.steps[output])
        return self._results[name]

    def _asked(self, output: str) -> tuple[str, ...]:
        """The values that a step, or its loop, asks for and that are computed in turn; a mistake asks for what it
        likes, and what the right pass has asks for nothing.
        """
        if self._own is not None and output not in self._own:
            return ()
        if output in self._slips and output not in self.order.loops:
            return ()
        return self.order.asked[output]

    def _computed(self, step: Step) -> Array:
        if step.output in self._slips:
            return np.asarray(self._slips[step.output].replacement(self.value))
        return self._made(step, [None if i is None else self.value(i) for i in step.inputs])

    def _over_time(self, loop: Loop) -> dict[str, Array]:
        """What the steps of a loop compute, each from the student's numbers at the other times."""
        slips = {output: s for output, s in self._slips.items() if self.order.loops.get(output) is loop}

        def make(name: str, arrays: list[Any]) -> Array:
            if name in slips:
                return np.asarray(slips[name].function(*arrays))
            return self._made(self.order.steps[name], arrays)

        def taken(name: str, t: int, result: Array) -> Array:
            numbers = self.numbers.get(name)
            return result if numbers is None else _written(result, numbers[:, t])

        def whole(name: str) -> Any:
            further = next((f for s in slips.values() for f in s.further if f.value.name == name), None)
            return self.value(name) if further is None else further.compute(self.value)

        return TimeLoop(loop).computed(
            whole,
            instead={output: slip.line for output, slip in slips.items()} or None,
            make=make,
            taken=taken,
            carried=carried_values([*slips.values()], self.trace.__getitem__) if slips else None,
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
    with np.errstate(all="ignore"):
        results = {n: base.found(n) for n in names}
        apart = {n: np.zeros(np.shape(result)) for n, result in results.items()}
        for seed in range(runs):
            variant = base.rounded(digits, seed)
            for name, result in results.items():
                difference = np.abs(variant.found(name) - result)
                apart[name] = np.fmax(apart[name], np.where(np.isfinite(difference), difference, 0.0))
    return apart
