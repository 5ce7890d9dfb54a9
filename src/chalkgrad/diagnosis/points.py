"""A claimed function tried at parameters and batches of our choice, so that "correct" means correct."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from ..model.model import Model
from .diagnosis import Diagnosis
from .samples import other_samples

Array = np.ndarray[Any, Any]
SAMPLES = (3, 1)
Judge = Callable[[Model, Array, Array], Diagnosis]


def at_other_points(found: Diagnosis, network: Model, x: Array, y: Array, judge: Judge) -> Diagnosis:
    """The diagnosis of a function that was right at one point, at others: the first wrong one, or this one.

    Args:
        found: what was found at the point given.
        network: the network, in float64.
        x: samples, and
        y: targets there.
        judge: the diagnosis of the function's numbers for a network and samples.
    """
    if any(step.rule.random for step in found.trace.program):
        return found
    rng = np.random.default_rng(0)
    tried = 0
    notes: list[str] = []
    for samples in (len(x), *SAMPLES):
        twin = network.copy()
        twin.set_parameters(
            {n: np.asarray(a) + 0.4 * rng.standard_normal(np.shape(a)) for n, a in network.parameters.items()}
        )
        rows = np.arange(samples) % len(x)
        other = x[rows]
        if not network.layout.all_whole:
            other = other_samples(network.layout, other, rng.standard_normal(other.shape), rng)
        try:
            there = judge(twin, other, y[rows])
        except Exception as error:  # the function is somebody else's: anything may come
            notes.append(f"With {samples} samples the function raised {type(error).__name__}: {str(error)[:80]}")
            continue
        tried += 1
        if not there.correct:
            note = (
                "At the numbers given the function is right; at others it is not. The numbers below are those for "
                f"other parameters and {samples} other sample{'s' * (samples != 1)}."
            )
            return dataclasses.replace(there, notes=(note, *there.notes))
    notes.insert(
        0, f"The function was tried at {tried} other points, with other parameters and samples: right there too."
    )
    return dataclasses.replace(found, notes=tuple(notes), look=tuple)
