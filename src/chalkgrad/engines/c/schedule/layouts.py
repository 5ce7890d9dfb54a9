"""Layouts of values in memory: strides, frames of zeros, rows made long enough for vectors.

A value that is kept for every sample has a layout of one sample; samples follow each other at a distance of `size`.
Images that a product reads beyond their edges stand in a frame of zeros, so that padding costs no test. The last
axis of what vectors read or write is followed by zeros up to a whole number of vectors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ....formula import Shape


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of one sample's elements, or a parameter's.

    Attributes:
        shape: the number of elements along each axis.
        strides: the distance of neighbours along each axis, in elements.
        offset: the place of the first element, after a frame.
        size: the number of elements in all, frame included.
        block: with blocks, the number of elements of the contiguous axis in one; blocks follow one another.
    """

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    size: int
    block: int | None = None

    @property
    def compact(self) -> bool:
        """Whether the elements lie one after another, row by row."""
        return self.block is None and self.offset == 0 and self.strides == compact_strides(self.shape)

    @property
    def contiguous(self) -> int:
        """The axis whose neighbours lie side by side."""
        return self.strides.index(1) if 1 in self.strides else max(len(self.shape) - 1, 0)

    @property
    def block_stride(self) -> int:
        """The distance of neighbouring blocks, in elements."""
        assert self.block is not None
        return self.block * math.prod(self.shape) // self.shape[self.contiguous]


def compact_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of elements that lie one after another, row by row."""
    return tuple(math.prod(shape[k + 1 :]) for k in range(len(shape)))


def compact(shape: Sequence[int], size: int = 0) -> Layout:
    """The layout of elements one after another, with zeros after them up to `size`."""
    return Layout(tuple(shape), compact_strides(shape), 0, max(size, math.prod(shape)))


def multiple(size: int, of: int) -> int:
    """The least multiple of `of` that is not below `size`."""
    return -(-size // of) * of


@dataclass(slots=True)
class Frame:
    """The frame that products need round one value: how far they reach beyond its edges, along each axis.

    Attributes:
        before, after: elements before the first and after the last that are read, and have to be zero.
        row: the number of elements of the last axis that are read or written, whole vectors at a time.
        beyond: the number of elements after the last one that vectors read.
    """

    before: list[int]
    after: list[int]
    row: int = 0
    beyond: int = 0

    def reach(self, axis: int, low: int, high: int, size: int) -> None:
        """Widens the frame for an index along `axis` that goes from `low` to `high`."""
        self.before[axis] = max(self.before[axis], -low)
        self.after[axis] = max(self.after[axis], high - (size - 1))


def at_one_time(shape: Shape, frame: Frame | None, vector: int) -> Layout:
    """The layout of a value (N, T, ...) of which a sample is kept for one time: that of the next takes its place.

    Args:
        shape: the shape.
        frame: what is asked for; None for nothing.
        vector: how many elements the widest vector holds.
    """
    times, *own = map(int, shape[1:])
    if frame is not None:
        frame = Frame(frame.before[1:], frame.after[1:], frame.row, frame.beyond)
    one = framed(tuple(own), frame, vector)
    return Layout((times, *one.shape), (0, *one.strides), one.offset, one.size)


def framed(shape: tuple[int, ...], frame: Frame | None, vector: int, innermost: int | None = None) -> Layout:
    """The layout of a value in its frame.

    Args:
        shape: the shape of one sample.
        frame: the frame; None for none.
        vector: the number of elements in the widest vector: so many are left free after the last.
        innermost: the axis whose neighbours lie side by side, whole vectors of them; None for the last.
    """
    if frame is None:
        if innermost is None:
            return compact(shape)
        frame = Frame([0] * len(shape), [0] * len(shape))
    has_edges = any(frame.before) or any(frame.after)
    if innermost is None and not has_edges and (len(shape) == 1 or frame.row <= shape[-1]):
        return compact(shape, multiple(max(math.prod(shape) + frame.beyond, frame.row), vector))
    extents = [b + s + e for b, s, e in zip(frame.before, shape, frame.after, strict=True)]
    extents[-1] = max(extents[-1], frame.before[-1] + frame.row)
    last = len(shape) - 1 if innermost is None else innermost
    order = [*(axis for axis in range(len(shape)) if axis != last), last]
    distances = compact_strides([extents[axis] for axis in order])
    strides = tuple(distances[order.index(axis)] for axis in range(len(shape)))
    offset = sum(b * s for b, s in zip(frame.before, strides, strict=True))
    free = vector if innermost is None else 0
    return Layout(shape, strides, offset, multiple(math.prod(extents) + free, vector))
