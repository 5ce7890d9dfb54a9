"""One training: made ready, run, and brought to its end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import Signals
from typing import Any

import numpy as np

from ..base.errors import DataWarning
from ..base.messages import warn
from ..describe.optimizers import SGD
from ..engines.blas import few_threads
from ..files.checkpoint import Checkpoint
from ..model.adapting import adapt, unlearned
from ..model.model import Model
from .beginning import Beginning
from .callbacks import Callback, Training, read_callbacks
from .checkpoints import Checkpoints, Keeper, newest, read_checkpoints
from .history import History, StopReason
from .loop import Loop
from .lost import go_back, look_for_growth
from .progress import Progress
from .resuming import restore
from .samples import Samples
from .saving import Saving
from .settings import FitSettings
from .signals import Interrupts
from .state import State
from .task import Task

LARGE = 30.0
"""A standard deviation of targets beyond this, or below its inverse, is far from 1."""


class Fit:
    """One training, made ready by the arguments of `Network.fit` and run by `run`, once.

    Args (beside those of `Network.fit`):
        extra: a table that is kept in the checkpoints; JSON must be able to hold it.
        signals: those that ask for an end; the step is finished first.
        settings: those that `FitSettings.read` takes, by name.

    Attributes:
        task: what is to be done.
        state: where it is.
        keeper: what writes checkpoints; None where none are.
        interrupts: the signals that ask for an end.

    Raises:
        ShapeError, DataError: where x, y or the validation samples do not fit.
        OptionError: where a setting is invalid.
        CheckpointError: where there is nothing to resume, or it does not fit.
    """

    def __init__(
        self,
        model: Model,
        x: Any,
        y: Any,
        *,
        validation: tuple[Any, ...] | float | None = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        callbacks: Sequence[Callback] = (),
        progress: bool = False,
        checkpoints: Checkpoints | str | Path | None = None,
        resume: str | Path | Checkpoint | None = None,
        extra: Mapping[str, Any] | None = None,
        signals: Sequence[Signals] = (Signals.SIGINT,),
        **settings: Any,
    ) -> None:
        fit_settings = FitSettings.read(model, **settings)
        checkpoint = resume if isinstance(resume, Checkpoint) or resume is None else newest(resume)
        samples = Samples.read(model, x, y, validation, fit_settings.seed, sample_weight, class_weight)
        self.task = Task.of(fit_settings, samples)
        self.task.check_batches(model.loss_function)
        for part in (samples, samples.validation):
            if part is not None:
                model.named_metrics("fit", fit_settings.metrics, by_number=part.by_number)
        self.callbacks = [*read_callbacks(callbacks), *([Progress()] if progress else [])]
        keeper_settings = read_checkpoints(checkpoints)
        self.keeper = None if keeper_settings is None else Keeper(keeper_settings)
        self._saving: Saving | None = None
        if checkpoint is not None or self.keeper is not None:
            beginning = Beginning.of(model, self.task)
            if checkpoint is not None:
                beginning.check(checkpoint, repr(model))
            if self.keeper is not None:
                self._saving = Saving(self.keeper, beginning, extra or {})
        if lines := unlearned(model):
            adapt(model, lines, lambda: ((x, y) for x, y, _ in samples.parts()), by_number=samples.by_number)
            _warn_of_units(model, fit_settings)
        self.state = State.start(model, self.task, checkpoint)
        if checkpoint is not None:
            restore(self.state, self.task, checkpoint)
        self.interrupts = Interrupts(signals, self.state.buffers.stop)

    @property
    def history(self) -> History:
        """The history so far."""
        return self.state.history

    def seconds(self) -> float:
        """How long the training has taken so far, what came before a resumption included."""
        return self.state.seconds()

    def run(self) -> History:
        """Trains until something stops it.

        Raises:
            KeyboardInterrupt: after a signal that asks for an end. The step that was under way is finished, and a
                checkpoint written, before that.
            CheckpointError: where another training writes checkpoints into the same directory.
        """
        task, state, history = self.task, self.state, self.history
        training = Training(state, task.settings.epochs, task.epoch_steps)
        loop = Loop(task, state, self.callbacks, training, self._saving, self.interrupts)
        state.began = time.perf_counter()
        with self.keeper or contextlib.nullcontext():
            try:
                for callback in self.callbacks:
                    callback.on_begin(training)
                with self.interrupts, few_threads(state.buffers.program, task.largest_batch):
                    loop.run()
            except KeyboardInterrupt:
                if history.stop_reason is not StopReason.NOT_FINITE:
                    history.stop_reason, history.stop_detail = StopReason.INTERRUPTED, ""
                raise
            except BaseException as error:
                history.stop_reason, history.stop_detail = StopReason.ERROR, repr(error)
                raise
            finally:
                self._finish(training)
        return history

    def _finish(self, training: Training) -> None:
        """Puts the best weights back, tells the callbacks, and lets go of the arrays."""
        state, history, buffers = self.state, self.history, self.state.buffers
        state.count()  # an exception may have come between the engine's last step and its count
        if history.stop_reason is not StopReason.NOT_FINITE and buffers.lost():
            go_back(state, self.task, "a weight is not finite")
        look_for_growth(state, self.task)
        buffers.hand_over(state.optimizer_steps, lost=history.stop_reason is StopReason.NOT_FINITE)
        for callback in self.callbacks:
            callback.on_end(training, history)
        buffers.release()
        del self.task
        for text in state.warnings:  # where warnings are errors, the training is done and kept by now
            warn(text, RuntimeWarning)


def _warn_of_units(model: Model, settings: FitSettings) -> None:
    """Warns where steps of SGD grow with the unit of the targets."""
    line = model.layout.lines[-1]
    if line.layer.learns != "targets" or model.loss_function.of_last or not isinstance(settings.optimizer, SGD):
        return
    sigma = float(np.max(model.states[line.names["sigma"]]))
    if not 1 / LARGE <= sigma <= LARGE:
        warn(
            f"the targets' standard deviation is {sigma:.3g}, and {model.loss_function.kind}'s gradient grows with "
            "it: SGD's steps are then too large or too small; take loss=cg.SquaredError(scale='variance')",
            DataWarning,
        )
