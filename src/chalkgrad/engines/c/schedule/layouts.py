"""Where a value's elements lie in memory: strides, frames of zeros, rows made long enough for vectors.

A value that is kept for every sample has a layout of one sample; samples follow each other at a distance of `size`.
Images that a product reads beyond their edges stand in a frame of zeros, so that padding costs no test. The last
axis of what vectors read or write is followed by zeros up to a whole number of vectors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    """Where one sample's elements lie, or a parameter's.

    Attributes:
        shape: how many elements there are along each axis.
        strides: how far neighbours along each axis lie apart, in elements.
        offset: where the first element lies, behind a frame.
        size: how many elements it takes in all, frame included.
        block: with blocks, how many elements of the contiguous axis lie in one; blocks follow one another.
    """

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    size: int
    block: int | None = None

    @property
    def compact(self) -> bool:
        """Whether the elements lie one behind the other, row by row."""
        return self.block is None and self.offset == 0 and self.strides == compact_strides(self.shape)

    @property
    def contiguous(self) -> int:
        """The axis whose neighbours lie side by side."""
        return self.strides.index(1) if 1 in self.strides else max(len(self.shape) - 1, 0)

    @property
    def block_stride(self) -> int:
        """How far blocks lie apart."""
        assert self.block is not None
        return self.block * math.prod(self.shape) // self.shape[self.contiguous]


def compact_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of elements that lie one behind the other, row by row."""
    return tuple(math.prod(shape[k + 1 :]) for k in range(len(shape)))


def compact(shape: Sequence[int], size: int = 0) -> Layout:
    """Elements one behind the other, and zeros up to `size` behind them."""
    return Layout(tuple(shape), compact_strides(shape), 0, max(size, math.prod(shape)))


def multiple(size: int, of: int) -> int:
    """The least multiple of `of` that is not below `size`."""
    return -(-size // of) * of


@dataclass(slots=True)
class Frame:
    """What the products ask of one value: how far they reach beyond its edges, along each axis.

    Attributes:
        before, behind: elements before the first and behind the last that are read, and have to be zero.
        row: how many elements of the last axis are read or written, whole vectors at a time.
        beyond: how many elements behind the last one vectors read.
    """

    before: list[int]
    behind: list[int]
    row: int = 0
    beyond: int = 0

    def reach(self, axis: int, low: int, high: int, size: int) -> None:
        """An index along `axis` goes from `low` to `high`."""
        self.before[axis] = max(self.before[axis], -low)
        self.behind[axis] = max(self.behind[axis], high - (size - 1))


def framed(shape: tuple[int, ...], frame: Frame | None, vector: int, innermost: int | None = None) -> Layout:
    """The layout that a frame asks for.

    Args:
        shape: the shape of one sample.
        frame: what is asked for; None for nothing.
        vector: how many elements the widest vector holds: so many are left free behind the last.
        innermost: the axis whose neighbours lie side by side, whole vectors of them; None for the last.
    """
    if frame is None:
        if innermost is None:
            return compact(shape)
        frame = Frame([0] * len(shape), [0] * len(shape))
    edged = any(frame.before) or any(frame.behind)
    if innermost is None and not edged and (len(shape) == 1 or frame.row <= shape[-1]):
        return compact(shape, multiple(max(math.prod(shape) + frame.beyond, frame.row), vector))
    extents = [b + s + e for b, s, e in zip(frame.before, shape, frame.behind, strict=True)]
    extents[-1] = max(extents[-1], frame.before[-1] + frame.row)
    last = len(shape) - 1 if innermost is None else innermost
    order = [*(axis for axis in range(len(shape)) if axis != last), last]
    lying = compact_strides([extents[axis] for axis in order])
    strides = tuple(lying[order.index(axis)] for axis in range(len(shape)))
    offset = sum(b * s for b, s in zip(frame.before, strides, strict=True))
    free = vector if innermost is None else 0
    return Layout(shape, strides, offset, multiple(math.prod(extents) + free, vector))
