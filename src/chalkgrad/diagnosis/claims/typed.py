"""Slips of the pen: one number mistyped, two numbers in each other's place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...base.address import Address
from ...base.digits import significant
from .claim import Claim

Array = np.ndarray[Any, Any]
SLIGHT = 1e-4
"""A smaller difference is none of the pen."""
FEWEST_OTHERS = 2
"""So many numbers beside the wrong ones must be right."""


def slips_of_the_pen(
    claims: Mapping[str, Claim], right: Mapping[str, Array], wrong: Mapping[str, Array]
) -> dict[str, str]:
    """What is said of values in which one number is mistyped, or two are swapped.

    Args:
        claims: the claimed numbers.
        right: the right ones.
        wrong: which claimed numbers are wrong, by the values that have wrong ones.
    """
    places = [(n, tuple(int(i) for i in p)) for n, w in wrong.items() for p in np.argwhere(w)[:3]]
    if len(places) == 2 and _others(claims, wrong) >= FEWEST_OTHERS:
        (one, first), (two, second) = places
        if _fits(claims[one], first, right[two][second]) and _fits(claims[two], second, right[one][first]):
            text = f"{_address(one, first)} and {_address(two, second)} are swapped: two numbers in each other's place"
            return {one: text, two: text}
    found: dict[str, str] = {}
    for name, places_of in wrong.items():
        if places_of.sum() != 1 or claims[name].mask.sum() - 1 < FEWEST_OTHERS:
            continue
        place = tuple(int(i) for i in np.argwhere(places_of)[0])
        claimed, exact = float(claims[name].values[place]), float(right[name][place])
        digits = max(claims[name].digits, 3)
        words = _mistyped(claimed, exact, float(claims[name].units[place]), digits)
        if words:
            found[name] = (
                f"one number is mistyped: {_address(name, place)} is {significant(claimed, digits)} where "
                f"{significant(exact, digits)} belongs, {words}"
            )
    return found


def _others(claims: Mapping[str, Claim], wrong: Mapping[str, Array]) -> int:
    return sum(int(claims[n].mask.sum()) for n in wrong) - sum(int(w.sum()) for w in wrong.values())


def _address(name: str, place: tuple[int, ...]) -> str:
    return str(Address(name, place)) if place else name


def _fits(claim: Claim, place: tuple[int, ...], value: float) -> bool:
    return abs(float(claim.values[place]) - value) <= float(claim.units[place]) * (1 + 1e-6) + 1e-9 * abs(value)


def _mistyped(claimed: float, exact: float, unit: float, digits: int) -> str:
    """How a number comes of the right one by a slip of the pen; empty where it does not."""
    if not claimed or not exact or abs(claimed - exact) < SLIGHT * abs(exact):
        return ""
    near = unit + 1e-9 * abs(exact)
    if abs(claimed + exact) <= near:
        return "the sign is the other one"
    for power in (1, 2, 3, -1, -2, -3):
        if abs(claimed / 10.0**power - exact) <= near:
            return "the decimal point is in another place"
    ours, theirs = (_digits(v, digits) for v in (claimed, exact))
    a, b = ours[1], theirs[1]
    if ours[0] != theirs[0] or (claimed < 0) != (exact < 0):
        return ""
    differ = [k for k in range(min(len(a), len(b))) if a[k] != b[k]]
    if len(differ) == 1:
        return "one digit is another one"
    if (
        len(differ) == 2
        and differ[1] == differ[0] + 1
        and a[differ[0]] == b[differ[1]]
        and a[differ[1]] == b[differ[0]]
    ):
        return "two digits are swapped"
    return ""


def _digits(value: float, digits: int) -> tuple[int, str]:
    """A number's exponent and its digits."""
    mantissa, exponent = f"{abs(value):.{digits - 1}e}".split("e")
    return int(exponent), mantissa.replace(".", "")
