"""Training: batches, steps, epochs, and when to stop."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..checks import number, whole
from ..data.splits import split_indices
from ..engines.blas import few_threads
from ..engines.choice import compiled_wanted
from ..engines.numpy_engine import Runner, first_not_finite
from ..engines.numpy_steps import NumPySteps
from ..engines.stepping import Steps, Taken
from ..engines.work import WORTH, seconds
from ..errors import OptionError
from ..losses import are_classes
from ..network import Array, Network
from ..pixels import Pixels
from ..settings import from_table
from .callbacks import Callback, Training
from .history import History, Record, StopReason
from .optimizers import Optimizer, as_optimizer
from .order import shuffled
from .progress import Progress
from .schedules import SCHEDULES, Constant, Schedule

UNKNOWN_EPOCHS = 20
"""As many epochs are reckoned with where nothing says how many there will be."""
MOST_AT_ONCE = 1_000_000
"""Samples that are ordered at once, where many short epochs are computed in one go."""


class Fit:
    """One training, made ready by the arguments of `Network.fit` and run by `run`.

    An engine's steps hold the current arrays; the network's own are written when somebody looks, and at the end.

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
        engine: str = "auto",
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
        self.x, self.y = network.samples_and_targets(x, y)
        self.chosen: Array | None = None  # the samples to train on; None for all
        self.validation: tuple[Array | Pixels, Array] | None = None
        self._split(validation, by_class)
        self.count = len(self.x) if self.chosen is None else len(self.chosen)
        self.batch_size = self.count if batch_size is None else whole("fit", "batch_size", batch_size)
        self.epoch_steps = math.ceil(self.count / self.batch_size)
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
        self._prepare(engine)

    def _split(self, validation: tuple[Any, Any] | float | None, by_class: bool) -> None:
        if validation is None:
            return
        if isinstance(validation, (tuple, list)):
            if len(validation) != 2:
                raise OptionError("validation is a pair (x, y), or the share of the samples to set aside")
            self.validation = self.network.samples_and_targets(*validation)
            return
        share = number("fit", "validation", validation, 0.0, 1.0)
        if share == 0:
            return
        flat = self.y.reshape(len(self.y), -1)
        classes = (flat.argmax(axis=1) if flat.shape[1] > 1 else flat[:, 0] > 0.5) if by_class else None
        self.chosen, aside = split_indices(len(self.x), share, self.seed, classes)
        self.validation = self.x.rows(aside) if isinstance(self.x, Pixels) else self.x[aside], self.y[aside]

    def _prepare(self, engine: str) -> None:
        network = self.network
        self.program = self.optimizer.extend(network.program, network.plan, network.frozen)
        own = {**network.parameters, **network.states}
        start = {**own, **self.optimizer.start(self.program, network.dtype)}
        computed = {s.output for s in self.program}
        self.kept = [name for name in own if f"{name}_new" in computed]
        self.data_loss = "L_data" if network.plan.penalties else "L"
        below = -math.inf if self.stop_below is None else self.stop_below
        batch = min(self.batch_size, self.count)
        steps = self.program.needed_for(["L", *(f"{n}_new" for n in start if f"{n}_new" in computed)])
        epochs = UNKNOWN_EPOCHS if self.epochs is None else self.epochs
        count = min(epochs * self.epoch_steps, self.max_steps or math.inf)
        if self.stop_below is not None and self.epochs is None and self.max_steps is None:
            count = math.inf  # it goes on until the loss is small
        expected = seconds(self.program, steps, batch) * count
        self.compiled = compiled_wanted("fit", engine, expected, WORTH)
        self.steps: Steps
        arguments = self.program, start, self.x, self.y, self.count, batch, self.data_loss, below
        if self.compiled:
            from ..engines.compiled.compiler import CompilerError
            from ..engines.compiled.training import CompiledSteps

            try:
                self.steps = CompiledSteps(*arguments, title=f"training of {network!r}")
            except CompilerError as error:
                if engine == "compiled":
                    raise
                self.compiled = False
                self.steps = NumPySteps(*arguments)
                self.steps.name = f"numpy ({error})"
        else:
            self.steps = NumPySteps(*arguments)
        self.history.engine = self.steps.name
        self.dirty = False
        self.lowest = math.inf
        self.reference = math.inf
        self.best: Mapping[str, Array] = {}
        self.wait = 0
        self.pace = 0.0  # seconds that a step takes
        intervals = [c.interval for c in self.callbacks if type(c).on_step is not Callback.on_step]
        self.every_step = any(i <= 0 for i in intervals)
        self.hurried = min(intervals, default=math.inf)
        by_epoch = [c.interval for c in self.callbacks if type(c).on_epoch is not Callback.on_epoch]
        self.many_epochs = (
            not self.every_step
            and all(i > 0 for i in by_epoch)
            and self.validation is None
            and self.patience is None
            and not self.rate.watches
        )
        self.hurried = min([self.hurried, *by_epoch])

    # -- the loop ----------------------------------------------------------------------------------------------

    def run(self) -> History:
        """Trains until something stops it."""
        started = time.perf_counter()
        try:
            for callback in self.callbacks:
                callback.on_begin(self.training)
            with few_threads(self.program, min(self.batch_size, self.count)):
                epoch = 0
                while self._next_epochs(epoch, started):
                    epoch = len(self.history)
        except KeyboardInterrupt:
            self.history.stop_reason = StopReason.INTERRUPTED
            raise
        except BaseException as error:
            self.history.stop_reason, self.history.stop_detail = StopReason.ERROR, repr(error)
            raise
        finally:
            self._finish()
        return self.history

    def _next_epochs(self, epoch: int, started: float) -> bool:
        """Runs the next epoch, or several short ones at once; returns whether another should follow."""
        epochs = self._epochs_at_once(epoch)
        if epochs > 1:
            return self._short_epochs(epoch, epochs, started)
        training, count = self.training, self.count
        training.epoch = epoch + 1
        order = self._order(0)
        at, total, seen, penalty, rate = 0, 0.0, 0, 0.0, self.optimizer.learning_rate
        stopped = False
        while at < count and not stopped:
            left = math.ceil((count - at) / self.batch_size)
            taken, rates = self._take(order, at, self._steps_at_once(left))
            losses, data = taken.losses, taken.data_losses
            finite = losses if np.isfinite(losses[-1:]).all() else losses[:-1]
            if len(finite):
                sizes = np.minimum(self.batch_size, count - at - self.batch_size * np.arange(len(finite)))
                total += float(data[: len(finite)] @ sizes) if self._averaged else float(data[: len(finite)].sum())
                seen += int(sizes.sum())
                penalty = float(finite[-1] - data[len(finite) - 1])
                rate = float(rates[len(finite) - 1])
            at += taken.done * self.batch_size
            stopped = self._after(taken, epoch)
        if seen:
            mean = total / seen if self._averaged else total
            stopped = self._end_epoch(epoch, mean + penalty, rate, time.perf_counter() - started) or stopped
        return not stopped and not self._asked_to_stop() and not self._done(epoch)

    @property
    def _averaged(self) -> bool:
        return self.network.loss_function.reduction == "mean"

    def _order(self, epochs_ahead: int) -> Array:
        """The order in which an epoch takes the samples: drawn from the seed and the steps so far."""
        if not self.shuffle:
            return np.arange(self.count) if self.chosen is None else self.chosen
        order = shuffled(self.seed, self.network.steps_taken + epochs_ahead * self.epoch_steps, self.count)
        return order if self.chosen is None else self.chosen[order]

    def _take(self, order: Array, at: int, steps: int) -> tuple[Taken, Array]:
        """Has the engine take steps; keeps the counts."""
        history, network = self.history, self.network
        rates = self.rate.many(history.steps, steps)
        begun = time.perf_counter()
        taken = self.steps.take(order, at, rates, history.steps + 1, network.steps_taken + 1)
        self.pace = (time.perf_counter() - begun) / max(taken.done, 1)
        network.steps_taken += taken.done
        history.steps += taken.done
        self.training.step += taken.done
        self.dirty = self.dirty or taken.done > 0
        if math.isnan(history.first_batch_loss) and len(taken.losses):
            history.first_batch_loss = float(taken.losses[0])
        if taken.interrupted:
            raise KeyboardInterrupt
        return taken, rates

    def _steps_at_once(self, left: int) -> int:
        """How many of an epoch's last steps the engine takes before Python looks again."""
        steps = left
        if self.every_step:
            steps = 1
        elif self.hurried < math.inf:
            steps = max(1, min(left, int(self.hurried / self.pace))) if self.pace else min(left, 20)
        return steps if self.max_steps is None else max(1, min(steps, self.max_steps - self.history.steps))

    def _after(self, taken: Taken, epoch: int) -> bool:
        """What follows from steps that were taken; returns whether the training stops."""
        history = self.history
        finite = [x for x in taken.losses[-2:] if math.isfinite(x)]
        if finite:
            history.loss = self.training.loss = float(finite[-1])
        if taken.stopped and not math.isfinite(taken.losses[-1]):
            self._not_finite(f"L is {float(taken.losses[-1])}", epoch)
            return True
        if taken.stopped:
            history.stop_reason = StopReason.LOSS
            history.stop_detail = f"loss {float(taken.losses[-1])!r} after {history.steps} steps"
            return True
        for callback in self.callbacks:
            callback.on_step(self.training)
        return self._asked_to_stop()

    # -- many short epochs ---------------------------------------------------------------------------------------

    def _epochs_at_once(self, epoch: int) -> int:
        """How many epochs the engine may compute before Python looks again."""
        if not self.many_epochs:
            return 1
        left = math.inf if self.epochs is None else self.epochs - epoch
        if self.max_steps is not None:
            left = min(left, (self.max_steps - self.history.steps) // self.epoch_steps)
        if not self.pace:
            return 1  # the first one shows how long they take
        wanted = min(self.hurried, 0.5) / (self.pace * self.epoch_steps)
        most = MOST_AT_ONCE // self.count if self.shuffle else MOST_AT_ONCE // self.epoch_steps
        return int(max(1, min(left, wanted, most)))

    def _short_epochs(self, epoch: int, epochs: int, started: float) -> bool:
        """Runs several epochs at once."""
        count, per, history = self.count, self.epoch_steps, self.history
        order = np.stack([self._order(k) for k in range(epochs)]) if self.shuffle else self._order(0)
        before = history.steps
        taken, rates = self._take(order, 0, epochs * per)
        finite = len(taken.losses) - (not math.isfinite(taken.losses[-1]))
        whole, rest = divmod(finite, per)
        sizes = np.minimum(self.batch_size, count - self.batch_size * np.arange(per))
        data = taken.data_losses[:finite]
        totals = data[: whole * per].reshape(whole, per) @ (sizes / count if self._averaged else np.ones(per))
        last = np.arange(whole) * per + per - 1
        losses = totals + taken.losses[last] - taken.data_losses[last]
        steps = before + np.minimum(last + 1, taken.done)
        passed = time.perf_counter() - started
        history.records.extend_columns(steps, losses, rates[last], passed)
        self.training.epoch = epoch + whole + (rest > 0)
        if rest:
            part = data[whole * per :]
            mean = part @ sizes[:rest] / sizes[:rest].sum() if self._averaged else part.sum()
            loss = float(mean + taken.losses[finite - 1] - taken.data_losses[finite - 1])
            history.records.append(Record(epoch + whole + 1, history.steps, loss, float(rates[finite - 1]), passed))
        stopped = self._after(taken, epoch + whole)
        if len(history):
            for callback in self.callbacks:
                callback.on_epoch(self.training, history.records[-1])
        return not stopped and not self._asked_to_stop() and not self._done(len(history) - 1)

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
            found = self.network.evaluate(*self.validation, engine="compiled" if self.compiled else "numpy")
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
                current = self.steps.values()
                self.best = {name: current[name] for name in self.kept}
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
        values = self.steps.values()
        return any(not np.isfinite(values[name]).all() for name in self.kept)

    def _not_finite(self, what: str, epoch: int) -> None:
        """Finds the step in which the number was lost, and goes back to the weights before the last update."""
        history, network = self.history, self.network
        values, step = {**self.steps.values(), **self.steps.stopped_at()}, history.steps + 1
        lost = self._lost_weights()
        before = self.steps.undo()
        if before is not None:
            network.steps_taken -= 1
            history.steps -= 1
            self.dirty = True
            if lost:  # by the last update: that is the step to look into
                values, step = before, history.steps + 1
        values = Runner(self.program.steps).run({**network.parameters, **network.states, **values})
        found = first_not_finite(self.program.steps, values) or what
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
        values = self.steps.values()
        for name, array in {**self.network.parameters, **self.network.states}.items():
            array[...] = values[name]
        self.dirty = False

    def _finish(self) -> None:
        """Puts the best weights back, tells the callbacks, and lets go of the arrays."""
        if self.history.stop_reason is not StopReason.NOT_FINITE and self._lost_weights():
            self._not_finite("a weight is not finite", len(self.history.records) - 1)
        if self.best:
            self.steps.put(self.best)
            self.dirty = True
        self._write_back()
        for callback in self.callbacks:
            callback.on_end(self.training, self.history)
        self.best = {}
        self.x = self.y = np.empty(0)
        self.chosen = self.validation = None
        del self.steps
