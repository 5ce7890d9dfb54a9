"""Images as samples: the place of their channels, and the range of their pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..base.errors import DataError
from .dataset import Array

CHANNELS = (1, 3, 4)
"""Gray; red, green, blue; the same with opacity."""
SMALLEST = 5
"""Channels may come last in images of at least this height and width."""
LARGEST = (16, 255, 1023, 4095, 16383, 65535)
"""The largest pixels of 8, 10, 12, 14 and 16 bits; scikit-learn's digits go from 0 to 16."""
UNSCALED = 20.0
"""Inputs beyond this are likely to make a training by default settings fail."""


def as_images(where: str, parts: Sequence[Array]) -> tuple[list[Array], list[str]]:
    """Samples of one kind with channels first, and what was decided.

    (N, H, W) becomes (N, 1, H, W), and (N, H, W, C) becomes (N, C, H, W).

    Raises:
        DataError: where the parts are not of one shape.
    """
    shape = parts[0].shape[1:]
    if any(p.shape[1:] != shape for p in parts):
        raise DataError(
            f"{where}: the samples of the two parts have the shapes {' and '.join(str(p.shape[1:]) for p in parts)}"
        )
    if len(shape) == 2:
        return [p[:, None] for p in parts], []
    if len(shape) == 3 and shape[2] in CHANNELS and shape[0] not in CHANNELS and min(shape[:2]) >= SMALLEST:
        text = f"{where} holds images (N, {', '.join(map(str, shape))}), channels last: read as (N, {shape[2]}, "
        note = f"{text}{shape[0]}, {shape[1]}), by transpose(0, 3, 1, 2)"
        return [np.ascontiguousarray(p.transpose(0, 3, 1, 2)) for p in parts], [note]
    if len(shape) == 3 and 1 < shape[2] < min(shape[:2]):
        reading = f"read as {shape[0]} channels of {shape[1]} x {shape[2]}"
        note = (
            f"{where} holds images (N, {', '.join(map(str, shape))}): {reading}; if the channels come last, use "
            "x.transpose(0, 3, 1, 2) before"
        )
        return list(parts), [note]
    return list(parts), []


def as_numbers(where: str, parts: Sequence[Array]) -> tuple[list[Array], list[str], list[str]]:
    """Samples as floating-point numbers, what was decided, and what is likely to go wrong.

    Whole numbers in images that go beyond 1 are pixels, and are divided by the largest of their bits. Others are left
    as they are: in float32 where it holds all numbers of their dtype, else in float64.
    """
    lowest, highest = _reach(parts)
    image = parts[0].ndim > 2
    if image and (largest := divisor(parts)):
        note = (
            f"{where} holds images of whole numbers from {lowest:g} to {highest:g}: pixels, which are divided by "
            f"{largest}"
        )
        return [divided(p, largest) for p in parts], [note], []
    numbers = [p.astype(np.float32 if np.can_cast(p.dtype, np.float32) else np.float64) for p in parts]
    reach = max(abs(lowest), abs(highest))
    if image and reach > UNSCALED:
        text = f"{where} reaches {reach:g} and is not divided, since it is not all whole numbers from 0 on"
        return numbers, [], [f"{text}; divide it by {reach:g} before, or training is likely to fail"]
    return numbers, [], []


def _whole(array: Array) -> bool:
    return array.dtype.kind in "biu" or bool((array == np.floor(array)).all())


def _reach(parts: Sequence[Array]) -> tuple[float, float]:
    """The smallest and the largest number."""
    return min(float(p.min()) for p in parts), max(float(p.max()) for p in parts)


def divisor(parts: Sequence[Array]) -> int:
    """What images are divided by: the largest pixel of their bits, where they are whole numbers beyond 1; else 0."""
    lowest, highest = _reach(parts)
    pixels = lowest >= 0 and 1 < highest <= LARGEST[-1] and all(_whole(p) for p in parts)
    return next(n for n in LARGEST if highest <= n) if pixels else 0


def divided(array: Array, largest: int) -> Array:
    """Pixels as numbers between 0 and 1, float32."""
    pixels = array.astype(np.float32)
    pixels /= largest
    return pixels
