"""Slips of reading: one number of a forward value is copied or computed wrong, and the rest follows from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..base.address import Address
from ..base.digits import significant
from ..program import Program
from .claims.claim import Claim
from .slips.slip import Slip

Array = np.ndarray[Any, Any]
WEIGHT = 1.5
"""How far-fetched it is that just this number is wrong: more than a usual mistake, less than a factor."""


def misread(claims: Mapping[str, Claim], same: Mapping[str, Array], program: Program) -> Iterator[Slip]:
    """The claimed forward values of which one number is wrong and the others are right.

    Args:
        claims: the claims by value.
        same: which of their numbers are right.
        program: the steps.
    """
    for name, claim in claims.items():
        step = program.by_output.get(name)
        if step is None or step.part != "forward" or claim.mask.sum() < 2:
            continue
        wrong = np.argwhere(claim.mask & ~same[name])
        if len(wrong) != 1:
            continue
        place = tuple(map(int, wrong[0]))
        read: Array = np.full(claim.values.shape, np.nan)
        read[place] = claim.values[place]
        number = significant(float(claim.values[place]), claim.digits)
        address = Address(name, place)
        text = f"{address} is misread or miscalculated, {number}: the other numbers are right or follow from it"
        wrong_line = f"{address} = {number}"
        yield Slip(name, step, text, WEIGHT, step.inputs, step.rule.function, wrong=wrong_line, read=read)
