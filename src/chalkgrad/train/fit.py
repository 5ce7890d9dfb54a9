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
from ..losses import are_classes
from ..network import Array, Network
from ..settings import from_table
from .callbacks import Callback, Training
from .history import History, Record, StopReason
from .optimizers import Optimizer, as_optimizer
from .progress import Progress
from .schedules import SCHEDULES, Constant, Schedule


class Fit:
    """One training, made ready by the arguments of `Network.fit` and run by `run`.

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
        epochs: int | None = None,
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
        self.optimizer = as_optimizer(optimizer)
        schedule = Constant() if schedule is None else schedule
        self.schedule = from_table("schedule", schedule, SCHEDULES) if isinstance(schedule, str) else schedule
        if not isinstance(self.schedule, Schedule):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise OptionError(f"schedule is {schedule!r}; known: {', '.join(SCHEDULES)}")
        self.epochs = None if epochs is None else whole("fit", "epochs", epochs)
        self.max_steps = None if max_steps is None else whole("fit", "max_steps", max_steps)
        self.patience = None if patience is None else whole("fit", "patience", patience)
        self.stop_below = None if stop_below is None else number("fit", "stop_below", stop_below, -math.inf)
        if self.epochs is self.max_steps is self.patience is self.stop_below is None:
            self.epochs = 1
        self.min_improvement = number("fit", "min_improvement", min_improvement, 0.0)
        self.restore_best = restore_best
        self.shuffle = shuffle
        self.seed = network.seed if seed is None else whole("fit", "seed", seed, 0)
        by_class = network.loss_function.of_classes or are_classes(y, network.output_shape)
        self.x, self.y = network.pair(x, y)
        self.validation: tuple[Array, Array] | None = None
        self._split(validation, by_class)
        self.batch_size = len(self.x) if batch_size is None else whole("fit", "batch_size", batch_size)
        self.epoch_steps = math.ceil(len(self.x) / self.batch_size)
        ends = [self.max_steps] if self.max_steps else []
        ends += [self.epochs * self.epoch_steps] if self.epochs else []
        if self.schedule.needs_end and not ends:
            raise OptionError(f"the schedule {self.schedule.kind} must know the end: give epochs or max_steps")
        self.rate = self.schedule.start(self.optimizer.learning_rate, self.epoch_steps, min(ends, default=None))
        if not isinstance(callbacks, Sequence) or not all(isinstance(c, Callback) for c in callbacks):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise OptionError(f"callbacks is a list of Callback objects, not {callbacks!r}")
        self.callbacks = [*callbacks, Progress()] if progress else list(callbacks)
        self.history = History()
        self.training = Training(network, self.epochs, self.epoch_steps, self._write_back)
        self._prepare()

    def _split(self, validation: tuple[Any, Any] | float | None, by_class: bool) -> None:
        if validation is None:
            return
        if isinstance(validation, (tuple, list)):
            if len(validation) != 2:
                raise OptionError("validation is a pair (x, y), or the share of the samples to set aside")
            self.validation = self.network.pair(*validation)
            return
        share = number("fit", "validation", validation, 0.0, 1.0)
        if share == 0:
            return
        flat = self.y.reshape(len(self.y), -1)
        classes = (flat.argmax(axis=1) if flat.shape[1] > 1 else flat[:, 0] > 0.5) if by_class else None
        stay, aside = split_indices(len(self.x), share, self.seed, classes)
        self.validation = self.x[aside], self.y[aside]
        self.x, self.y = self.x[stay], self.y[stay]

    def _prepare(self) -> None:
        network = self.network
        self.program = self.optimizer.extend(network.program, network.plan, network.frozen)
        own = {**network.parameters, **network.states}
        carried = {**own, **self.optimizer.start(self.program, network.dtype)}
        computed = {s.output for s in self.program}
        self.carried = [(name, f"{name}_new") for name in carried if f"{name}_new" in computed]
        self.kept = [name for name, _ in self.carried if name in own]
        self.data_loss = "L_data" if network.plan.penalties else "L"
        self.runner = Runner(self.program.needed_for(["L", *(new for _, new in self.carried)]))
        self.values: Values = {name: np.array(array) for name, array in carried.items()}
        self.before: Values = {}
        self.dirty = False
        self.lowest = math.inf
        self.reference = math.inf
        self.best: Values = {}
        self.wait = 0

    # -- the loop ----------------------------------------------------------------------------------------------

    def run(self) -> History:
        """Trains until something stops it."""
        started = time.perf_counter()
        try:
            for callback in self.callbacks:
                callback.on_begin(self.training)
            with few_threads(self.program, min(self.batch_size, len(self.x))):
                epoch = 0
                while self._next_epoch(epoch, started):
                    epoch += 1
        except KeyboardInterrupt:
            self.history.stop_reason = StopReason.INTERRUPTED
            raise
        except BaseException as error:
            self.history.stop_reason, self.history.stop_detail = StopReason.ERROR, repr(error)
            raise
        finally:
            self._finish()
        return self.history

    def _next_epoch(self, epoch: int, started: float) -> bool:
        """Runs one epoch; returns whether another should follow."""
        history, training = self.history, self.training
        training.epoch = epoch + 1
        count = len(self.x)
        order = None
        if self.shuffle:  # drawn from the seed and the steps so far: one fit of n epochs is n fits of one
            order = np.random.default_rng([self.seed, self.network.steps_taken]).permutation(count)
        averaged = self.network.loss_function.reduction == "mean"
        total = penalty = 0.0
        seen = 0
        rate = self.optimizer.learning_rate
        stopped = False
        for begin in range(0, count, self.batch_size):
            end = min(begin + self.batch_size, count)
            rate = self.rate.at(history.steps)
            loss = self._step(order, begin, end, rate)
            if not math.isfinite(loss):
                self._not_finite(f"L is {loss}", epoch)
                stopped = True
                break
            history.loss = training.loss = loss
            data_loss = float(self.values[self.data_loss])
            penalty = loss - data_loss
            total += data_loss * (end - begin) if averaged else data_loss
            seen += end - begin
            if self.stop_below is not None and loss < self.stop_below:
                history.stop_reason = StopReason.LOSS
                history.stop_detail = f"loss {loss!r} after {history.steps} steps"
                stopped = True
            else:
                self._carry()
                for callback in self.callbacks:
                    callback.on_step(training)
                stopped = self._asked_to_stop()
            if stopped:
                break
        if seen:
            mean = total / seen if averaged else total
            stopped = self._end_epoch(epoch, mean + penalty, rate, time.perf_counter() - started) or stopped
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
        values["t"] = self.history.steps + 1
        values["clock"] = self.network.steps_taken + 1
        loss = float(self.runner.run(values)["L"])
        if math.isnan(self.history.first_batch_loss):
            self.history.first_batch_loss = loss
        return loss

    def _carry(self) -> None:
        """Makes the new values the current ones; what an update began with stays in `before`."""
        values = self.values
        self.before = {name: values[name] for name in ("x", "y", "lr", "t", "clock")}
        for name, new in self.carried:
            self.before[name] = values[name]
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

    def _end_epoch(self, epoch: int, loss: float, rate: float, seconds: float) -> bool:
        """Validates and records an epoch; returns whether the training must stop here."""
        history = self.history
        val_loss = val_accuracy = None
        if self.validation is not None:
            self._write_back()
            found = self.network.evaluate(*self.validation)
            val_loss, val_accuracy = found.loss, found.accuracy
        record = Record(epoch + 1, history.steps, loss, rate, seconds, val_loss, val_accuracy)
        history.records.append(record)
        if val_loss is not None and not math.isfinite(val_loss):
            self._not_finite(f"the validation loss is {val_loss}", epoch)
            return True
        watched = loss if val_loss is None else val_loss
        self.rate.epoch_done(watched)
        if watched < self.reference - self.min_improvement:
            self.reference, self.wait = watched, 0
        else:
            self.wait += 1
        if val_loss is not None and val_loss < self.lowest:
            self.lowest = val_loss
            history.best_epoch = epoch + 1
            if self.restore_best:
                self.best = {name: self.values[name] for name in self.kept}
        for callback in self.callbacks:
            callback.on_epoch(self.training, record)
        return False

    def _done(self, epoch: int) -> bool:
        history = self.history
        if self.patience is not None and self.wait >= self.patience:
            history.stop_reason = StopReason.PLATEAU
            of = "validation loss" if self.validation is not None else "training loss"
            history.stop_detail = f"the {of} has not improved for {self.wait} epoch{'s' * (self.wait > 1)}"
            return True
        if self.epochs is not None and epoch + 1 >= self.epochs:
            history.stop_reason = StopReason.EPOCHS
            return True
        return False

    # -- numbers that are lost -----------------------------------------------------------------------------------

    def _lost_weights(self) -> bool:
        return any(not np.isfinite(self.values[name]).all() for name in self.kept)

    def _not_finite(self, what: str, epoch: int) -> None:
        """Finds the step in which the number was lost, and goes back to the weights before the last update."""
        history = self.history
        values, step = dict(self.values), history.steps + 1
        if self._lost_weights() and self.before:  # by the last update: that is the step to look into
            values, step = dict(self.before), history.steps
        values = Runner(self.program.steps).run({**self.network.parameters, **self.network.states, **values})
        found = first_not_finite(self.program.steps, values) or what
        if self.before:
            self.values.update(self.before)
            self.network.steps_taken -= 1
            history.steps -= 1
            self.dirty = True
        history.stop_reason = StopReason.NOT_FINITE
        history.stop_detail = f"{found}, in step {step} (epoch {epoch + 1})"
        warnings.warn(
            f"training stopped: {history.stop_detail}; try a smaller learning rate than "
            f"{self.optimizer.learning_rate:g}",
            RuntimeWarning,
            stacklevel=5,
        )

    # -- the network's own arrays --------------------------------------------------------------------------------

    def _write_back(self) -> None:
        if not self.dirty:
            return
        network = self.network
        for name, array in {**network.parameters, **network.states}.items():
            array[...] = self.values[name]
        self.dirty = False

    def _finish(self) -> None:
        """Puts the best weights back, tells the callbacks, and lets go of the arrays."""
        if self.history.stop_reason is not StopReason.NOT_FINITE and self._lost_weights():
            self._not_finite("a weight is not finite", len(self.history.records) - 1)
        if self.best:
            self.values.update(self.best)
            self.dirty = True
        self._write_back()
        for callback in self.callbacks:
            callback.on_end(self.training, self.history)
        self.values, self.before, self.best = {}, {}, {}
        self.x = self.y = np.empty(0)
        self.validation = None
