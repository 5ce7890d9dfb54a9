"""Targets kept as the class numbers that they are, and read as one-hot rows."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

NONE = -1
"""The number of a target that does not count: its row is all 0."""


class ClassNumbers:
    """Targets of sequences, a class for every step, that stand for one-hot rows (N, T, K).

    They take 4 bytes a step, where the rows take K numbers. A selection of samples (`targets[3]`, `targets[:100]`,
    `targets[order]`) is an array of rows, and so is the whole, `np.asarray(targets)`. Training and evaluation take
    them for y, and make the rows of a few samples at a time.

    Args:
        numbers: the class numbers, (N, T), from 0 to K - 1, or `NONE`.
        classes: K.
        dtype: the type of the rows, float32 or float64.
    """

    def __init__(self, numbers: Array, classes: int, dtype: Any) -> None:
        self.numbers = np.ascontiguousarray(numbers, dtype=np.int32)
        self.classes = classes
        self.dtype = np.dtype(dtype)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of the rows, (N, T, K)."""
        samples, steps = self.numbers.shape
        return samples, steps, self.classes

    @property
    def ndim(self) -> int:
        """The number of axes of the rows."""
        return 3

    @property
    def nbytes(self) -> int:
        """The memory that they take, in bytes."""
        return self.numbers.nbytes

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, key: Any) -> Array:
        numbers = self.numbers[key]
        rows = np.zeros((numbers.size, self.classes), self.dtype)
        places = np.flatnonzero(numbers != NONE)
        rows[places, numbers.reshape(-1)[places]] = 1
        return rows.reshape((*numbers.shape, self.classes))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError("these targets are class numbers; they cannot be had as rows without a copy")
        rows = self[...]
        return rows if dtype is None else rows.astype(dtype, copy=False)

    def rows(self, indices: Any) -> ClassNumbers:
        """The samples at `indices`, still as class numbers."""
        return ClassNumbers(self.numbers[indices], self.classes, self.dtype)

    @property
    def counts(self) -> Array:
        """(N, T): 1 where a target counts, 0 where its row is all 0."""
        return (self.numbers != NONE).astype(self.dtype)

    @property
    def firsts(self) -> Array:
        """(N,): of each sample's rows side by side, (N, T * K), the place of the first 1; 0 where there is none."""
        at = (self.numbers != NONE).argmax(axis=1)
        number = self.numbers[np.arange(len(self)), at]
        return np.where(number == NONE, 0, at * self.classes + number)

    def __repr__(self) -> str:
        return f"ClassNumbers({' x '.join(map(str, self.shape))}, read as {self.dtype})"
