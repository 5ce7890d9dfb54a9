"""The order in which an epoch takes the samples."""

from __future__ import annotations

from typing import Any

import numpy as np

ORDER = 0
"""The second half of the generator's key; dropout's masks have their layer's number there, 1 and above."""


def shuffled(seed: int, steps: int, count: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """An order of `count` samples: they are sorted by the 64-bit numbers drawn for them.

    The numbers come from the generator that draws dropout's masks (Philox 4x64-10; Salmon et al., 2011), keyed by the
    seed, with the updates made so far as its counter: every engine has the same order, and one fit of n epochs is n
    fits of one.
    """
    draws = np.random.Philox(key=[seed, ORDER], counter=[0, 0, steps, 0]).random_raw(count)
    return np.argsort(draws)
