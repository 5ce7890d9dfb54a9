"""Numbers and arrays as Python text from which exactly the same numbers are read."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .layout import STEP, WIDTH

Array = np.ndarray[Any, Any]


def number_text(value: float, dtype: np.dtype[Any]) -> str:
    """A number of this dtype in as few digits as give it back exactly."""
    if dtype.kind != "f":
        return str(int(value))
    value = float(value)
    if not math.isfinite(value):
        return f'float("{value}")'
    if dtype == np.float32:
        short = repr(float(str(np.float32(value))))
        if np.float32(float(short)) == np.float32(value):
            return short
    return repr(value)


def string_text(value: str) -> str:
    """A string in double quotes, or as Python writes it where that needs others."""
    text = repr(value)
    return text if '"' in text else f'"{text[1:-1]}"'


def array_lines(start: str, array: Array, end: str, indent: int = 0) -> list[str]:
    """An array as nested lists, `start` before it and `end` after it, a row a line where it is long."""
    margin = " " * indent
    whole = f"{margin}{start}{_nested(array)}{end}"
    if len(whole) <= WIDTH:
        return [whole]
    if array.ndim > 1:
        rows = [line for row in array for line in array_lines("", row, ",", indent + STEP)]
        return [f"{margin}{start}[", *rows, f"{margin}]{end}"]
    rows: list[str] = []
    room = WIDTH - indent - STEP
    line = ""
    for value in array:
        text = f"{number_text(value, array.dtype)},"
        if line and len(line) + 1 + len(text) > room:
            rows.append(line)
            line = ""
        line = f"{line} {text}" if line else text
    rows.append(line)
    return [f"{margin}{start}[", *(f"{margin}{' ' * STEP}{row}" for row in rows), f"{margin}]{end}"]


def _nested(array: Array) -> str:
    if array.ndim == 0:
        return number_text(array.item(), array.dtype)
    return f"[{', '.join(_nested(row) for row in array)}]"
