"""Other samples of the kind that a network takes, to see what shows there."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from ..model.lines import Layout

Array = np.ndarray[Any, Any]


def other_samples(layout: Layout, x: Array, values: Array, rng: np.random.Generator) -> Array:
    """Samples with other values and other ids; masks are as they were.

    Args:
        layout: the network's lines.
        x: samples (N, ...), or the rows of several inputs.
        values: what stands where values do, of x's shape.
        rng: where the ids come from.
    """
    if not layout.several:
        return cast("Array", rng.integers(0, layout.ids["x"], x.shape)) if layout.ids else values
    other = values.astype(x.dtype)
    for part in layout.whole:
        place = slice(part.begin, part.begin + part.size)
        other[:, place] = x[:, place] if part.mask else rng.integers(0, part.below, (len(x), part.size))
    return other
