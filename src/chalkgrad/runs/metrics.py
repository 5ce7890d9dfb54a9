"""Numbers of a test: the confusion matrix and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..base.columns import table

Array = np.ndarray[Any, Any]


def confusion_matrix(truth: Array, predicted: Array, classes: int) -> Array:
    """(classes, classes) counts: row the true class, column the predicted class."""
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (truth, predicted), 1)
    return counts


def class_rows(confusion: Array) -> list[tuple[int, float, float, float]]:
    """Of every class: how many there are, precision, recall and F1; NaN where that is 0 / 0."""
    rows: list[tuple[int, float, float, float]] = []
    for c, row in enumerate(confusion):
        right, samples, predictions = int(row[c]), int(row.sum()), int(confusion[:, c].sum())
        precision = right / predictions if predictions else float("nan")
        recall = right / samples if samples else float("nan")
        f1 = 2 * right / (samples + predictions) if samples + predictions else float("nan")
        rows.append((samples, precision, recall, f1))
    return rows


def class_table(confusion: Array, names: Sequence[str], width: int | None = None) -> str:
    """The classes as a table, at most `width` wide where that is said and no word would be broken."""
    rows = [
        (name, samples, *("-" if np.isnan(v) else f"{v:.2%}" for v in values))
        for name, (samples, *values) in zip(names, class_rows(confusion), strict=True)
    ]
    return table(("class", "samples", "precision", "recall", "F1"), rows, right=(1, 2, 3, 4), width=width)


def most_confused(confusion: Array, most: int = 5) -> list[tuple[int, int, int]]:
    """The pairs (true class, predicted class, how often) that were confused most, the worst first."""
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = [(int(i), int(j), int(wrong[i, j])) for i, j in zip(*np.unravel_index(order, wrong.shape), strict=True)]
    return [p for p in pairs if p[2]]
