"""Memory in which vectors may read on after the last number."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
BEYOND = 64
"""So many numbers may be read after the last value of a buffer."""


def aligned(count: int, dtype: Any) -> Array:
    """Zeros that begin at a multiple of 64 bytes."""
    size = np.dtype(dtype).itemsize
    raw = np.zeros(count * size + 64, np.uint8)
    begin = -raw.ctypes.data % 64
    return raw[begin : begin + count * size].view(dtype)


def roomy(count: int, dtype: Any) -> Array:
    """Zeros as `aligned` makes them, with so many more after them that vectors may read on."""
    return aligned(count + BEYOND, dtype)[:count]


def readable(value: Array, dtype: np.dtype[Any]) -> bool:
    """Whether a value is of the type, lies row by row, and in memory in which vectors may read on after it."""
    if value.dtype != dtype or not value.flags.c_contiguous or not value.flags.aligned:
        return False
    owner = value
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    if not owner.flags.owndata or not owner.flags.c_contiguous:
        return False
    begin, first = (array.__array_interface__["data"][0] for array in (value, owner))
    return begin + value.nbytes + BEYOND * value.itemsize <= first + owner.nbytes
