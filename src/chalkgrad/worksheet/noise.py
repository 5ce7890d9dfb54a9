"""A pass without the noise of rounding: what should be 0 and comes to -2.8e-17 is 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from ..engines.numpy.loops import step_by_step
from ..explain.trace import Trace
from ..program import Step

Array = np.ndarray[Any, Any]
UNITS = 32
"""By so many units of the last place the operands are moved; a number that this alone can make is noise."""
RUNS = 4


def without_noise(trace: Trace) -> Trace:
    """The pass again, each number as 0 that is no larger than what rounding its operands does; the rest follows."""
    outputs = {s.output for s in trace.program}
    values: dict[str, Any] = {n: trace[n] for n in trace if n not in outputs}
    random = np.random.default_rng(0)

    def make(step: Step, arrays: list[Any]) -> Any:
        if step.rule.formula is None:
            return trace[step.output]  # drawn at random
        value = np.asarray(step.rule.function(*arrays, **step.options))
        if value.dtype.kind == "f" and value.size:
            return np.where(np.abs(value) <= _noise(step, value, arrays, random), 0.0, value)
        return value

    with np.errstate(all="ignore"):
        step_by_step([step for step in trace.program if step.output in trace], values, make)
    return Trace(trace.program, values, trace.labels, trace.moment)


def _noise(step: Step, value: Array, arrays: Sequence[Any], random: np.random.Generator) -> Array:
    """How far a step's numbers move where its operands move by a few units of the last place."""
    apart = np.zeros(value.shape)
    eps = float(np.finfo(value.dtype).eps)

    def shifted(array: Array | None) -> Array | None:
        if array is None or array.dtype.kind != "f":
            return array
        factors = 1 + UNITS * eps * cast("Array", random.uniform(-1, 1, array.shape))
        return cast("Array", array * factors)

    for _ in range(RUNS):
        result = np.asarray(step.rule.function(*map(shifted, arrays), **step.options))
        difference = np.abs(result - value) if result.shape == value.shape else apart
        apart = np.fmax(apart, np.where(np.isfinite(difference), difference, 0.0))
    return apart
