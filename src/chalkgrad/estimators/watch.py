"""When a training stops, by the rule of scikit-learn's MLPClassifier."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..model.model import Array, Model
from ..train.callbacks import Callback, Training
from ..train.history import Record


class Watch(Callback):
    """Stops where the loss, or the score, has not improved on the best by `tol` for more than so many epochs in a row.

    An epoch improves where its loss is at most the lowest so far - tol; with a score, where that is at least the
    highest so far + tol.

    Args:
        tol: what an improvement must be.
        epochs: how many epochs may pass without one; the next one without ends the training.
        score: the score of a model on samples set aside; None to watch the training loss.

    Attributes:
        losses: the training loss of every epoch.
        scores: the score of every epoch; None without.
        best: the lowest loss, or the highest score.
        stopped: whether it ended the training.
    """

    def __init__(self, tol: float, epochs: float, score: Callable[[Model], float] | None) -> None:
        self._tol, self._epochs, self._score = tol, epochs, score
        self._wait = 0
        self._kept: dict[str, Array] = {}
        self.losses: list[float] = []
        self.scores: list[float] | None = None if score is None else []
        self.best = math.inf if score is None else -math.inf
        self.stopped = False

    def on_epoch(self, training: Training, record: Record) -> None:
        """Looks at an epoch's loss or score."""
        self.losses.append(record.loss)
        if self._score is None or self.scores is None:
            improved, best = record.loss <= self.best - self._tol, record.loss < self.best
            value = record.loss
        else:
            value = self._score(training.network)
            self.scores.append(value)
            improved, best = value >= self.best + self._tol, value > self.best
        self._wait = 0 if improved else self._wait + 1
        if best:
            self.best = value
            if self._score is not None:
                self._keep(training.network)
        if self._wait > self._epochs:
            self.stopped = True
            of = "training loss" if self._score is None else "validation score"
            training.stop(f"the {of} has not improved by {self._tol:g} for {self._wait} epochs")

    def _keep(self, network: Model) -> None:
        self._kept = {name: np.array(a) for name, a in {**network.parameters, **network.states}.items()}

    def put_back(self, network: Model) -> None:
        """Gives the network the weights of its best score."""
        if self._kept:
            network.set_parameters(self._kept)
