"""Numbers of 16 bits, and arrays of other libraries, as NumPy's."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

Array = np.ndarray[Any, Any]
BFLOAT16, FLOAT16 = 2.0**-5, 2.0**-8
"""How far numbers computed with 16 bits may be off, as a share of their array's largest: eight units of the last of
the 8 binary digits that bfloat16 has, and of the 11 of float16.
"""


class Half(np.ndarray[Any, Any]):
    """Numbers of bfloat16 as float32, for NumPy has no bfloat16."""


def as_half(array: Any) -> Half:
    """Numbers that were computed in bfloat16, of any kind, as `Half`."""
    return np.asarray(array, dtype=np.float32).view(Half)


def as_numpy(value: Any) -> Any:
    """Arrays of other libraries, on any device and of any precision, as NumPy's; other things as they are.

    A tensor of PyTorch is detached and brought to the processor; bfloat16 becomes `Half`.
    """
    if isinstance(value, np.ndarray) or not hasattr(value, "__array__"):
        return _plain(cast("Array", value)) if isinstance(value, np.ndarray) else value
    try:
        for step in ("detach", "cpu"):
            value = getattr(value, step)() if hasattr(value, step) else value
        if "bfloat16" in str(getattr(value, "dtype", "")) and hasattr(value, "float"):
            return as_half(value.float())
        return _plain(np.asarray(value))
    except (TypeError, ValueError, RuntimeError):
        return value


def _plain(array: Array) -> Array:
    return as_half(array) if array.dtype.name == "bfloat16" else array


def coarseness(array: Any) -> float:
    """How far numbers computed with 16 bits may be off, as a share of their array's largest; 0 for other ones."""
    if isinstance(array, Half):
        return BFLOAT16
    return FLOAT16 if isinstance(array, np.ndarray) and cast("Array", array).dtype == np.float16 else 0.0
