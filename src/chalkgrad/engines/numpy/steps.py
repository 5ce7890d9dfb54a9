"""Training steps by the reference engine: the program's rules, one after another, on NumPy arrays.

Each kind of batch is recorded once (`recording.py`): from then on a step is the NumPy calls that the rules make, on
memory that stays. The values that are carried from step to step lie in one of three places: a step reads one and
writes the next, and the third still holds what the update before began with.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping

import numpy as np

from ...data.class_numbers import ClassNumbers
from ...data.pixels import Pixels
from ...program import Program, names
from ..stepping import Array, Taken, Values
from .calls import TooLargeError
from .recording import Recording, Running
from .runner import Runner, first_not_finite

MOST_BYTES = 2**24
"""A recording may keep so much for its results; larger steps call the rules and let go of what is no longer needed."""

Inputs = tuple["Array | slice", float, int, int]
"""The inputs of a step: its samples, the learning rate, and the numbers t and clock."""


class NumPySteps:
    """See `chalkgrad.engines.stepping.Steps`.

    Args:
        program: the program with its update.
        values: the values that last from step to step, at the start.
        x, y: the samples and their targets.
        count: the number of samples in an epoch.
        batch: the number of samples in a step.
        data_loss: the name of the loss without penalties.
        stop_below: a loss below this ends the training.
        check_finite: whether every value of every step is checked; one that is NaN or infinite ends the training.
        weights: the samples' weights, if they have any.
    """

    name = "numpy"
    parts = 1

    def __init__(
        self,
        program: Program,
        values: Mapping[str, Array],
        x: Array | Pixels,
        y: Array | ClassNumbers,
        count: int,
        batch: int,
        data_loss: str,
        stop_below: float = -math.inf,
        *,
        check_finite: bool = False,
        weights: Array | None = None,
    ) -> None:
        self._names = tuple(values)
        self._carried = [name for name in values if name in program.updated]
        self._after = program.updated
        self._steps = program.needed_for(["L", data_loss, *(self._after[name] for name in self._carried)])
        self._check_finite = check_finite
        self._fixed = {name: np.array(array) for name, array in values.items() if name not in self._carried}
        self._places = [{name: np.array(values[name]) for name in self._carried} for _ in range(3)]
        self._now = 0  # where the values of this moment lie
        self.updates = 0
        self._given_rows: dict[str, Array | Pixels | ClassNumbers] = {"x": x, "y": y}
        if weights is not None:
            self._given_rows[names.SAMPLE_WEIGHT] = weights
        self._count = count
        self._batch = batch
        self._watched = ("L",) if data_loss == "L" else ("L", data_loss)
        self._stop_below = stop_below
        self._asked_to_stop = False
        self._samples: dict[int, dict[str, Array]] = {}
        self._recordings: dict[tuple[int, int], Recording | Running] = {}
        self._scratch: dict[int, list[Array | None]] = {}
        self._recording = True  # until a step is too large for it
        self._runner = Runner(self._steps)
        self._values: Values = {}
        self._given: Inputs | None = None
        self._updated: Inputs | None = None

    def stop(self) -> None:
        self._asked_to_stop = True

    def take(self, order: Array, at: int, rates: Array, t: int, clock: int) -> Taken:
        with np.errstate(all="ignore"):  # here, as entering it takes as long as a line of the program
            return self._take(order, at, rates, t, clock)

    def _take(self, order: Array, at: int, rates: Array, t: int, clock: int) -> Taken:
        losses: list[float] = []
        data_losses: list[float] = []
        stopped, interrupted, before = False, False, self.updates
        try:
            for place, (rate, rows) in enumerate(zip(rates.tolist(), self._batches(order, at), strict=False)):
                loss, data_loss = self._step(rows, rate, t + place, clock + place)
                losses.append(loss)
                data_losses.append(data_loss)
                if not math.isfinite(loss) or loss < self._stop_below:
                    stopped = True
                    break
                # nothing is called in it: no signal's handler comes between
                self._now, self._updated, self.updates = (self._now + 1) % 3, self._given, self.updates + 1
                if self._asked_to_stop:
                    break
        except KeyboardInterrupt:
            interrupted = True
        return Taken(np.array(losses), np.array(data_losses), self.updates - before, stopped, interrupted)

    def _batches(self, order: Array, at: int) -> Iterator[Array | slice]:
        """The samples of every step, epoch after epoch."""
        orders = order.reshape(-1, self._count)
        in_order = [bool(o[0] == 0 and (np.diff(o) == 1).all()) for o in orders]
        for epoch in itertools.count():
            samples = orders[epoch % len(orders)]
            plain = in_order[epoch % len(orders)]
            for begin in range(at, self._count, self._batch):
                end = min(begin + self._batch, self._count)
                yield slice(begin, end) if plain else samples[begin:end]
            at = 0

    def _step(self, rows: Array | slice, rate: float, t: int, clock: int) -> tuple[float, float]:
        """Takes a step from the values of this moment to those of the next; returns its losses."""
        self._given = rows, rate, t, clock
        kind = self._load(rows)
        run = self._recordings.get((kind, self._now))
        if run is None:
            run = self._recordings[kind, self._now] = self._recorded(kind, rate, t, clock)
            losses = run.watched()
        else:
            losses = run.run(rate, t, clock)
        if self._check_finite and first_not_finite(self._steps, run.values()):
            losses[0] = math.nan
        return losses[0], losses[-1]

    def _load(self, rows: Array | slice) -> int:
        """Brings samples to where a step of their kind reads them.

        Returns:
            The kind: how many they are, or 0 for all of them, read where they lie.
        """
        size = rows.stop - rows.start if isinstance(rows, slice) else len(rows)
        kind = 0 if isinstance(rows, slice) and size == len(self._given_rows["x"]) else size
        if kind not in self._samples:
            take = np.array if kind else np.asarray
            self._samples[kind] = {name: take(array[rows]) for name, array in self._given_rows.items()}
        elif kind:
            for name, array in self._samples[kind].items():
                _gather(self._given_rows[name], rows, array)
        return kind

    def _recorded(self, kind: int, rate: float, t: int, clock: int) -> Recording | Running:
        """A step with samples of that kind, recorded by taking it."""
        after = self._places[(self._now + 1) % 3]
        arrays = {**self._places[self._now], **self._fixed, **self._samples[kind]}
        numbers = {"lr": rate, "t": t, "clock": clock}
        into = {self._after[name]: after[name] for name in self._carried}
        if self._recording:
            try:
                scratch = self._scratch.get(kind, ())
                recording = Recording(self._steps, arrays, numbers, into, self._watched, scratch, MOST_BYTES)
            except TooLargeError:
                self._recording = False
            else:
                self._scratch.setdefault(kind, recording.scratch)
                return recording
        return Running(self._runner, self._values, arrays, numbers, into, self._watched)

    def values(self) -> Mapping[str, Array]:
        now = {**self._places[self._now], **self._fixed}
        return {name: now[name].copy() for name in self._names}

    def put(self, values: Mapping[str, Array]) -> None:
        for name, value in values.items():
            np.copyto(self._fixed[name] if name in self._fixed else self._places[self._now][name], value)

    def _described(self, inputs: Inputs) -> Values:
        rows, rate, t, clock = inputs
        return {**{n: a[rows] for n, a in self._given_rows.items()}, "lr": rate, "t": t, "clock": clock}

    def close(self) -> None:
        pass

    def stopped_at(self) -> Values:
        assert self._given is not None
        return self._described(self._given)

    def undo(self) -> Values | None:
        if self._updated is None:
            return None
        self._now, self.updates = (self._now - 1) % 3, self.updates - 1
        values = {**self._described(self._updated), **{n: a.copy() for n, a in self._places[self._now].items()}}
        self._updated = None
        return values


def _gather(rows: Array | Pixels | ClassNumbers, indices: Array | slice, into: Array) -> None:
    if isinstance(rows, np.ndarray) and isinstance(indices, np.ndarray) and rows.flags.c_contiguous:
        rows.take(indices, 0, into, "clip")  # "raise" would make a copy in between
    else:
        np.copyto(into, rows[indices])
