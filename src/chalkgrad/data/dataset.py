"""What a data source gives: samples to train on, samples to test on, and what the classes are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError

if TYPE_CHECKING:
    from ..pixels import Pixels

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Dataset:
    """Samples and targets.

    Attributes:
        name: what it is.
        x_train, y_train: samples to train and validate on, (N, ...), as an array or as bytes (`Pixels`), and class
            numbers (N,) or targets (N, K).
        x_test, y_test: samples that training never sees.
        classes: the classes' names; empty for regression.
        source: where it is from, as one line.
        columns: the names of a table's input columns, in order; empty where the samples are no rows of a table.
        target: the name of a table's target column; empty where there is none.
        notes: what was decided while reading, a sentence each.
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

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return self.x_train.shape[1:]

    @property
    def is_image(self) -> bool:
        """Whether samples are images, (C, H, W)."""
        return len(self.input_shape) == 3


def check_labels(labels: Array, count: int, classes: int, where: str) -> None:
    """Raises DataError where labels and images are not as many, or a label is out of range."""
    if len(labels) != count:
        raise DataError(f"{where}: there are {count} images but {len(labels)} labels")
    if not count:
        raise DataError(f"{where}: there are no samples")
    if labels.min() < 0 or labels.max() >= classes:
        raise DataError(f"{where}: label {labels.max()} is out of range; labels are 0 to {classes - 1}")
