"""Callbacks: code of the user's own that a training calls."""

from __future__ import annotations

from collections.abc import Callable

from ..model.model import Model
from .history import History, Record


class Training:
    """A training under way, as callbacks see it.

    Attributes:
        epochs: how many epochs there will be at most; None if that is open.
        epoch_steps: steps in an epoch.
        epoch: the epoch's number, counted from 1.
        step: updates made so far.
        loss: the last batch's loss.
    """

    def __init__(self, network: Model, epochs: int | None, epoch_steps: int, write_back: Callable[[], None]) -> None:
        self.epochs = epochs
        self.epoch_steps = epoch_steps
        self.epoch = 1
        self.step = 0
        self.loss = float("nan")
        self.stop_text: str | None = None
        self._network = network
        self._write_back = write_back

    @property
    def network(self) -> Model:
        """The network, with the parameters of this moment, to be read and not to be changed."""
        self._write_back()
        return self._network

    def stop(self, why: str = "") -> None:
        """Asks the training to stop after this step."""
        self.stop_text = why


class Callback:
    """Base of callbacks: override what you need.

    Attributes:
        interval: how many seconds may pass between two calls. With 0, `on_step` is called after every update and
            `on_epoch` after every epoch. With more, the compiled engine goes on for so long between them; `step` and
            `epoch` of the training say how far it has come.
    """

    interval: float = 0.0

    def on_begin(self, training: Training) -> None:
        """Before the first step."""

    def on_step(self, training: Training) -> None:
        """After every update."""

    def on_epoch(self, training: Training, record: Record) -> None:
        """After every epoch."""

    def on_end(self, training: Training, history: History) -> None:
        """At the end, however it came; the best weights have been put back."""
