"""A network as a PyTorch script: an `nn.Module` with the same weights, and a loop that trains it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..base.checks import pair, whole
from ..base.errors import OptionError
from ..describe.layers import (
    ELU,
    GELU,
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    LayerNorm,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    SampleShape,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Sum,
    Tanh,
)
from ..describe.losses import AbsoluteError, BinaryCrossEntropy, CrossEntropy, Hinge, SquaredError
from ..describe.optimizers import SGD, AdaGrad, Adam, AdamW, Optimizer, RMSProp, as_optimizer
from ..model.lines import Line
from ..model.model import Model
from .given import Data, TorchStyle, data_lines, given_data, read_beside, weight_lines
from .inline import unused
from .layout import WIDTH, docstring_lines
from .names import identifiers, reserved
from .numpy_script import shown_loss


def torch_script(
    network: Model,
    x: Any = None,
    y: Any = None,
    *,
    optimizer: Optimizer | str = "SGD",
    steps: int = 1,
    title: str = "",
    beside: str | None = None,
) -> str:
    """A Python script that holds this network as an `nn.Module` and trains it as `fit` does with all samples at once.

    Its losses are the network's up to rounding, dropout aside. It is whole, or what `files_beside` gives
    has to lie beside it.

    Args:
        network: the network; the script begins with its parameters as they are now.
        x: samples (N, *input_shape); without x and y the script draws an example.
        y: targets (N, *output_shape) or class numbers (N,).
        optimizer: how the parameters are updated.
        steps: how many updates there are; 0 for the forward pass alone.
        title: the script's first line.
        beside: what the files beside it begin with; None where all stands in the script.

    Raises:
        OptionError: where a setting cannot be, or a layer or loss has no form in PyTorch.
        ShapeError, DataError: where x or y do not fit.
    """
    steps = whole("torch_script", "steps", steps, 0)
    data = given_data(network, x, y)
    if x is not None:
        _refuse_single_values(network, len(network.inputs(x)))
    return _Script(network, as_optimizer(optimizer, network.dtype), steps, data, title, beside).text()


def _refuse_single_values(network: Model, samples: int) -> None:
    """Raises OptionError where PyTorch would normalise one value alone, which it refuses."""
    for line in network.layout.lines:
        if isinstance(line.layer, BatchNorm) and samples * math.prod(line.shape[1:]) == 1:
            raise OptionError(
                f"{line.label}: PyTorch does not normalise a batch of one value; give two samples or more"
            )


class _Script:
    def __init__(
        self, network: Model, optimizer: Optimizer, steps: int, data: Data, title: str, beside: str | None
    ) -> None:
        self.network, self.optimizer, self.data, self.title = network, optimizer, data, title
        self.beside = beside
        self.trained = [n for n in network.parameters if n not in network.frozen]
        self.steps = steps if self.trained or network.states else 0
        self.names = identifiers([*network.parameters, *network.states], {*reserved(), "x", "y"})
        self.places: dict[str, str] = {}  # where in the model each parameter and running average is
        self.made: list[str] = []  # the lines of __init__
        self.passed: list[str] = []  # the lines of forward
        self.fused = network.loss_function.fused(network.layers[-1]) is not None
        self.modes = any(isinstance(v, (Dropout, BatchNorm)) for v in network.layers)
        for line in network.layout.lines:
            self._place(line)

    # -- the module ----------------------------------------------------------------------------------------------

    def _place(self, line: Line) -> None:
        """Writes one layer into the module."""
        layer, place = line.layer, line.place
        if isinstance(layer, Sum):
            self.passed.append("x = x.sum(dim=1, keepdim=True)")
            return
        if self.fused and place == len(self.network.layers) - 1:
            self.passed.append(f"# no {layer.kind} here: PyTorch's loss takes what comes before it, the logits")
            return
        modules = _module(layer, line.shapes[0], line.label)
        prefix, number = line.prefix, line.number
        for kind, text in modules:
            # no attribute of nn.Module ends so, whatever the layer's name is
            word = f"{prefix}_{kind}" if prefix is not None else f"{kind}{number}"
            name = unused(word, [text.partition(" ")[0].removeprefix("self.") for text in self.made])
            self.made.append(f"self.{name} = {text}")
            self.passed.append(f"x = self.{name}(x)")
        formals = {"W": "weight", "b": "bias", "gamma": "weight", "beta": "bias"}
        formals |= {"running_mu": "running_mean", "running_var": "running_var"}
        attribute = self.made[-1].partition(" ")[0].removeprefix("self.")
        for formal, value in line.names.items():
            self.places[value] = f"model.{attribute}.{formals[formal]}"

    # -- the text ------------------------------------------------------------------------------------------------

    def text(self) -> str:
        """The whole script."""
        body = [*self._class(), "", "", *self._loss_function(), "", "", *self._weights(), "", *self._data(), ""]
        words = "\n".join(body)
        standard = [f"import {name}" for name in ("base64", "math") if f"{name}." in words]
        standard += ["from pathlib import Path"] if "Path(" in words else []
        imports = [*standard, ""] if standard else []
        imports += ["import numpy as np"] if "np." in words else []
        imports += ["import torch", "from torch import nn"]
        imports += ["from torch.nn import functional"] if "functional." in words else []
        lines = [*docstring_lines(self._about()), "", *imports, "", *self._settings(), "", *body, *self._training()]
        return "\n".join(lines) + "\n"

    def _about(self) -> str:
        network = self.network
        kinds = " - ".join(layer.kind for layer in network.layers)
        what = f"{kinds} with the loss {network.loss_function.kind}"
        what += f", trained by {self.optimizer.kind}" if self.steps else ""
        title = " ".join(self.title.split())
        about = [title, f"The network {what}, in PyTorch."] if title else [f"{what}, in PyTorch."]
        if any(isinstance(v, Dropout) for v in network.layers):
            about.append("Dropout draws other masks in PyTorch, so that the losses of training are other numbers.")
        return "\n\n".join([*about, *read_beside(network, self.data, self.beside)])

    def _settings(self) -> list[str]:
        lines = ["torch.set_default_dtype(torch.float64)"] if self.network.dtype.name == "float64" else []
        if any(isinstance(v, Dropout) and v.rate for v in self.network.layers):
            lines.append(f"torch.manual_seed({self.network.seed})")
        return [*lines, ""] if lines else []

    def _class(self) -> list[str]:
        lines = ["class Network(nn.Module):"]
        if self.made:
            made = [f"        {line}" for line in self.made]
            lines += ["    def __init__(self):", "        super().__init__()", *made, ""]
        return [*lines, "    def forward(self, x):", *(f"        {p}" for p in self.passed), "        return x"]

    def _weights(self) -> list[str]:
        network = self.network
        given = weight_lines(network, self.names, set(self.places), TorchStyle(), self.beside)
        if not given:
            return ["model = Network()"]
        dense = {line.names["W"] for line in network.layout.lines if isinstance(line.layer, Dense)}
        turned = ": W is (inputs, outputs) here, and (outputs, inputs) in nn.Linear" if dense else ""
        lines = [f"# the model with its weights{turned}", *given, "model = Network()", "with torch.no_grad():"]
        for name, place in self.places.items():
            lines.append(f"    {place}.copy_({self.names[name]}{'.T' if name in dense else ''})")
        frozen = [f"{self.places[n]}.requires_grad_(False)" for n in network.frozen]
        return [*lines, *(["# these are not trained", *frozen] if frozen else [])]

    def _data(self) -> list[str]:
        loss, outputs = self.network.loss_function, self.network.output_shape
        one_hot = f"y = functional.one_hot(labels, {outputs[0]}).to(torch.get_default_dtype())"
        if isinstance(loss, CrossEntropy) and (self.fused or loss.from_logits):
            one_hot = ""  # PyTorch's cross-entropy takes class numbers
        return data_lines(self.network, self.data, TorchStyle(), one_hot, self.beside)

    @property
    def _target(self) -> str:
        loss = self.network.loss_function
        numbers = self.data.labels is not None or self.data.y is None
        direct = isinstance(loss, CrossEntropy) and (self.fused or loss.from_logits)
        return "labels" if direct and numbers else "y"

    # -- loss and optimizer --------------------------------------------------------------------------------------

    def _loss_function(self) -> list[str]:
        """The function `loss_of`, penalties included."""
        output = "logits" if self.fused or getattr(self.network.loss_function, "from_logits", False) else "y_hat"
        *before, last = self._loss(output)
        lines = ["def loss_of(model, x, y):", f"    {output} = model(x)", *(f"    {line}" for line in before)]
        penalties = self._penalties()
        if not penalties:
            return [*lines, f"    return {last}"]
        return [*lines, f"    L = {last}", *(f"    {line}" for line in penalties), "    return L"]

    def _loss(self, output: str) -> list[str]:
        """The lines from the model's output to the loss; the last is an expression."""
        loss = self.network.loss_function
        scale = loss.options(self.network.output_shape)["scale"]
        mean = loss.reduction == "mean"
        end, reduction = ("mean", "") if mean else ("sum", ', reduction="sum"')
        logits = output == "logits"
        if isinstance(loss, (SquaredError, AbsoluteError)):
            squared = isinstance(loss, SquaredError)
            if (mean and loss.scale == "mean") or (not mean and scale == 1):
                return [f"functional.{'mse_loss' if squared else 'l1_loss'}(y_hat, y{reduction})"]
            errors = f"(y_hat - y).{'square' if squared else 'abs'}()"
            return [f"{_times(scale)}{self._summed(errors)}.{end}()"]
        if isinstance(loss, CrossEntropy):
            if logits:
                return [f"{_times(scale)}functional.cross_entropy(logits, y{reduction})"]
            return [
                f"q = y_hat.clamp({loss.clip!r}, 1 - {loss.clip!r})",
                f"-{_times(scale)}(y * torch.log(q)).sum(dim=1).{end}()",
            ]
        if isinstance(loss, BinaryCrossEntropy):
            losses = ['losses = functional.binary_cross_entropy_with_logits(logits, y, reduction="none")']
            if not logits:
                losses = [
                    f"q = y_hat.clamp({loss.clip!r}, 1 - {loss.clip!r})",
                    "losses = -(y * torch.log(q) + (1 - y) * torch.log(1 - q))",
                ]
            return [*losses, f"{_times(scale)}{self._summed('losses')}.{end}()"]
        if isinstance(loss, Hinge):
            if self.network.output_shape == (1,):
                return [f"{_times(scale)}torch.relu({loss.margin!r} - y * y_hat).sum(dim=1).{end}()"]
            return [
                "right = (y * y_hat).sum(dim=1, keepdim=True)  # the score of the right class",
                f"losses = (1 - y) * torch.relu(y_hat - right + {loss.margin!r})",
                f"{_times(scale)}losses.sum(dim=1).{end}()",
            ]
        raise OptionError(f"the loss {loss.kind} has no form in a PyTorch script")

    def _summed(self, text: str) -> str:
        axes = tuple(range(1, len(self.network.output_shape) + 1))
        return f"{text}.sum(dim={axes[0] if len(axes) == 1 else axes})"

    def _penalties(self) -> list[str]:
        lines: list[str] = []
        for name, (l1, l2) in self.network.layout.penalties.items():
            terms = [f"{l1!r} * {self.places[name]}.abs().sum()"] if l1 else []
            terms += [f"{l2!r} * {self.places[name]}.square().sum()"] if l2 else []
            lines.append(f"L = L + {' + '.join(terms)}")
        return lines

    def _optimizer(self) -> list[str]:
        """The lines that make the optimizer; weight decay is for weights, not for biases, gamma and beta."""
        optimizer = self.optimizer
        name, settings = _optimizer(optimizer)
        decay = optimizer.weight_decay
        decayed = [n for n in self.trained if self.network.layout.parameters[n].penalised] if decay else []
        plain = [n for n in self.trained if n not in decayed]
        start = f"lr={optimizer.learning_rate!r}{settings}"
        if not decayed:
            zero = ", weight_decay=0.0" if isinstance(optimizer, AdamW) else ""
            line = f"optimizer = torch.optim.{name}(model.parameters(), {start}{zero})"
            broken = [f"optimizer = torch.optim.{name}(", f"    model.parameters(), {start}{zero}", ")"]
            return [line] if len(line) <= WIDTH else broken
        lines = _listed("decayed", [self.places[n] for n in decayed])
        lines += _listed("others", [self.places[n] for n in plain]) if plain else []
        groups = [f'{{"params": decayed, "weight_decay": {decay!r}}}']
        groups += ['{"params": others, "weight_decay": 0.0}'] if plain else []
        listed = f"    [{', '.join(groups)}],"
        rows = [listed] if len(listed) <= WIDTH else ["    [", *(f"        {g}," for g in groups), "    ],"]
        return [*lines, f"optimizer = torch.optim.{name}(", *rows, f"    {start},", ")"]

    def _training(self) -> list[str]:
        compute = f"L = loss_of(model, x, {self._target})"
        if not self.steps:
            return [*(["model.eval()"] if self.modes else []), compute, 'print(f"L = {L.item()!r}")']
        lines = [
            f"# how it is trained: {self.optimizer.kind}",
            *(self._optimizer() if self.trained else ["# there are only the running averages to be updated"]),
            f"steps = {self.steps}  # how many updates",
            "",
        ]
        lines += [f"for step in range(steps{'' if self.modes else ' + 1'}):", f"    {compute}"]
        lines += shown_loss("L.item()", self.steps, not self.modes)
        if not self.modes:
            lines += ["    if step == steps:", "        break  # this was the loss after the last update"]
        if self.trained:
            lines += ["    optimizer.zero_grad()", "    L.backward()", "    optimizer.step()"]
        if self.modes:
            lines += ["", "model.eval()  # as in prediction: no dropout, running averages", compute]
            lines.append('print(f"after step {steps}, as in prediction: L = {L.item()!r}")')
        return lines


def _times(scale: float) -> str:
    return "" if scale == 1 else f"{scale!r} * "


def _listed(name: str, items: list[str]) -> list[str]:
    line = f"{name} = [{', '.join(items)}]"
    return [line] if len(line) <= WIDTH else [f"{name} = [", *(f"    {item}," for item in items), "]"]


# -- layers ------------------------------------------------------------------------------------------------------

_Modules = list[tuple[str, str]]


def _module(layer: Layer, shape: SampleShape, label: str) -> _Modules:
    """A layer's modules: the word for their attribute, and the expression that makes each."""
    for kind, make in _MAKERS.items():
        if type(layer) is kind:
            return make(layer, shape)
    raise OptionError(f"{label} has no form in a PyTorch script")


def _dense(layer: Any, shape: SampleShape) -> _Modules:
    return [("linear", f"nn.Linear({shape[0]}, {layer.units}{'' if layer.bias else ', bias=False'})")]


def _conv2d(layer: Any, shape: SampleShape) -> _Modules:
    kernel, stride = pair("Conv2D", "kernel", layer.kernel), pair("Conv2D", "stride", layer.stride)
    before, padding = _padding(layer, shape, *kernel, "nn.ZeroPad2d({})")
    settings = f"{shape[0]}, {layer.filters}, {_one_or_two(kernel)}"
    settings += f", stride={_one_or_two(stride)}" if stride != (1, 1) else ""
    settings += f", padding={_one_or_two(padding)}" if padding != (0, 0) else ""
    return [*before, ("conv", f"nn.Conv2d({settings}{'' if layer.bias else ', bias=False'})")]


def _pool(layer: Any, shape: SampleShape) -> _Modules:
    largest = isinstance(layer, MaxPool2D)
    window, stride = pair(layer.kind, "window", layer.window), pair(layer.kind, "stride", layer.step)
    frame = "nn.ConstantPad2d({}, -math.inf)" if largest else "nn.ZeroPad2d({})"
    before, padding = _padding(layer, shape, *window, frame)
    settings = _one_or_two(window) + (f", stride={_one_or_two(stride)}" if stride != window else "")
    settings += f", padding={_one_or_two(padding)}" if padding != (0, 0) else ""
    return [*before, ("pool", f"nn.{'MaxPool2d' if largest else 'AvgPool2d'}({settings})")]


def _padding(layer: Layer, shape: SampleShape, kh: int, kw: int, frame: str) -> tuple[_Modules, tuple[int, int]]:
    """The padding on both sides; where the sides differ ("same" may), a module that pads and no padding."""
    o = layer.options(shape)
    reached = [(o["P"] - 1) * o["sh"] + kh, (o["Q"] - 1) * o["sw"] + kw]  # rows and columns that windows reach
    alike = [
        (size + 2 * pad - k) // step + 1 == count
        for size, pad, k, step, count in (
            (o["height"], o["pt"], kh, o["sh"], o["P"]),
            (o["width"], o["pl"], kw, o["sw"], o["Q"]),
        )
    ]
    if all(alike):
        return [], (o["pt"], o["pl"])
    below, behind = max(reached[0] - o["height"] - o["pt"], 0), max(reached[1] - o["width"] - o["pl"], 0)
    sides = (o["pl"], behind, o["pt"], below)  # left, right, above, below
    return [("pad", frame.format(sides))], (0, 0)


def _one_or_two(both: tuple[int, int]) -> str:
    return str(both[0]) if both[0] == both[1] else str(both)


def _batch_norm(layer: Any, shape: SampleShape) -> _Modules:
    settings = f"{shape[0]}, eps={layer.eps!r}, momentum={layer.momentum!r}"
    kind = "BatchNorm2d" if len(shape) == 3 else "BatchNorm1d"
    return [("norm", f"nn.{kind}({settings}{'' if layer.affine else ', affine=False'})")]


def _layer_norm(layer: Any, shape: SampleShape) -> _Modules:
    affine = "" if layer.affine else ", elementwise_affine=False"
    return [("norm", f"nn.LayerNorm({list(shape)}, eps={layer.eps!r}{affine})")]


def _softplus(layer: Any, shape: SampleShape) -> _Modules:
    return [("softplus", "nn.Softplus(threshold=40)")]  # beyond 20, its default, PyTorch leaves exp(-z) out


def _gelu(layer: Any, shape: SampleShape) -> _Modules:
    return [("gelu", 'nn.GELU(approximate="tanh")' if layer.approximate == "tanh" else "nn.GELU()")]


def _plain(word: str, text: str) -> Callable[[Any, SampleShape], _Modules]:
    return lambda layer, shape: [(word, text.format(layer=layer))]


_MAKERS: dict[type[Layer], Callable[[Any, SampleShape], _Modules]] = {
    Dense: _dense,
    Conv2D: _conv2d,
    MaxPool2D: _pool,
    AvgPool2D: _pool,
    Flatten: _plain("flatten", "nn.Flatten()"),
    Dropout: _plain("dropout", "nn.Dropout({layer.rate!r})"),
    BatchNorm: _batch_norm,
    LayerNorm: _layer_norm,
    Sigmoid: _plain("sigmoid", "nn.Sigmoid()"),
    Tanh: _plain("tanh", "nn.Tanh()"),
    ReLU: _plain("relu", "nn.ReLU()"),
    LeakyReLU: _plain("leaky_relu", "nn.LeakyReLU({layer.slope!r})"),
    ELU: _plain("elu", "nn.ELU({layer.alpha!r})"),
    GELU: _gelu,
    Softplus: _softplus,
    SiLU: _plain("silu", "nn.SiLU()"),
    Softmax: _plain("softmax", "nn.Softmax(dim=1)"),
}


def _optimizer(optimizer: Optimizer) -> tuple[str, str]:
    """PyTorch's name of an optimizer and its settings but the learning rate."""
    if isinstance(optimizer, SGD):
        momentum = f", momentum={optimizer.momentum!r}" if optimizer.momentum else ""
        return "SGD", momentum + (", nesterov=True" if optimizer.nesterov else "")
    if isinstance(optimizer, RMSProp):
        return "RMSprop", f", alpha={optimizer.rho!r}, eps={optimizer.eps!r}"
    if isinstance(optimizer, AdaGrad):
        return "Adagrad", f", eps={optimizer.eps!r}"
    if isinstance(optimizer, Adam):
        betas = f", betas=({optimizer.beta1!r}, {optimizer.beta2!r}), eps={optimizer.eps!r}"
        return ("AdamW" if isinstance(optimizer, AdamW) else "Adam"), betas
    raise OptionError(f"the optimizer {optimizer.kind} has no form in a PyTorch script")
