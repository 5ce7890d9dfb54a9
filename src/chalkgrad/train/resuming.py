"""A training's state as a checkpoint, and back: all that the next step depends on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..base.checks import as_list, said
from ..base.errors import ChalkgradError, CheckpointError
from ..files.checkpoint import Checkpoint
from ..model.model import Array
from ..model.named import metric_names
from .beginning import Beginning
from .history import METRIC, History, Records
from .state import State
from .stopping import EarlyStopping
from .task import Task

COLUMNS = {"step": np.int64, "loss": np.float64, "learning_rate": np.float64, "seconds": np.float64,
           "val_loss": np.float64, "val_accuracy": np.float64}  # fmt: skip
"""A record's fields, as columns; its number is its place, and what is missing is NaN."""
EPOCH = ("losses", "data_losses", "rates")
"""The numbers of every step of the unfinished epoch."""


def saved(state: State, beginning: Beginning, extra: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Array]]:
    """The table and the arrays of a checkpoint.

    Args:
        state: the training, between two steps.
        beginning: what it began with.
        extra: a table of the caller's own.
    """
    history, buffers = state.history, state.buffers
    table: dict[str, Any] = {
        "network": beginning.network,
        "steps_taken": state.model.steps_taken,
        "settings": beginning.settings,
        "data": beginning.data,
        "engine": {"compiled": buffers.compiled, "parts": buffers.steps.parts},
        "history": {
            "steps": history.steps, "loss": history.loss, "first_batch_loss": history.first_batch_loss,
            "best_epoch": history.best_epoch, "seconds": state.seconds(), "steps_before": history.steps_before,
        },
        "stopping": state.stopping.state(),
        "rate": state.rate.state(),
        "best": bool(buffers.best),
        "extra": dict(extra),
    }  # fmt: skip
    arrays = {f"value/{name}": array for name, array in buffers.values().items()}
    arrays |= {f"best/{name}": array for name, array in buffers.best.items()}
    metrics = history.records.metrics()
    if metrics:
        table["metrics"] = metrics
    kinds = {**COLUMNS, **{f"{METRIC}{name}": np.float64 for name in metrics}}
    columns = history.records.columns(kinds)
    arrays |= {f"history/{name}": columns[name] for name in kinds}
    arrays |= {f"epoch/{name}": column for name, column in zip(EPOCH, state.losses.columns(), strict=True)}
    return table, arrays


def restore(state: State, task: Task, checkpoint: Checkpoint) -> None:
    """Puts a training back to where a checkpoint has it. All is read and checked before anything is changed.

    Args:
        state: the training, before its first step.
        task: what it has to do.
        checkpoint: where it is resumed, of the same beginning.

    Raises:
        CheckpointError: where the checkpoint does not hold what this training needs.
    """
    saved_state, buffers = _Stored(checkpoint), state.buffers
    arrays = buffers.own()
    values = saved_state.arrays("value", buffers.values())
    best = (
        saved_state.arrays("best", {name: arrays[name] for name in buffers.changed})
        if saved_state.part("best", bool)
        else {}
    )
    kinds = {**COLUMNS, **{f"{METRIC}{name}": np.float64 for name in saved_state.metrics()}}
    columns = {name: checkpoint.read(f"history/{name}", kind, (None,)) for name, kind in kinds.items()}
    if not _alike(columns.values()):
        raise CheckpointError(f"{checkpoint.path}: the history's columns are of different lengths")
    losses = [checkpoint.read(f"epoch/{name}", np.float64, (None,)) for name in EPOCH]
    if not _alike(losses) or len(losses[0]) >= task.epoch_steps:
        raise CheckpointError(
            f"{checkpoint.path}: the unfinished epoch has {len(losses[0])} steps of {task.epoch_steps}"
        )
    for name, array in {**{n: values[n] for n in arrays}, **best}.items():  # an optimizer's sums may overflow
        if not np.isfinite(array).all():
            raise CheckpointError(f"{checkpoint.path}: {name} holds NaN or infinity")
    history = saved_state.history(columns, state.history.engine)
    seconds = saved_state.real("history", "seconds")
    updates = saved_state.part("steps_taken", int)
    if not 0 <= updates < 2**63 or history.steps > updates or not 0 <= seconds < math.inf:
        raise CheckpointError(f"{checkpoint.path}: its counts of steps do not belong together")
    stopping = {"reference": saved_state.real("stopping", "reference"), "wait": saved_state.count("stopping", "wait"),
                "lowest": saved_state.real("stopping", "lowest")}  # fmt: skip
    rate = {key: saved_state.real("rate", key) for key in state.rate.state()}
    if any(math.isnan(value) or value < 0 for value in rate.values()) or rate.get("wait", 0) > history.steps:
        raise CheckpointError(f"{checkpoint.path}: the schedule's state {rate} is invalid")
    before = int(columns["step"][-1]) if len(history) else 0
    if history.steps != before + len(losses[0]) or not 1 <= (history.best_epoch or 1) <= max(len(history), 1):
        raise CheckpointError(f"{checkpoint.path}: its steps and epochs do not belong together")
    state.stopping.restore(stopping)
    if (
        task.settings.patience is not None and task.samples.validation is None
    ):  # many short epochs are not looked at without
        state.stopping = EarlyStopping()
        for loss in columns["loss"].tolist():
            state.stopping.look(loss, task.settings.min_improvement)
    state.rate.restore(rate)
    state.history, state.steps_resumed, state.seconds_before = history, history.steps, seconds
    state.losses.restore(*losses)
    state.epoch = len(history) + 1
    buffers.put(values, best, updates)


def _alike(arrays: Iterable[Array]) -> bool:
    """Whether all are of one length."""
    return len({len(array) for array in arrays}) <= 1


class _Stored:
    """The content of a checkpoint, read and checked.

    Args:
        checkpoint: the checkpoint.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint

    def arrays(self, group: str, like: Mapping[str, Array]) -> dict[str, Array]:
        """The arrays of a group, of the same names, dtypes and shapes as those given."""
        return {n: self._checkpoint.read(f"{group}/{n}", array.dtype, array.shape) for n, array in like.items()}

    def part(self, name: str, kind: type = dict) -> Any:
        """An entry of the table, of this type."""
        value = self._checkpoint.table.get(name)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise CheckpointError(f"{self._checkpoint.path} lacks {name}")
        return value

    def real(self, name: str, key: str) -> float:
        """A number in a table of the table."""
        try:
            return float(self.part(name)[key])
        except (KeyError, TypeError, ValueError, OverflowError):
            raise CheckpointError(f"{self._checkpoint.path} lacks {name} {key}") from None

    def count(self, name: str, key: str) -> int:
        """The same, where it counts something."""
        value = self.real(name, key)
        if not (0 <= value < 2**53 and value == int(value)):
            raise CheckpointError(f"{self._checkpoint.path}: {name} {key} is no count: {value}")
        return int(value)

    def metrics(self) -> tuple[str, ...]:
        """The names of the metrics that the records have; of those to validate on with "val_" before them."""
        names = as_list(self._checkpoint.table.get("metrics", [])) or []
        try:
            metric_names("fit", [n.removeprefix("val_") if isinstance(n, str) else n for n in names])
        except ChalkgradError:
            raise CheckpointError(f"{self._checkpoint.path}: its metrics are {said(names)}") from None
        return tuple(dict.fromkeys(names))

    def history(self, columns: Mapping[str, Array], engine: str) -> History:
        """The history of which the records have these columns."""
        history = History(Records.from_columns(columns), self.count("history", "steps"), engine=engine)
        history.loss, history.first_batch_loss = self.real("history", "loss"), self.real("history", "first_batch_loss")
        table = self.part("history")
        if table.get("best_epoch") is not None:
            history.best_epoch = self.count("history", "best_epoch")
        if "steps_before" in table:
            history.steps_before = self.count("history", "steps_before")
        return history
