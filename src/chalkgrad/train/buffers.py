"""The arrays that a training changes, their owner, and when the model gets them back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..describe.optimizers import OptimizerState
from ..engines.numpy.steps import NumPySteps
from ..engines.stepping import Taken, Values
from ..files.checkpoint import Checkpoint
from ..model.model import Array, Model
from .engine import steps_of
from .sharded_steps import ShardedSteps
from .task import Task


class Buffers:
    """Parameters, running averages and the optimizer's arrays of a training under way.

    While it lasts they are here, in the engine's steps. The model has copies, which `write_back` brings up to date:
    where a callback asks for the network, before a validation, and at the end. Nothing else writes a model that is
    trained, its `steps_taken` and its `optimizer_state` included.

    Args:
        model: what is trained; its arrays are the start.
        task: what is to be done.
        checkpoint: the one that is resumed, if any; it says which engine. Its values are `put` later.

    Attributes:
        program: the model's program with the update.
        steps: the engine's steps.
        compiled: whether that is the compiled engine.
        changed: the names of the parameters and running averages that a step changes.
        best: those of the best epoch; empty where none was kept.
        steps_before: the updates that the optimizer's arrays come from at the start.
    """

    def __init__(self, model: Model, task: Task, checkpoint: Checkpoint | None) -> None:
        settings = task.settings
        self._model = model
        self._optimizer = settings.optimizer
        self.program = model.updated_by(settings.optimizer, weighted=task.samples.weights is not None)
        moments = settings.optimizer.start(self.program, model.dtype)
        self._moments = tuple(moments)  # the optimizer's own
        self.steps_before = 0
        before = model.optimizer_state
        if not settings.fresh_optimizer and before is not None and before.suits(settings.optimizer, moments):
            moments, self.steps_before = before.arrays, before.steps
        values = {**self.own(), **moments}
        self.steps = steps_of(model, self.program, values, task, checkpoint)
        self.compiled = not isinstance(self.steps, (NumPySteps, ShardedSteps))
        self.changed = [name for name in self.own() if name in self.program.updated]
        self.best: Mapping[str, Array] = {}
        self._clock = model.steps_taken  # at the start
        self._written: int | None = 0  # the updates behind the model's arrays; None where they are others

    def own(self) -> dict[str, Array]:
        """The model's own arrays by name: what there is to be written back."""
        return {**self._model.parameters, **self._model.states}

    def take(self, order: Array, at: int, rates: Array, t: int) -> Taken:
        """Takes steps (`engines.stepping.Steps.take`)."""
        return self.steps.take(order, at, rates, t, self._model.steps_taken + 1)

    def count(self) -> int:
        """The updates made here; the model's clock is brought up to them."""
        updates = self.steps.updates
        self._model.steps_taken = self._clock + updates
        return updates

    def stop(self) -> None:
        """Asks `take` to end after the step that it is in; may be called from a signal handler."""
        self.steps.stop()

    def values(self) -> Mapping[str, Array]:
        """Copies of all of them, as they are now."""
        return self.steps.values()

    def put(self, values: Mapping[str, Array], best: Mapping[str, Array], steps_taken: int) -> None:
        """Sets them, the best weights and the model's clock to what a checkpoint has."""
        self.steps.put(values)
        self.best = best
        self._clock = self._model.steps_taken = steps_taken
        self._written = None

    def undo(self) -> Values | None:
        """Goes back to before the last update; returns what that began with, None where there was none."""
        return self.steps.undo()

    def lost(self) -> bool:
        """Whether a parameter or a running average holds NaN or infinity."""
        values = self.values()
        return any(not np.isfinite(values[name]).all() for name in self.changed)

    def write_back(self) -> None:
        """Brings the model's parameters and running averages up to date."""
        updates = self.steps.updates
        if updates == self._written:
            return
        values = self.values()
        for name, array in self.own().items():
            array[...] = values[name]
        self._written = updates

    def keep_best(self) -> None:
        """Keeps a copy of the weights of this moment as the best ones."""
        values = self.values()
        self.best = {name: values[name] for name in self.changed}

    def hand_over(self, steps: int, *, lost: bool) -> None:
        """Ends the training: the model gets the best weights, or else the last ones, and what the optimizer remembers.

        Args:
            steps: the updates that the optimizer's arrays come from.
            lost: whether the training ended in NaN or infinity. The next optimizer then begins anew, as it does where
                the best weights are not the last ones.
        """
        values = self.values()
        other_weights = any(not np.array_equal(array, values[name]) for name, array in self.best.items())
        arrays = {name: values[name] for name in self._moments}
        self._model.optimizer_state = None if lost or other_weights else OptimizerState(self._optimizer, arrays, steps)
        if self.best:
            self.steps.put(self.best)
            self._written = None
        self.write_back()

    def release(self) -> None:
        """Lets go of the arrays, and of who computed with them."""
        self.best = {}
        self.steps.close()
        del self.steps
