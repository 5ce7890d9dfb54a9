"""A training as a checkpoint, and back: all that the next step depends on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base.checks import as_table
from ..base.errors import CheckpointError
from ..describe.settings import to_table
from ..files.checkpoint import Checkpoint
from ..model.model import Array
from .history import History, Records
from .stopping import EarlyStopping

if TYPE_CHECKING:
    from .fit import Fit

COLUMNS = {"step": np.int64, "loss": np.float64, "learning_rate": np.float64, "seconds": np.float64,
           "val_loss": np.float64, "val_accuracy": np.float64}  # fmt: skip
"""A record's fields, as columns; its number is its place, and what is missing is NaN."""
ENDS = "steps that the schedule reckons with"
EPOCH = ("losses", "data_losses", "rates")
"""What is kept of every step of the unfinished epoch."""


def settings(fit: Fit) -> dict[str, Any]:
    """What a training must be gone on with: every setting on which its steps depend."""
    return {
        "optimizer": to_table(fit.optimizer),
        "schedule": to_table(fit.schedule),
        ENDS: fit.total_steps if fit.schedule.needs_end else None,
        "batch_size": fit.batch_size,
        "shuffle": fit.shuffle,
        "seed": fit.seed,
        "validation": fit.validation_text,
        "min_improvement": fit.min_improvement,
        "restore_best": fit.restore_best,
    }


def state(fit: Fit, extra: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Array]]:
    """The table and the arrays of a checkpoint.

    Args:
        fit: the training, between two steps.
        extra: a table of the caller's own.
    """
    history, network = fit.history, fit.network
    table: dict[str, Any] = {
        "network": network.to_table(),
        "steps_taken": network.steps_taken,
        "settings": settings(fit),
        "data": fit.data_digest,
        "engine": {"compiled": fit.compiled, "parts": fit.steps.parts},
        "history": {
            "steps": history.steps, "loss": history.loss, "first_batch_loss": history.first_batch_loss,
            "best_epoch": history.best_epoch, "seconds": fit.seconds(), "steps_before": history.steps_before,
        },
        "stopping": fit.stopping.state(),
        "rate": fit.rate.state(),
        "best": bool(fit.best),
        "extra": dict(extra),
    }  # fmt: skip
    arrays = {f"value/{name}": array for name, array in fit.steps.values().items()}
    arrays |= {f"best/{name}": array for name, array in fit.best.items()}
    columns = history.records.columns(COLUMNS)
    arrays |= {f"history/{name}": columns[name] for name in COLUMNS}
    arrays |= {f"epoch/{name}": column for name, column in zip(EPOCH, fit.epoch.columns(), strict=True)}
    return table, arrays


def check(fit: Fit, found: Checkpoint) -> None:
    """Raises CheckpointError where a checkpoint is of another network, other data or other settings."""
    table, where = found.table, found.path
    if table.get("network") != fit.network.to_table():
        raise CheckpointError(f"{where} is a training of another network; this one is {fit.network!r}")
    stored, own = as_table(table.get("settings")) or {}, settings(fit)
    for name, value in own.items():
        if name != ENDS and stored.get(name) != value:
            raise CheckpointError(
                f"{where}: the training was begun with {name} {_said(stored.get(name))}, not {_said(value)}; go on "
                "with the same settings (epochs, max_steps, patience and stop_below may be others)"
            )
    if own[ENDS] != stored.get(ENDS):
        raise CheckpointError(
            f"{where}: its schedule reckons with {stored.get(ENDS)} steps in all, not {own[ENDS]}: epochs and "
            f"max_steps must stay as they were with {fit.schedule.kind}"
        )
    if table.get("data") != fit.data_digest:
        raise CheckpointError(f"{where} is a training on other data: x, y or the validation samples have changed")


def _said(value: Any) -> str:
    table = as_table(value)
    return ", ".join(str(v) for v in table.values()) if table else str(value)


def restore(fit: Fit, found: Checkpoint) -> None:
    """Puts a training back to where a checkpoint has it. All is read and checked before anything is changed.

    Raises:
        CheckpointError: where the checkpoint does not hold what this training needs.
    """
    table, network = found.table, fit.network

    def part(name: str, kind: type = dict) -> Any:
        value = table.get(name)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise CheckpointError(f"{found.path} lacks {name}")
        return value

    def real(name: str, key: str) -> float:
        try:
            return float(part(name)[key])
        except (KeyError, TypeError, ValueError, OverflowError):
            raise CheckpointError(f"{found.path} lacks {name} {key}") from None

    def count(name: str, key: str) -> int:
        value = real(name, key)
        if not (0 <= value < 2**53 and value == int(value)):
            raise CheckpointError(f"{found.path}: {name} {key} is no count: {value}")
        return int(value)

    values = {name: found.read(f"value/{name}", array.dtype, array.shape) for name, array in fit.steps.values().items()}
    own = {**network.parameters, **network.states}
    best = {name: found.read(f"best/{name}", own[name].dtype, own[name].shape) for name in fit.kept} if part(
        "best", bool
    ) else {}  # fmt: skip
    columns = {name: found.read(f"history/{name}", kind, (None,)) for name, kind in COLUMNS.items()}
    if len({len(c) for c in columns.values()}) > 1:
        raise CheckpointError(f"{found.path}: the history's columns are of different lengths")
    epoch = [found.read(f"epoch/{name}", np.float64, (None,)) for name in EPOCH]
    if len({len(c) for c in epoch}) > 1 or len(epoch[0]) >= fit.epoch_steps:
        raise CheckpointError(f"{found.path}: the unfinished epoch has {len(epoch[0])} steps of {fit.epoch_steps}")
    for name, array in {**{n: values[n] for n in own}, **best}.items():  # an optimizer's sums may overflow
        if not np.isfinite(array).all():
            raise CheckpointError(f"{found.path}: {name} holds NaN or infinity")
    history = History(Records.from_columns(columns), count("history", "steps"), engine=fit.history.engine)
    history.loss, history.first_batch_loss = real("history", "loss"), real("history", "first_batch_loss")
    if part("history").get("best_epoch") is not None:
        history.best_epoch = count("history", "best_epoch")
    if "steps_before" in part("history"):
        history.steps_before = count("history", "steps_before")
    seconds = real("history", "seconds")
    taken = part("steps_taken", int)
    if not 0 <= taken < 2**63 or history.steps > taken or not 0 <= seconds < math.inf:
        raise CheckpointError(f"{found.path}: its counts of steps do not belong together")
    stopping = {"reference": real("stopping", "reference"), "wait": count("stopping", "wait"),
                "lowest": real("stopping", "lowest")}  # fmt: skip
    rate = {key: real("rate", key) for key in fit.rate.state()}
    if any(math.isnan(value) or value < 0 for value in rate.values()) or rate.get("wait", 0) > history.steps:
        raise CheckpointError(f"{found.path}: the schedule cannot be at {rate}")
    before = int(columns["step"][-1]) if len(history) else 0
    if history.steps != before + len(epoch[0]) or not 1 <= (history.best_epoch or 1) <= max(len(history), 1):
        raise CheckpointError(f"{found.path}: its steps and epochs do not belong together")
    fit.stopping.restore(stopping)
    if fit.patience is not None and fit.validation is None:  # many short epochs are not looked at without
        fit.stopping = EarlyStopping()
        for loss in columns["loss"].tolist():
            fit.stopping.look(loss, fit.min_improvement)
    fit.rate.restore(rate)
    fit.best, fit.history, fit.seconds_before = best, history, seconds
    fit.epoch.restore(*epoch)
    fit.training.step, fit.training.loss = history.steps, history.loss
    fit.training.epoch = len(history) + 1
    network.steps_taken = taken
    fit.steps.put(values)
    fit.dirty = True
