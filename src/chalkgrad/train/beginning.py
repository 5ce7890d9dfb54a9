"""The settings and data that a training began with, and must be resumed with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..base.checks import as_table
from ..base.errors import CheckpointError
from ..describe.settings import to_table
from ..files.checkpoint import Checkpoint
from ..model.model import Model
from .task import Task

ENDS = "steps that the schedule reckons with"
"""A key of checkpoints, also of earlier versions; None where the schedule does not depend on the end."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """The settings and data that a training began with, and must be resumed with.

    Attributes:
        network: the network's table.
        settings: every setting on which the steps depend, by name.
        data: the digest of samples and targets.
    """

    network: dict[str, Any]
    settings: dict[str, Any]
    data: str

    @classmethod
    def of(cls, model: Model, task: Task) -> Beginning:
        """That of a training."""
        settings, validation = task.settings, task.samples.validation
        settings_by_name = {
            "optimizer": to_table(settings.optimizer),
            "schedule": to_table(settings.schedule),
            ENDS: task.total_steps if settings.schedule.needs_end else None,
            "batch_size": task.batch_size,
            "shuffle": settings.shuffle,
            "seed": settings.seed,
            "validation": None if validation is None else validation.described,
            "min_improvement": settings.min_improvement,
            "restore_best": settings.restore_best,
            "shards": None if settings.shards is None else settings.shards.count,
        }
        return cls(model.to_table(), settings_by_name, task.samples.digest())

    def check(self, checkpoint: Checkpoint, network: str) -> None:
        """Raises CheckpointError where a checkpoint is of another network, other data or other settings.

        Args:
            checkpoint: the one that is to be resumed.
            network: what this network is called in messages.
        """
        table, where = checkpoint.table, checkpoint.path
        if table.get("network") != self.network:
            raise CheckpointError(f"{where} is a training of another network; this one is {network}")
        settings = as_table(table.get("settings")) or {}
        for name, value in self.settings.items():
            if name != ENDS and settings.get(name) != value:
                raise CheckpointError(
                    f"{where}: the training began with {name} {_text(settings.get(name))}, not {_text(value)}; "
                    "resume it with the same settings (epochs, max_steps, patience and stop_below may be others)"
                )
        if self.settings[ENDS] != settings.get(ENDS):
            raise CheckpointError(
                f"{where}: its schedule is for {settings.get(ENDS)} steps in all, not {self.settings[ENDS]}: "
                f"epochs and max_steps must stay as they were with {self.settings['schedule']['type']}"
            )
        if table.get("data") != self.data:
            raise CheckpointError(f"{where} is a training on other data: x, y or the validation samples have changed")


def _text(value: Any) -> str:
    table = as_table(value)
    return ", ".join(str(v) for v in table.values()) if table else str(value)
