"""The public face: describe a network, run it, look into it, train it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import diagram as draw
from .base.checks import choice, whole
from .base.errors import OptionError
from .describe import foreign
from .describe.layers import Layer
from .describe.layers.registry import known_again, outside
from .describe.optimizers import OPTIMIZERS, Optimizer, OptimizerState, as_optimizer
from .describe.schedules import Schedule
from .describe.settings import from_table, to_table
from .diagram import Picture
from .explain.derive import derive
from .gradient_check import GradientCheck, check_gradients
from .model import saved
from .model.model import Array, Evaluation, Model
from .model.summary import summary_board, summary_text
from .page import Page, page
from .page.widget import widget as page_widget
from .plots.of_model import plot_of
from .plots.plot import Plot
from .program.names import SAMPLE_WEIGHT
from .render.blocks import Style
from .render.board import Board
from .render.shown import Displayed
from .train.callbacks import Callback
from .train.checkpoints import Checkpoints
from .train.fit import Fit
from .train.history import History
from .train.shards import Shards
from .write.arrays import files_beside
from .write.numpy_script import numpy_script, print_interval
from .write.onnx.model import write_onnx
from .write.script_file import write_script
from .write.torch.instance import torch_instance
from .write.torch.module import torch_script
from .write.weights import load_weights, save_weights

__all__ = ["Evaluation", "Network", "load"]


class Network(Model, Displayed):
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
        states: running averages by name (batch normalisation), and the means and standard deviations of layers that
            scale.
        program: the steps of a training pass; `prediction_program` those without dropout and batch statistics.
        steps_taken: how many updates training has made; the clock that dropout's masks and the order of samples
            follow.
        optimizer_state: what the optimizer of the last training remembers; None where the next one begins anew. It is
            copied, but not saved.

    Raises:
        ShapeError: where a layer cannot take what comes into it.
        OptionError: where a setting is invalid.
    """

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
        sample_weight: Any = None,
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
            sample_weight: the samples' weights, as for `fit`.

        Returns:
            A board, which prints as text, Markdown, LaTeX, HTML and JSON.

        Raises:
            ShapeError, DataError: where x and y do not fit.
            OptionError: where a setting is invalid.
        """
        if whole("derive", "precision", precision) > 17:
            raise OptionError(f"derive: precision is in significant digits, 1 to 17; it is {precision}")
        if (x is None) != (y is None):
            raise OptionError("derive takes x and y together, or neither")
        weighted = sample_weight is not None
        program = self.program_for(training=training, weighted=weighted)
        if optimizer is not None:
            program = self.updated_by(as_optimizer(optimizer, self.dtype), training=training, weighted=weighted)
        trace = None
        if x is not None:
            trace = self.trace(
                x, y, optimizer=optimizer, training=training, optimizer_state=optimizer_state,
                sample_weight=sample_weight,
            )  # fmt: skip
        samples = None if trace is None else len(trace["x"])
        style = Style(precision, dict(labels or {}), program.partials, samples, program.through)
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
        sample_weight: Any = None,
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
            sample_weight: the samples' weights, as for `fit`, with x and y.

        Raises:
            OptionError: where `to` is not known, PyTorch has no form for a layer, there are more numbers than can
                stand in a script and no `out`, or `out` cannot be written.
            ShapeError, DataError: where x and y do not fit.
        """
        path = None if out is None else Path(out)
        self.check_adapted("source")
        if sample_weight is not None and (x is None or y is None):
            raise OptionError("source: sample_weight goes with x and y; give all three")
        if choice("source", "to", to, ("numpy", "torch", "c")) == "c":
            steps = whole("source", "steps", steps, 0)
            text, files = self._c_program(x, y, optimizer, steps, title, sample_weight), {}
        else:
            script = {"numpy": numpy_script, "torch": torch_script}[to]
            beside = None if path is None else path.stem
            text = script(
                self, x, y, optimizer=optimizer, steps=steps, title=title, beside=beside, sample_weight=sample_weight
            )
            files = {} if beside is None else files_beside(self, x, y, beside, sample_weight)
        if path is not None:
            write_script(path, text, files)
        return text

    def to_torch(self) -> Any:
        """The network as an `nn.Module`: that of `source("torch")`, with the weights, in the network's dtype.

        Where the loss is fused with the last layer (Softmax with CrossEntropy, Sigmoid with BinaryCrossEntropy) the
        module gives the logits, which PyTorch's loss takes. The way back is
        `cg.from_torch(module, x, loss=net.loss_function)`.

        Raises:
            OptionError: where PyTorch is not installed, or has no form for a layer.
        """
        return torch_instance(self)

    def _c_program(self, x: Any, y: Any, optimizer: Optimizer | str, steps: int, title: str, sample_weight: Any) -> str:
        from .engines.c.print.standalone import prediction_program, training_program

        title = title.strip() or repr(self)
        arrays = {**self.parameters, **self.states}
        if not steps:
            samples = None if x is None else self.inputs(x)
            return prediction_program(self.prediction_program, arrays, samples, title, self.dtype, self.layout.whole)
        if (x is None) != (y is None):
            raise OptionError("source takes x and y together, or neither")
        optimizer = as_optimizer(optimizer, self.dtype)
        data: dict[str, Array] | None = None
        if x is not None:
            samples, targets = self.pair(x, y)
            weights = self.sample_weights(sample_weight, targets)
            data = {"x": samples, "y": targets} | ({} if weights is None else {SAMPLE_WEIGHT: weights})
        weighted = data is not None and SAMPLE_WEIGHT in data
        program = self.updated_by(optimizer, weighted=weighted)
        values = {**arrays, **optimizer.start(program, self.dtype)}
        return training_program(
            program,
            self.program_for(training=False, weighted=weighted),
            values,
            data,
            self.loss_function,
            optimizer.learning_rate,
            self.steps_taken,
            steps,
            print_interval(steps),
            title,
            self.dtype,
            self.layout.whole,
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
        sample_weight: Any = None,
        tokens: Sequence[str] | None = None,
    ) -> Picture:
        """A drawing of the network as SVG; it shows itself in a notebook.

        Args:
            kind: "neurons": nodes and edges, given x and y with values, weights and gradients; "layers": the
                structure with shapes; "graph": the computation graph with the batch's shapes; "cell": one step of each
                recurrent layer; "unrolled": the steps of time side by side; "attention": which query sees which key,
                given x and y how much, as in prediction; "gradients": how large the derivative of a sample's loss is at
                each step back in time, mean over the samples x; "auto": neurons where the network is small enough, else
                layers.
            x: samples (N, *input_shape), of which one is drawn (for "gradients" all count).
            y: their targets.
            labels: other names of elements, by address.
            batch: the number of samples in shapes.
            precision: significant digits.
            sample: which of the samples, from 0.
            sample_weight: the samples' weights, as for `fit`.
            tokens: the text of each id, a string of characters or a list, for the axes of "attention".

        Raises:
            OptionError: where the network is too large for this kind, or has nothing that it could show; it names
                another.
            ShapeError, DataError: where x and y do not fit.
        """
        choice("diagram", "kind", kind, draw.KINDS)
        if (x is None) != (y is None):
            raise OptionError("diagram takes x and y together, or neither")
        if batch != "N":
            whole("diagram", "batch", batch)
        if kind in ("auto", "neurons"):
            trace = None if x is None else self.trace(x, y, labels=labels, sample_weight=sample_weight)
            if trace is not None and whole("diagram", "sample", sample, 0) >= (count := len(trace["x"])):
                raise OptionError(f"diagram: sample is counted from 0, so below {count}, the samples; it is {sample}")
            try:
                return draw.neurons(self, trace, labels=labels, precision=precision, sample=sample)
            except OptionError:
                if kind == "neurons":
                    raise
        if kind == "attention":
            trace = None if x is None else self.trace(x, y, training=False)
            return draw.attention(self, trace, sample=sample, tokens=tokens)
        if kind in ("cell", "unrolled"):
            return draw.cell(self) if kind == "cell" else draw.unrolled(self)
        if kind == "gradients":
            if x is None:
                raise OptionError(
                    "diagram: gradients are those of samples and their targets: give x and y; of a run, chalkgrad test "
                    "draws them"
                )
            return draw.back_in_time(self, x, y).picture()
        program = self.program_for(training=True, weighted=sample_weight is not None)
        return draw.graph(program, batch=batch) if kind == "graph" else draw.layers(self, batch=batch)

    def page(
        self,
        x: Any,
        y: Any,
        *,
        optimizer: Optimizer | str = "SGD",
        title: str = "",
        text: str = "",
        labels: Mapping[str, str] | None = None,
        optimizer_state: Mapping[str, Any] | OptimizerState | None = None,
        sample_weight: Any = None,
        classes: Sequence[str] = (),
        image: tuple[int, int] | None = None,
        lang: str = "en",
        slides: bool = False,
    ) -> Page:
        """The network as a page: one HTML file in which every number can be opened, changed and trained.

        It asks nobody for anything; `page.save("page.html")` writes it, and in a notebook it shows itself.

        Args:
            x: samples (N, *input_shape); all of them are every training step's batch.
            y: targets (N, *output_shape) or class numbers (N,).
            optimizer: how the page trains.
            title: its heading; the network in one line if not given.
            text: a paragraph below it.
            labels: other names of elements, by address: {"W1[0, 0]": "w1"}.
            optimizer_state: what the optimizer carries from earlier steps, as for `trace`.
            sample_weight: the samples' weights, as for `fit`.
            classes: the names of the classes, one for each output.
            image: the height and width of a sample that is an image in a row; somebody may then draw in it.
            lang: the language of the page's words: "en", "de", "fr", "es" or "zh".
            slides: whether it begins with the slides, which uncover one line at a time.

        Raises:
            OptionError: where a setting is invalid, or the pass has more numbers than a page computes.
            ShapeError, DataError: where x and y do not fit.
        """
        return page(
            self, x, y, optimizer=optimizer, title=title, text=text, labels=labels, optimizer_state=optimizer_state,
            sample_weight=sample_weight, classes=classes, image=image, lang=lang, slides=slides,
        )  # fmt: skip

    def widget(self, x: Any, y: Any, **settings: Any) -> Any:
        """The page as a widget of a notebook (Jupyter, VS Code, Colab, marimo).

        What is changed or trained in it changes this network, and what changes this network is shown in it after the
        cell.

        It needs anywidget: `pip install 'chalkgrad[widget]'`.

        Args:
            x: samples (N, *input_shape).
            y: their targets.
            settings: the others of `page`.

        Raises:
            OptionError: where anywidget is not installed, or a setting is invalid.
            ShapeError, DataError: where x and y do not fit.
        """
        return page_widget(self, self.page(x, y, **settings))

    def plot(
        self, kind: str, x: Any = None, y: Any = None, *, classes: Sequence[str] = (), engine: str = "auto"
    ) -> Plot:
        """A picture by matplotlib, which shows itself in a notebook; `history.plot()` draws the learning curves.

        Args:
            kind: "kernels": the weights of the first layer as small pictures; "confusion": how often each class of the
                samples was read as which; "misread": the images that were misread, the surest mistakes first;
                "boundary": of a network with two inputs, which class is found where in the plane, and the samples.
            x: samples (N, *input_shape).
            y: class numbers (N,), or rows.
            classes: the names of the classes.
            engine: as for `predict`.

        Raises:
            OptionError: where the network or the samples have nothing of the kind to show; it says why.
            ShapeError, DataError: where x and y do not fit.
        """
        return plot_of(self, kind, x, y, classes, engine)

    def check_gradients(
        self,
        x: Any,
        y: Any,
        *,
        tolerance: float = 1e-6,
        samples: int | None = None,
        training: bool = True,
        sample_weight: Any = None,
    ) -> GradientCheck:
        """Compares every gradient with central differences, in float64. See `chalkgrad.gradient_check`."""
        return check_gradients(
            self, x, y, tolerance=tolerance, samples=samples, training=training, sample_weight=sample_weight
        )

    @foreign.own_words("fit")
    def fit(
        self,
        x: Any,
        y: Any,
        *,
        optimizer: Optimizer | str = "SGD",
        epochs: int | None = None,
        batch_size: int | None = 32,
        shuffle: bool = True,
        validation: tuple[Any, ...] | float | None = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | str | None = None,
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
        shards: Shards | int = 1,
        metrics: Sequence[str] | str = (),
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
            validation: samples to validate on, (x, y) or (x, y, sample_weight); or the share of the given ones to set
                aside, drawn from the seed and evenly over the classes.
            sample_weight: the samples' weights (N,), or (N, T) for each step of sequences where each has a loss. The
                loss is the weighted mean, divided by the weights' sum in every batch: a weight of 2 counts a sample
                twice, 0 leaves it out, and only their ratios matter (as PyTorch's `weight=` and scikit-learn; Keras
                divides by N). With `reduction="sum"` it is the weighted sum.
            class_weight: weights of the classes, {class number: weight} (1 where there is none), or "balanced", under
                which each class that occurs weighs the same in all: scikit-learn's n / (K * n_c), counted on the
                samples that are trained on. A sample's weight is multiplied by that of its class; validation is not
                weighted by it.
            schedule: how the learning rate changes, or the schedule's name.
            patience: stop when the validation loss (without validation, the training loss) has not improved by
                more than `min_improvement` for this many epochs.
            min_improvement: what counts as an improvement.
            restore_best: put back the weights of the epoch with the lowest validation loss.
            stop_below: stop, before the update, at the first step whose loss is below this.
            max_steps: stop after this many updates.
            seed: where order and split come from; the network's seed if not given.
            callbacks: code to be called on the way; it reads the parameters and leaves them as they are.
            progress: show a bar on a terminal and in a notebook, plain lines elsewhere.
            engine: "numpy", the reference; "compiled", the same steps printed as C and compiled; or "auto": compiled
                where a compiler is there and the work is worth compiling for (about two seconds on the reference).
            check_finite: look at every value of every step for NaN and infinity, with the NumPy engine; otherwise only
                at the losses, and at the parameters in the end.
            checkpoints: where checkpoints are written while it trains (a directory, or `Checkpoints` with more to say).
                Ctrl-C then finishes the step, and writes one before KeyboardInterrupt is raised (on the main thread,
                where no other handler of the signal was set).
            resume: a directory whose newest whole checkpoint is resumed, or a checkpoint file: parameters, optimizer,
                position in the epoch, early stopping, schedule and history are as they were, and with the same data
                and settings, on the same machine, the result is bit for bit that of a training that was never
                stopped. `patience` and `stop_below` may be others, `epochs` and `max_steps` too if the schedule does
                not depend on the end. What callbacks remember is not kept.
            fresh_optimizer: the optimizer begins anew, whatever it remembers of earlier trainings.
            shards: into how many parts each batch is split, whose gradients are computed by themselves and added up in
                their order; `Shards(count, workers=, ray=)` has them computed by several processes, or on a Ray
                cluster, with the same bits. See docs/parallel.md for when that is worth it.
            metrics: numbers beside the loss, by name, in every epoch's record: "accuracy", "top_5" (or another number),
                "balanced_accuracy", "precision", "recall", "f1", "auc" for classes; "mae", "rmse", "r2" for numbers.
                They are measured after the epoch, as in prediction, on the samples that are trained on and on those to
                validate on, and cost a forward pass over these; what is trained stays the same to the bit.

        Returns:
            What happened, epoch by epoch, and why it stopped. A loss or a weight that is NaN or infinite stops
            the training with a warning that names the step where it first appeared; the parameters are then
            those of the best epoch, or without validation those before the update that broke them.

        Raises:
            ShapeError, DataError: where x, y or the validation samples do not fit.
            OptionError: where a setting is invalid.
            CheckpointError: where there is nothing to resume from, it does not fit, or another training writes its
                checkpoints into the same directory.
        """
        return Fit(
            self,
            x,
            y,
            optimizer=optimizer,
            epochs=epochs,
            batch_size=batch_size,
            shuffle=shuffle,
            validation=validation,
            sample_weight=sample_weight,
            class_weight=class_weight,
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
            shards=shards,
            metrics=metrics,
        ).run()

    def summary(self) -> str:
        """A table: every layer's step, its output's shape and its parameters."""
        return summary_text(self)

    def board(self) -> Board:
        """The summary on a board, which a notebook shows."""
        return summary_board(self)

    def __str__(self) -> str:
        return self.summary()

    if not TYPE_CHECKING:  # type checkers know what there is

        def __getattr__(self, name: str) -> Any:
            names = [n for n in dir(type(self)) + list(vars(self)) if not n.startswith("_")]
            hint = "" if name.startswith("_") else f"; {foreign.cure('network', name, names)}"
            raise AttributeError(f"a network has no {name}{hint}", name=name, obj=self)

    def save(self, path: str | Path) -> None:
        """Saves description and weights into the directory `path`, without what an optimizer remembers.

        See `chalkgrad.model.saved`; checkpoints of a training hold everything (`fit(checkpoints=)`).
        """
        saved.save(self, path)

    def export(self, path: str | Path, *, title: str = "") -> None:
        """Writes the forward pass, as in prediction, as an ONNX model (opset 20), which other programs run.

        Its values and weights have the network's names; it holds the network's description too, from which
        `cg.from_onnx` makes the same network. It needs onnx: `pip install 'chalkgrad[onnx]'`.

        Args:
            path: the file, NAME.onnx.
            title: what it is called.

        Raises:
            OptionError: where a layer has no form in ONNX, the library is not installed, or the file cannot be written.
        """
        write_onnx(self, path, title)

    def save_weights(self, path: str | Path, *, names: str = "chalkgrad") -> None:
        """Saves parameters and running averages into a .safetensors file.

        Args:
            path: the file, NAME.safetensors.
            names: "chalkgrad" for the network's own, W1 (inputs, outputs); "torch" for those of the module that
                `source("torch")` writes, linear1.weight (outputs, inputs): its `state_dict`.

        Raises:
            OptionError: where `names` is neither, or a layer has no form in PyTorch.
            DataError: where a weight is not finite, or the file cannot be written.
        """
        save_weights(self, path, names)

    def load_weights(
        self, path: str | Path, *, names: str | Mapping[str, str] | None = None, narrow: bool = False
    ) -> None:
        """Loads parameters and running averages from a .safetensors file; nothing is changed where one does not fit.

        Args:
            path: the file: one of `save_weights`, or of a PyTorch module whose layers are these.
            names: "chalkgrad" or "torch"; if not given, as the file's names say; or for every parameter the name of its
                tensor, {"W1": "fc1.weight", ...}.
            narrow: whether numbers of 64 bits may be rounded to the network's 32. The other way round they are exact.

        Raises:
            DataError: where the file is damaged, a name is missing or belongs to nothing, or numbers are not finite or
                would be rounded.
            ShapeError: where an array has another shape.
            OptionError: where `names` is invalid.
        """
        load_weights(self, path, names, narrow=narrow)

    def __reduce__(self) -> tuple[Any, ...]:
        """The pickled form, for other processes: plain description and arrays, for `restored`."""
        states = {name: np.array(state) for name, state in self.states.items()}
        memory = self.optimizer_state
        optimizer = None if memory is None else (to_table(memory.optimizer), dict(memory.arrays), memory.steps)
        classes = outside(type(line.layer) for line in self.layout.lines)
        return restored, (self.to_table(), np.array(self.flat), states, self.steps_taken, optimizer, classes)


def restored(
    description: dict[str, Any],
    flat: Array,
    states: Mapping[str, Array],
    steps_taken: int,
    optimizer: tuple[dict[str, Any], dict[str, Array], int] | None,
    classes: Mapping[str, type[Layer]] | None = None,
) -> Network:
    """The network that was pickled.

    Args:
        description: its table.
        flat: all parameters in one buffer.
        states: the running averages by name.
        steps_taken: how many updates training had made.
        optimizer: what the last training's optimizer remembers: its table, its arrays by name, and its steps.
        classes: the layers that are not chalkgrad's, by the names that the table has for them.
    """
    known_again(classes or {})
    network = Network.described(description, "a pickled network")
    network.flat[...] = flat
    for name, state in states.items():
        network.states[name][...] = state
    network.steps_taken = steps_taken
    if optimizer is not None:
        table, arrays, steps = optimizer
        network.optimizer_state = OptimizerState(from_table("optimizer", table, OPTIMIZERS), arrays, steps)
    return network


def load(path: str | Path) -> Network:
    """A saved network: the directory it was saved in, or its network.toml. Nothing is unpickled or run.

    A description without [parameters] gives the network with its initial weights.

    Raises:
        CheckpointError: where anything is missing, damaged, or does not fit the description.
    """
    return saved.load(Network, path)
