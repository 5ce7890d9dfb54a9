"""Images kept as the bytes that they are, and read as numbers between 0 and 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base.checks import check_present
from ..base.errors import DataError

Array = np.ndarray[Any, Any]

LARGEST = 255


class Pixels:
    """Samples whose numbers are kept as bytes: byte b is read as b / 255.

    It takes a quarter of the memory of the float32 array that it stands for. A selection
    (`pixels[3]`, `pixels[:100]`, `pixels[order]`) is an array of floating-point numbers, and so is the whole,
    `np.asarray(pixels)`. Training, prediction and evaluation take it for x, and read the bytes where they lie.

    Args:
        stored: the bytes, uint8, (N, ...).
        dtype: the type of the numbers, float32 or float64; the numbers are b / 255 rounded to float32 in both.

    Raises:
        DataError: where `stored` is not of bytes, or some of them are masked.
    """

    def __init__(self, stored: Array, dtype: Any = np.float32) -> None:
        if stored.dtype != np.uint8 or not stored.ndim:
            raise DataError(f"pixels are kept as uint8, (N, ...); {stored.dtype}, {stored.shape} came")
        check_present("pixels", stored, stored)
        self.stored = stored
        self.dtype = np.dtype(dtype)
        self._numbers = (np.arange(LARGEST + 1, dtype=np.float32) / LARGEST).astype(self.dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, (N, ...)."""
        return self.stored.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.stored.ndim

    @property
    def size(self) -> int:
        """The number of pixels in all."""
        return self.stored.size

    @property
    def nbytes(self) -> int:
        """The memory that they take, in bytes."""
        return self.stored.nbytes

    def __len__(self) -> int:
        return len(self.stored)

    def __getitem__(self, key: Any) -> Array:
        return self._numbers[self.stored[key]]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError("pixels are bytes; they cannot be had as numbers without a copy")
        numbers = self[...]
        return numbers if dtype is None else numbers.astype(dtype, copy=False)

    def astype(self, dtype: Any) -> Pixels:
        """The same bytes, read as another type."""
        return self if self.dtype == dtype else Pixels(self.stored, dtype)

    def rows(self, indices: Any) -> Pixels:
        """The samples at `indices`, still as bytes."""
        return Pixels(self.stored[indices], self.dtype)

    def __repr__(self) -> str:
        return f"Pixels({' x '.join(map(str, self.shape))}, read as {self.dtype})"
