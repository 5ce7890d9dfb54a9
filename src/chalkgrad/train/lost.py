"""Numbers that are lost: NaN and infinity in a training, and losses that only grow."""

from __future__ import annotations

import numpy as np

from ..engines.numpy.runner import Runner, first_not_finite
from .history import StopReason
from .state import State
from .task import Task

GROWN = 100
"""A loss that ends so many times above where it began, and above what needs no network, is worth a warning."""


def go_back(state: State, task: Task, reason: str) -> None:
    """Finds the step in which a number was lost, and goes back to the weights before the last update.

    The history then says why the training stopped.

    Args:
        state: the training, after the step that the engine stopped at, or the last one.
        task: what it has to do.
        reason: what is said where no value of the step is NaN or infinite.
    """
    history, buffers = state.history, state.buffers
    values, step = {**buffers.values(), **buffers.steps.stopped_at()}, history.steps + 1
    not_finite = buffers.lost()
    before = buffers.undo()
    if before is not None:
        state.count()
        if not_finite:  # by the last update: that is the step to look into
            values, step = before, history.steps + 1
    lines = buffers.program.steps
    place = first_not_finite(lines, Runner(lines).run({**buffers.own(), **values})) or reason
    history.stop_reason = StopReason.NOT_FINITE
    history.stop_detail = f"{place}, in step {step} (epoch {-(-step // task.epoch_steps)})"
    rate = task.settings.optimizer.learning_rate
    state.warnings.append(f"training stopped: {history.stop_detail}; try a smaller learning rate than {rate:g}")


def look_for_growth(state: State, task: Task) -> None:
    """Says so where the loss has become very large, although it is a finite number.

    Args:
        state: the training, at its end.
        task: what it had to do.
    """
    history, loss = state.history, state.model.loss_function
    broken_off = (StopReason.NOT_FINITE, StopReason.INTERRUPTED, StopReason.ERROR)
    if history.stop_reason in broken_off or not len(history):
        return
    summed = loss.reduction == "sum"
    last = min(history.loss, history.records[-1].loss / (task.epoch_steps if summed else 1))
    first, tiny = history.first_batch_loss, float(np.finfo(state.model.dtype).eps)
    if not last > GROWN * max(first, tiny):
        return
    zeros = loss.of_zeros(task.samples.y) * (task.largest_batch if summed else 1)
    if not last > GROWN * zeros:
        return
    rate = task.settings.optimizer.learning_rate
    text = (
        f"the loss grew from {first:.4g} to {last:.4g}, where outputs of 0 would have {zeros:.4g}; try a smaller "
        f"learning rate than {rate:g}, or scale the inputs"
    )
    history.stop_detail = f"{history.stop_detail}; {text}" if history.stop_detail else text
    state.warnings.append(text)
