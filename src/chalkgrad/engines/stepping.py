"""The steps of a training, as every engine takes them: one after another, with a way back from the last one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Array = np.ndarray[Any, Any]
Values = dict[str, Any]
MOST_THREADS = 1024


@dataclass(frozen=True, slots=True)
class Taken:
    """The result of several steps.

    Attributes:
        losses: the loss L of every step, before its update; where the last one ended the training, its loss too.
        data_losses: the losses without penalties.
        done: the number of updates.
        stopped: whether the last loss was not finite, or below the bound, and so was not followed by an update.
        interrupted: whether the user asked for an end on the way.
    """

    losses: Array
    data_losses: Array
    done: int
    stopped: bool
    interrupted: bool = False


class Steps(Protocol):
    """A training's values, and the steps that move them on."""

    name: str
    """The engine in words."""

    parts: int
    """The number of parts of a batch; the bits of the sums over the samples depend on it."""

    @property
    def updates(self) -> int:
        """The updates behind the values of this moment, also where an exception ended `take`."""
        ...

    def stop(self) -> None:
        """Asks `take` to end after the step that it is in; may be called from a signal handler."""
        ...

    def take(self, order: Array, at: int, rates: Array, t: int, clock: int) -> Taken:
        """Takes steps; returns their losses.

        Args:
            order: the samples in the order in which they are taken, (count,); or several epochs' orders
                (epochs, count).
            at: the number of samples of the first epoch that are done.
            rates: the learning rate of every step; as many steps are taken.
            t: the first step's number in this training, counted from 1.
            clock: the network's first update, counted from 1.
        """
        ...

    def values(self) -> Mapping[str, Array]:
        """The values that are carried from step to step, as they are now."""
        ...

    def put(self, values: Mapping[str, Array]) -> None:
        """Sets some of them."""
        ...

    def stopped_at(self) -> Values:
        """The samples x and y, the learning rate and the clocks of the step that ended the training."""
        ...

    def undo(self) -> Values | None:
        """Goes back to before the last update; returns what that began with, None where there was none."""
        ...

    def close(self) -> None:
        """Ends whoever computes besides the caller; nothing is asked of the steps afterwards."""
        ...
