"""The state of a training between two steps: checkpoints are written from it, and restored into it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ..describe.schedules import Rate
from ..files.checkpoint import Checkpoint
from ..model.model import Model
from .buffers import Buffers
from .epoch import EpochLosses
from .history import History
from .stopping import EarlyStopping
from .task import Task


@dataclass(slots=True)
class State:
    """The state of a training between two steps.

    Attributes:
        model: what is trained; its clock counts the updates of all its trainings.
        buffers: the owner of the arrays.
        rate: the schedule at work.
        losses: those of the unfinished epoch.
        history: the epochs that are done, and the updates made.
        stopping: what early stopping has seen.
        epoch: the number of the epoch under way, counted from 1.
        steps_resumed: the updates that had been made when it was resumed.
        seconds_before: how long it had taken when it was resumed.
        warnings: what is said when the training is over.
        began: when it began, or was resumed, by the clock of `time.perf_counter`.
    """

    model: Model
    buffers: Buffers
    rate: Rate
    losses: EpochLosses
    history: History
    stopping: EarlyStopping = field(default_factory=EarlyStopping)
    epoch: int = 1
    steps_resumed: int = 0
    seconds_before: float = 0.0
    warnings: list[str] = field(default_factory=list[str])
    began: float = field(default_factory=time.perf_counter)

    @classmethod
    def start(cls, model: Model, task: Task, checkpoint: Checkpoint | None) -> State:
        """A training before its first step, on the engine of the checkpoint that will be resumed, if there is one.

        Raises:
            OptionError: where the engine is not known, or cannot be used.
        """
        buffers = Buffers(model, task, checkpoint)
        rate = task.settings.optimizer.learning_rate
        averaged = model.loss_function.reduction == "mean"
        return cls(
            model,
            buffers,
            task.settings.schedule.start(rate, task.epoch_steps, task.total_steps),
            EpochLosses(task.count, task.batch_size, averaged),
            History(engine=buffers.steps.name, steps_before=buffers.steps_before),
        )

    def count(self) -> None:
        """Brings the history's number of updates, and the model's clock, up to what the engine has made."""
        self.history.steps = self.steps_resumed + self.buffers.count()

    @property
    def optimizer_steps(self) -> int:
        """The updates that the optimizer remembers."""
        return self.history.steps_before + self.history.steps

    def seconds(self) -> float:
        """How long the training has taken so far, what came before a resumption included."""
        return self.seconds_before + time.perf_counter() - self.began
