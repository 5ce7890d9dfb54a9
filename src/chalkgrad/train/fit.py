"""Training: batches, steps, epochs, and when to stop."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..checks import number, whole
from ..data.splits import split_indices
from ..engines.blas import few_threads
from ..engines.numpy_engine import Runner, Values, first_not_finite
from ..errors import OptionError
from ..network import Array, Network
from ..settings import from_table
from .callbacks import Callback, Training
from .history import History, Record, StopReason
from .optimizers import OPTIMIZERS, Optimizer
from .progress import Progress
from .schedules import SCHEDULES, Constant, Schedule


def fit(
    network: Network,
    x: Any,
    y: Any,
    *,
    optimizer: Optimizer | str = "SGD",
    epochs: int | None = 1,
    batch_size: int | None = 32,
    shuffle: bool = True,
    validation: tuple[Any, Any] | float | None = None,
    schedule: Schedule | str | None = None,
    patience: int | None = None,
    min_improvement: float = 0.0,
    restore_best: bool = True,
    stop_below: float | None = None,
    max_steps: int | None = None,
    seed: int | None = None,
    callbacks: Sequence[Callback] = (),
    progress: bool = False,
) -> History:
    """Trains a network in place.

    Args:
        network: the network.
        x: (N, *input_shape).
        y: targets (N, *output_shape) or class numbers (N,).
        optimizer: an optimizer, or its name.
        epochs: how many times to go through the samples at most; None: until something else stops it.
        batch_size: samples in a step; None for all at once. The last batch of an epoch may be smaller.
        shuffle: whether every epoch has an order of its own, drawn from seed and epoch number.
        validation: samples to validate on, (x, y); or the share of the given ones to set aside, drawn from
            the seed and evenly over the classes.
        schedule: how the learning rate changes, or the schedule's name.
        patience: stop when the validation loss (without validation, the training loss) has not improved by
            more than `min_improvement` for this many epochs.
        min_improvement: what counts as an improvement.
        restore_best: put back the weights of the epoch with the best validation loss.
        stop_below: stop, before the update, at the first step whose loss is below this.
        max_steps: stop after this many updates.
        seed: where order and split come from; the network's seed if not given.
        callbacks: code to be called on the way.
        progress: show a bar on a terminal, plain lines elsewhere.

    Returns:
        What happened, epoch by epoch, and why it stopped. A loss that is NaN or infinite stops the training at
        once with a warning; the parameters are then those of the best epoch, or without validation those
        before the update that broke it.

    Raises:
        ShapeError, DataError: where x, y or the validation samples do not fit.
        OptionError: where a setting cannot be, or nothing would ever stop the training.
    """
    return Fit(
        network, x, y, optimizer, epochs, batch_size, shuffle, validation, schedule, patience,
        min_improvement, restore_best, stop_below, max_steps, seed, callbacks, progress,
    ).run()  # fmt: skip


class Fit:
    """One training, made ready by its arguments (those of `fit`) and run by `run`.

    `values` holds the current arrays; the network's own are written when somebody looks, and at the end.

    Attributes:
        history: what has happened so far.
    """

    def __init__(
        self,
        network: Network,
        x: Any,
        y: Any,
        optimizer: Optimizer | str = "SGD",
        epochs: int | None = 1,
        batch_size: int | None = 32,
        shuffle: bool = True,
        validation: tuple[Any, Any] | float | None = None,
        schedule: Schedule | str | None = None,
        patience: int | None = None,
        min_improvement: float = 0.0,
        restore_best: bool = True,
        stop_below: float | None = None,
        max_steps: int | None = None,
        seed: int | None = None,
        callbacks: Sequence[Callback] = (),
        progress: bool = False,
    ) -> None:
        self.network = network
        self.optimizer = from_table("optimizer", optimizer, OPTIMIZERS) if isinstance(optimizer, str) else optimizer
        if not isinstance(self.optimizer, Optimizer):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise OptionError(f"optimizer is {optimizer!r}; known: {', '.join(OPTIMIZERS)}")
        schedule = Constant() if schedule is None else schedule
        self.schedule = from_table("schedule", schedule, SCHEDULES) if isinstance(schedule, str) else schedule
        self.epochs = None if epochs is None else whole("fit", "epochs", epochs)
        self.max_steps = None if max_steps is None else whole("fit", "max_steps", max_steps)
        self.patience = None if patience is None else whole("fit", "patience", patience)
        self.stop_below = None if stop_below is None else number("fit", "stop_below", stop_below, -math.inf)
        self.min_improvement = number("fit", "min_improvement", min_improvement, 0.0)
        self.restore_best = restore_best
        self.shuffle = shuffle
        self.seed = network.seed if seed is None else whole("fit", "seed", seed, 0)
        if self.epochs is self.max_steps is self.patience is self.stop_below is None:
            raise OptionError("nothing would stop this training: give epochs, max_steps, patience or stop_below")
        self.x, self.y = network.pair(x, y)
        self.validation: tuple[Array, Array] | None = None
        self._split(validation, y)
        self.batch_size = len(self.x) if batch_size is None else whole("fit", "batch_size", batch_size)
        self.epoch_steps = math.ceil(len(self.x) / self.batch_size)
        self.total_steps = self.max_steps or (None if self.epochs is None else self.epochs * self.epoch_steps)
        if self.schedule.needs_end and self.total_steps is None:
            raise OptionError(f"the schedule {self.schedule.kind} must know the end: give epochs or max_steps")
        self.rate = self.schedule.start(self.optimizer.learning_rate, self.epoch_steps, self.total_steps)
        self.callbacks = [*callbacks, Progress()] if progress else list(callbacks)
        self.history = History()
        self.training = Training(network, self.epochs, self.epoch_steps, self._write_back)
        self._prepare()

    def _split(self, validation: tuple[Any, Any] | float | None, given_y: Any) -> None:
        if validation is None:
            return
        if isinstance(validation, tuple):
            if len(validation) != 2:
                raise OptionError("validation is a pair (x, y), or the share of the samples to set aside")
            self.validation = self.network.pair(*validation)
            return
        share = number("fit", "validation", validation, 0.0, 1.0)
        if share == 0:
            return
        given_y = np.asarray(given_y)
        classes = self.network.classes(self.y, targets=True) if self.network.loss_function.of_classes else None
        stay, aside = split_indices(len(self.x), share, self.seed, classes)
        self.validation = self.x[aside], self.y[aside]
        self.x, self.y = self.x[stay], self.y[stay]

    def _prepare(self) -> None:
        network = self.network
        self.program = self.optimizer.extend(network.program, network.plan, network.frozen)
        carried = {**network.parameters, **network.states, **self.optimizer.start(self.program, network.dtype)}
        computed = {s.output for s in self.program}
        self.carried = [(name, f"{name}_new") for name in carried if f"{name}_new" in computed]
        self.runner = Runner(self.program.needed_for(["L", *(new for _, new in self.carried)]))
        self.values: Values = {name: np.array(array) for name, array in carried.items()}
        self.before: dict[str, Any] = {}
        self.dirty = False
        self.best_loss = math.inf
        self.best: dict[str, Array] | None = None
        self.wait = 0

    # -- the loop --------------------------------------------------------------------------------------------

    def run(self) -> History:
        """Trains until something stops it."""
        started = time.perf_counter()
        for callback in self.callbacks:
            callback.on_begin(self.training)
        try:
            with few_threads(self.program, min(self.batch_size, len(self.x))):
                epoch = 0
                while self._next_epoch(epoch, started):
                    epoch += 1
        except KeyboardInterrupt:
            self.history.stop_reason = StopReason.INTERRUPTED
            raise
        finally:
            self._finish()
        return self.history

    def _next_epoch(self, epoch: int, started: float) -> bool:
        """Runs one epoch; returns whether another should follow."""
        history, training = self.history, self.training
        training.epoch = epoch + 1
        count = len(self.x)
        order = np.random.default_rng([self.seed, epoch]).permutation(count) if self.shuffle else None
        total = 0.0
        seen = 0
        stopped = False
        rate = self.optimizer.learning_rate
        for begin in range(0, count, self.batch_size):
            end = min(begin + self.batch_size, count)
            rate = self.rate.at(history.steps)
            loss = self._step(order, begin, end, rate)
            if not math.isfinite(loss):
                self._not_finite(epoch, loss)
                stopped = True
                break
            history.loss = training.loss = loss
            if self.stop_below is not None and loss < self.stop_below:
                history.stop_reason = StopReason.LOSS
                history.stop_detail = f"loss {loss!r} after {history.steps} steps"
                stopped = True
            else:
                self._carry()
            total += loss * (end - begin) if self.network.loss_function.reduction == "mean" else loss
            seen += end - begin
            if not stopped:
                for callback in self.callbacks:
                    callback.on_step(training)
                stopped = self._asked_to_stop()
            if stopped:
                break
        self._end_epoch(epoch, total, seen, rate, time.perf_counter() - started)
        return not stopped and not self._asked_to_stop() and not self._done(epoch)

    def _step(self, order: Array | None, begin: int, end: int, rate: float) -> float:
        """Computes one batch's loss and new values, and keeps them in `values`."""
        values = self.values
        if order is None:
            values["x"], values["y"] = self.x[begin:end], self.y[begin:end]
        else:
            chosen = order[begin:end]
            values["x"], values["y"] = self.x[chosen], self.y[chosen]
        values["lr"] = rate
        values["t"] = self.network.steps_taken + 1
        loss = float(self.runner.run(values)["L"])
        if math.isnan(self.history.first_batch_loss):
            self.history.first_batch_loss = loss
        return loss

    def _carry(self) -> None:
        """Makes the new values the current ones."""
        values = self.values
        self.before = {name: values[name] for name, _ in self.carried}
        for name, new in self.carried:
            values[name] = values[new]
        self.network.steps_taken += 1
        self.history.steps += 1
        self.training.step += 1
        self.dirty = True

    def _asked_to_stop(self) -> bool:
        history = self.history
        if self.training.stop_text is not None:
            history.stop_reason, history.stop_detail = StopReason.CALLBACK, self.training.stop_text
            return True
        if self.max_steps is not None and history.steps >= self.max_steps:
            history.stop_reason = StopReason.STEPS
            return True
        return False

    def _end_epoch(self, epoch: int, total: float, seen: int, rate: float, seconds: float) -> None:
        history = self.history
        if not seen:
            return
        loss = total / seen if self.network.loss_function.reduction == "mean" else total
        val_loss = val_accuracy = None
        if self.validation is not None:
            self._write_back()
            found = self.network.evaluate(*self.validation)
            val_loss, val_accuracy = found.loss, found.accuracy
        record = Record(epoch + 1, history.steps, loss, rate, seconds, val_loss, val_accuracy)
        history.records.append(record)
        watched = loss if val_loss is None else val_loss
        self.rate.epoch_done(watched)
        if watched < self.best_loss - self.min_improvement or (self.best is None and math.isfinite(watched)):
            self.best_loss, self.wait = watched, 0
            if val_loss is not None:
                history.best_epoch = epoch + 1
                if self.restore_best:
                    self.best = {name: self.values[name] for name, _ in self.carried}
            elif self.best is None:
                self.best = {}
        else:
            self.wait += 1
        for callback in self.callbacks:
            callback.on_epoch(self.training, record)

    def _done(self, epoch: int) -> bool:
        history = self.history
        if self.patience is not None and self.wait >= self.patience:
            history.stop_reason = StopReason.PLATEAU
            of = "validation loss" if self.validation is not None else "training loss"
            history.stop_detail = f"the {of} has not improved for {self.wait} epochs"
            return True
        if self.epochs is not None and epoch + 1 >= self.epochs:
            history.stop_reason = StopReason.EPOCHS
            return True
        return False

    def _not_finite(self, epoch: int, loss: float) -> None:
        """Records where the number was lost, and goes back to the weights before the last update."""
        values = dict(self.values)
        for name in values:
            if name.endswith("_new"):
                values[name] = None
        found = first_not_finite(self.program.steps, values) or f"L is {loss}"
        history = self.history
        history.stop_reason = StopReason.NOT_FINITE
        history.stop_detail = f"{found}, in step {history.steps + 1} (epoch {epoch + 1})"
        self.values.update(self.before)
        self.network.steps_taken -= bool(self.before)
        self.dirty = True
        warnings.warn(
            f"training stopped: {history.stop_detail}; try a smaller learning rate than "
            f"{self.optimizer.learning_rate:g}",
            RuntimeWarning,
            stacklevel=5,
        )

    # -- the network's own arrays ----------------------------------------------------------------------------

    def _write_back(self) -> None:
        if not self.dirty:
            return
        network = self.network
        for name, array in {**network.parameters, **network.states}.items():
            array[...] = self.values[name]
        self.dirty = False

    def _finish(self) -> None:
        if self.best and self.restore_best:
            self.values.update(self.best)
            self.dirty = True
        self._write_back()
        for callback in self.callbacks:
            callback.on_end(self.training, self.history)
