"""Callbacks: code of the user's own that a training calls."""

from __future__ import annotations

from collections.abc import Sequence

from ..base.errors import OptionError
from ..model.model import Model
from .history import History, Record
from .state import State


class Training:
    """A training under way, as callbacks see it.

    Attributes:
        epochs: the most epochs that there will be; None if that is open.
        epoch_steps: steps in an epoch.
    """

    def __init__(self, state: State, epochs: int | None, epoch_steps: int) -> None:
        self.epochs = epochs
        self.epoch_steps = epoch_steps
        self.stop_text: str | None = None
        self._state = state

    @property
    def epoch(self) -> int:
        """The epoch's number, counted from 1."""
        return self._state.epoch

    @property
    def step(self) -> int:
        """Updates made so far."""
        return self._state.history.steps

    @property
    def loss(self) -> float:
        """The last batch's loss."""
        return self._state.history.loss

    @property
    def network(self) -> Model:
        """The network, with the parameters of this moment, to be read and not to be changed."""
        self._state.buffers.write_back()
        return self._state.model

    def stop(self, why: str = "") -> None:
        """Asks the training to stop after this step."""
        self.stop_text = why


class Callback:
    """Base of callbacks: override what you need.

    Attributes:
        interval: how many seconds may pass between two calls. With 0, `on_step` is called after every update and
            `on_epoch` after every epoch. With more, the compiled engine runs for so long between them; `step` and
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


def read_callbacks(callbacks: Sequence[Callback]) -> list[Callback]:
    """The callbacks as a list.

    Raises:
        OptionError: where one is no callback.
    """
    if not isinstance(callbacks, Sequence) or not all(isinstance(c, Callback) for c in callbacks):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise OptionError(f"callbacks is a list of Callback objects, not {callbacks!r}")
    return list(callbacks)
