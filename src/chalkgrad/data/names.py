"""First names that ship with chalkgrad, as sequences of ids: a model of them says which character comes next.

Frequently Occurring First Names from the 1990 Census, U.S. Census Bureau, in the public domain.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .dataset import IGNORED, Array, Dataset
from .splits import split_indices
from .vocabulary import Vocabulary

SOURCE = "first names of the 1990 census (U.S. Census Bureau, public domain)"
TEST_SHARE = 0.1


def first_names() -> list[str]:
    """The 5,163 names, in small letters, in the alphabet's order."""
    return (Path(__file__).parent / "names.txt").read_text(encoding="ascii").split()


def names() -> Dataset:
    """The names as a `Dataset`: x (N, 12), int64 ids, and y (N, 12), the id of the next character.

    The id 0 begins a name, and ends it in y; after it x is 0, and y is -1, which does not count. A tenth of the names,
    drawn once and for all, is the test set: 4,647 and 516 samples.
    """
    texts = first_names()
    vocabulary = Vocabulary("".join(sorted(set("".join(texts)))), ends=True)
    x, y = padded([vocabulary.encode(text) for text in texts])
    train, test = split_indices(len(x), TEST_SHARE, 0)
    parts = x[train], y[train], x[test], y[test]
    return Dataset("names", *parts, vocabulary.labels, SOURCE, ids=vocabulary.size, vocabulary=vocabulary)


def padded(texts: list[Array]) -> tuple[Array, Array]:
    """Texts of ids as x (N, T), begun and filled up with 0, and the next ids y (N, T), which end with 0 and then -1."""
    steps = max(map(len, texts)) + 1
    x = np.zeros((len(texts), steps), dtype=np.int64)
    y = np.full((len(texts), steps), IGNORED, dtype=np.int64)
    for row, text in enumerate(texts):
        x[row, 1 : len(text) + 1] = text
        y[row, : len(text)] = text
        y[row, len(text)] = 0
    return x, y
