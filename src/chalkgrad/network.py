"""The public face: describe a network, run it, look into it, train it."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from .base.checks import as_array, choice, number, whole
from .base.checks import seed as check_seed
from .base.columns import table
from .base.errors import DataError, OptionError, ShapeError, unknown
from .data.pixels import Pixels
from .describe.foreign import own_words
from .describe.initializers import initializer
from .describe.layers import Layer
from .describe.losses import LOSSES, Loss, are_classes, prepare_targets
from .describe.settings import from_table, to_table
from .engines.choice import compiled_wanted
from .engines.numpy.runner import Runner
from .engines.work import WORTH_PREDICTING, seconds
from .explain.trace import Trace
from .model.arguments import fitting, input_message, read_dtype, read_input_shape, read_layers, read_loss, shown
from .model.build import BATCH, blueprint, followed_by_rectifier, write_program
from .model.gradients import Gradients
from .program import Program
from .rules import penalty

if TYPE_CHECKING:
    from .describe.optimizers import Optimizer, OptimizerState
    from .describe.schedules import Schedule
    from .diagram import Picture
    from .engines.c.run.prediction import CompiledPrediction
    from .gradient_check import GradientCheck
    from .render.board import Board
    from .train.callbacks import Callback
    from .train.checkpoints import Checkpoints
    from .train.history import History

Array = np.ndarray[Any, Any]
CHUNK = 1024
"""How many samples predict and evaluate take at a time."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What `Network.evaluate` found.

    Attributes:
        loss: L over all samples, penalties included.
        accuracy: the share of samples whose class was found: with class numbers (N,), CrossEntropy or Hinge. With
            rows (N, K) and BinaryCrossEntropy, the share of outputs that say rightly yes or no, each counted for
            itself. None with rows and another loss.
        samples: how many there were.
        y_hat: the predictions (N, ...).
    """

    loss: float
    accuracy: float | None
    samples: int
    y_hat: Array

    def __str__(self) -> str:
        shown = "" if self.accuracy is None else f", accuracy {self.accuracy:.2%}"
        return f"loss {self.loss:.6g}{shown} on {self.samples:,} samples"

    def __repr__(self) -> str:
        return f"<evaluation: {self}>"


class Network:
    """A feed-forward network whose forward and backward pass is a list of named steps.

    Args:
        layers: the layers in order.
        input_shape: the shape of one sample: (inputs,) or (channels, height, width); a number is (number,).
        loss: what is minimised: a loss, or its name.
        dtype: "float32" (the default) or "float64".
        seed: where the initial weights and dropout's masks come from.
        l1, l2: penalties on all weights (not biases) as part of the loss, l1 * sum|W| + l2 * sum(W^2); a
            layer's own l1, l2 go before.

    Attributes:
        parameters: every weight and bias by name, as a view of `flat`.
        flat: all parameters in one contiguous buffer.
        states: running averages by name (batch normalisation).
        program: the steps of a training pass; `prediction_program` those without dropout and batch statistics.
        steps_taken: how many updates training has made; the clock that dropout's masks and the order of samples
            follow.
        optimizer_state: what the optimizer of the last training remembers; None where the next one begins anew. It is
            copied, but not saved.

    Raises:
        ShapeError: where a layer cannot take what comes into it.
        OptionError: where a setting cannot be.
    """

    @own_words
    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        input_shape: Sequence[int] | int,
        loss: Loss | str,
        dtype: Any = "float32",
        seed: int = 0,
        l1: float = 0.0,
        l2: float = 0.0,
    ) -> None:
        self.layers = read_layers(layers)
        self.input_shape = read_input_shape(input_shape)
        self.loss_function = from_table("loss", loss, LOSSES) if isinstance(loss, str) else read_loss(loss)
        self.dtype = read_dtype(dtype)
        self.seed = check_seed("Network", seed)
        self.l1, self.l2 = number("Network", "l1", l1, 0.0), number("Network", "l2", l2, 0.0)
        self.plan = blueprint(self.layers, self.input_shape, self.l1, self.l2, self.loss_function)
        self.loss_function.last_layer_check([v for v in self.layers if v.operation(training=False)][-1])
        self.loss_function.dtype_check(self.dtype)
        self.output_shape = self.plan.shapes[-1]
        self.program = self._write(training=True)
        self.prediction_program = self._write(training=False)
        self.steps_taken = 0
        self.optimizer_state: OptimizerState | None = None
        self._frozen: set[str] = set()
        self._runners: dict[tuple[Any, ...], Runner] = {}
        self._compiled: dict[tuple[tuple[str, ...], bool], CompiledPrediction] = {}
        self._cost: dict[tuple[str, ...], tuple[float, float]] = {}
        count = sum(math.prod(p.shape) for p in self.plan.parameters.values())
        try:
            if count * self.dtype.itemsize > memory():  # some systems promise more than they have
                raise MemoryError
            self.flat = np.zeros(count, self.dtype)
        except (MemoryError, ValueError, OverflowError):
            name, largest = max(self.plan.parameters.items(), key=lambda p: math.prod(p[1].shape))
            raise OptionError(
                f"the network has {count:,} parameters, more than the memory holds; the largest is {name} "
                f"{largest.shape}"
            ) from None
        self.parameters: Mapping[str, Array] = MappingProxyType(self.views(self.flat))
        states = {n: np.full(s.shape, s.initial, self.dtype) for n, s in self.plan.states.items()}
        self.states: Mapping[str, Array] = MappingProxyType(states)
        self._initialise()

    def _write(self, *, training: bool) -> Program:
        return write_program(self.layers, self.plan, self.loss_function, self.seed, training=training)

    def _initialise(self) -> None:
        rng = np.random.default_rng(self.seed)
        for place, bound in enumerate(self.plan.names):
            automatic = "he" if followed_by_rectifier(self.layers, place) else "glorot"
            for name in bound.values():
                if name not in self.plan.parameters:
                    continue
                wanted = self.plan.parameters[name]
                initial = wanted.initial if wanted.initial is not None else initializer(automatic)
                self.parameters[name][...] = initial.draw(wanted.shape, wanted.fan_in, wanted.fan_out, rng)

    def views(self, flat: Array) -> dict[str, Array]:
        """A flat buffer (all parameters one behind the other) as arrays by name, without a copy."""
        views: dict[str, Array] = {}
        start = 0
        for name, parameter in self.plan.parameters.items():
            size = math.prod(parameter.shape)
            views[name] = flat[start : start + size].reshape(parameter.shape)
            start += size
        return views

    # -- parameters ------------------------------------------------------------------------------------------

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
            raise OptionError(f"parameters are given by name, {{'W1': ...}} or W1=..., not as {shown(values)}")
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

    # -- running ---------------------------------------------------------------------------------------------

    def inputs(self, x: Any) -> Array:
        """`x` as the program takes it: (N, *input_shape), of the network's dtype, all finite.

        Raises:
            ShapeError: where the shape is another; it says how to cure it.
            DataError: where it does not hold numbers, or NaN or infinity.
        """
        x = as_array("x", x)
        if x.dtype.kind not in "biuf":
            raise DataError(f"x must hold numbers, not {'text' if x.dtype.kind in 'US' else x.dtype}")
        if x.dtype == np.float16:
            raise DataError("x is float16, which is too coarse to train in; use x.astype('float32')")
        if x.shape[1:] != self.input_shape or x.ndim != len(self.input_shape) + 1:
            raise ShapeError(input_message(x.shape, self.input_shape, self.plan.labels[0]))
        with np.errstate(over="ignore", invalid="ignore"):
            ready = x.astype(self.dtype, copy=False)
            suspect = not np.isfinite(ready.sum())  # quicker than looking at every number
        if suspect and not np.isfinite(ready).all():
            bad = np.argwhere(~np.isfinite(ready))
            place = tuple(int(i) for i in bad[0])
            at = f"in {len(bad)} of {x.size} places, first at x[{', '.join(map(str, place))}]"
            if np.isfinite(x[place]):
                raise DataError(f"x holds numbers too large for {self.dtype} {at}")
            raise DataError(f"x holds NaN or infinity {at}")
        return ready

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
        _check_as_many(len(x), len(y))
        return x, y

    def samples(self, x: Any) -> Array | Pixels:
        """x (N, *input_shape) as `inputs` gives it, but bytes (`data.Pixels`) stay bytes, read a few samples at a time.

        Raises:
            ShapeError, DataError: as `inputs`.
        """
        if isinstance(x, Pixels) and x.shape[1:] == self.input_shape:
            return x.astype(self.dtype)
        return self.inputs(x)

    def samples_and_targets(self, x: Any, y: Any) -> tuple[Array | Pixels, Array]:
        """x and y as `pair` gives them, but bytes (`data.Pixels`) stay bytes.

        Raises:
            ShapeError, DataError: as `pair`.
        """
        kept, targets = self.samples(x), self.targets(y)
        _check_as_many(len(kept), len(targets))
        return kept, targets

    def runner(self, outputs: Iterable[str], *, training: bool) -> Runner:
        """The steps that the named values need, ready to run."""
        key = (training, *outputs)
        if key not in self._runners:
            program = self.program if training else self.prediction_program
            self._runners[key] = Runner(program.needed_for(key[1:]))
        return self._runners[key]

    def given(self, x: Array, y: Array | None = None) -> dict[str, Any]:
        """The values from outside that a run starts with."""
        start: dict[str, Any] = {"x": x, "clock": self.steps_taken + 1, **self.parameters, **self.states}
        return start if y is None else {**start, "y": y}

    @own_words
    def predict(self, x: Any, *, engine: str = "auto") -> Array:
        """The prediction y_hat, (N, *output_shape), for x (N, *input_shape).

        Args:
            x: the samples.
            engine: "numpy", "compiled", or "auto": compiled where a compiler is there and the work is worth it.

        Raises:
            ShapeError, DataError: where x does not fit.
            OptionError: where the engine is not known, or "compiled" was asked for and there is no compiler.
        """
        return self._forward(("y_hat",), self.samples(x), None, "predict", engine)["y_hat"]

    def _forward(
        self, names: tuple[str, ...], x: Array | Pixels, y: Array | None, owner: str, engine: str
    ) -> dict[str, Array]:
        """Values of a forward pass as in prediction, (N, ...) each."""
        program = self.prediction_program
        if engine == "auto" and names not in self._cost:
            steps = program.needed_for(names)
            once = seconds(program, steps, 0)
            self._cost[names] = once, seconds(program, steps, CHUNK) - once
        once, more = self._cost.get(names, (0.0, 0.0))
        chunks = len(x) / CHUNK
        of_bytes = isinstance(x, Pixels)
        made = self._compiled.get((names, of_bytes))
        ready = engine == "compiled" and made is not None
        if len(x) and (ready or compiled_wanted(owner, engine, once + more * chunks, WORTH_PREDICTING)):
            made = made or self._compile(names, engine, of_bytes=of_bytes)
            if made is not None:
                return made({**self.parameters, **self.states}, x, y)
        run = self.runner(names, training=False).run
        parts: dict[str, list[Array]] = {name: [] for name in names}
        for i in range(0, len(x), CHUNK):
            values = run(self.given(x[i : i + CHUNK], None if y is None else y[i : i + CHUNK]))
            for name in names:
                parts[name].append(values[name])
        shapes = {n: [s for s in program.shapes[program.resolve(n)] if isinstance(s, int)] for n in names}
        return {n: np.concatenate(p) if p else np.zeros((0, *shapes[n]), self.dtype) for n, p in parts.items()}

    def _compile(self, names: tuple[str, ...], engine: str, *, of_bytes: bool) -> CompiledPrediction | None:
        """The forward pass by the compiled engine; None where that was not asked for and cannot be had."""
        from .engines.c.run.compiler import CompilerError, patience
        from .engines.c.run.prediction import CompiledPrediction

        carried, title = {**self.parameters, **self.states}, f"prediction by {self!r}"
        try:
            made = CompiledPrediction(
                self.prediction_program, carried, names, title, self.dtype, of_bytes=of_bytes, patience=patience(engine)
            )
        except CompilerError:
            if engine == "compiled":
                raise
            return None
        self._compiled[names, of_bytes] = made
        return made

    def loss(self, x: Any, y: Any, *, training: bool = False) -> float:
        """The loss L of x (N, ...) and y, penalties included.

        Args:
            x: (N, *input_shape).
            y: targets (N, *output_shape) or class numbers (N,).
            training: with dropout's masks and the batch's own statistics.
        """
        x, y = self.pair(x, y)
        return float(self.runner(["L"], training=training).run(self.given(x, y))["L"])

    def gradients(self, x: Any, y: Any, *, training: bool = True) -> Gradients:
        """dL/dW of every parameter by the parameter's name, as views of one flat buffer; "dW1" names that of W1 too.

        Args:
            x: (N, *input_shape).
            y: targets (N, *output_shape) or class numbers (N,).
            training: with dropout's masks (those of the step that would come next) and batch statistics.
        """
        x, y = self.pair(x, y)
        names = [f"d{n}" for n in self.parameters]
        values = self.runner(names, training=training).run(self.given(x, y))
        views = self.views(np.empty_like(self.flat))
        for name, view in views.items():
            view[...] = values[f"d{name}"]
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

        Raises:
            ShapeError, DataError: where x, y or the optimizer's arrays do not fit.
            UnknownNameError: where the optimizer has no such array.
            OptionError: where its state is given and the optimizer is not.
        """
        from .describe.optimizers import as_optimizer

        x, y = self.pair(x, y)
        program = self.program if training else self.prediction_program
        values = self.given(x, y)
        if optimizer is None and optimizer_state:
            raise OptionError("optimizer_state is what an optimizer carries on: give the optimizer too")
        if optimizer is not None:
            optimizer = as_optimizer(optimizer, self.dtype)
            program = optimizer.extend(program, self.plan, self.frozen)
            values.update(optimizer.carried(program, self.dtype, optimizer_state or {}))
            values["lr"] = optimizer.learning_rate
        return Trace(program, Runner(program.steps).run(values), labels)

    @own_words
    def evaluate(self, x: Any, y: Any, *, engine: str = "auto") -> Evaluation:
        """Loss and accuracy on x (N, ...) and y, as in prediction; the engine as for `predict`."""
        by_number = are_classes(y, self.output_shape)
        return self.evaluate_ready(*self.samples_and_targets(x, y), by_number=by_number, engine=engine)

    def evaluate_ready(self, x: Array | Pixels, y: Array, *, by_number: bool, engine: str = "auto") -> Evaluation:
        """As `evaluate`, on what `samples_and_targets` gave.

        Args:
            x: the samples.
            y: their targets.
            by_number: whether the targets were given as class numbers (N,), so that one class of each row is right.
            engine: as for `predict`.
        """
        found = self._forward(("y_hat", "l"), x, y, "evaluate", engine)
        y_hat, losses = found["y_hat"], found["l"]
        loss = float(losses.mean() if self.loss_function.reduction == "mean" else losses.sum())
        for name, (l1, l2) in self.plan.penalties.items():
            with np.errstate(all="ignore"):
                loss = float(penalty.penalty(loss, self.parameters[name], l1=l1, l2=l2))
        accuracy = None
        if by_number or self.loss_function.of_classes:
            accuracy = float(self.loss_function.hits(y_hat, y, by_number=by_number).mean())
        return Evaluation(loss, accuracy, len(x), y_hat)

    def classes(self, y_hat: Array) -> Array:
        """The class number of every prediction (N, K): the largest output, or yes (1) and no (0) of one output."""
        rows = y_hat.reshape(len(y_hat), -1)
        if rows.shape[1] > 1:
            return rows.argmax(axis=1)
        return (rows[:, 0] > self.loss_function.threshold).astype(np.intp)

    def derive(
        self,
        x: Any = None,
        y: Any = None,
        *,
        optimizer: Optimizer | str | None = None,
        training: bool = True,
        precision: int = 6,
        labels: Mapping[str, str] | None = None,
        title: str = "",
        optimizer_state: Mapping[str, Any] | OptimizerState | None = None,
    ) -> Board:
        """The whole forward and backward pass as mathematics: every step in matrix form with its shape.

        Args:
            x: samples (N, *input_shape), to show the numbers too; without them symbols only.
            y: their targets.
            optimizer: with one, the update too.
            training: with dropout's masks and batch statistics.
            precision: significant digits.
            labels: other names of elements, by address.
            title: what stands above.
            optimizer_state: what the optimizer carries from the steps before, as for `trace`.

        Returns:
            A board, which prints as text, Markdown, LaTeX, HTML and JSON.

        Raises:
            ShapeError, DataError: where x and y do not fit.
            OptionError: where a setting cannot be.
        """
        from .describe.optimizers import as_optimizer
        from .explain.derive import derive
        from .render.board import Style

        if whole("derive", "precision", precision) > 17:
            raise OptionError(f"derive: precision is in significant digits, 1 to 17; it is {precision}")
        if (x is None) != (y is None):
            raise OptionError("derive takes x and y together, or neither")
        program = self.program if training else self.prediction_program
        if optimizer is not None:
            program = as_optimizer(optimizer, self.dtype).extend(program, self.plan, self.frozen)
        trace = None
        if x is not None:
            trace = self.trace(x, y, optimizer=optimizer, training=training, optimizer_state=optimizer_state)
        style = Style(precision, dict(labels or {}), program.derivatives, None if trace is None else len(trace["x"]))
        return derive(program, trace, style, title or "The forward and backward pass")

    def source(
        self,
        to: str = "numpy",
        x: Any = None,
        y: Any = None,
        *,
        optimizer: Optimizer | str = "SGD",
        steps: int = 1,
        title: str = "",
        out: str | Path | None = None,
    ) -> str:
        """The network as a script that stands alone: forward pass, loss, backward pass, update, line by line.

        The NumPy script prints the same losses as `fit` on all samples at once, to the last bit; its optimizer begins
        anew. Long arrays stand in it as the text of their bytes; written to a file, it reads them from files beside it
        (`NAME_weights.npz`, `NAME_data.npz`), which are written too.

        Args:
            to: "numpy"; "torch" for the same network as an nn.Module with its weights and a training loop; "c" for a
                C program, the compiled engine's code with a main function, which trains on x and y, or with steps=0
                predicts. Without x it reads the samples from standard input, the numbers of each (and of its target).
            x: samples (N, *input_shape); without them the script draws some of the right shape.
            y: their targets.
            optimizer: how the script updates the parameters.
            steps: how many updates it makes.
            title: what it is called.
            out: the file that it is written to, as well as returned.

        Raises:
            OptionError: where `to` is not known, PyTorch has no form for a layer, there are more numbers than can
                stand in a script and no `out`, or `out` cannot be written.
            ShapeError, DataError: where x and y do not fit.
        """
        from .write.given import files_beside
        from .write.numpy_script import numpy_script
        from .write.script_file import write_script
        from .write.torch_module import torch_script

        path = None if out is None else Path(out)
        if choice("source", "to", to, ("numpy", "torch", "c")) == "c":
            text, files = self._c_program(x, y, optimizer, whole("source", "steps", steps, 0), title), {}
        else:
            script = {"numpy": numpy_script, "torch": torch_script}[to]
            beside = None if path is None else path.stem
            text = script(self, x, y, optimizer=optimizer, steps=steps, title=title, beside=beside)
            files = {} if beside is None else files_beside(self, x, y, beside)
        if path is not None:
            write_script(path, text, files)
        return text

    def _c_program(self, x: Any, y: Any, optimizer: Optimizer | str, steps: int, title: str) -> str:
        from .describe.optimizers import as_optimizer
        from .engines.c.print.standalone import prediction_program, training_program
        from .write.numpy_script import shown_every

        title = title.strip() or repr(self)
        own = {**self.parameters, **self.states}
        if not steps:
            samples = None if x is None else self.inputs(x)
            return prediction_program(self.prediction_program, own, samples, title, self.dtype)
        if (x is None) != (y is None):
            raise OptionError("source takes x and y together, or neither")
        optimizer = as_optimizer(optimizer, self.dtype)
        program = optimizer.extend(self.program, self.plan, self.frozen)
        values = {**own, **optimizer.start(program, self.dtype)}
        return training_program(
            program,
            self.prediction_program,
            values,
            None if x is None else self.pair(x, y),
            self.loss_function,
            optimizer.learning_rate,
            self.steps_taken,
            steps,
            shown_every(steps),
            title,
            self.dtype,
        )

    def diagram(
        self,
        kind: str = "auto",
        x: Any = None,
        y: Any = None,
        *,
        labels: Mapping[str, str] | None = None,
        batch: int | str = "N",
        precision: int = 4,
        sample: int = 0,
    ) -> Picture:
        """A drawing of the network as SVG; it shows itself in a notebook.

        Args:
            kind: "neurons": nodes and edges, given x and y with values, weights and gradients; "layers": the
                structure with shapes; "graph": the computation graph with the batch's shapes; "auto": neurons
                where the network is small enough, else layers.
            x: samples (N, *input_shape), of which one is drawn.
            y: their targets.
            labels: other names of elements, by address.
            batch: the number of samples in shapes.
            precision: significant digits.
            sample: which of the samples, from 0.

        Raises:
            OptionError: where the network is too large for this kind; it names another.
            ShapeError, DataError: where x and y do not fit.
        """
        from . import diagram as draw

        choice("diagram", "kind", kind, ("auto", "neurons", "layers", "graph"))
        if (x is None) != (y is None):
            raise OptionError("diagram takes x and y together, or neither")
        if batch != "N":
            whole("diagram", "batch", batch)
        if kind in ("auto", "neurons"):
            trace = None if x is None else self.trace(x, y, labels=labels)
            try:
                return draw.neurons(self, trace, labels=labels, precision=precision, sample=sample)
            except OptionError:
                if kind == "neurons":
                    raise
        return draw.graph(self.program, batch=batch) if kind == "graph" else draw.layers(self, batch=batch)

    def check_gradients(
        self, x: Any, y: Any, *, tolerance: float = 1e-6, samples: int | None = None, training: bool = True
    ) -> GradientCheck:
        """Compares every gradient with central differences, in float64. See `chalkgrad.gradient_check`."""
        from .gradient_check import check_gradients

        return check_gradients(self, x, y, tolerance=tolerance, samples=samples, training=training)

    # -- training --------------------------------------------------------------------------------------------

    @own_words
    def fit(
        self,
        x: Any,
        y: Any,
        *,
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
        resume: str | Path | None = None,
        fresh_optimizer: bool = False,
    ) -> History:
        """Trains the network in place.

        What the optimizer remembers (momentum, moments, their number of steps) stays with the network: one fit of six
        epochs is six fits of one. It begins anew where the optimizer is another, or has other settings (the learning
        rate may change), where other parameters are frozen, and after `set_parameters` and `load`; and where the
        weights were lost, or those of an earlier epoch put back. Schedule and patience begin anew in every fit.

        Args:
            x: (N, *input_shape).
            y: targets (N, *output_shape) or class numbers (N,).
            optimizer: an optimizer, or its name.
            epochs: how many times to go through the samples at most. None: until something else stops it; if
                nothing else could, once.
            batch_size: samples in a step; None for all at once. The last batch of an epoch may be smaller.
            shuffle: whether every epoch has an order of its own, drawn from the seed and the steps so far.
            validation: samples to validate on, (x, y); or the share of the given ones to set aside, drawn from
                the seed and evenly over the classes.
            schedule: how the learning rate changes, or the schedule's name.
            patience: stop when the validation loss (without validation, the training loss) has not improved by
                more than `min_improvement` for this many epochs.
            min_improvement: what counts as an improvement.
            restore_best: put back the weights of the epoch with the lowest validation loss.
            stop_below: stop, before the update, at the first step whose loss is below this.
            max_steps: stop after this many updates.
            seed: where order and split come from; the network's seed if not given.
            callbacks: code to be called on the way; it reads the parameters and leaves them as they are.
            progress: show a bar on a terminal, plain lines elsewhere.
            engine: "numpy", the reference; "compiled", the same steps printed as C and compiled; or "auto": compiled
                where a compiler is there and the work is worth compiling for (about two seconds on the reference).
            check_finite: look at every value of every step for NaN and infinity, with the NumPy engine; otherwise only
                at the losses, and at the parameters in the end.
            checkpoints: where checkpoints are written while it trains (a directory, or `Checkpoints` with more to say).
                Ctrl-C then finishes the step, and writes one before KeyboardInterrupt is raised (on the main thread,
                where no other handler of the signal was set).
            resume: goes on from the newest whole checkpoint in this directory (or from this file): parameters,
                optimizer, position in the epoch, early stopping, schedule and history are as they were, and with the
                same data and settings, on the same machine, the result is bit for bit that of a training that was
                never stopped. `patience` and `stop_below` may be others, `epochs` and `max_steps` too if the schedule
                does not reckon with the end. What callbacks remember is not kept.
            fresh_optimizer: the optimizer begins anew, whatever it remembers of earlier trainings.

        Returns:
            What happened, epoch by epoch, and why it stopped. A loss or a weight that is NaN or infinite stops
            the training with a warning that names the step where it first appeared; the parameters are then
            those of the best epoch, or without validation those before the update that broke them.

        Raises:
            ShapeError, DataError: where x, y or the validation samples do not fit.
            OptionError: where a setting cannot be.
            CheckpointError: where there is nothing to resume from, it does not fit, or another training writes its
                checkpoints into the same directory.
        """
        from .train.fit import Fit

        return Fit(
            self,
            x,
            y,
            optimizer=optimizer,
            epochs=epochs,
            batch_size=batch_size,
            shuffle=shuffle,
            validation=validation,
            schedule=schedule,
            patience=patience,
            min_improvement=min_improvement,
            restore_best=restore_best,
            stop_below=stop_below,
            max_steps=max_steps,
            seed=seed,
            callbacks=callbacks,
            progress=progress,
            engine=engine,
            check_finite=check_finite,
            checkpoints=checkpoints,
            resume=resume,
            fresh_optimizer=fresh_optimizer,
        ).run()

    # -- showing and keeping ---------------------------------------------------------------------------------

    def summary(self) -> str:
        """A table: every layer's step, its output's shape and its parameters."""
        steps = self.program.part("forward")
        rows: list[tuple[str, ...]] = [("", "x", _shape((BATCH, *self.input_shape)), "")]
        for label, bound in zip(self.plan.labels, self.plan.names, strict=True):
            own = [s for s in steps if s.layer == label]
            sizes = {n: self.plan.parameters[n].shape for n in bound.values() if n in self.plan.parameters}
            count = sum(math.prod(s) for s in sizes.values())
            detail = ", ".join(f"{n} {'x'.join(map(str, s))}" for n, s in sizes.items())
            shown = f"{count:,} ({detail})" if sizes else ""
            rows.append((label, own[-1].output if own else "", _shape(own[-1].shape) if own else "", shown))
        head = table(("layer", "value", "shape", "parameters"), rows)
        frozen = f", of which {', '.join(self.frozen)} frozen" if self._frozen else ""
        return (
            f"{head}\n\n{self.flat.size:,} parameters{frozen}, {self.dtype}, "
            f"loss {self.loss_function.kind} ({self.loss_function.reduction} over the samples)"
        )

    def __str__(self) -> str:
        return self.summary()

    if not TYPE_CHECKING:  # type checkers know what there is

        def __getattr__(self, name: str) -> Any:
            from .describe.foreign import cure

            known = [n for n in dir(type(self)) + list(vars(self)) if not n.startswith("_")]
            said = "" if name.startswith("_") else f"; {cure('network', name, known)}"
            raise AttributeError(f"a network has no {name}{said}", name=name, obj=self)

    def __repr__(self) -> str:
        kinds = " - ".join(layer.kind for layer in self.layers)
        return f"<network {kinds}, {self.flat.size:,} parameters>"

    def to_table(self) -> dict[str, Any]:
        """The network's description as a table for a TOML file, without the weights."""
        description: dict[str, Any] = {
            "input_shape": list(self.input_shape),
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
        description["layers"] = [to_table(layer) for layer in self.layers]
        return description

    def save(self, path: str | Path) -> None:
        """Saves description and weights into the directory `path`, without what an optimizer remembers.

        See `chalkgrad.model.saved`; checkpoints of a training hold everything (`fit(checkpoints=)`).
        """
        from .model.saved import save

        save(self, path)

    def copy(self, *, dtype: Any = None) -> Network:
        """A network of its own with the same parameters, in another dtype if asked for; it trains on alike."""
        twin = Network(
            self.layers,
            input_shape=self.input_shape,
            loss=self.loss_function,
            dtype=dtype or self.dtype,
            seed=self.seed,
            l1=self.l1,
            l2=self.l2,
        )
        twin.flat[...] = self.flat
        for name, state in self.states.items():
            twin.states[name][...] = state
        twin.steps_taken = self.steps_taken
        if self.optimizer_state is not None:
            twin.optimizer_state = self.optimizer_state.copy(twin.dtype)
        twin.freeze(*self.frozen)
        return twin

    def __copy__(self) -> Network:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Network:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        """What pickling keeps, for other processes: plain description and arrays, from which `restored` makes it."""
        states = {name: np.array(state) for name, state in self.states.items()}
        left = self.optimizer_state
        carried = None if left is None else (to_table(left.optimizer), dict(left.arrays), left.steps)
        return restored, (self.to_table(), np.array(self.flat), states, self.steps_taken, carried)


def restored(
    description: dict[str, Any],
    flat: Array,
    states: Mapping[str, Array],
    steps_taken: int,
    carried: tuple[dict[str, Any], dict[str, Array], int] | None,
) -> Network:
    """The network that was pickled.

    Args:
        description: its table.
        flat: all parameters in one buffer.
        states: the running averages by name.
        steps_taken: how many updates training had made.
        carried: what the last training's optimizer remembers: its table, its arrays by name, and its steps.
    """
    from .describe.optimizers import OPTIMIZERS, OptimizerState
    from .model.saved import describe

    network = describe(description, "a pickled network")
    network.flat[...] = flat
    for name, state in states.items():
        network.states[name][...] = state
    network.steps_taken = steps_taken
    if carried is not None:
        table, arrays, steps = carried
        network.optimizer_state = OptimizerState(from_table("optimizer", table, OPTIMIZERS), arrays, steps)
    return network


def _check_as_many(samples: int, targets: int) -> None:
    if samples != targets:
        raise DataError(f"there are {samples} samples in x but {targets} targets in y")
    if not samples:
        raise DataError("there are no samples: x and y are empty")


def memory() -> float:
    """The machine's memory in bytes; infinite where it is not known."""
    try:
        found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return float(found) if found > 0 else math.inf
    except (AttributeError, ValueError, OSError):
        return math.inf


def _shape(shape: tuple[Any, ...]) -> str:
    return " x ".join(map(str, shape))
