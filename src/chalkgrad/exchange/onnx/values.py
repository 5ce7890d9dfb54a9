"""What a name stands for while a graph is read: a constant, or a line's value with its axes in some order.

ONNX's operators want axes in their own order, and graphs transpose, reshape and flatten between them. None of this
computes anything, so it is kept beside the line: which parts of the line's axes each axis of the array is made of.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

Array = np.ndarray[Any, Any]
SAMPLES = 999_983
"""Stands for the number of samples where it is open: a prime number, which comes out of no other sizes."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of one of a line's axes: index i of it is i * stride of the axis's.

    Attributes:
        axis: the axis.
        stride: how far apart its indices are.
        size: how many there are.
    """

    axis: int
    stride: int
    size: int


Axes: TypeAlias = tuple[tuple[Part, ...], ...]
"""For each axis of an array the parts that it is made of, slowest first; none where its size is 1."""


class MixedError(Exception):
    """A shape that goes across the parts of axes."""


@dataclass(frozen=True, slots=True)
class Value:
    """The value of a line, or an input.

    Attributes:
        source: the line's place, or the input's name.
        shape: the line's shape, the samples' axis too.
        axes: how the array is laid out.
    """

    source: int | str
    shape: tuple[int, ...]
    axes: Axes

    @classmethod
    def of(cls, source: int | str, shape: Sequence[int], order: Sequence[int | None] | None = None) -> Value:
        """The value as the line gives it; or with its axes in another order, None for one of size 1."""
        shape = tuple(shape)
        places = range(len(shape)) if order is None else order
        return cls(source, shape, tuple(() if k is None else _whole(k, shape[k]) for k in places))

    @property
    def sizes(self) -> tuple[int, ...]:
        """The shape of the array."""
        return tuple(math.prod(part.size for part in parts) for parts in self.axes)

    def laid_out(self, *order: int | None) -> bool:
        """Whether the array has the line's axes in this order, None for one of size 1."""
        return self.axes == Value.of(self.source, self.shape, order).axes

    @property
    def plain(self) -> bool:
        """Whether the array is as the line gives it."""
        return self.laid_out(*range(len(self.shape)))

    @property
    def flattened(self) -> bool:
        """Whether the array is what a Flatten makes of the line's."""
        rest = tuple(p for k in range(1, len(self.shape)) for p in _whole(k, self.shape[k]))
        return self.axes == (_whole(0, self.shape[0]), rest) and len(self.shape) > 2

    def transposed(self, order: Sequence[int]) -> Value:
        """With the axes in another order."""
        return replace(self, axes=tuple(self.axes[k] for k in order))

    def squeezed(self, places: Sequence[int]) -> Value:
        """Without these axes of size 1. Raises MixedError where one is larger."""
        if any(self.axes[k] for k in places):
            raise MixedError(f"it takes away an axis of {self.sizes}")
        return replace(self, axes=tuple(a for k, a in enumerate(self.axes) if k not in places))

    def unsqueezed(self, places: Sequence[int]) -> Value:
        """With further axes of size 1, which then have these places."""
        axes = list(self.axes)
        for place in sorted(places):
            axes.insert(place, ())
        return replace(self, axes=tuple(axes))

    def reshaped(self, sizes: Sequence[int]) -> Value:
        """With the same elements in the same order. Raises MixedError where axes cannot be put together or split so."""
        waiting = [part for parts in self.axes for part in parts]
        axes: list[tuple[Part, ...]] = []
        for size in sizes:
            parts: list[Part] = []
            need = size
            while need > 1:
                part = waiting.pop(0) if waiting else None
                if part is None or (need % part.size and part.size % need):
                    raise MixedError(f"{self.sizes} cannot become {tuple(sizes)}")
                if part.size <= need:
                    parts.append(part)
                    need //= part.size
                else:
                    rest = part.size // need
                    parts.append(Part(part.axis, part.stride * rest, need))
                    waiting.insert(0, Part(part.axis, part.stride, rest))
                    need = 1
            axes.append(_joined(parts))
        if waiting:
            raise MixedError(f"{self.sizes} cannot become {tuple(sizes)}")
        return replace(self, axes=tuple(axes))


def _whole(axis: int, size: int) -> tuple[Part, ...]:
    return (Part(axis, 1, size),) if size != 1 else ()


def _joined(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Parts of one axis that follow one another as one."""
    found: list[Part] = []
    for part in parts:
        if found and found[-1].axis == part.axis and found[-1].stride == part.stride * part.size:
            found[-1] = Part(part.axis, part.stride, found[-1].size * part.size)
        else:
            found.append(part)
    return tuple(found)
