"""The loop of a training: steps, epochs, and when to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence

import numpy as np

from ..engines.stepping import Array, Taken
from ..model.model import Model
from .callbacks import Callback, Training
from .history import Record, StopReason
from .lost import go_back
from .order import Order
from .pace import Pace
from .saving import Saving
from .signals import Interrupts
from .state import State
from .task import Task


class Loop:
    """One training, from the state that it is in to its end.

    Args:
        task: what is to be done.
        state: where it begins; it is updated in place.
        callbacks: what is called on the way.
        training: the training as they see it.
        saving: what writes checkpoints; None where none are.
        interrupts: the signals that ask for an end.
    """

    def __init__(
        self,
        task: Task,
        state: State,
        callbacks: Sequence[Callback],
        training: Training,
        saving: Saving | None,
        interrupts: Interrupts,
    ) -> None:
        self.task, self.state = task, state
        self.callbacks, self.training, self.saving, self.interrupts = callbacks, training, saving, interrupts
        self.order = Order(task)
        settings, validation = task.settings, task.samples.validation
        every_epoch = bool(settings.metrics) or validation is not None
        every_epoch = every_epoch or settings.patience is not None or state.rate.watches
        by_number = (task.samples.by_number, False if validation is None else validation.by_number)
        names = settings.metrics
        self.metrics = [state.model.named_metrics("fit", names, by_number=given) for given in by_number]
        wait = math.inf if saving is None else saving.seconds
        self.pace = Pace(task, callbacks, wait, every_epoch=every_epoch)
        self.last: tuple[Array, Array, Array] | None = None  # losses and rate of a step that ended the training

    def run(self) -> None:
        """Trains until something stops it; the history says what.

        Raises:
            KeyboardInterrupt: after a signal that asks for an end, when the step under way is finished.
        """
        state = self.state
        self._save()  # from the first step on there is something to resume, with the settings of today
        while not self._over() and self._advance():
            if self.saving is not None and self.saving.due(state):
                self._save()
            if self.interrupts.came is not None:
                self._save()
                raise KeyboardInterrupt  # the unfinished epoch is not recorded: it will be finished
        if state.history.stop_reason is not StopReason.NOT_FINITE:
            self._save()  # in the middle of an epoch, if it stopped there: it can be resumed
        if self.last is not None:
            state.losses.add(*self.last)
        if len(state.losses):
            self._end_epoch(*state.losses.unfinished(), state.history.steps)
        if self.interrupts.came is not None:
            raise KeyboardInterrupt

    def _advance(self) -> bool:
        """Takes some steps; returns whether the training continues."""
        at = len(self.state.losses)
        self.state.epoch = len(self.state.history) + 1
        result = self._take(at)
        if not result.stopped:
            for callback in self.callbacks:
                callback.on_step(self.training)
        if not self._end_epochs():
            return False
        if result.stopped:
            self._stopped(float(result.losses[-1]))
        return not result.stopped

    def _take(self, at: int) -> Taken:
        """Has the engine take steps from the epoch's step `at` on, and takes note of them."""
        task, state, history = self.task, self.state, self.state.history
        epochs = 1 if at else self.pace.epochs(len(history), history.steps)
        remaining = task.epoch_steps - at
        steps = epochs * task.epoch_steps if epochs > 1 else self.pace.steps(remaining, history.steps)
        rates = state.rate.many(history.steps, steps)
        order = self.order.of(state.model.steps_taken - at, epochs)
        start = time.perf_counter()
        result = state.buffers.take(order, at * task.batch_size, rates, state.optimizer_steps + 1)
        self.pace.measure(time.perf_counter() - start, result.done)
        state.count()
        if math.isnan(history.first_batch_loss) and len(result.losses):
            history.first_batch_loss = float(result.losses[0])
        if result.interrupted:
            raise KeyboardInterrupt
        count = result.done
        state.losses.add(result.losses[:count], result.data_losses[:count], rates[:count])
        if result.stopped and math.isfinite(result.losses[-1]):
            self.last = result.losses[count:], result.data_losses[count:], rates[count : count + 1]
        finite = [loss for loss in result.losses[-2:] if math.isfinite(loss)]
        if finite:
            history.loss = float(finite[-1])
        return result

    def _end_epochs(self) -> bool:
        """Records the epochs that are done; returns whether the training continues."""
        state, history = self.state, self.state.history
        losses, rates = state.losses.whole()
        steps = history.steps - len(state.losses)
        if len(losses) == 1:
            return self._end_epoch(float(losses[0]), float(rates[0]), steps)
        if len(losses):
            counts = steps - self.task.epoch_steps * np.arange(len(losses))[::-1]
            history.records.extend_columns(counts, losses, rates, state.seconds())
            for callback in self.callbacks:
                callback.on_epoch(self.training, history.records[-1])
        return True

    def _end_epoch(self, loss: float, rate: float, step: int) -> bool:
        """Validates and records an epoch; returns whether the training continues."""
        state, history = self.state, self.state.history
        metrics = self._measure()
        val_loss, val_accuracy, val_metrics = self._validate()
        metrics |= {f"val_{name}": value for name, value in val_metrics.items()}
        record = Record(len(history) + 1, step, loss, rate, state.seconds(), val_loss, val_accuracy, metrics)
        history.records.append(record)
        if val_loss is not None and not math.isfinite(val_loss):
            go_back(state, self.task, f"the validation loss is {val_loss}")
            return False
        watched = loss if val_loss is None else val_loss
        state.rate.epoch_done(watched)
        state.stopping.look(watched, self.task.settings.min_improvement)
        if val_loss is not None and state.stopping.is_lowest(val_loss):
            history.best_epoch = record.epoch
            if self.task.settings.restore_best:
                state.buffers.keep_best()
        for callback in self.callbacks:
            callback.on_epoch(self.training, record)
        return True

    def _measure(self) -> dict[str, float]:
        """The metrics that were asked for, of the samples that are trained on, as they are read by the network now."""
        if not self.metrics[0]:
            return {}
        samples = self.task.samples
        score = self._ready().measure_parts(
            samples.parts(), by_number=samples.by_number, engine=self._engine, metrics=self.metrics[0]
        )
        return dict(score.metrics)

    def _validate(self) -> tuple[float | None, float | None, Mapping[str, float]]:
        """Loss, accuracy and metrics on the samples to validate on; None where there are none."""
        validation = self.task.samples.validation
        if validation is None:
            return None, None, {}
        score = self._ready().measure(
            *validation.samples, by_number=validation.by_number, engine=self._engine, metrics=self.metrics[1]
        )
        return score.loss, score.accuracy, score.metrics

    def _ready(self) -> Model:
        """The model with the parameters of this moment."""
        self.state.buffers.write_back()
        return self.state.model

    @property
    def _engine(self) -> str:
        return "compiled" if self.state.buffers.compiled else "numpy"

    def _stopped(self, loss: float) -> None:
        """Says why the engine stopped at this loss."""
        history = self.state.history
        if math.isfinite(loss):
            history.stop_reason = StopReason.LOSS
            history.stop_detail = f"loss {loss!r} after {history.steps} steps"
        else:
            go_back(self.state, self.task, f"L is {loss}")

    def _over(self) -> bool:
        """Whether a setting or a callback ends the training here."""
        settings, history, wait = self.task.settings, self.state.history, self.state.stopping.wait
        if self.training.stop_text is not None:
            history.stop_reason, history.stop_detail = StopReason.CALLBACK, self.training.stop_text
        elif settings.max_steps is not None and history.steps >= settings.max_steps:
            history.stop_reason = StopReason.STEPS
        elif len(self.state.losses) or not len(history):
            return False  # in the middle of an epoch
        elif settings.patience is not None and wait >= settings.patience:
            history.stop_reason = StopReason.PLATEAU
            of = "training loss" if self.task.samples.validation is None else "validation loss"
            history.stop_detail = f"the {of} has not improved for {wait} epoch{'s' * (wait > 1)}"
        elif settings.epochs is not None and len(history) >= settings.epochs:
            history.stop_reason = StopReason.EPOCHS
        else:
            return False
        return True

    def _save(self) -> None:
        if self.saving is not None:
            self.saving.write(self.state)
