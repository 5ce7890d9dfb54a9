"""The wrong values that are right from the claimed ones before them: they follow from an error made earlier."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from .claims.claim import Claim
from .claims.comparing import LARGEST_ROUNDING
from .claims.slack import FEW, UNITS
from .ground import Ground

Array = np.ndarray[Any, Any]
ROUNDINGS = 4
"""How often claimed numbers are rounded otherwise, to see how far off what follows from them may be."""


def following(ground: Ground, wrong: Sequence[str], remaining: Sequence[str]) -> tuple[set[str], list[str]]:
    """Of the wrong values those that are right from the claimed ones before them, and those nothing explains."""
    follows: set[str] = set()
    taken = {n: ground.claims[n].values for n in ground.claims if ground.claims[n].whole and n in ground.rerun.steps}
    marked = set(wrong)
    unexplained: list[str] = []
    for name, claim in ground.claims.items():
        if name in marked and _from_claims(ground, name, {n for n in taken if n in marked}):
            value = ground.rerun.run((), [name], taken)[name]
            spread = _spread(ground, name, taken, value)
            room = UNITS * claim.units if claim.digits <= FEW else claim.units
            units = np.maximum(room, 1e-6 * np.abs(claim.values)) + spread
            if ground.comparing.matches(Claim(name, claim.values, units, claim.single), value):
                follows.add(name)
        if name in remaining and name not in follows:
            unexplained.append(name)
    return follows, unexplained


def _spread(ground: Ground, name: str, taken: Mapping[str, Array], value: Array) -> Array:
    """How far a value may be off that was computed from claimed numbers as they were rounded."""
    rounded = {n: ground.claims[n].units for n in taken if (ground.claims[n].units > 0).any() and n != name}
    if not rounded:
        return np.zeros(np.shape(value))
    rng = np.random.default_rng(0)
    apart = np.zeros(np.shape(value))
    for _ in range(ROUNDINGS):
        other: dict[str, Array] = {
            n: v + rounded[n] * rng.uniform(-1, 1, v.shape) if n in rounded else v for n, v in taken.items()
        }
        apart = np.maximum(apart, np.abs(ground.rerun.run((), [name], other)[name] - value))
    return np.minimum(2 * apart, LARGEST_ROUNDING * np.abs(value))


def _from_claims(ground: Ground, name: str, taken: Collection[str]) -> bool:
    """Whether a value is computed from claimed ones; in a loop from its own at other times too."""
    return any(n in taken and (n != name or n in ground.rerun.loops) for n in ground.rerun.upstream(name))
