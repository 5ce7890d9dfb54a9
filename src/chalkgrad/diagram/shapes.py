"""Shapes as text, with the number of samples in front."""

from __future__ import annotations

from collections.abc import Iterable

from ..base.checks import whole
from ..base.errors import OptionError
from .svg import shortened


def batch_text(batch: object) -> str:
    """How the number of samples is written: a number, or a letter that stands for it.

    Raises:
        OptionError: where it is neither.
    """
    if isinstance(batch, str) and batch.strip():
        return shortened(batch, 16)
    try:
        return str(whole("diagram", "batch", batch))
    except OptionError:
        raise OptionError(
            f"diagram: batch is the number of samples, or a letter such as 'N'; it is {batch!r}"
        ) from None


def shape_text(shape: Iterable[object], batch: str) -> str:
    """`N x 784`; "number" for a shape without axes."""
    return " x ".join(batch if s == "N" else str(s) for s in shape) or "number"
