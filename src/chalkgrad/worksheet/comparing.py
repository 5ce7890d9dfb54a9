"""The comparison of numbers: to the digits asked for, and with room for rounding by hand on the way."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any

import numpy as np

from ..base.address import Address
from ..base.digits import rounded
from ..diagnosis.claims.handwritten import Answer
from ..explain.trace import Trace
from .own_pass import spreads

Array = np.ndarray[Any, Any]
UNIT = 1.0 + 1e-9
"""So many units of the last digit asked for may be missing from the rounded number."""
MOST = 0.3
"""More than this share of a number is no rounding."""
WIDER = 2.0
"""How much more rounding may do than in the roundings that were looked at."""
LEAST = 1e-12


class Comparison:
    """Compares numbers, each with its own room for rounding.

    Args:
        trace: the right numbers.
        addresses: those that are compared.
        digits: how many significant digits are asked for.

    Attributes:
        apart: how far rounding on the way can move each number.
    """

    def __init__(self, trace: Trace, addresses: list[Address], digits: int) -> None:
        self.trace, self.digits = trace, digits
        self.apart: Mapping[Address, float] = dict.fromkeys(addresses, 0.0)
        self.apart = self._apart({})

    def with_manners(self, *manners: Mapping[str, Array]) -> Comparison:
        """The comparison with the room for rounding that is found from the student's numbers, by value, as well."""
        other = copy(self)
        for numbers in manners:
            other.apart = other._apart(numbers)
        return other

    def _apart(self, numbers: Mapping[str, Array]) -> dict[Address, float]:
        """How far rounding can move each number, from these numbers or from those that were looked at before."""
        spread = spreads(self.trace, list(dict.fromkeys(a.name for a in self.apart)), self.digits, numbers)
        return {a: max(apart, float(spread[a.name][a.place])) for a, apart in self.apart.items()}

    def room(self, address: Address, value: float) -> float:
        """How far from this number another may be and still be the same."""
        if not np.isfinite(value):
            return 0.0
        size = abs(value)
        unit = 10.0 ** (np.floor(np.log10(size)) - self.digits + 1) if size > LEAST else LEAST
        by_hand = WIDER * self.apart[address]
        return float(max(min(by_hand, MOST * size) if size > LEAST else by_hand, UNIT * unit))

    def same(self, address: Address, number: float, value: float) -> bool:
        """Whether a given number is this one."""
        value = float(value)
        if not np.isfinite(value):
            return False
        room = self.room(address, value)
        return abs(number - value) <= room or abs(number - rounded(value, self.digits)) <= room


def agrees(answer: Answer, value: float) -> bool:
    """Whether a number is this one as far as its digits go: rounded, or, of more than one digit, cut off."""
    if not answer.digits or not np.isfinite(value) or not answer.value:
        return False
    unit = 10.0 ** (np.floor(np.log10(abs(answer.value))) - answer.digits + 1)
    beyond = (value - answer.value) / unit
    cut_off = answer.digits > 1 and 0 <= beyond * np.sign(answer.value) < 1
    return bool(cut_off or abs(beyond) <= 0.5 + 1e-9)
