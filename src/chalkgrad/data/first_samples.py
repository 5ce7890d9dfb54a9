"""The first samples of a data set, as a notebook shows them: images as pictures, rows as a table, texts as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..base.digits import significant
from ..render.blocks import Block, Drawing, Paragraph, Table
from ..render.thumbnails import thumbnails
from .pixels import Pixels
from .vocabulary import Vocabulary

Array = np.ndarray[Any, Any]

ROWS, COLUMNS, IMAGES, LETTERS = 5, 8, 10, 80
"""The most rows, columns, images and characters that are shown."""


def first_samples(
    x: Array | Pixels,
    y: Array,
    classes: Sequence[str],
    columns: Sequence[str] = (),
    target: str = "",
    vocabulary: Vocabulary | None = None,
) -> list[Block]:
    """Blocks with the first samples.

    Args:
        x: the samples: images (N, C, H, W), rows (N, I), sequences.
        y: their class numbers or targets.
        classes: the classes' names.
        columns: the names of the columns.
        target: the name of the target.
        vocabulary: the characters that ids stand for.
    """
    if vocabulary is not None:
        texts = (vocabulary.decode(ids.tolist())[:LETTERS] for ids in x[:ROWS])
        return [Paragraph("The first samples: " + ", ".join(map(_quoted, texts)) + ".")]
    if x.ndim == 4 and x.shape[1] in (1, 3):
        chosen = list(range(min(IMAGES, len(x))))
        words = [_target(y[i], classes) for i in chosen]
        title = f"The first images: {', '.join(words)}"
        return [Drawing(thumbnails([_scaled(x[i]) for i in chosen], words, title), title, command="")]
    if x.ndim != 2:
        return []
    shown = min(COLUMNS, x.shape[1])
    more = ("...",) if shown < x.shape[1] else ()
    names = [columns[i] if i < len(columns) and columns[i] else f"x[{i}]" for i in range(shown)]
    rows = tuple(
        (*(significant(float(v), 4) for v in x[i][:shown]), *more, _target(y[i], classes))
        for i in range(min(ROWS, len(x)))
    )
    right = tuple(range(shown)) + (() if classes else (shown + len(more),))
    return [Table((*names, *more, target or ("class" if classes else "target")), rows, right)]


def _quoted(text: str) -> str:
    return '"' + " ".join(text.split()) + '"'


def _target(y: Any, classes: Sequence[str]) -> str:
    """A sample's target, by its class's name where it has one."""
    if np.ndim(y) == 0:
        return classes[int(y)] if classes and 0 <= int(y) < len(classes) else significant(float(y), 4)
    numbers = np.ravel(y)
    return " ".join(significant(float(v), 4) for v in numbers[:4]) + (" ..." if len(numbers) > 4 else "")


def _scaled(image: Array) -> Array:
    """The image with numbers from 0 to 1: as they are where they are between, else from the least to the largest."""
    low, high = float(image.min()), float(image.max())
    return image if low >= 0 and high <= 1 else (image - low) / ((high - low) or 1.0)
