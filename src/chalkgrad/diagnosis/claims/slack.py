"""How far a claimed number may be from the computed one where the numbers are not exact to the digits given."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np

from .claim import Claim

Array = np.ndarray[Any, Any]
NEAR, UNITS = 0.03, 3.0
"""How far, in proportion and in half units of the last digit, rounding every step by hand may lead."""
FEW, MANY = 4, 6
"""Numbers of so many digits at most are rounded by hand; of so many at least they may be computed in float32."""
EVIDENCE = 3
"""So many numbers at least must come out by a mistake where they are rounded by hand."""


class Slack(StrEnum):
    """How claimed numbers are compared: the words are those of a finding."""

    NONE = ""
    SINGLE = "as float32 gives them"
    BY_HAND = "as far as rounding by hand goes"


def single(claim: Claim, slack: Slack) -> bool:
    """Whether a claim is compared as one of float32: a product of it with float64 has its digits too."""
    return claim.single or (slack is Slack.SINGLE and claim.digits >= MANY)


def room_by_hand(claim: Claim, computed: Array) -> Array:
    """How far rounding every step by hand may have led; 0 where the claim has many digits."""
    if claim.digits > FEW or not (claim.units > 0).any():
        return np.zeros(claim.values.shape)
    return np.maximum(NEAR * np.abs(computed), UNITS * claim.units)
