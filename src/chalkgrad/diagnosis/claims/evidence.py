"""How much wrong numbers say for a mistake: more than one of so many tried ones would say by chance.

Of the mistakes that are tried some come near the claimed numbers, within `NEAR` times of what rounding allows. Numbers
that are independent of each other, m of them, are hit by one of these with a chance of NEAR^-m; a mistake is believed
where all that came near would hit them together less than `BY_CHANCE` times.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .claim import Claim

Array = np.ndarray[Any, Any]
NEAR = 1000.0
BY_CHANCE = 0.1
FEWEST_DIGITS = 3
"""Numbers of fewer digits fit too many mistakes."""
MOST_NUMBERS = 4096
"""Of larger arrays so many numbers are looked at."""
SURE = 4
"""So many independent numbers are hit by no chance."""


def independent(claim: Claim, right: Array, wrong: Array) -> int:
    """How many of the wrong numbers say something of their own: those with the same ratio to the right ones count once.

    Args:
        claim: the claimed numbers.
        right: the right ones.
        wrong: which of them are wrong.
    """
    places = np.flatnonzero(wrong)[:MOST_NUMBERS]
    if not places.size or np.shape(right) != claim.values.shape:
        return 0
    exact = np.asarray(right, dtype=np.float64).ravel()[places]
    with np.errstate(all="ignore"):
        ratios = claim.values.ravel()[places] / exact
    return len({f"{r:.4g}" if np.isfinite(r) else "" for r in ratios.tolist()})


def enough(numbers: int, near: int) -> bool:
    """Whether so many independent numbers are more than the mistakes that came near would hit by chance."""
    return numbers >= SURE or max(near, 1) * NEAR**-numbers <= BY_CHANCE
