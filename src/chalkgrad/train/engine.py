"""The engine that a training runs on, and how it was chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..base.checks import as_table
from ..engines.choice import compiled_wanted
from ..engines.numpy.steps import NumPySteps
from ..engines.stepping import MOST_THREADS, Steps
from ..engines.work import RECORDED, seconds, worth
from ..files.checkpoint import Checkpoint
from ..model.model import Array, Model
from ..program import Program
from .sharded_steps import ShardedSteps
from .task import Task

UNKNOWN_EPOCHS = 20
"""The epochs that an estimate assumes where nothing says how many there will be."""


def steps_of(
    model: Model,
    program: Program,
    values: Mapping[str, Array],
    task: Task,
    checkpoint: Checkpoint | None,
) -> Steps:
    """The steps of the engine that was asked for, or that the work is worth.

    Args:
        model: what is trained.
        program: its program with the update.
        values: the arrays that steps hand on to each other, by name, at the start.
        task: what the training has to do.
        checkpoint: the one that is resumed, if any: the same engine, and as many parts, give the same bits.

    Raises:
        OptionError: where the engine is not known, or cannot be used.
    """
    settings, samples = task.settings, task.samples
    engine, estimate = settings.engine, expected_seconds(program, values, task)
    before: Mapping[str, Any] = (as_table(checkpoint.table.get("engine")) if checkpoint else None) or {}
    compiled, parts = before.get("compiled"), before.get("parts")
    if checkpoint and engine == "auto":
        estimate = math.inf if compiled else 0.0
    data_loss = "L_data" if model.layout.penalties else "L"
    if settings.shards is not None:
        return ShardedSteps(model, program, values, task, data_loss)
    below = -math.inf if settings.stop_below is None else settings.stop_below
    arguments = program, values, samples.x, samples.y, task.count, task.largest_batch, data_loss, below
    why = ""
    if compiled_wanted("fit", engine, estimate, worth(program)):
        from ..engines.c.run.compiler import CompilerError, patience
        from ..engines.c.run.training import CompiledSteps

        split = max(1, min(parts, MOST_THREADS)) if compiled and isinstance(parts, int) else None
        title = f"training of {model!r}"
        try:
            return CompiledSteps(
                *arguments, title=title, parts=split, patience=patience(engine, estimate), weights=samples.weights
            )
        except CompilerError as error:
            if engine == "compiled":
                raise
            why = f" ({error})"
    steps = NumPySteps(*arguments, check_finite=settings.check_finite, weights=samples.weights)
    steps.name += why
    return steps


def expected_seconds(program: Program, values: Mapping[str, Array], task: Task) -> float:
    """About how many seconds the training takes on the reference engine; infinite where it runs until a low loss."""
    settings = task.settings
    if settings.stop_below is not None and settings.epochs is None and settings.max_steps is None:
        return math.inf
    lines = program.needed_for(["L", *(program.updated[n] for n in values if n in program.updated)])
    epochs = UNKNOWN_EPOCHS if settings.epochs is None else settings.epochs
    steps = min(epochs * task.epoch_steps, settings.max_steps or math.inf)
    return seconds(program, lines, task.largest_batch, RECORDED) * steps
