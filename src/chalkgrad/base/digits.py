"""Numbers as text, in significant digits."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal


def significant(value: float, digits: int = 6) -> str:
    """The text of `value` in so many significant digits: 0.0001 stays 0.0001, however few; no trailing zeros.

    Very small and very large numbers are written with an exponent, "1.5e-7".
    """
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("infinity" if value > 0 else "-infinity")
    mantissa, _, exponent = f"{value:.{digits}g}".partition("e")
    if not exponent:
        return mantissa
    if digits <= int(exponent) < 7:  # whole numbers that have more digits than asked for
        return f"{float(f'{value:.{digits}g}'):.0f}"
    return f"{mantissa}e{int(exponent)}"


def rounded(value: float, digits: int) -> float:
    """`value` rounded to so many significant digits as by hand: a half goes up, away from 0.

    A person has the decimal number, not its binary neighbour: 0.3925 is 0.393 at three digits.
    """
    if not math.isfinite(value) or value == 0:
        return value
    exact = Decimal(f"{value:.15g}")
    place = Decimal(1).scaleb(exact.adjusted() - digits + 1)
    return float(exact.quantize(place, ROUND_HALF_UP)) if digits < 15 else float(exact)
