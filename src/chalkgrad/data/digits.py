"""The 1,797 handwritten digits of 8 x 8 that ship with chalkgrad.

Optical Recognition of Handwritten Digits (its test part), E. Alpaydin and C. Kaynak, UCI Machine Learning
Repository, 1998, doi 10.24432/C50P49, licence CC BY 4.0.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .dataset import Dataset
from .splits import split_indices

SOURCE = "Optical Recognition of Handwritten Digits (Alpaydin and Kaynak, UCI, CC BY 4.0)"
TEST_SHARE = 0.2


def digits() -> Dataset:
    """The digits as a `Dataset`: x (N, 1, 8, 8), float32 between 0 and 1, and class numbers (N,).

    A fifth of every class, drawn once and for all, is the test set: 1,438 and 359 samples.
    """
    path = Path(__file__).parent / "digits.npz"
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        images, labels = archive["images"], archive["labels"]
    x = images.astype(np.float32)[:, None] / 16
    y = labels.astype(np.int64)
    train, test = split_indices(len(x), TEST_SHARE, 0, y)
    return Dataset("digits", x[train], y[train], x[test], y[test], tuple("0123456789"), SOURCE)
