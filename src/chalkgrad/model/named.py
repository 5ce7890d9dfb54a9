"""Metrics by their names: how good predictions are, beside the loss. Each is what scikit-learn's of that name gives.

A metric is computed in two parts, so that the predictions of many samples need not be held: `part` keeps what is needed
of some of the samples, `whole` makes the number from what was kept of all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..base.checks import as_list, said
from ..base.errors import OptionError, unknown
from ..describe.losses import BinaryCrossEntropy, CrossEntropy, Loss

Array = np.ndarray[Any, Any]
CLASSES, LABELS, NUMBERS = "classes", "labels", "numbers"
TOP = re.compile(r"top_([1-9][0-9]{0,5})\Z")


@dataclass(frozen=True, slots=True)
class Reading:
    """How predictions and targets are read, as rows (N, K).

    Attributes:
        kind: "classes": one of the classes is right; "labels": each output is a yes or no of its own; "numbers".
        loss: the network's loss, which says what the outputs are.
        outputs: how many outputs there are.
    """

    kind: str
    loss: Loss
    outputs: int

    @classmethod
    def of(cls, loss: Loss, outputs: int, *, by_number: bool) -> Reading:
        """How a network with this loss is read.

        Args:
            loss: the loss.
            outputs: how many outputs there are, of sequences at each step.
            by_number: whether the targets were given as class numbers.
        """
        if not (by_number or loss.of_classes):
            return cls(NUMBERS, loss, outputs)
        labels = outputs > 1 and loss.yes_or_no and not by_number
        return cls(LABELS if labels else CLASSES, loss, outputs)

    @property
    def classes(self) -> int:
        """How many classes, or labels, there are."""
        return 2 if self.kind == CLASSES and self.outputs == 1 else self.outputs

    def chosen(self, y_hat: Array) -> Array:
        """What rows of predictions say: class numbers (N,), or yes and no (N, K)."""
        if self.kind == CLASSES and self.outputs > 1:
            return y_hat.argmax(axis=1)
        yes = y_hat > self.loss.threshold
        return yes if self.kind == LABELS else yes[:, 0].astype(np.intp)

    def truth(self, y: Array) -> Array:
        """The same of rows of targets."""
        if self.kind == CLASSES and self.outputs > 1:
            return y.argmax(axis=1)
        yes = y > self.loss.target_threshold
        return yes if self.kind == LABELS else yes[:, 0].astype(np.intp)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: its name.
        kinds: the kinds of `Reading` that it is for.
        part: what is kept, (N, ...), of rows of predictions (N, K) and targets (N, K).
        whole: the number, from what was kept of all samples, their weights (N,), and the reading.
    """

    name: str
    kinds: tuple[str, ...]
    part: Callable[[Array, Array, Reading], Array]
    whole: Callable[[Array, Array, Reading], float]


def _hits(y_hat: Array, y: Array, reading: Reading) -> Array:
    return np.asarray(reading.chosen(y_hat) == reading.truth(y))


def _share(kept: Array, weights: Array, reading: Reading) -> float:
    return float(np.average(kept.reshape(len(kept), -1).mean(axis=1), weights=weights))


def _choices(y_hat: Array, y: Array, reading: Reading) -> Array:
    return np.stack([reading.truth(y), reading.chosen(y_hat)], axis=1)


def _counts(kept: Array, weights: Array, reading: Reading) -> tuple[Array, Array, Array]:
    """Of every class (K,): the weight of what was rightly read as it, read as it, and is it."""
    truth, chosen = kept[:, 0], kept[:, 1]
    if reading.kind == LABELS:
        column = weights[:, None]
        return (column * (truth & chosen)).sum(axis=0), (column * chosen).sum(axis=0), (column * truth).sum(axis=0)

    def count(numbers: Array, rows: Array) -> Array:
        return np.bincount(numbers[rows], weights[rows], reading.classes)

    every = np.ones(len(truth), bool)
    return count(truth, truth == chosen), count(chosen, every), count(truth, every)


def _macro(ratio: Callable[[Array, Array, Array], tuple[Array, Array]]) -> Callable[[Array, Array, Reading], float]:
    """The mean of a ratio over the classes that occur, in the targets or the predictions; 0 / 0 counts as 0."""

    def whole(kept: Array, weights: Array, reading: Reading) -> float:
        right, chosen, true = _counts(kept, weights, reading)
        over, under = ratio(right, chosen, true)
        occurs = np.ones(len(right), bool) if reading.kind == LABELS else chosen + true > 0
        return float((over / np.where(under > 0, under, 1))[occurs].mean())

    return whole


def _balanced(kept: Array, weights: Array, reading: Reading) -> float:
    right, _, true = _counts(kept, weights, reading)
    return float((right[true > 0] / true[true > 0]).mean())


def _scores(y_hat: Array, y: Array, reading: Reading) -> Array:
    """Scores of every class, and beside them whether it is right: (N, 2, K); of two classes one score does."""
    rows, truth = y_hat.astype(np.float64), reading.truth(y)
    loss = reading.loss
    shares = isinstance(loss, (BinaryCrossEntropy, CrossEntropy)) and not loss.from_logits
    if reading.kind == CLASSES and reading.outputs == 2:
        rows, truth = rows[:, 1:] if shares else rows[:, 1:] - rows[:, :1], truth[:, None]
    elif reading.kind == CLASSES and reading.outputs > 2:
        if isinstance(loss, CrossEntropy) and loss.from_logits:
            rows = np.exp(rows - rows.max(axis=1, keepdims=True))
            rows /= rows.sum(axis=1, keepdims=True)
        truth = truth[:, None] == np.arange(reading.outputs)
    return np.stack([rows, truth.reshape(rows.shape)], axis=1)


def _auc(kept: Array, weights: Array, reading: Reading) -> float:
    areas = [_area(kept[:, 0, k], kept[:, 1, k] > 0, weights) for k in range(kept.shape[2])]
    known = [a for a in areas if a == a]
    return float(np.mean(known)) if known else float("nan")


def _area(scores: Array, truth: Array, weights: Array) -> float:
    """The area under the curve: how often a yes has a higher score than a no, a tie counting half."""
    order = np.argsort(scores, kind="stable")
    scores, truth, weights = scores[order], truth[order], weights[order]
    begins = np.flatnonzero(np.diff(scores, prepend=-np.inf) != 0) if len(scores) else np.empty(0, int)
    yes = np.add.reduceat(weights * truth, begins)
    no = np.add.reduceat(weights * ~truth, begins)
    both = float(yes.sum() * no.sum())
    return float((yes * (no.cumsum() - no / 2)).sum()) / both if both else float("nan")


def _pairs(y_hat: Array, y: Array, reading: Reading) -> Array:
    return np.stack([y_hat, y], axis=1).astype(np.float64)


def _mae(kept: Array, weights: Array, reading: Reading) -> float:
    return float(np.average(np.abs(kept[:, 0] - kept[:, 1]), axis=0, weights=weights).mean())


def _rmse(kept: Array, weights: Array, reading: Reading) -> float:
    return float(np.sqrt(np.average((kept[:, 0] - kept[:, 1]) ** 2, axis=0, weights=weights)).mean())


def _r2(kept: Array, weights: Array, reading: Reading) -> float:
    """1 - squares of the errors / squares about the mean, averaged over the outputs; of targets that are all alike 1
    where every prediction is right, else 0.
    """
    y_hat, y, column = kept[:, 0], kept[:, 1], weights[:, None]
    errors = (column * (y - y_hat) ** 2).sum(axis=0)
    spread = (column * (y - np.average(y, axis=0, weights=weights)) ** 2).sum(axis=0)
    ratios = np.where(spread > 0, 1 - errors / np.where(spread > 0, spread, 1), np.where(errors > 0, 0.0, 1.0))
    return float(ratios.mean()) if len(y) > 1 else float("nan")


BOTH = (CLASSES, LABELS)
METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", BOTH, _hits, _share),
        Metric("balanced_accuracy", (CLASSES,), _choices, _balanced),
        Metric("precision", BOTH, _choices, _macro(lambda right, chosen, true: (right, chosen))),
        Metric("recall", BOTH, _choices, _macro(lambda right, chosen, true: (right, true))),
        Metric("f1", BOTH, _choices, _macro(lambda right, chosen, true: (2 * right, chosen + true))),
        Metric("auc", BOTH, _scores, _auc),
        Metric("mae", (NUMBERS,), _pairs, _mae),
        Metric("rmse", (NUMBERS,), _pairs, _rmse),
        Metric("r2", (NUMBERS,), _pairs, _r2),
    )
}
"""The metrics by name; `top_5`, or any other number, is one too."""


def _top(name: str, most: int) -> Metric:
    """Whether the right class is among the `most` largest outputs; of equal ones the first count."""

    def part(y_hat: Array, y: Array, reading: Reading) -> Array:
        truth = reading.truth(y)[:, None]
        own = np.take_along_axis(y_hat, truth, axis=1)
        earlier: Array = np.arange(int(y_hat.shape[1])) < truth
        before: Array = (y_hat > own) | ((y_hat == own) & earlier)
        return np.asarray(np.count_nonzero(before, axis=1) < most)

    return Metric(name, (CLASSES,), part, _share)


def metric_names(owner: str, names: object) -> tuple[str, ...]:
    """The names of metrics that were given: one, or a list of them; each once.

    Raises:
        UnknownNameError: where there is no such metric.
        OptionError: where they are no names.
    """
    given = (names,) if isinstance(names, str) else as_list(names)
    if given is None or not all(isinstance(name, str) for name in given):
        raise OptionError(f"{owner}: metrics are names, such as ('accuracy', 'f1'), not {said(names)}")
    for name in given:
        if name not in METRICS and not TOP.match(name):
            raise unknown("metric", name, [*METRICS, "top_5"])
    return tuple(dict.fromkeys(given))


def read_metrics(owner: str, names: object, reading: Reading) -> tuple[Metric, ...]:
    """The metrics of these names, for a network that is read so.

    Raises:
        UnknownNameError: where there is no such metric.
        OptionError: where one does not suit the network; it says which do.
    """
    metrics: list[Metric] = []
    for name in metric_names(owner, names):
        top = TOP.match(name)
        metric = METRICS[name] if top is None else _top(name, int(top[1]))
        if reading.kind not in metric.kinds:
            what = {
                CLASSES: "classes",
                LABELS: "several yes-or-no outputs",
                NUMBERS: "numbers (for classes give class numbers, integers (N,))",
            }[reading.kind]
            others = ", ".join(n for n, m in METRICS.items() if reading.kind in m.kinds)
            raise OptionError(f"{owner}: {name} does not suit this network, whose targets are {what}; use {others}")
        if top is not None and int(top[1]) >= reading.classes:
            raise OptionError(
                f"{owner}: {name} of {reading.classes} classes would always be 1; give a number below {reading.classes}"
            )
        metrics.append(metric)
    return tuple(metrics)


def measured(
    metrics: Sequence[Metric], kept: Sequence[Sequence[Array]], weights: Array | None, reading: Reading
) -> dict[str, float]:
    """The metrics' numbers by name.

    Args:
        metrics: the metrics.
        kept: for each of them, what `part` gave for some of the samples after the other.
        weights: the weights of all (N,); None where all count alike. Those of weight 0 are left out.
        reading: how they are read.
    """
    found: dict[str, float] = {}
    for metric, parts in zip(metrics, kept, strict=True):
        whole = np.concatenate(parts)
        counting = np.ones(len(whole)) if weights is None else weights.reshape(-1).astype(np.float64)
        if not counting.all():
            whole, counting = whole[counting > 0], counting[counting > 0]
        with np.errstate(all="ignore"):
            found[metric.name] = metric.whole(whole, counting, reading) if len(whole) else float("nan")
    return found
