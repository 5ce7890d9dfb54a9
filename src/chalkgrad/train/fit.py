"""Training: batches, steps, epochs, and when to stop."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import Signals
from typing import Any

import numpy as np

from ..base.checks import flag, number, whole
from ..base.checks import seed as check_seed
from ..base.errors import DataWarning, OptionError
from ..base.messages import warn
from ..data.pixels import Pixels
from ..data.record import fingerprint
from ..data.rounding import merged
from ..data.splits import split_indices
from ..describe.losses import are_classes
from ..describe.optimizers import Optimizer, OptimizerState, as_optimizer
from ..describe.schedules import SCHEDULES, Constant, Schedule
from ..describe.settings import from_table
from ..engines.blas import few_threads
from ..engines.numpy.runner import Runner, first_not_finite
from ..engines.numpy.steps import NumPySteps
from ..engines.stepping import Taken
from ..engines.work import RECORDED, seconds
from ..files.checkpoint import Checkpoint
from ..model.model import Array, Model
from .callbacks import Callback, Training
from .checkpoints import Checkpoints, Keeper, newest
from .engine import steps_of
from .epoch import EpochLosses
from .history import History, Record, StopReason
from .order import shuffled
from .progress import Progress
from .resuming import check, restore, state
from .signals import Interrupts
from .stopping import EarlyStopping

UNKNOWN_EPOCHS = 20
"""As many epochs are reckoned with where nothing says how many there will be."""
MOST_AT_ONCE = 1_000_000
"""Samples that are ordered at once, where many short epochs are computed in one go."""
GROWN = 100
"""A loss that ends so many times above where it began, and above what needs no network, is worth a warning."""


class Fit:
    """One training, made ready by the arguments of `Network.fit` and run by `run`.

    An engine's steps hold the current arrays; the network's own are written when somebody looks, and at the end.

    Args (beside those of `Network.fit`):
        extra: a table that is kept in the checkpoints; JSON must be able to hold it.
        signals: those that ask for an end; the step is finished first.

    Attributes:
        history: what has happened so far.
    """

    def __init__(
        self,
        network: Model,
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
        check_finite: bool = False,
        checkpoints: Checkpoints | str | Path | None = None,
        resume: str | Path | Checkpoint | None = None,
        fresh_optimizer: bool = False,
        extra: Mapping[str, Any] | None = None,
        signals: Sequence[Signals] = (Signals.SIGINT,),
    ) -> None:
        self.network = network
        self.optimizer = as_optimizer(optimizer, network.dtype)
        schedule = Constant() if schedule is None else schedule
        self.schedule = from_table("schedule", schedule, SCHEDULES) if isinstance(schedule, str) else schedule
        found = resume if isinstance(resume, Checkpoint) or resume is None else newest(resume)
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
        self.seed = network.seed if seed is None else check_seed("fit", seed)
        by_number = are_classes(y, network.output_shape)
        self.x, self.y = network.samples_and_targets(x, y)
        for text in (*merged(x, network.dtype, "x"), *merged(y, network.dtype, "y")):
            warn(text, DataWarning)
        self.chosen: Array | None = None  # the samples to train on; None for all
        self.validation: tuple[Array | Pixels, Array] | None = None
        self.validation_by_number = False  # whether its targets are class numbers
        self.validation_text: float | str | None = None
        self._split(validation, by_number)
        self.count = len(self.x) if self.chosen is None else len(self.chosen)
        self.batch_size = self.count if batch_size is None else whole("fit", "batch_size", batch_size)
        self.epoch_steps = math.ceil(self.count / self.batch_size)
        ends = [self.max_steps] if self.max_steps else []
        ends += [self.epochs * self.epoch_steps] if self.epochs else []
        if self.schedule.needs_end and not ends:
            raise OptionError(f"the schedule {self.schedule.kind} must know the end: give epochs or max_steps")
        self.total_steps = min(ends, default=None)
        self.rate = self.schedule.start(self.optimizer.learning_rate, self.epoch_steps, self.total_steps)
        if not isinstance(callbacks, Sequence) or not all(isinstance(c, Callback) for c in callbacks):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise OptionError(f"callbacks is a list of Callback objects, not {callbacks!r}")
        self.callbacks = [*callbacks, Progress()] if progress else list(callbacks)
        self.history = History()
        self.warnings: list[str] = []  # said when the training is over
        self.training = Training(network, self.epochs, self.epoch_steps, self._write_back)
        self.stopping = EarlyStopping()
        self.epoch = EpochLosses(self.count, self.batch_size, network.loss_function.reduction == "mean")
        nothing = np.empty(0)
        self.last = nothing, nothing, nothing  # loss, without penalties, and rate of a step that ended the training
        self.best: Mapping[str, Array] = {}
        self.extra = extra or {}
        self.seconds_before = 0.0
        self._started = time.perf_counter()
        self._ordered: tuple[int, Array] = -1, np.empty(0)
        self._kept_at = -1
        self.keeper: Keeper | None = None
        if isinstance(checkpoints, (str, Path)):
            checkpoints = Checkpoints(checkpoints)
        if checkpoints is not None:
            if not isinstance(checkpoints, Checkpoints):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise OptionError(f"checkpoints is a directory or Checkpoints, not {checkpoints!r}")
            self.keeper = Keeper(checkpoints)
        self.data_digest = self._digest() if found or self.keeper else ""
        if found is not None:
            check(self, found)
        if check_finite and engine == "compiled":
            raise OptionError(
                "check_finite looks at every value, which the compiled engine does not keep; use engine='numpy'"
            )
        self.check_finite = check_finite
        self._prepare("numpy" if check_finite else engine, found, flag("fit", "fresh_optimizer", fresh_optimizer))
        self.interrupts = Interrupts(signals, self.steps.stop)
        if found is not None:
            restore(self, found)

    def _split(self, validation: tuple[Any, Any] | float | None, by_number: bool) -> None:
        if validation is None:
            return
        if isinstance(validation, (tuple, list)):
            if len(validation) != 2:
                raise OptionError("validation is a pair (x, y), or the share of the samples to set aside")
            self.validation = self.network.samples_and_targets(*validation)
            self.validation_by_number = are_classes(validation[1], self.network.output_shape)
            self.validation_text = f"{len(self.validation[0])} samples of its own"
            return
        share = number("fit", "validation", validation, 0.0, 1.0)
        if share == 0:
            return
        self.validation_by_number = by_number
        by_class = by_number or self.network.loss_function.of_classes
        flat = self.y.reshape(len(self.y), -1)
        classes = (flat.argmax(axis=1) if flat.shape[1] > 1 else flat[:, 0] > 0.5) if by_class else None
        self.validation_text = share
        self.chosen, aside = split_indices(len(self.x), share, self.seed, classes)
        self.validation = self.x.rows(aside) if isinstance(self.x, Pixels) else self.x[aside], self.y[aside]

    def _digest(self) -> str:
        """SHA-256 of all samples and targets, those to validate on too."""
        given = () if self.validation is None or self.chosen is not None else self.validation
        return fingerprint(self.x, self.y, *given)

    def _prepare(self, engine: str, found: Checkpoint | None, fresh: bool) -> None:
        network = self.network
        self.program = network.updated_by(self.optimizer)
        own = {**network.parameters, **network.states}
        moments = self.optimizer.start(self.program, network.dtype)
        self.moments = tuple(moments)  # the optimizer's own arrays
        before = network.optimizer_state
        if not fresh and before is not None and before.suits(self.optimizer, moments):
            moments, self.history.steps_before = before.arrays, before.steps
        start = {**own, **moments}
        self.kept = [name for name in own if name in self.program.updated]
        self.data_loss = "L_data" if network.layout.penalties else "L"
        below = -math.inf if self.stop_below is None else self.stop_below
        batch = min(self.batch_size, self.count)
        steps = self.program.needed_for(["L", *(self.program.updated[n] for n in start if n in self.program.updated)])
        epochs = UNKNOWN_EPOCHS if self.epochs is None else self.epochs
        count = min(epochs * self.epoch_steps, self.max_steps or math.inf)
        if self.stop_below is not None and self.epochs is None and self.max_steps is None:
            count = math.inf  # it goes on until the loss is small
        expected = seconds(self.program, steps, batch, RECORDED) * count
        arguments = self.program, start, self.x, self.y, self.count, batch, self.data_loss, below
        self.steps = steps_of(
            engine, expected, found, f"training of {network!r}", arguments, check_finite=self.check_finite
        )
        self.compiled = not isinstance(self.steps, NumPySteps)
        self.history.engine = self.steps.name
        self.dirty = False
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
        if self.keeper is not None:
            self.hurried = min(self.hurried, self.keeper.settings.seconds)

    # -- the loop ----------------------------------------------------------------------------------------------

    def run(self) -> History:
        """Trains until something stops it.

        Raises:
            KeyboardInterrupt: after a signal that asks for an end. The step that was under way is finished, and a
                checkpoint written, before that.
            CheckpointError: where another training writes checkpoints into the same directory.
        """
        self._started = time.perf_counter()
        with self.keeper or contextlib.nullcontext():
            try:
                for callback in self.callbacks:
                    callback.on_begin(self.training)
                with self.interrupts, few_threads(self.program, min(self.batch_size, self.count)):
                    self._loop()
            except KeyboardInterrupt:
                if self.history.stop_reason is not StopReason.NOT_FINITE:
                    self.history.stop_reason, self.history.stop_detail = StopReason.INTERRUPTED, ""
                raise
            except BaseException as error:
                self.history.stop_reason, self.history.stop_detail = StopReason.ERROR, repr(error)
                raise
            finally:
                self._finish()
        return self.history

    def seconds(self) -> float:
        """How long the training has taken so far, what came before a resumption included."""
        return self.seconds_before + time.perf_counter() - self._started

    def _loop(self) -> None:
        self._checkpoint()  # from the first step on there is something to go on from, with the settings of today
        while not self._over():
            if not self._advance():
                break
            if self.keeper is not None and self.keeper.due(epoch_done=not len(self.epoch)):
                self._checkpoint()
            if self.interrupts.came is not None:
                self._checkpoint()
                raise KeyboardInterrupt  # the unfinished epoch is not recorded: it will be finished
        if self.history.stop_reason is not StopReason.NOT_FINITE:
            self._checkpoint()  # in the middle of an epoch, if it stopped there: it can be gone on with
        self.epoch.add(*self.last)
        if len(self.epoch):
            self._end_epoch(*self.epoch.unfinished(), self.history.steps)
        if self.interrupts.came is not None:
            raise KeyboardInterrupt

    def _advance(self) -> bool:
        """Takes some steps; returns whether the training goes on."""
        at, epoch = len(self.epoch), len(self.history)
        epochs = 1 if at else self._epochs_at_once(epoch)
        self.training.epoch = epoch + 1
        taken, rates = self._take(epochs, at)
        self._keep(taken, rates)
        if not taken.stopped:
            for callback in self.callbacks:
                callback.on_step(self.training)
        return self._end_epochs() and not (taken.stopped and self._stopped(taken))

    def _order(self, epochs: int, at: int) -> Array:
        """The order in which an epoch, or several, take the samples: drawn from the seed and the steps before it."""
        everything = np.arange(self.count) if self.chosen is None else self.chosen
        if not self.shuffle:
            return everything
        began = self.network.steps_taken - at
        if self._ordered[0] == began and epochs == 1:
            return self._ordered[1]
        drawn = [shuffled(self.seed, began + k * self.epoch_steps, self.count) for k in range(epochs)]
        order = everything[drawn[0] if epochs == 1 else np.stack(drawn)]
        self._ordered = began if epochs == 1 else -1, order
        return order

    def _take(self, epochs: int, at: int) -> tuple[Taken, Array]:
        """Has the engine take steps of some epochs, of the first of which `at` are done; keeps the counts."""
        history, network = self.history, self.network
        steps = epochs * self.epoch_steps if epochs > 1 else self._steps_at_once(self.epoch_steps - at)
        rates = self.rate.many(history.steps, steps)
        order = self._order(epochs, at)
        begun = time.perf_counter()
        t = history.steps_before + history.steps + 1
        taken = self.steps.take(order, at * self.batch_size, rates, t, network.steps_taken + 1)
        self.pace = (time.perf_counter() - begun) / max(taken.done, 1)
        network.steps_taken += taken.done
        history.steps += taken.done
        self.training.step = history.steps
        self.dirty = self.dirty or taken.done > 0
        if math.isnan(history.first_batch_loss) and len(taken.losses):
            history.first_batch_loss = float(taken.losses[0])
        if taken.interrupted:
            raise KeyboardInterrupt
        return taken, rates

    def _keep(self, taken: Taken, rates: Array) -> None:
        """Keeps the losses of steps that were taken, and that of a step that ended the training."""
        done = taken.done
        self.epoch.add(taken.losses[:done], taken.data_losses[:done], rates[:done])
        if taken.stopped and math.isfinite(taken.losses[-1]):
            self.last = taken.losses[done:], taken.data_losses[done:], rates[done : done + 1]
        finite = [x for x in taken.losses[-2:] if math.isfinite(x)]
        if finite:
            self.history.loss = self.training.loss = float(finite[-1])

    def _steps_at_once(self, left: int) -> int:
        """How many of an epoch's last steps the engine takes before Python looks again."""
        steps = left
        if self.every_step:
            steps = 1
        elif self.hurried < math.inf:
            steps = max(1, min(left, int(self.hurried / self.pace))) if self.pace else min(left, 20)
        return steps if self.max_steps is None else max(1, min(steps, self.max_steps - self.history.steps))

    def _epochs_at_once(self, epoch: int) -> int:
        """How many epochs the engine may compute before Python looks again."""
        if not self.many_epochs or not self.pace:
            return 1  # the first one shows how long they take
        left = math.inf if self.epochs is None else self.epochs - epoch
        if self.max_steps is not None:
            left = min(left, (self.max_steps - self.history.steps) // self.epoch_steps)
        wanted = min(self.hurried, 0.5) / (self.pace * self.epoch_steps)
        most = MOST_AT_ONCE // self.count if self.shuffle else MOST_AT_ONCE // self.epoch_steps
        return int(max(1, min(left, wanted, most)))

    def _end_epochs(self) -> bool:
        """Records the epochs that are done; returns whether the training goes on."""
        history, per = self.history, self.epoch_steps
        losses, rates = self.epoch.whole()
        steps = history.steps - len(self.epoch)
        if len(losses) == 1:
            return self._end_epoch(float(losses[0]), float(rates[0]), steps)
        if len(losses):
            counts = steps - per * np.arange(len(losses))[::-1]
            history.records.extend_columns(counts, losses, rates, self.seconds())
            for callback in self.callbacks:
                callback.on_epoch(self.training, history.records[-1])
        return True

    def _end_epoch(self, loss: float, rate: float, step: int) -> bool:
        """Validates and records an epoch; returns whether the training goes on."""
        history = self.history
        val_loss = val_accuracy = None
        if self.validation is not None:
            self._write_back()
            engine = "compiled" if self.compiled else "numpy"
            found = self.network.evaluate_ready(*self.validation, by_number=self.validation_by_number, engine=engine)
            val_loss, val_accuracy = found.loss, found.accuracy
        record = Record(len(history) + 1, step, loss, rate, self.seconds(), val_loss, val_accuracy)
        history.records.append(record)
        if val_loss is not None and not math.isfinite(val_loss):
            self._not_finite(f"the validation loss is {val_loss}")
            return False
        watched = loss if val_loss is None else val_loss
        self.rate.epoch_done(watched)
        self.stopping.look(watched, self.min_improvement)
        if val_loss is not None and self.stopping.is_lowest(val_loss):
            history.best_epoch = record.epoch
            if self.restore_best:
                current = self.steps.values()
                self.best = {name: current[name] for name in self.kept}
        for callback in self.callbacks:
            callback.on_epoch(self.training, record)
        return True

    # -- the end ---------------------------------------------------------------------------------------------------

    def _stopped(self, taken: Taken) -> bool:
        """Says why the engine stopped; returns True."""
        loss = float(taken.losses[-1])
        if math.isfinite(loss):
            self.history.stop_reason = StopReason.LOSS
            self.history.stop_detail = f"loss {loss!r} after {self.history.steps} steps"
        else:
            self._not_finite(f"L is {loss}")
        return True

    def _over(self) -> bool:
        """Whether a setting or a callback ends the training here."""
        history, wait = self.history, self.stopping.wait
        if self.training.stop_text is not None:
            history.stop_reason, history.stop_detail = StopReason.CALLBACK, self.training.stop_text
        elif self.max_steps is not None and history.steps >= self.max_steps:
            history.stop_reason = StopReason.STEPS
        elif len(self.epoch) or not len(history):
            return False  # in the middle of an epoch
        elif self.patience is not None and wait >= self.patience:
            history.stop_reason = StopReason.PLATEAU
            of = "validation loss" if self.validation is not None else "training loss"
            history.stop_detail = f"the {of} has not improved for {wait} epoch{'s' * (wait > 1)}"
        elif self.epochs is not None and len(history) >= self.epochs:
            history.stop_reason = StopReason.EPOCHS
        else:
            return False
        return True

    def _checkpoint(self) -> None:
        """Writes a checkpoint, unless nothing has happened since the last one."""
        if self.keeper is None or self._kept_at == self.network.steps_taken or self._lost_weights():
            return
        if self.keeper.write(self.history.steps, *state(self, self.extra)):
            self._kept_at = self.network.steps_taken

    # -- numbers that are lost -----------------------------------------------------------------------------------

    def _lost_weights(self) -> bool:
        values = self.steps.values()
        return any(not np.isfinite(values[name]).all() for name in self.kept)

    def _not_finite(self, what: str) -> None:
        """Finds the step in which the number was lost, and goes back to the weights before the last update."""
        history, network = self.history, self.network
        values, step = {**self.steps.values(), **self.steps.stopped_at()}, history.steps + 1
        lost = self._lost_weights()
        before = self.steps.undo()
        if before is not None:
            network.steps_taken -= 1
            history.steps -= 1
            self.training.step = history.steps
            self.dirty = True
            if lost:  # by the last update: that is the step to look into
                values, step = before, history.steps + 1
        values = Runner(self.program.steps).run({**network.parameters, **network.states, **values})
        found = first_not_finite(self.program.steps, values) or what
        history.stop_reason = StopReason.NOT_FINITE
        history.stop_detail = f"{found}, in step {step} (epoch {-(-step // self.epoch_steps)})"
        rate = self.optimizer.learning_rate
        self.warnings.append(f"training stopped: {history.stop_detail}; try a smaller learning rate than {rate:g}")

    def _look_for_growth(self) -> None:
        """Says so where the loss has become very large, although it is a finite number."""
        history, loss = self.history, self.network.loss_function
        broken_off = (StopReason.NOT_FINITE, StopReason.INTERRUPTED, StopReason.ERROR)
        if history.stop_reason in broken_off or not len(history):
            return
        summed = loss.reduction == "sum"
        last = min(history.loss, history.records[-1].loss / (self.epoch_steps if summed else 1))
        first, tiny = history.first_batch_loss, float(np.finfo(self.network.dtype).eps)
        if not last > GROWN * max(first, tiny):
            return
        zeros = loss.of_zeros(self.y) * (min(self.batch_size, self.count) if summed else 1)
        if not last > GROWN * zeros:
            return
        rate = self.optimizer.learning_rate
        grown = (
            f"the loss grew from {first:.4g} to {last:.4g}, where outputs of 0 would have {zeros:.4g}; try a smaller "
            f"learning rate than {rate:g}, or scale the inputs"
        )
        history.stop_detail = f"{history.stop_detail}; {grown}" if history.stop_detail else grown
        self.warnings.append(grown)

    # -- the network's own arrays --------------------------------------------------------------------------------

    def _write_back(self) -> None:
        if not self.dirty:
            return
        values = self.steps.values()
        for name, array in {**self.network.parameters, **self.network.states}.items():
            array[...] = values[name]
        self.dirty = False

    def _keep_moments(self) -> None:
        """Keeps the optimizer's arrays for the next training, unless they belong to weights that are not kept."""
        history, values = self.history, self.steps.values()
        lost = history.stop_reason is StopReason.NOT_FINITE
        left = any(not np.array_equal(array, values[name]) for name, array in self.best.items())
        arrays = {name: values[name] for name in self.moments}
        kept = OptimizerState(self.optimizer, arrays, history.steps_before + history.steps)
        self.network.optimizer_state = None if lost or left else kept

    def _finish(self) -> None:
        """Puts the best weights back, tells the callbacks, and lets go of the arrays."""
        if self.history.stop_reason is not StopReason.NOT_FINITE and self._lost_weights():
            self._not_finite("a weight is not finite")
        self._look_for_growth()
        self._keep_moments()
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
        for text in self.warnings:  # where warnings are errors, the training is done and kept by now
            warn(text, RuntimeWarning)
