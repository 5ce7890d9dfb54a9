"""Numbers of a test: the confusion matrix and what follows from it, and how sure predictions are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..base.columns import table
from ..describe.losses import BinaryCrossEntropy, CrossEntropy, Hinge, Loss

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


def probabilities(y_hat: Array, loss: Loss) -> Array | None:
    """The probability of every class (N, K), float64; of yes or no (N, 2). None where they are scores from which none
    follows, or every output is a yes or no of its own.

    Args:
        y_hat: predictions (N, K), or of yes or no (N, 1).
        loss: the network's loss, which says what they are.
    """
    rows = y_hat.reshape(len(y_hat), -1).astype(np.float64)
    if not isinstance(loss, (BinaryCrossEntropy, CrossEntropy)) or (loss.yes_or_no and rows.shape[1] > 1):
        return None
    with np.errstate(over="ignore"):
        if loss.yes_or_no:
            yes = 1 / (1 + np.exp(-rows)) if loss.from_logits else rows
            return np.concatenate([1 - yes, yes], axis=1)
        if not loss.from_logits:
            return rows
        exponentials = np.exp(rows - rows.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def certainties(y_hat: Array, loss: Loss | None = None) -> Array | None:
    """How sure each prediction is: the probability (N,) of the predicted class.

    Args:
        y_hat: predictions (N, K), or of yes or no (N, 1).
        loss: the network's loss, which says what they are; without it, rows that are no probabilities are logits.

    Returns:
        None where they are scores from which no probability follows.
    """
    rows = y_hat.reshape(len(y_hat), -1).astype(np.float64)
    each = rows.shape[1] == 1 or isinstance(loss, BinaryCrossEntropy)  # every output is a yes or no of its own
    shares = bool(((rows >= 0) & (rows <= 1 + 1e-3)).all())
    shares = shares and (each or np.allclose(rows.sum(axis=1), 1, atol=1e-3))
    if isinstance(loss, (BinaryCrossEntropy, CrossEntropy)):
        shares = not loss.from_logits
    elif loss is not None and (isinstance(loss, Hinge) or not shares):
        return None
    if each:
        with np.errstate(over="ignore"):
            yes = rows if shares else 1 / (1 + np.exp(-rows))
        return np.maximum(yes, 1 - yes)[:, 0] if rows.shape[1] == 1 else yes.max(axis=1)
    if shares:
        return rows.max(axis=1)
    exponentials = np.exp(rows - rows.max(axis=1, keepdims=True))
    return (exponentials / exponentials.sum(axis=1, keepdims=True)).max(axis=1)
