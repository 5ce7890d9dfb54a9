"""How much wrong numbers say for a mistake: more than one of so many tried ones would say by chance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .claims import Claim

Array = np.ndarray[Any, Any]
MARGIN = 1.0
"""How many digits more than chance gives a mistake needs."""
FEWEST_DIGITS = 3
"""Numbers of fewer digits fit too many mistakes."""
ALL_DIGITS, OF_FLOAT32 = 9.0, 5.0
MOST_NUMBERS = 4096
"""Of larger arrays so many numbers are looked at."""


def told(claim: Claim, right: Array, wrong: Array, *, solved: bool = False) -> float:
    """How many digits an explanation of wrong numbers has to hit.

    Each number counts with the digits that it can be told apart from the right one by; numbers with the same ratio to
    the right ones count once.

    Args:
        claim: the claimed numbers.
        right: the right ones.
        wrong: which of them are wrong.
        solved: whether the explanation has a number in it that was solved from these.
    """
    places = np.flatnonzero(wrong)[:MOST_NUMBERS]
    claimed, exact = claim.values.ravel()[places], np.asarray(right, dtype=np.float64).ravel()[places]
    units = claim.units.ravel()[places]
    if not places.size:
        return 0.0
    apart = np.abs(claimed - exact)
    most = OF_FLOAT32 if claim.single else ALL_DIGITS
    with np.errstate(all="ignore"):
        digits = np.where(units > 0, np.log10(apart / (2 * units)), most)
        ratios = np.where(exact != 0, claimed / exact, np.inf)
    digits = np.clip(np.nan_to_num(digits), 0.0, most)
    if solved:
        return float(np.sort(digits)[:-1].sum())
    best: dict[float, float] = {}
    for ratio, digit in zip(ratios.tolist(), digits.tolist(), strict=True):
        key = float(f"{ratio:.4g}") if math.isfinite(ratio) else math.inf
        best[key] = max(best.get(key, 0.0), digit)
    return sum(best.values())


def enough(digits: float, tried: int) -> bool:
    """Whether so many digits are more than one of the tried mistakes gives by chance."""
    return digits >= math.log10(max(tried, 1)) + MARGIN
