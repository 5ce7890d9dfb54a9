"""Numbers as text, in significant digits."""

from __future__ import annotations

import math


def significant(value: float, digits: int = 6) -> str:
    """`value` in so many significant digits: 0.0001 stays 0.0001, however few are asked for; no trailing zeros.

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
    """`value` rounded to so many significant digits."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else value
