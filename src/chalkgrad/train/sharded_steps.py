"""Steps whose batches are split into shards: the gradients are added up in the shards' order, and update once.

The sum is the same whoever computed its terms, and so are the bits: one process, two, a cluster, and a worker that was
lost in the middle, whose shards another one computes again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..base.errors import OptionError
from ..engines.blas import held_to
from ..engines.numpy.runner import Runner
from ..engines.stepping import Taken, Values
from ..model.model import Array, Model
from ..parallel.crew import Crew, crew
from ..program import Program, Role, names
from .shard_pass import PassMaker, Work, blocks
from .shards import Shards, shares
from .task import Task


class ShardedSteps:
    """See `chalkgrad.engines.stepping.Steps`.

    Args:
        model: what is trained.
        program: its program with the update.
        values: the values that last from step to step, at the start.
        task: what the training has to do.
        data_loss: the name of the loss without penalties.

    Raises:
        OptionError: where a network cannot be trained by shards.
    """

    def __init__(self, model: Model, program: Program, values: Mapping[str, Array], task: Task, data_loss: str) -> None:
        settings, samples = task.settings, task.samples
        assert settings.shards is not None
        self._shards: Shards = settings.shards
        self.parts = self._shards.count
        self.name = f"numpy, {self.parts} shards, {self._shards.where}"
        self._averaged = model.loss_function.reduction == "mean"
        self._check(model, program, task)
        self._now: dict[str, Array] = {name: np.array(array) for name, array in values.items()}
        self._before: tuple[dict[str, Array], Values] | None = None
        self._after = {name: program.updated[name] for name in values if name in program.updated}
        needed = program.needed_for(self._after.values())
        update = tuple(step for step in needed if step.part == "update")
        computed = {step.output for step in needed if step.part != "update"}
        gradients = dict.fromkeys(i for step in update for i in step.inputs if i in computed)
        passed = tuple(s for s in program.needed_for(["L", data_loss, *gradients]) if s.part != "update")
        read = {i for step in passed for i in step.inputs}
        self._update = Runner(update)
        self._watched = ("L",) if data_loss == "L" else ("L", data_loss)
        self._dtype = model.dtype
        self._parameters = {n: self._now[n].shape for n in self._after if n in read}
        self._gradients = {n: tuple(int(k) for k in program.shapes[n]) for n in gradients}
        self._samples: dict[str, Any] = {"x": samples.x, "y": samples.y}
        if samples.weights is not None:
            self._samples[names.SAMPLE_WEIGHT] = samples.weights
        fixed = {n: a for n, a in self._now.items() if n in read and n not in self._parameters}
        self._maker = PassMaker(
            passed, self._parameters, self._gradients, fixed, self._samples, self._watched, self._dtype
        )
        weights = model.loss_function.weights(samples.y, samples.weights)
        self._weights = None if weights is None else np.asarray(weights, np.float64).reshape(len(weights), -1).sum(1)
        self._count, self._batch = task.count, task.batch_size
        self._stop_below = -math.inf if settings.stop_below is None else settings.stop_below
        self._asked_to_stop = False
        self.updates = 0
        self._crew: Crew | None = None
        self._given: tuple[Array, float, int, int] | None = None

    def _check(self, model: Model, program: Program, task: Task) -> None:
        """Raises OptionError where a batch's pass is not the sum of its shards'."""
        settings = task.settings
        if settings.engine == "compiled" or settings.check_finite:
            which = "check_finite" if settings.check_finite else "engine='compiled'"
            raise OptionError(f"fit: shards are computed by the NumPy engine, as it trains: leave {which} out")
        if self._shards.count > task.largest_batch:
            raise OptionError(f"fit: a batch of {task.largest_batch} has no {self._shards.count} shards")
        states = [name for name in program.updated if program.values[name].role is Role.STATE]
        if states:
            owner = program.by_output[program.updated[states[0]]].owner.text
            raise OptionError(
                f"fit: {owner} looks at the whole batch at once, which no shard sees: train without shards, or take "
                "LayerNorm in its place"
            )
        if not self._averaged and model.layout.penalties:
            raise OptionError("fit: with shards, a loss with penalties is a mean over the samples: reduction='mean'")

    def stop(self) -> None:
        self._asked_to_stop = True

    def take(self, order: Array, at: int, rates: Array, t: int, clock: int) -> Taken:
        with np.errstate(all="ignore"), held_to(1):
            if self._crew is None:
                self._crew = crew(self._maker, self._shards.hands if self._shards.workers else 0, self._shards.ray)
            return self._take(self._crew, order.reshape(-1, self._count), at, rates, t, clock)

    def _take(self, hands: Crew, orders: Array, at: int, rates: Array, t: int, clock: int) -> Taken:
        losses: list[tuple[float, ...]] = []
        stopped, interrupted, epoch, before = False, False, 0, self.updates
        try:
            for place, rate in enumerate(rates.tolist()):
                rows = orders[epoch % len(orders)][at : at + self._batch]
                at += self._batch
                if at >= self._count:
                    at, epoch = 0, epoch + 1
                self._given = rows, rate, t + place, clock + place
                of_step, gradients = self._pass(hands, rows, clock + place)
                losses.append(of_step)
                if not math.isfinite(of_step[0]) or of_step[0] < self._stop_below:
                    stopped = True
                    break
                self._move(gradients, rate, t + place)
                if self._asked_to_stop:
                    break
        except KeyboardInterrupt:
            interrupted = True
        first, last = ([each[k] for each in losses] for k in (0, -1))
        return Taken(np.array(first), np.array(last), self.updates - before, stopped, interrupted)

    def _pass(self, hands: Crew, rows: Array, clock: int) -> tuple[tuple[float, ...], dict[str, Array]]:
        """The losses of a batch and its gradients, the sum of those of its shards in their order."""
        flat, arrays = blocks(self._parameters, self._dtype)
        for name, array in arrays.items():
            array[...] = self._now[name]
        parts = self._shards.split(rows)
        counting = shares(parts, self._weights, averaged=self._averaged)
        first = (clock - 1) * self._shards.count + 1
        shards = [(first + k, part) for k, (part, share) in enumerate(zip(parts, counting, strict=True)) if share]
        dealt = [tuple(shards[k :: self._shards.hands]) for k in range(min(self._shards.hands, len(shards)))]
        answers = hands.do([Work(flat, part) for part in dealt])
        in_order = [answers[k % len(dealt)][k // len(dealt)] for k in range(len(shards))]
        total, gradients = blocks(self._gradients, self._dtype)
        sums = [0.0] * len(self._watched)
        for share, (of_shard, block) in zip([s for s in counting if s], in_order, strict=True):
            sums = [before + share * loss for before, loss in zip(sums, of_shard, strict=True)]
            total += self._dtype.type(share) * block
        return tuple(sums), gradients

    def _move(self, gradients: Mapping[str, Array], rate: float, t: int) -> None:
        values = self._update.compute({**self._now, **gradients, "lr": rate, "t": t})
        new = {name: np.asarray(values[after], self._now[name].dtype) for name, after in self._after.items()}
        before = {name: self._now[name] for name in new}, self._described()
        # nothing is called in it: no signal's handler comes between
        self._now, self._before, self.updates = {**self._now, **new}, before, self.updates + 1

    def values(self) -> Mapping[str, Array]:
        return {name: array.copy() for name, array in self._now.items()}

    def put(self, values: Mapping[str, Array]) -> None:
        self._now.update({name: np.array(value, self._now[name].dtype) for name, value in values.items()})

    def _described(self) -> Values:
        assert self._given is not None
        rows, rate, t, clock = self._given
        return {**{n: a[rows] for n, a in self._samples.items()}, "lr": rate, "t": t, "clock": clock}

    def stopped_at(self) -> Values:
        return self._described()

    def undo(self) -> Values | None:
        if self._before is None:
            return None
        values, given = self._before
        self._now, self._before, self.updates = {**self._now, **values}, None, self.updates - 1
        return {**given, **values}

    def close(self) -> None:
        if self._crew is not None:
            self._crew.close()
            self._crew = None
