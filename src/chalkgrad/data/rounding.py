"""Different numbers that become one when they are rounded to a coarser dtype."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np

from ..base.text import visible

Array = np.ndarray[Any, Any]

MOST_ROWS = 5_000
"""So many samples from the first on are compared, and so many that are spread over the others."""
KEPT = 0.9
"""The share of its different values that a column keeps, or more."""
SAME = 1e-12
"""Values that are relatively nearer to one another differ by the rounding of earlier steps only."""


def merged(array: Any, dtype: Any, what: str, names: Sequence[str] = ()) -> Iterator[str]:
    """A warning for each column that loses different values when the array is rounded to a dtype.

    Args:
        array: (N,) or (N, K); for others, and where the dtype holds all numbers exactly, there is no warning.
        dtype: the dtype, float32 or float64.
        what: the array's name.
        names: the columns' names, if they have any.
    """
    dtype = np.dtype(dtype)
    if not isinstance(array, np.ndarray):
        return
    array = cast("Array", array)
    if array.ndim not in (1, 2) or array.dtype.kind not in "iuf" or not array.size or np.can_cast(array.dtype, dtype):
        return
    rows: Array = array.reshape(len(array), -1)
    rows = np.concatenate([rows[:MOST_ROWS], rows[MOST_ROWS :: len(rows) // MOST_ROWS or 1]])
    among = "" if len(rows) == len(array) else f" in {len(rows):,} samples"
    for column in range(rows.shape[1]):
        values = rows[:, column]
        with np.errstate(over="ignore"):
            if (values.astype(dtype) == values).all():
                continue
            values = np.sort(values)
            coarse = values.astype(dtype)
        if not np.isfinite(coarse).all():
            continue  # said where it is rounded
        distinct = np.diff(values) > SAME * np.abs(values[1:])
        equal = distinct & (coarse[1:] == coarse[:-1])
        before = int(distinct.sum()) + 1
        after = before - int(equal.sum())
        if after < KEPT * before:
            place = int(np.argmax(equal))
            name = f"column {visible(names[column])}" if names else f"{what}[:, {column}]" if array.ndim == 2 else what
            yield (
                f"{name} holds {before:,} different numbers{among}, of which {dtype} keeps {after:,} "
                f"({values[place]!s} and {values[place + 1]!s} become one); train in float64 "
                "(Network's dtype, or --dtype), or subtract the mean first"
            )
