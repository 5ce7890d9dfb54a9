"""The losses of an epoch's steps, until the epoch is done."""

from __future__ import annotations

from typing import Any

import numpy as np

Numbers = np.ndarray[Any, np.dtype[np.float64]]


class EpochLosses:
    """The losses of every step since the beginning of the epoch. However the steps came in, the sums are the same.

    Args:
        count: samples in an epoch.
        batch_size: samples in a step.
        averaged: whether a step's loss is the mean over its samples, not their sum.
    """

    def __init__(self, count: int, batch_size: int, averaged: bool) -> None:
        steps = -(-count // batch_size)
        self._sizes = np.minimum(batch_size, count - batch_size * np.arange(steps)).astype(np.float64)
        self._averaged = averaged
        self._parts: list[tuple[Numbers, Numbers, Numbers]] = []
        self._steps = 0

    def __len__(self) -> int:
        return self._steps

    def add(self, losses: Numbers, data_losses: Numbers, rates: Numbers) -> None:
        """Adds steps: their losses, the same without penalties, and their learning rates."""
        if len(losses):
            self._parts.append((losses, data_losses, rates))
            self._steps += len(losses)

    def columns(self) -> tuple[Numbers, Numbers, Numbers]:
        """Losses, losses without penalties, and learning rates of the steps so far."""
        if len(self._parts) != 1:
            columns = [np.concatenate([np.empty(0), *(p[k] for p in self._parts)]) for k in range(3)]
            self._parts = [(columns[0], columns[1], columns[2])]
        return self._parts[0]

    def restore(self, losses: Numbers, data_losses: Numbers, rates: Numbers) -> None:
        """Goes back to what `columns` gave."""
        self._parts, self._steps = [], 0
        self.add(losses, data_losses, rates)

    def whole(self) -> tuple[Numbers, Numbers]:
        """Takes out all epochs that are done: the loss and the last learning rate of each."""
        per = len(self._sizes)
        epochs = self._steps // per
        if not epochs:
            return np.empty(0), np.empty(0)
        losses, data, rates = self.columns()
        end = epochs * per
        self.restore(losses[end:], data[end:], rates[end:])
        means = self._means(losses[:end].reshape(epochs, per), data[:end].reshape(epochs, per))
        return means, rates[:end][per - 1 :: per]

    def unfinished(self) -> tuple[float, float]:
        """Takes out the steps of an epoch that will not be finished: their loss and the last learning rate."""
        losses, data, rates = self.columns()
        loss = float(self._means(losses[None], data[None])[0])
        self.restore(*(np.empty(0),) * 3)
        return loss, float(rates[-1])

    def _means(self, losses: Numbers, data: Numbers) -> Numbers:
        """The loss of every epoch (epochs,) from its steps' (epochs, steps): the mean over its samples, or their sum;
        penalties, which do not depend on the samples, are averaged in both cases.
        """
        sizes = self._sizes[: data.shape[1]]
        if self._averaged:
            return (losses * sizes).sum(axis=1) / sizes.sum()
        return data.sum(axis=1) + ((losses - data) * sizes).sum(axis=1) / sizes.sum()
