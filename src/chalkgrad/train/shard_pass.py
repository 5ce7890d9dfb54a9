"""The pass over one shard of a batch: its loss, and its gradients in one block of memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ..data.class_numbers import ClassNumbers
from ..data.pixels import Pixels
from ..engines.numpy.calls import TooLargeError
from ..engines.numpy.recording import Recording, Running
from ..engines.numpy.runner import Runner
from ..engines.numpy.steps import MOST_BYTES
from ..model.model import Array
from ..program import Step

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Work:
    """Some shards of one batch.

    Attributes:
        parameters: all that the update moves and the pass reads, in one block.
        shards: for each the number of its pass, from which dropout draws its masks, and its rows.
    """

    parameters: Array
    shards: tuple[tuple[int, Array], ...]


@dataclass(frozen=True, slots=True)
class PassMaker:
    """What a worker is made with: all of a training that stays the same from step to step.

    Attributes:
        steps: forward pass, loss and backward pass, without the update.
        parameters, gradients: the shapes of what comes in and goes out, by name, in order.
        fixed: the values that no update moves.
        samples: x, y and the samples' weights, if they have any.
        watched: the names of the losses.
        dtype: of parameters and gradients.
    """

    steps: Sequence[Step]
    parameters: Shapes
    gradients: Shapes
    fixed: Mapping[str, Array]
    samples: Mapping[str, Array | Pixels | ClassNumbers]
    watched: tuple[str, ...]
    dtype: np.dtype[Any]

    def __call__(self) -> ShardPass:
        from threadpoolctl import threadpool_limits

        threadpool_limits(limits=1, user_api="blas")  # as many in every worker, or the bits might differ
        return ShardPass(self)


class ShardPass:
    """Computes shards, in a process of its own or in the training's.

    Args:
        made: what it is made with.
    """

    def __init__(self, made: PassMaker) -> None:
        self._made = made
        self._flat, self._parameters = blocks(made.parameters, made.dtype)
        self._out, self._gradients = blocks(made.gradients, made.dtype)
        self._samples: dict[int, dict[str, Array]] = {}
        self._recordings: dict[int, Recording | Running] = {}
        self._runner = Runner(made.steps)
        self._values: dict[str, Any] = {}

    def __call__(self, work: Work) -> list[tuple[list[float], Array]]:
        """For each shard its losses and its gradients in one block."""
        self._flat[...] = work.parameters
        with np.errstate(all="ignore"):
            return [(self._run(clock, rows), self._out.copy()) for clock, rows in work.shards]

    def _run(self, clock: int, rows: Array) -> list[float]:
        count = len(rows)
        if count not in self._samples:
            self._samples[count] = {name: np.array(array[rows]) for name, array in self._made.samples.items()}
        for name, array in self._samples[count].items():
            np.copyto(array, self._made.samples[name][rows])
        if count in self._recordings:
            return self._recordings[count].run(clock)
        run = self._recordings[count] = self._recorded(count, clock)
        return run.watched()

    def _recorded(self, count: int, clock: int) -> Recording | Running:
        arrays = {**self._made.fixed, **self._parameters, **self._samples[count]}
        numbers, steps, watched = {"clock": clock}, self._made.steps, self._made.watched
        try:
            return Recording(steps, arrays, numbers, self._gradients, watched, most=MOST_BYTES)
        except TooLargeError:
            return Running(self._runner, self._values, arrays, numbers, self._gradients, watched)


def blocks(shapes: Shapes, dtype: np.dtype[Any]) -> tuple[Array, dict[str, Array]]:
    """One block of memory for arrays of these shapes, and the arrays in it by name."""
    block = np.zeros(sum(map(prod, shapes.values())), dtype)
    arrays: dict[str, Array] = {}
    at = 0
    for name, shape in shapes.items():
        arrays[name] = block[at : at + prod(shape)].reshape(shape)
        at += prod(shape)
    return block, arrays
