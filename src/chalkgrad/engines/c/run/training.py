"""Training steps by the compiled engine."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ....data.class_numbers import ClassNumbers
from ....data.pixels import Pixels
from ....program import Program, names
from ....program.statement import terms_of
from ...stepping import Array, Taken, Values
from ..print.source import print_source
from ..schedule.request import training_request
from ..schedule.zeros import mostly_zeros
from .compiler import PATIENCE, build, compiler
from .library import FUNCTIONS, CompiledProgram, rows_of, threads

BUSY = 0.02
"""Share of steps in which a thread had to wait for milliseconds, from which one thread continues alone."""
WORTH_A_THREAD = 200_000
"""Terms of a step from which one more thread is worth it."""


class CompiledSteps:
    """See `chalkgrad.engines.stepping.Steps`.

    Args:
        program: the program with its update.
        values: the values that last from step to step, at the start.
        x, y: the samples and their targets, (N, ...), of the network's dtype; ids are int64, the classes of
            sequences their numbers.
        count: the number of samples in an epoch.
        batch: the number of samples in a step.
        data_loss: the name of the loss without penalties.
        stop_below: a loss below this ends the training.
        title: the C file's first line.
        parts: the number of parts of a batch; by default the number of threads.
        patience: the most seconds that compiling may take.
        weights: the samples' weights, if they have any.

    Raises:
        CompilerError: where there is no compiler, or it does not compile.
    """

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
        title: str = "a training",
        parts: int | None = None,
        patience: float = PATIENCE,
        weights: Array | None = None,
    ) -> None:
        self._given_rows: dict[str, Array | Pixels | ClassNumbers] = {"x": x, "y": y}
        if weights is not None:
            self._given_rows[names.SAMPLE_WEIGHT] = weights
        self._count = count
        self._batch = min(batch, count)
        self.parts = parts = min(parts or worthwhile(program, self._batch), self._batch)
        of_bytes = isinstance(x, Pixels)
        rows = {name: rows_of(array) for name, array in self._given_rows.items()}
        sparse = program.values["x"].dtype != "int" and mostly_zeros(rows["x"])
        request = training_request(
            program, list(values), self._batch, parts, data_loss, title, y.dtype, of_bytes=of_bytes, sparse=sparse,
            of_classes=isinstance(y, ClassNumbers),
        )  # fmt: skip
        source = print_source(request, compiler().machine(y.dtype.itemsize))
        self.built = build(source.text, patience, FUNCTIONS)
        workers = min(parts, threads())
        self._run = CompiledProgram(source, self.built, workers)
        self._run.load(values)
        self._run.give(**{n: rows[n] for n in source.given})
        self._run.state.stop_below = stop_below
        self._run.state.count = count
        self._shapes = {n: (v.shape, v.dtype) for n, v in values.items()}
        self._calls: list[tuple[Array, Array, int, Array, int, int]] = []  # the last two: state before, arguments
        self._updates = 0  # those made before the last call
        self._stopped: Values = {}
        self.name = f"compiled ({compiler().name}, {compiler().vectors}, {workers} thread{'s' * (workers > 1)})"

    def stop(self) -> None:
        self._run.state.stop = 1

    @property
    def updates(self) -> int:
        self._run.settle()
        return self._updates + int(self._run.state.done)

    def take(self, order: Array, at: int, rates: Array, t: int, clock: int) -> Taken:
        run, state = self._run, self._run.state
        steps = len(rates)
        losses, data_losses = np.empty(steps), np.empty(steps)
        as_read = np.ascontiguousarray(order, dtype=np.int64)
        rates = np.ascontiguousarray(rates, dtype=np.float64)
        kept = self._calls[-1:] if state.done else self._calls[:-1]  # a call that did nothing is not worth it
        calls = [*kept, (run.carried.copy(), order, at, rates, t, clock)]
        updates = self.updates
        run.give(order=as_read, rates=rates, losses=losses, data_losses=data_losses)
        state.between = self._count if order.ndim == 2 and len(order) > 1 else 0
        state.at, state.steps, state.t, state.clock = at, steps, t, clock
        # nothing is called in it: no signal's handler comes between
        self._calls, self._updates, state.done = calls, updates, 0
        state.halt = state.stopped = state.late = 0
        interrupted = run.call()
        done, stopped = int(state.done), bool(state.stopped)
        if run.count > 1 and state.late > BUSY * max(done, 10):
            run.count = 1  # the processors are busy with other things: the parts stay, one thread computes them all
        if stopped:
            self._stopped = self._given(done)
        count = done + stopped
        return Taken(losses[:count], data_losses[:count], done, stopped, interrupted)

    def _given(self, step: int) -> Values:
        """The inputs of one step of the last call: its samples, learning rate and clocks."""
        _, order, at, rates, t, clock = self._calls[-1]
        orders = order.reshape(-1, self._count)
        epoch, place = divmod(at // self._batch + step, -(-self._count // self._batch))
        rows = orders[epoch % len(orders)][place * self._batch : (place + 1) * self._batch]
        return {
            **{name: array[rows] for name, array in self._given_rows.items()},
            "lr": float(rates[step]),
            "t": t + step,
            "clock": clock + step,
        }

    def values(self) -> Mapping[str, Array]:
        values: dict[str, Array] = {}
        for name, (shape, dtype) in self._shapes.items():
            values[name] = np.empty(shape, dtype)
            self._run.fetch(name, values[name])
        return values

    def put(self, values: Mapping[str, Array]) -> None:
        self._run.load({**self.values(), **{n: v for n, v in values.items() if n in self._shapes}})

    def close(self) -> None:
        pass

    def stopped_at(self) -> Values:
        return self._stopped

    def undo(self) -> Values | None:
        """Nothing of an update is kept, but every step can be repeated: the call is run again, but for its last one."""
        state, left = self._run.state, self.updates - 1
        if not state.done:  # the last update was made by the call before
            self._calls = self._calls[:-1]
        if not self._calls:
            return None
        before, order, at, rates, t, clock = self._calls[-1]
        done = int(state.done) or len(rates)
        inputs = self._given(done - 1)
        self._run.carried[:] = before
        if done > 1:
            state.stop = 0
            self.take(order, at, rates[: done - 1], t, clock)
        self._calls, self._updates, state.done = [], left, 0
        return {**self.values(), **inputs}


def worthwhile(program: Program, batch: int) -> int:
    """The number of threads that a step of so many samples is worth."""
    work = sum(terms_of(s, program.shapes) for s in program.part("forward", "loss", "backward")) * batch
    return max(1, min(threads(), work // WORTH_A_THREAD, batch))
