"""Splitting samples into two parts by a seed, evenly over the classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base.checks import seed as check_seed
from ..base.errors import DataError

Array = np.ndarray[Any, Any]

TEST_SHARE = 0.2
FEWEST = 5
"""The smallest number of samples that is split."""


def split_indices(count: int, share: float, seed: int, classes: Array | None = None) -> tuple[Array, Array]:
    """Indices of the samples that stay and of those that are set aside, both in rising order.

    Args:
        count: the number of samples.
        share: the share that is set aside, between 0 and 1; at least one sample is set aside and one stays.
        seed: the seed of the draw.
        classes: class numbers (count,); with them every class gives its share (stratified), as exactly as
            whole samples allow.

    Raises:
        OptionError: where the seed is invalid.
        DataError: where there are fewer than two samples, or the share is not between 0 and 1.
    """
    check_seed("split_indices", seed)
    if not 0 < share < 1:
        raise DataError(f"the share to set aside must lie between 0 and 1, not {share!r}")
    if count < 2:
        raise DataError(f"{count} sample cannot be split into two parts; at least 2 are needed")
    rng = np.random.default_rng([seed, count])
    size = min(max(round(share * count), 1), count - 1)
    order = rng.permutation(count)
    if classes is not None:
        # every sample's place within its class, as a share: the smallest ones are set aside
        rank = np.empty(count)
        for c in np.unique(classes):
            members = order[classes[order] == c]
            rank[members] = (np.arange(len(members)) + 0.5) / len(members)
        order = order[np.argsort(rank[order], kind="stable")]
    test = np.sort(order[:size])
    rest = np.setdiff1d(np.arange(count), test, assume_unique=True)
    return rest, test


def for_testing(count: int, seed: int, classes: Array | None, source: str) -> tuple[Array, Array]:
    """Indices of the samples to train on and of the fifth that is set aside for testing.

    Raises:
        DataError: where there are too few.
    """
    if count < FEWEST:
        raise DataError(f"{source}: {count} samples are too few to set a fifth aside for testing; {FEWEST} are needed")
    return split_indices(count, TEST_SHARE, seed, classes)
