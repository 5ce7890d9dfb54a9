"""A look at samples: whether they are mostly zeros, which are then skipped (`loops/zeros.py`)."""

from __future__ import annotations

import numpy as np

from ...stepping import Array
from .products import SAMPLES_TOGETHER

LEFT = 0.6
"""Zeros are skipped where tiles have to take at most this share of their elements."""
LOOKED_AT = 2**20
"""So many numbers, about, are looked at."""


def mostly_zeros(x: Array) -> bool:
    """Whether it is worth it to skip the zeros of samples.

    Args:
        x: the samples, (N, ...).
    """
    if len(x) < SAMPLES_TOGETHER or not x.size:
        return False
    groups = max(1, min(LOOKED_AT // x[0].size, len(x)) // SAMPLES_TOGETHER)
    rows = np.linspace(0, len(x) - 1, groups * SAMPLES_TOGETHER).astype(np.int64)
    nonzero = x[rows].reshape(SAMPLES_TOGETHER, groups, -1) != 0  # those of a group lie far apart, as when shuffled
    return float(nonzero.any(axis=0).mean()) <= LEFT
