"""A network as the tools take it: its layers placed, its parameters, its programs, run and traced."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

import numpy as np

from ..base.checks import as_array, number
from ..base.checks import seed as check_seed
from ..base.errors import ChalkgradError, CheckpointError, OptionError, unknown
from ..data.class_numbers import ClassNumbers
from ..data.pixels import Pixels
from ..describe.foreign import own_words
from ..describe.initializers import initializer
from ..describe.layers import Layer
from ..describe.layers.registry import stated
from ..describe.losses import LOSSES, Loss, are_classes, class_numbers, of_one_step, prepare_targets
from ..describe.optimizers import Optimizer, OptimizerState, as_optimizer
from ..describe.settings import from_table, to_table
from ..engines.numpy.runner import Runner
from ..engines.room import roomy
from ..explain.trace import Trace
from ..program import Program
from ..program import names as spelled
from ..render.blocks import Table
from ..render.board import Board
from ..render.shown import Displayed
from ..rules import penalty
from .adapting import adapt, unlearned
from .arguments import (
    beginning,
    check_as_many,
    check_counts,
    check_exact,
    fitting,
    read_dtype,
    read_inputs,
    read_layers,
    read_loss,
    read_samples,
    read_weights,
)
from .build import write_program
from .description import read_description
from .gradients import Gradients
from .lines import lay_out
from .named import Metric, Reading, measured, read_metrics
from .prediction import Prediction

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Score(Displayed):
    """How well a network does on samples.

    Attributes:
        loss: L over all samples, penalties included.
        accuracy: the share of samples whose class was found: with class numbers (N,), CrossEntropy or Hinge. With
            rows (N, K) and BinaryCrossEntropy, the share of outputs that say rightly yes or no, each counted for
            itself. None with rows and another loss.
        samples: how many there were.
        metrics: the metrics that were asked for, by name.
    """

    loss: float
    accuracy: float | None
    samples: int
    metrics: Mapping[str, float] = field(default_factory=dict[str, float], kw_only=True)

    def board(self) -> Board:
        """The numbers on a board."""
        cells = {"loss": f"{self.loss:.6g}", "samples": f"{self.samples:,}"}
        if self.accuracy is not None:
            cells["accuracy"] = f"{self.accuracy:.2%}"
        cells.update({name: f"{value:.6g}" for name, value in self.metrics.items() if name != "accuracy"})
        return Board("Evaluation", (Table(tuple(cells), (tuple(cells.values()),), right=tuple(range(len(cells)))),))

    def __str__(self) -> str:
        accuracy = "" if self.accuracy is None else f", accuracy {self.accuracy:.2%}"
        more = "".join(f", {name} {value:.6g}" for name, value in self.metrics.items() if name != "accuracy")
        return f"loss {self.loss:.6g}{accuracy}{more} on {self.samples:,} sample{'s' * (self.samples != 1)}"

    def __repr__(self) -> str:
        return f"<evaluation: {self}>"


@dataclass(frozen=True, slots=True, repr=False)
class Evaluation(Score):
    """What `Network.evaluate` found.

    Attributes:
        y_hat: the predictions (N, ...).
    """

    y_hat: Array


class Model:
    """A network's layers, parameters and programs, without the verbs of `chalkgrad.Network`, which is one.

    Training, writing, drawing, diagnosis and saving take a model. Arguments, attributes and errors: see `Network`.
    """

    @own_words("Network")
    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        input_shape: Sequence[int] | int | Mapping[str, Sequence[int] | int],
        loss: Loss | str,
        dtype: Any = "float32",
        seed: int = 0,
        l1: float = 0.0,
        l2: float = 0.0,
    ) -> None:
        self.layers = read_layers(layers)
        self.loss_function = from_table("loss", loss, LOSSES) if isinstance(loss, str) else read_loss(loss)
        self.dtype = read_dtype(dtype)
        self.seed = check_seed("Network", seed)
        self.l1, self.l2 = number("Network", "l1", l1, 0.0), number("Network", "l2", l2, 0.0)
        inputs = read_inputs(input_shape)
        self.layout = lay_out(self.layers, inputs, self.l1, self.l2, self.loss_function)
        self.input_shape = inputs if self.layout.several else self.layout.sample_shape
        self.loss_function.last_layer_check([v.layer for v in self.layout.lines if v.operation(training=False)][-1])
        self.loss_function.dtype_check(self.dtype)
        check_exact(self.layout, self.dtype)
        self.output_shape = self.layout.output_shape
        self.program = self._write(training=True)
        self.prediction_program = self._write(training=False)
        self._weighted: dict[bool, Program] = {}
        self._allocate()
        self._initialise()

    def _write(self, *, training: bool, weighted: bool = False) -> Program:
        return write_program(self.layout, self.loss_function, self.seed, training=training, weighted=weighted)

    def program_for(self, *, training: bool, weighted: bool = False) -> Program:
        """The program with dropout and batch statistics or as in prediction, for samples with weights or without."""
        if not weighted:
            return self.program if training else self.prediction_program
        if training not in self._weighted:
            self._weighted[training] = self._write(training=training, weighted=True)
        return self._weighted[training]

    def _allocate(self) -> None:
        """Makes the arrays of the model's own, all parameters 0, and forgets what training has left."""
        self.steps_taken = 0
        self.optimizer_state: OptimizerState | None = None
        self._frozen: set[str] = set()
        self._runners: dict[tuple[Any, ...], Runner] = {}
        count = sum(math.prod(p.shape) for p in self.layout.parameters.values())
        try:
            if count * self.dtype.itemsize > memory():  # some systems promise more than they have
                raise MemoryError
            self.flat = roomy(count, self.dtype)
        except (MemoryError, ValueError, OverflowError):
            name, largest = max(self.layout.parameters.items(), key=lambda p: math.prod(p[1].shape))
            raise OptionError(
                f"the network has {count:,} parameters, more than the memory holds; the largest is {name} "
                f"{largest.shape}"
            ) from None
        self.parameters: Mapping[str, Array] = MappingProxyType(self.views(self.flat))
        states = {n: np.full(s.shape, s.initial, self.dtype) for n, s in self.layout.states.items()}
        self.states: Mapping[str, Array] = MappingProxyType(states)
        carried = {**self.parameters, **self.states}
        self._prediction = Prediction(self.prediction_program, carried, self.dtype, lambda: f"prediction by {self!r}")

    def _initialise(self) -> None:
        rng = np.random.default_rng(self.seed)
        for line in self.layout.lines:
            automatic = "he" if self.layout.rectified(line.place) else "glorot"
            for name, parameter in line.parameters.items():
                initial = parameter.initial if parameter.initial is not None else initializer(automatic)
                self.parameters[name][...] = initial.draw(parameter.shape, parameter.fan_in, parameter.fan_out, rng)

    def views(self, flat: Array) -> dict[str, Array]:
        """A flat buffer (all parameters one behind the other) as arrays by name, without a copy."""
        views: dict[str, Array] = {}
        start = 0
        for name, parameter in self.layout.parameters.items():
            size = math.prod(parameter.shape)
            views[name] = flat[start : start + size].reshape(parameter.shape)
            start += size
        return views

    def set_parameters(self, values: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Sets parameters by name: `set_parameters(W1=..., b1=...)`, dotted names in a mapping.

        Running averages (`running_mu2`) can be set in the same way. Nothing is changed where one does not fit. With
        other parameters, the optimizer of the next training begins anew.

        Raises:
            UnknownNameError: where there is no parameter of this name.
            ShapeError: where the shape is another.
            DataError: where the values are not finite numbers.
        """
        if values is not None and not isinstance(values, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise OptionError(f"parameters are given by name, {{'W1': ...}} or W1=..., not as {beginning(values)}")
        targets = {**self.parameters, **self.states}
        ready: dict[str, Array] = {}
        for name, value in {**(values or {}), **more}.items():
            if name not in targets:
                raise unknown("parameter", name, targets)
            ready[name] = fitting(name, value, targets[name])
        for name, array in ready.items():
            targets[name][...] = array
        if any(name in self.parameters for name in ready):
            self.optimizer_state = None

    def freeze(self, *names: str) -> None:
        """Leaves these parameters as they are in all updates; their gradients are still computed.

        Raises:
            UnknownNameError: where there is no parameter of this name.
        """
        self._require_parameters(names)
        self._frozen.update(names)

    def unfreeze(self, *names: str) -> None:
        """Takes `freeze` back; without names for all.

        Raises:
            UnknownNameError: where there is no parameter of this name.
        """
        self._require_parameters(names)
        self._frozen.difference_update(names or tuple(self._frozen))

    @property
    def frozen(self) -> tuple[str, ...]:
        """The names of the frozen parameters."""
        return tuple(n for n in self.parameters if n in self._frozen)

    def _require_parameters(self, names: Iterable[str]) -> None:
        for name in names:
            if not isinstance(name, str) or name not in self.parameters:  # pyright: ignore[reportUnnecessaryIsInstance]
                raise unknown("parameter", name, self.parameters)

    def inputs(self, x: Any) -> Array:
        """`x` as the program takes it: (N, *input_shape), of the network's dtype, all finite.

        Raises:
            ShapeError: where the shape is another; it says how to cure it.
            DataError: where it does not hold numbers, or NaN or infinity.
        """
        return read_samples(x, self.layout, self.dtype)

    def targets(self, y: Any) -> Array:
        """`y` as the program takes it: (N, *output_shape); class numbers (N,) become one-hot rows.

        Raises:
            ShapeError, DataError: where it cannot be compared with the network's output.
        """
        return prepare_targets(self.loss_function, y, self.output_shape, self.dtype)

    def pair(self, x: Any, y: Any) -> tuple[Array, Array]:
        """`x` and `y` as the program takes them, as many of one as of the other and at least one.

        Raises:
            ShapeError, DataError: where they cannot be.
        """
        x, y = self.inputs(x), self.targets(y)
        check_as_many(len(x), len(y))
        return x, y

    def samples(self, x: Any) -> Array | Pixels:
        """x (N, *input_shape) as `inputs` gives it, but bytes (`data.Pixels`) stay bytes, read a few samples at a time.

        Raises:
            ShapeError, DataError: as `inputs`.
        """
        if isinstance(x, Pixels) and x.shape[1:] == self.layout.sample_shape:
            return x.astype(self.dtype)
        return self.inputs(x)

    def samples_and_targets(self, x: Any, y: Any) -> tuple[Array | Pixels, Array | ClassNumbers]:
        """x and y as `pair` gives them, but bytes (`data.Pixels`) stay bytes, and a sequence's classes their numbers.

        Raises:
            ShapeError, DataError: as `pair`.
        """
        samples, outputs = self.samples(x), self.output_shape
        if len(outputs) == 2 and are_classes(y, outputs) and np.shape(y)[1:] == outputs[:1]:
            targets = class_numbers(self.loss_function, as_array("y", y), outputs, self.dtype)
        else:
            targets = self.targets(y)
        check_as_many(len(samples), len(targets))
        return samples, targets

    def updated_by(self, optimizer: Optimizer, *, training: bool = True, weighted: bool = False) -> Program:
        """The program with the update of the parameters that are not frozen after it."""
        program = self.program_for(training=training, weighted=weighted)
        penalised = [name for name, parameter in self.layout.parameters.items() if parameter.penalised]
        return optimizer.extend(program, penalised, self.frozen)

    def runner(self, outputs: Iterable[str], *, training: bool, weighted: bool = False) -> Runner:
        """The steps that the named values need, ready to run."""
        key = (training, weighted, *outputs)
        if key not in self._runners:
            self._runners[key] = Runner(self.program_for(training=training, weighted=weighted).needed_for(key[2:]))
        return self._runners[key]

    def sample_weights(self, sample_weight: Any, y: Array | ClassNumbers) -> Array | None:
        """The samples' weights as the program takes them: (N,), or (N, T) where every step of a sequence has a loss.

        Args:
            sample_weight: what was given: (N,), or (N, T); None for none.
            y: the targets, as `targets` gives them.

        Raises:
            ShapeError, DataError: where they are none, or no target counts.
        """
        weights = read_weights(sample_weight, len(y), self.layout.steps_shape, self.dtype)
        check_counts(self.loss_function, y, weights)
        return weights

    def adapt(self, x: Any, y: Any = None) -> None:
        """Learns the means and standard deviations of the layers that scale, from these samples.

        `fit` does so for those that have not seen samples yet; this takes other samples, or learns anew.

        Args:
            x: (N, *input_shape).
            y: targets, where the network ends with Unstandardize.

        Raises:
            OptionError: where no layer scales, or y is missing.
            ShapeError, DataError: where x and y do not fit.
        """
        lines = self.layout.learning
        if not lines:
            raise OptionError("adapt: no layer learns from samples before a training; cg.Standardize() would")
        samples, targets = (self.samples(x), None) if y is None else self.samples_and_targets(x, y)
        by_number = y is not None and are_classes(y, self.output_shape)
        adapt(self, lines, lambda: [(samples, targets)], by_number=by_number)

    def check_adapted(self, owner: str) -> None:
        """Raises OptionError where a layer that scales has not learned from samples yet."""
        for line in unlearned(self):
            what = "targets" if line.layer.learns == "targets" else "samples"
            mu, sigma = line.names["mu"], line.names["sigma"]
            raise OptionError(
                f"{owner}: {line.label} has seen no {what} yet, so {mu} and {sigma} are not known: train the network, "
                "or give it samples by net.adapt(x, y)"
            )

    def given(self, x: Array, y: Array | None = None, weights: Array | None = None) -> dict[str, Any]:
        """The values from outside that a run starts with."""
        self.check_adapted("network")
        start: dict[str, Any] = {"x": x, "clock": self.steps_taken + 1, **self.parameters, **self.states}
        if weights is not None:
            start[spelled.SAMPLE_WEIGHT] = weights
        return start if y is None else {**start, "y": y}

    @own_words("predict")
    def predict(self, x: Any, *, engine: str = "auto") -> Array:
        """The prediction y_hat, (N, *output_shape), for x (N, *input_shape).

        Args:
            x: the samples.
            engine: "numpy", "compiled", or "auto": compiled where a compiler is there and the work is worth it.

        Raises:
            ShapeError, DataError: where x does not fit.
            OptionError: where the engine is not known, or "compiled" was asked for and there is no compiler.
        """
        self.check_adapted("predict")
        samples = self.samples(x)
        return self._prediction.run(("y_hat",), samples, None, self.steps_taken + 1, "predict", engine)["y_hat"]

    def loss(self, x: Any, y: Any, *, training: bool = False, sample_weight: Any = None) -> float:
        """The loss L of x (N, ...) and y, penalties included.

        Args:
            x: (N, *input_shape).
            y: targets (N, *output_shape) or class numbers (N,).
            training: with dropout's masks and the batch's own statistics.
            sample_weight: the samples' weights, as for `fit`.
        """
        x, y = self.pair(x, y)
        weights = self.sample_weights(sample_weight, y)
        runner = self.runner(["L"], training=training, weighted=weights is not None)
        return float(runner.run(self.given(x, y, weights))["L"])

    def gradients(self, x: Any, y: Any, *, training: bool = True, sample_weight: Any = None) -> Gradients:
        """dL/dW of every parameter by the parameter's name, as views of one flat buffer; "dW1" names that of W1 too.

        Args:
            x: (N, *input_shape).
            y: targets (N, *output_shape) or class numbers (N,).
            training: with dropout's masks (those of the step that would come next) and batch statistics.
            sample_weight: the samples' weights, as for `fit`.
        """
        x, y = self.pair(x, y)
        weights = self.sample_weights(sample_weight, y)
        names = [self.program.derivative_of[n] for n in self.parameters]
        runner = self.runner(names, training=training, weighted=weights is not None)
        values = runner.run(self.given(x, y, weights))
        views = self.views(np.empty_like(self.flat))
        for name, view in views.items():
            view[...] = values[self.program.derivative_of[name]]
        return Gradients(views)

    def trace(
        self,
        x: Any,
        y: Any,
        *,
        optimizer: Optimizer | str | None = None,
        training: bool = True,
        labels: Mapping[str, str] | None = None,
        optimizer_state: Mapping[str, Any] | OptimizerState | None = None,
        sample_weight: Any = None,
    ) -> Trace:
        """Runs one pass and keeps every named value: trace["z1"], trace["dz2"], trace["dW1"], trace["L"].

        Args:
            x: (N, *input_shape).
            y: targets (N, *output_shape) or class numbers (N,).
            optimizer: with one, the update's values too (trace["W1_new"]), those of its first step; nothing is updated.
            training: with dropout's masks and batch statistics.
            labels: other names of elements, by address, for explanations: {"W1[0, 0]": "w1"}.
            optimizer_state: what the optimizer carries from the steps before: its arrays by name ("v_W1"; zeros
                where none is given) and "t", this step's number (1); or the network's own `optimizer_state`.
            sample_weight: the samples' weights, as for `fit`.

        Raises:
            ShapeError, DataError: where x, y or the optimizer's arrays do not fit.
            UnknownNameError: where the optimizer has no such array.
            OptionError: where its state is given and the optimizer is not.
        """
        x, y = self.pair(x, y)
        weights = self.sample_weights(sample_weight, y)
        weighted = weights is not None
        program = self.program_for(training=training, weighted=weighted)
        values = self.given(x, y, weights)
        if optimizer is None and optimizer_state:
            raise OptionError("optimizer_state is what an optimizer carries on: give the optimizer too")
        if optimizer is not None:
            optimizer = as_optimizer(optimizer, self.dtype)
            program = self.updated_by(optimizer, training=training, weighted=weighted)
            values.update(optimizer.carried(program, self.dtype, optimizer_state or {}))
            values["lr"] = optimizer.learning_rate
        return Trace(program, Runner(program.steps).run(values), labels)

    @own_words("evaluate")
    def evaluate(
        self, x: Any, y: Any, *, engine: str = "auto", sample_weight: Any = None, metrics: Sequence[str] | str = ()
    ) -> Evaluation:
        """Loss and accuracy on x (N, ...) and y, as in prediction.

        Args:
            x: (N, *input_shape).
            y: targets (N, *output_shape) or class numbers (N,).
            engine: as for `predict`.
            sample_weight: the samples' weights, as for `fit`.
            metrics: further numbers by name, as for `fit`.
        """
        by_number = are_classes(y, self.output_shape)
        wanted = self.named_metrics("evaluate", metrics, by_number=by_number)
        samples = self.samples_and_targets(x, y)
        weights = self.sample_weights(sample_weight, samples[1])
        parts: list[Array] = []
        score = self.measure(*samples, weights, by_number=by_number, engine=engine, look=parts.append, metrics=wanted)
        y_hat = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return Evaluation(score.loss, score.accuracy, score.samples, y_hat, metrics=score.metrics)

    def reading(self, *, by_number: bool) -> Reading:
        """How its predictions are read, with targets that were given as class numbers or not."""
        outputs = math.prod(of_one_step(self.output_shape))
        return Reading.of(self.loss_function, outputs, by_number=by_number)

    def named_metrics(self, owner: str, names: Sequence[str] | str, *, by_number: bool) -> tuple[Metric, ...]:
        """The metrics of these names.

        Raises:
            UnknownNameError: where there is no such metric.
            OptionError: where one does not suit the network and its targets.
        """
        return read_metrics(owner, names, self.reading(by_number=by_number))

    def measure(
        self,
        x: Array | Pixels,
        y: Array | ClassNumbers,
        weights: Array | None = None,
        *,
        by_number: bool,
        engine: str = "auto",
        look: Callable[[Array], object] | None = None,
        metrics: Sequence[Metric] = (),
    ) -> Score:
        """How well the network does on what `samples_and_targets` gave, as in prediction.

        Args:
            x: the samples.
            y: their targets.
            weights: their weights, as `sample_weights` gives them.
            by_number: whether the targets were given as class numbers (N,), so that one class of each row is right.
            engine: as for `predict`.
            look: called with the predictions of some of the samples after the other.
            metrics: further numbers, as `named_metrics` gives them.
        """
        return self.measure_parts([(x, y, weights)], by_number=by_number, engine=engine, look=look, metrics=metrics)

    def measure_parts(
        self,
        parts: Iterable[tuple[Array | Pixels, Array | ClassNumbers, Array | None]],
        *,
        by_number: bool,
        engine: str = "auto",
        look: Callable[[Array], object] | None = None,
        metrics: Sequence[Metric] = (),
    ) -> Score:
        """The same of samples, targets and weights that come in parts: how well it does on all of them together."""
        self.check_adapted("evaluate")
        count_hits = by_number or self.loss_function.of_classes
        reading = self.reading(by_number=by_number)
        hit: list[Array] = []
        lost: list[Array] = []
        counted: list[Array | None] = []
        kept: list[list[Array]] = [[] for _ in metrics]
        for x, y, weights in parts:
            begin = 0
            for values in self._prediction.in_parts(("y_hat", "l"), x, y, self.steps_taken + 1, "evaluate", engine):
                y_hat = values["y_hat"]
                lost.append(values["l"])
                truth = y[begin : begin + len(y_hat)] if count_hits or metrics else None
                if count_hits and truth is not None:
                    hit.append(self.loss_function.hits(y_hat, truth, by_number=by_number))
                if metrics and truth is not None:
                    rows = y_hat.reshape(-1, reading.outputs), truth.reshape(-1, reading.outputs)
                    for metric, its in zip(metrics, kept, strict=True):
                        its.append(metric.part(*rows, reading))
                begin += len(y_hat)
                if look is not None:
                    look(y_hat)
            counted.append(self.loss_function.weights(y, weights))
        losses = np.concatenate(lost)
        counting = None if counted[0] is None else np.concatenate([c for c in counted if c is not None])
        if self.loss_function.reduction == "mean":
            loss = float(losses.mean() if counting is None else np.average(losses, weights=counting))
        else:
            loss = float(losses.sum() if counting is None else (losses * counting).sum())
        for name, (l1, l2) in self.layout.penalties.items():
            with np.errstate(all="ignore"):
                loss = float(penalty.penalty(loss, self.parameters[name], l1=l1, l2=l2))
        numbers = measured(metrics, kept, counting, reading)
        accuracy = None
        if count_hits:
            hits = np.concatenate(hit)
            if counting is not None:
                counting = counting.reshape(-1)
                counting = np.broadcast_to(counting.reshape((-1, *[1] * (hits.ndim - 1))), hits.shape)
            accuracy = float(np.average(hits, weights=counting))
        return Score(loss, accuracy, len(losses), metrics=numbers)

    def classes(self, y_hat: Array) -> Array:
        """The class number of every prediction (N, K): the largest output, or yes (1) and no (0) of one output."""
        if y_hat.ndim == 3 and y_hat.shape[2] > 1:
            return y_hat.argmax(axis=2)
        rows = y_hat.reshape(len(y_hat), -1)
        if rows.shape[1] > 1:
            return rows.argmax(axis=1)
        return (rows[:, 0] > self.loss_function.threshold).astype(np.intp)

    def to_table(self) -> dict[str, Any]:
        """The network's description as a table for a TOML file, without the weights."""
        shapes = {name: list(shape) for name, shape in self.layout.inputs.items()}
        description: dict[str, Any] = {
            "input_shape": shapes if self.layout.several else shapes["x"],
            "dtype": self.dtype.name,
            "seed": self.seed,
        }
        if self.l1:
            description["l1"] = self.l1
        if self.l2:
            description["l2"] = self.l2
        if self._frozen:
            description["frozen"] = list(self.frozen)
        description["loss"] = to_table(self.loss_function)
        if rules := stated(self.layers):
            description["rules"] = rules
        description["layers"] = [to_table(layer) for layer in self.layers]
        return description

    @classmethod
    def described(cls, table: Mapping[str, Any], where: str, stored: Mapping[str, Sequence[int]] | None = None) -> Self:
        """The network that a table describes, with its initial weights.

        Args:
            table: the description.
            where: what to call it in messages.
            stored: the shapes of the arrays that are there; if given, the parameters and running averages that the
                layers need must be among them, or nothing is allocated.

        Raises:
            ChalkgradError: one of its kinds, where the table does not describe a network.
        """
        settings, frozen = read_description(table, where, stored)
        try:
            network = cls(**settings)
            network.freeze(*frozen)
        except CheckpointError:
            raise
        except ChalkgradError as error:
            raise type(error)(f"{where}: {error}") from None
        return network

    def copy(self, *, dtype: Any = None) -> Self:
        """A network of its own with the same parameters, in another dtype if asked for; it trains on alike."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)  # the layers and the programs are the same
        twin.dtype = read_dtype(dtype or self.dtype)
        twin.loss_function.dtype_check(twin.dtype)
        check_exact(self.layout, twin.dtype)
        twin._allocate()
        twin.flat[...] = self.flat
        for name, state in self.states.items():
            twin.states[name][...] = state
        twin.steps_taken = self.steps_taken
        if self.optimizer_state is not None:
            twin.optimizer_state = self.optimizer_state.copy(twin.dtype)
        twin.freeze(*self.frozen)
        return twin

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.copy()

    def __repr__(self) -> str:
        kinds = " - ".join(layer.kind for layer in self.layers)
        return f"<network {kinds}, {self.flat.size:,} parameters>"


def memory() -> float:
    """The machine's memory in bytes; infinite where it is not known."""
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return float(size) if size > 0 else math.inf
    except (AttributeError, ValueError, OSError):
        return math.inf
