"""Data sets: samples to train on, samples to test on, and the names of the classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from ..base.errors import DataError, DataWarning
from ..base.messages import warn
from ..base.text import visible
from ..render.blocks import Block, Paragraph, Table
from ..render.board import Board
from ..render.shown import Displayed
from .first_samples import first_samples
from .pixels import Pixels
from .rounding import merged
from .vocabulary import Vocabulary

Array = np.ndarray[Any, Any]

MOST_NAMES = 12
"""The most classes that are named."""
IGNORED = -1
"""The class number of a step that does not count, such as one after a text's end."""


@dataclass(frozen=True, slots=True, repr=False)
class Dataset(Displayed):
    """Samples and targets.

    Attributes:
        name: the data set's name.
        x_train, y_train: samples to train and validate on, (N, ...), as an array or as bytes (`Pixels`), and class
            numbers (N,) or targets (N, K); of sequences also class numbers (N, T) or targets (N, T, K).
        x_test, y_test: samples that training never sees.
        classes: the classes' names; empty for regression.
        source: its origin, in one line.
        columns: the names of a table's input columns, in order; empty where the samples are no rows of a table.
        target: the name of a table's target column; empty where there is none.
        notes: the choices made while reading, a sentence each.
        ids: how many ids there are, where samples are ids (N, T); else 0.
        vocabulary: the characters that the ids stand for, where they do.
        largest: what the images of an archive were divided by; 0 for nothing.
    """

    name: str
    x_train: Array | Pixels
    y_train: Array
    x_test: Array | Pixels
    y_test: Array
    classes: tuple[str, ...]
    source: str
    columns: tuple[str, ...] = ()
    target: str = ""
    notes: tuple[str, ...] = ()
    ids: int = 0
    vocabulary: Vocabulary | None = None
    largest: int = 0

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return self.x_train.shape[1:]

    @property
    def is_image(self) -> bool:
        """Whether samples are images, (C, H, W)."""
        return len(self.input_shape) == 3

    @property
    def is_sequence(self) -> bool:
        """Whether samples are sequences: ids (T,) or values (T, I)."""
        return bool(self.ids) or len(self.input_shape) == 2

    @property
    def has_ignored(self) -> bool:
        """Whether the targets are class numbers of steps of which some do not count."""
        return bool(self.classes) and any((y == IGNORED).any() for y in (self.y_train, self.y_test))

    def as_rows(self) -> Dataset:
        """Images of one channel as sequences of their rows, (N, H, W).

        Raises:
            DataError: where these are none.
        """
        if len(self.input_shape) != 3 or self.input_shape[0] != 1:
            raise DataError(
                f"rows are those of images of one channel, (1, H, W), but {self.name} gives {self.input_shape}"
            )
        return replace(self, x_train=_rows(self.x_train), x_test=_rows(self.x_test))

    def astype(self, dtype: Any) -> Dataset:
        """This data set with samples and regression targets of another dtype, bytes and ids staying what they are.

        A `DataWarning` says where different numbers of a column become equal by it.

        Raises:
            DataError: where a number is too large for it.
        """
        dtype = np.dtype(dtype)
        for x, what in ((self.x_train, "x"), (self.y_train, "y"))[bool(self.ids) :]:
            names = self.columns if what == "x" else (self.target,) * bool(self.target)
            for text in merged(x, dtype, what, names):
                warn(f"{self.name}: {text}", DataWarning)
        x_train, x_test = self.x_train, self.x_test
        if not self.ids:
            x_train, x_test = (_rounded(x, dtype, self.source, self.columns) for x in (x_train, x_test))
        if self.classes:
            return replace(self, x_train=x_train, x_test=x_test)
        y_train, y_test = (_rounded(y, dtype, self.source, (self.target,)) for y in (self.y_train, self.y_test))
        return replace(self, x_train=x_train, x_test=x_test, y_train=y_train, y_test=y_test)

    def board(self) -> Board:
        """Its parts, its classes and its first samples on a board."""
        parts = (("training", self.x_train, self.y_train), ("test", self.x_test, self.y_test))
        rows = tuple((name, f"{len(x):,}", _sizes(x.shape[1:]), _sizes(y.shape[1:])) for name, x, y in parts)
        blocks: list[Block] = [Paragraph(self.source)] if self.source else []
        blocks.append(Table(("part", "samples", "shape of a sample", "shape of its target"), rows, right=(1,)))
        if self.classes:
            named = [*self.classes[:MOST_NAMES], *["..."] * (len(self.classes) > MOST_NAMES)]
            end = "." * (len(named) == len(self.classes))
            blocks.append(Paragraph(f"{len(self.classes)} classes: {', '.join(named)}{end}"))
        if len(self.x_train):
            x, y = self.x_train, self.y_train
            blocks += first_samples(x, y, self.classes, self.columns, self.target, self.vocabulary)
        return Board(f"Data set {self.name}", (*blocks, *map(Paragraph, self.notes)))

    def __repr__(self) -> str:
        counts = f"{len(self.x_train):,} training and {len(self.x_test):,} test samples"
        goal = f"{len(self.classes)} classes" if self.classes else "regression"
        return f"<data set {visible(self.name)}: {counts}, {_sizes(self.input_shape)}, {goal}>"


def _sizes(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "number"


def _rounded(array: Any, dtype: np.dtype[Any], source: str, names: tuple[str, ...]) -> Any:
    if not isinstance(array, np.ndarray):
        return array.astype(dtype)
    with np.errstate(over="ignore"):
        result = cast("Array", array.astype(dtype, copy=False))
    if not np.isfinite(result).all():
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(result))[0])
        column = f", column {visible(names[at[1]])}" if array.ndim == 2 and at[1] < len(names) and names[0] else ""
        raise DataError(f"{source}{column}: {array[at]!s} is too large for {dtype}; train with --dtype float64")
    return result


def _rows(images: Array | Pixels) -> Array | Pixels:
    if isinstance(images, Pixels):
        return Pixels(images.stored[:, 0], images.dtype)
    return images[:, 0]


def check_labels(labels: Array, count: int, classes: int, where: str) -> None:
    """Raises DataError where labels and images are not as many, or a label is out of range."""
    if len(labels) != count:
        raise DataError(f"{where}: there are {count} images but {len(labels)} labels")
    if not count:
        raise DataError(f"{where}: there are no samples")
    if labels.min() < 0 or labels.max() >= classes:
        raise DataError(f"{where}: label {labels.max()} is out of range; labels are 0 to {classes - 1}")
