"""The cells of a table: numbers of one decimal grammar, or words."""

from __future__ import annotations

import math
import re

NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
"""Digits 0 to 9 with a point and an exponent, and nothing else: no 1_000, no digits of other scripts, no infinity."""
DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+(?:[eE][+-]?[0-9]+)?")
WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,8})(?:\.0+)?")
"""A whole number as in titles; pandas writes it with .0 where the titles were floating-point numbers."""
MISSING = ("", "na", "n/a", "nan", "null", "none", "nil", "?", "-", "inf", "infinity")
"""Marks of a number that is missing or is none, in small letters and without a sign."""
LONGEST = 40


def number(text: str, decimal: str = ".") -> float | None:
    """The finite number that a cell holds; None where it holds none."""
    text = text.strip()
    if decimal == ",":
        if "." in text:
            return None
        text = text.replace(",", ".")
    if not NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def is_missing(text: str) -> bool:
    """Whether a cell stands for a missing number, or for one that is not finite."""
    return text.strip().lower().lstrip("+-") in MISSING or text.strip() in ("-", "+")


def is_not_finite(text: str) -> bool:
    """Whether a cell is a NaN or an infinity."""
    return text.strip().lower().lstrip("+-") in ("nan", "inf", "infinity")


def quoted(text: str) -> str:
    """A cell in a message: quoted, in one line, and no longer than a line."""
    text = text.strip()
    return repr(text if len(text) <= LONGEST else f"{text[:LONGEST]}...")
