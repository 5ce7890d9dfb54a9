"""The order in which an epoch takes the samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from .task import Task

Rows = np.ndarray[Any, np.dtype[np.int64]]
ORDER = 0
"""The second half of the generator's key; dropout's masks have their layer's number there, 1 and above."""


def shuffled(seed: int, steps: int, count: int) -> Rows:
    """An order of `count` samples: they are sorted by the 64-bit numbers drawn for them.

    The numbers come from the generator that draws dropout's masks (Philox 4x64-10; Salmon et al., 2011), keyed by the
    seed, with the updates made so far as its counter: every engine has the same order, and one fit of n epochs is n
    fits of one.
    """
    draws = np.random.Philox(key=[seed, ORDER], counter=[0, 0, steps, 0]).random_raw(count)
    return np.argsort(draws)


class Order:
    """The orders of a training's epochs.

    Args:
        task: what the training has to do.
    """

    def __init__(self, task: Task) -> None:
        self._rows: Any = np.arange(task.count) if task.samples.chosen is None else task.samples.chosen
        self._task = task
        self._drawn: tuple[int, Rows] = -1, np.empty(0, np.int64)  # that of one epoch, and the updates before it

    def of(self, updates: int, epochs: int) -> Rows:
        """The order of an epoch (count,), or of several (epochs, count).

        Args:
            updates: the network's updates before the first of them, on which the order depends.
            epochs: how many epochs.
        """
        if not self._task.settings.shuffle:
            return self._rows
        if self._drawn[0] == updates and epochs == 1:
            return self._drawn[1]
        seed, count, each = self._task.settings.seed, self._task.count, self._task.epoch_steps
        orders = [shuffled(seed, updates + k * each, count) for k in range(epochs)]
        order = self._rows[orders[0] if epochs == 1 else np.stack(orders)]
        self._drawn = updates if epochs == 1 else -1, order
        return order
