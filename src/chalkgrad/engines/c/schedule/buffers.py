"""The buffers of a compiled program, and the values in them, as NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...stepping import Array
from .layouts import Layout


def strided(buffer: Array, begin: int, layout: Layout) -> Array:
    """A value in its buffer as an array of its own shape; writing into it writes into the buffer."""
    size = buffer.itemsize
    if layout.block is None:
        return np.lib.stride_tricks.as_strided(
            buffer[begin + layout.offset :], layout.shape, tuple(s * size for s in layout.strides)
        )
    rows, columns = layout.shape
    blocks = -(-columns // layout.block)
    strides = tuple(s * size for s in (layout.strides[0], layout.block_stride, 1))
    return np.lib.stride_tricks.as_strided(buffer[begin:], (rows, blocks, layout.block), strides)


def places(buffer: Array, begin: int, layout: Layout) -> list[tuple[Array, Any]]:
    """The places of a value in its buffer: views of it, each with its part of the value."""
    view = strided(buffer, begin, layout)
    if layout.block is None:
        return [(view, ...)]
    parts: list[tuple[Array, Any]] = []
    for block in range(view.shape[1]):
        first, last = block * layout.block, min((block + 1) * layout.block, layout.shape[1])
        parts.append((view[:, block, : last - first], (slice(None), slice(first, last))))
    return parts


def store(buffer: Array, begin: int, layout: Layout, value: Array) -> None:
    """Writes a value into its buffer."""
    for view, part in places(buffer, begin, layout):
        view[...] = value[part]


def fetch(buffer: Array, begin: int, layout: Layout, into: Array) -> None:
    """Reads a value out of its buffer."""
    for view, part in places(buffer, begin, layout):
        into[part] = view
