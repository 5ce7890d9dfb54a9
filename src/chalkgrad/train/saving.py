"""The saving of a training: when its checkpoints are written, and from what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .beginning import Beginning
from .checkpoints import Keeper
from .resuming import saved
from .state import State


class Saving:
    """Writes a training's state where it is kept.

    Args:
        keeper: where to, and how often.
        beginning: what the training began with.
        extra: a table of the caller's own; JSON must be able to hold it.
    """

    def __init__(self, keeper: Keeper, beginning: Beginning, extra: Mapping[str, Any]) -> None:
        self._keeper, self._beginning, self._extra = keeper, beginning, extra
        self._written = -1  # the network's updates in the newest one

    @property
    def seconds(self) -> float:
        """How long a checkpoint may wait."""
        return self._keeper.settings.seconds

    def due(self, state: State) -> bool:
        """Whether a checkpoint should be written now."""
        return self._keeper.due(epoch_done=not len(state.losses))

    def write(self, state: State) -> None:
        """Writes a checkpoint, unless nothing has happened since the last one, or weights are lost."""
        updates = state.model.steps_taken
        if self._written == updates or state.buffers.lost():
            return
        if self._keeper.write(state.history.steps, *saved(state, self._beginning, self._extra)):
            self._written = updates
