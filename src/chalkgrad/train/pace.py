"""How far the engine goes before Python looks again."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .callbacks import Callback
from .task import Task

FIRST_STEPS = 20
"""As many steps are taken at once before it is known how long one takes, where somebody waits."""
MOST_AT_ONCE = 1_000_000
"""Samples that are ordered at once, where many short epochs are computed in one go."""
LONGEST = 0.5
"""Seconds of many short epochs in one go."""


class Pace:
    """How many steps, or whole epochs, are taken at once.

    Args:
        task: what the training has to do.
        callbacks: they say how long they may wait.
        checkpoint_seconds: how long a checkpoint may wait; infinite without.
        every_epoch: whether something looks at the loss of every epoch.
    """

    def __init__(
        self,
        task: Task,
        callbacks: Sequence[Callback],
        checkpoint_seconds: float,
        *,
        every_epoch: bool,
    ) -> None:
        self._task = task
        by_step = [c.interval for c in callbacks if type(c).on_step is not Callback.on_step]
        by_epoch = [c.interval for c in callbacks if type(c).on_epoch is not Callback.on_epoch]
        self._every_step = any(interval <= 0 for interval in by_step)
        self._many_epochs = not self._every_step and not every_epoch and all(interval > 0 for interval in by_epoch)
        waits = [interval for interval in by_epoch if interval > 0]  # at an epoch's end it is time for the others
        self._seconds = min([*by_step, *waits, checkpoint_seconds])
        self._step_seconds = 0.0  # what a step takes; 0 while that is not known

    def measure(self, seconds: float, steps: int) -> None:
        """Takes note of how long some steps took."""
        self._step_seconds = seconds / max(steps, 1)

    def steps(self, remaining: int, updates: int) -> int:
        """How many steps of an epoch are taken at once.

        Args:
            remaining: steps that are left of the epoch.
            updates: updates made so far.
        """
        steps = remaining
        if self._every_step:
            steps = 1
        elif self._seconds < math.inf:
            duration = self._step_seconds
            steps = max(1, min(remaining, int(self._seconds / duration))) if duration else min(remaining, FIRST_STEPS)
        most = self._task.settings.max_steps
        return steps if most is None else max(1, min(steps, most - updates))

    def epochs(self, epochs_done: int, updates: int) -> int:
        """How many epochs are computed at once.

        Args:
            epochs_done: epochs that are done.
            updates: updates made so far.
        """
        task, settings = self._task, self._task.settings
        if not self._many_epochs or not self._step_seconds:
            return 1  # the first one shows how long they take
        remaining = math.inf if settings.epochs is None else settings.epochs - epochs_done
        if settings.max_steps is not None:
            remaining = min(remaining, (settings.max_steps - updates) // task.epoch_steps)
        affordable = min(self._seconds, LONGEST) / (self._step_seconds * task.epoch_steps)
        most = MOST_AT_ONCE // (task.count if settings.shuffle else task.epoch_steps)
        return int(max(1, min(remaining, affordable, most)))
