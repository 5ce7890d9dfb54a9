"""Training steps by the reference engine: the program's rules, one after another, on NumPy arrays."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping

import numpy as np

from ..pixels import Pixels
from ..program import Program
from .numpy_engine import Runner, first_not_finite
from .stepping import Array, Taken, Values

CLOCKS = ("x", "y", "lr", "t", "clock")
"""What is given anew to every step."""


class NumPySteps:
    """See `chalkgrad.engines.stepping.Steps`.

    Args:
        program: the program with its update.
        values: what is carried from step to step, at the start.
        x, y: the samples and their targets.
        count: how many samples an epoch takes.
        batch: samples in a step.
        data_loss: the name of the loss without penalties.
        stop_below: a loss below this ends the training.
        check_finite: look at every value of every step, and end the training where one is NaN or infinite.
    """

    name = "numpy"
    parts = 1

    def __init__(
        self,
        program: Program,
        values: Mapping[str, Array],
        x: Array | Pixels,
        y: Array,
        count: int,
        batch: int,
        data_loss: str,
        stop_below: float = -math.inf,
        *,
        check_finite: bool = False,
    ) -> None:
        computed = {s.output for s in program}
        self._carried = [(name, f"{name}_new") for name in values if f"{name}_new" in computed]
        self._steps = program.needed_for(["L", data_loss, *(new for _, new in self._carried)])
        self._runner = Runner(self._steps)
        self._check_finite = check_finite
        self._values: Values = {name: np.array(array) for name, array in values.items()}
        self._names = tuple(values)
        self._before: Values | None = None
        self._started_with = (*CLOCKS, *(name for name, _ in self._carried))
        self._x, self._y, self._count = x, y, count
        self._batch = batch
        self._data_loss = data_loss
        self._stop_below = stop_below
        self._asked_to_stop = False

    def stop(self) -> None:
        self._asked_to_stop = True

    def take(self, order: Array, at: int, rates: Array, t: int, clock: int) -> Taken:
        with np.errstate(all="ignore"):  # here, as entering it takes as long as a line of the program
            return self._take(order, at, rates, t, clock)

    def _take(self, order: Array, at: int, rates: Array, t: int, clock: int) -> Taken:
        losses: list[float] = []
        data_losses: list[float] = []
        done, stopped, interrupted = 0, False, False
        try:
            for done, (rate, chosen) in enumerate(zip(rates.tolist(), self._batches(order, at), strict=False)):
                loss = self._step(chosen, rate, t + done, clock + done)
                losses.append(loss)
                data_losses.append(float(self._values[self._data_loss]))
                if not math.isfinite(loss) or loss < self._stop_below:
                    stopped = True
                    break
                self._carry()
                if self._asked_to_stop:
                    done += 1
                    break
            else:
                done = len(losses)
        except KeyboardInterrupt:
            interrupted, done = True, len(losses)
        return Taken(np.array(losses), np.array(data_losses), done, stopped, interrupted)

    def _batches(self, order: Array, at: int) -> Iterator[Array | slice]:
        """The samples of every step, epoch after epoch."""
        orders = order.reshape(-1, self._count)
        as_they_come = [bool(o[0] == 0 and (np.diff(o) == 1).all()) for o in orders]
        for epoch in itertools.count():
            own = orders[epoch % len(orders)]
            plain = as_they_come[epoch % len(orders)]  # then nothing has to be copied
            for begin in range(at, self._count, self._batch):
                end = min(begin + self._batch, self._count)
                yield slice(begin, end) if plain else own[begin:end]
            at = 0

    def _step(self, chosen: Array | slice, rate: float, t: int, clock: int) -> float:
        values = self._values
        values["x"], values["y"] = self._x[chosen], self._y[chosen]
        values["lr"], values["t"], values["clock"] = rate, t, clock
        loss = float(self._runner.compute(values)["L"])
        return math.nan if self._check_finite and first_not_finite(self._steps, values) else loss

    def _carry(self) -> None:
        """Makes the new values the current ones; what the update began with stays in `_before`."""
        values = self._values
        self._before = {name: values[name] for name in self._started_with}
        values.update({name: values[new] for name, new in self._carried})

    def values(self) -> Mapping[str, Array]:
        return {name: self._values[name] for name in self._names}

    def put(self, values: Mapping[str, Array]) -> None:
        self._values.update(values)

    def stopped_at(self) -> Values:
        return {name: self._values[name] for name in CLOCKS}

    def undo(self) -> Values | None:
        before, self._before = self._before, None
        if before is not None:
            self._values.update(before)
        return before
