"""A network as a PyTorch script: an `nn.Module` with the same weights, and a loop that trains it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ...base.checks import whole
from ...base.errors import OptionError
from ...describe.layers import BatchNorm, Dropout, Recurrent
from ...describe.losses import CrossEntropy, of_one_step
from ...describe.optimizers import AdamW, Optimizer, as_optimizer
from ...model.model import Model
from ...program.names import SAMPLE_WEIGHT
from ..arrays import Data, TorchStyle, data_lines, read_beside, script_data, weight_lines
from ..layout import STEP, WIDTH, comment_lines, docstring_lines
from ..names import identifiers, reserved
from ..numpy_script import loss_lines_of_step
from .forward import ModuleText, input_names, tensor, write_module
from .training import Scored, loss_lines, optimizer_form


def torch_script(
    network: Model,
    x: Any = None,
    y: Any = None,
    *,
    optimizer: Optimizer | str = "SGD",
    steps: int = 1,
    title: str = "",
    beside: str | None = None,
    sample_weight: Any = None,
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
        sample_weight: the samples' weights, as for `fit`.

    Raises:
        OptionError: where a setting is invalid, or a layer or loss has no form in PyTorch.
        ShapeError, DataError: where x or y do not fit.
    """
    steps = whole("torch_script", "steps", steps, 0)
    data = script_data(network, x, y, sample_weight)
    if data.x is not None:
        _refuse_single_values(network, len(data.x))
    return _Script(network, as_optimizer(optimizer, network.dtype), steps, data, title, beside).text()


def module_text(network: Model) -> tuple[str, str, dict[str, str]]:
    """The script's classes, the lines that make `model`, and what parameters and running averages are called in these.

    Raises:
        OptionError: where a layer has no form in PyTorch.
    """
    data = Data(None, None, None, None)
    return _Script(network, as_optimizer("SGD", network.dtype), 0, data, "", None).module_text()


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
        self.inputs = input_names(network)
        taken = {*reserved(), *self.inputs.values(), "x", "y", SAMPLE_WEIGHT}
        self.names = identifiers([*network.parameters, *network.states], taken)
        layers = [line.layer for line in network.layout.lines]
        self.fused = network.loss_function.fused(layers[-1]) is not None
        self.modes = any(isinstance(v, (Dropout, BatchNorm)) for v in layers)
        self.drops = [v for v in layers if isinstance(v, Dropout)]
        self.module: ModuleText = write_module(network, fused=self.fused)
        self.places = {value: f"model.{attribute}" for value, attribute in self.module.places.items()}
        self.arguments = ", ".join(self.inputs.values())
        self.weighted = data.weights is not None

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
        description = f"{kinds} with the loss {network.loss_function.kind}"
        description += f", trained by {self.optimizer.kind}" if self.steps else ""
        title = " ".join(self.title.split())
        about = [title, f"The network {description}, in PyTorch."] if title else [f"{description}, in PyTorch."]
        if self.drops:
            about.append("Dropout draws other masks in PyTorch, so that the losses of training are other numbers.")
        return "\n\n".join([*about, *read_beside(network, self.data, self.beside)])

    def _settings(self) -> list[str]:
        lines = ["torch.set_default_dtype(torch.float64)"] if self.network.dtype.name == "float64" else []
        if any(v.rate for v in self.drops):
            lines.append(f"torch.manual_seed({self.network.seed})")
        return [*lines, ""] if lines else []

    def _class(self) -> list[str]:
        statements, forward = self.module.init, self.module.forward
        lines = [line for text in self.module.classes for line in [*text.strip("\n").splitlines(), "", ""]]
        lines.append("class Network(nn.Module):")
        if statements:
            lines += [
                "    def __init__(self):",
                "        super().__init__()",
                *(f"        {s}" for s in statements),
                "",
            ]
        return [*lines, f"    def forward(self, {self.arguments}):", *(f"        {line}" for line in forward)]

    def _weights(self) -> list[str]:
        network = self.network
        arrays = weight_lines(network, self.names, set(self.places), TorchStyle(), self.beside)
        if not arrays:
            return ["model = Network()"]
        about = comment_lines(f"the model with its weights{self._orientation()}")
        return [*about, *arrays, *self._made()]

    def _made(self) -> list[str]:
        """The lines that make the model and give it its weights."""
        lines = ["model = Network()", "with torch.no_grad():"] if self.places else ["model = Network()"]
        for name, place in self.places.items():
            lines.append(f"    {place}.copy_({self.names[name]}{'.T' if name in self.module.turned else ''})")
        frozen = [f"{place}.requires_grad_(False)" for place in self._tensors(self.network.frozen)]
        return [*lines, *(["# these are not trained", *frozen] if frozen else [])]

    def module_text(self) -> tuple[str, str, dict[str, str]]:
        """The module's classes, the lines that make the model, and the names there of what is copied into it."""
        classes, words = self._class(), "\n".join(self._class())
        imports = [*(["import math"] if "math." in words else []), "import torch", "from torch import nn"]
        imports += ["from torch.nn import functional"] if "functional." in words else []
        return "\n".join([*imports, "", "", *classes, ""]), "\n".join(self._made()), dict(self.names)

    def _tensors(self, names: Iterable[str]) -> list[str]:
        """The tensors that hold parameters, each once."""
        return list(dict.fromkeys(tensor(self.places[name]) for name in names))

    def _orientation(self) -> str:
        """The words on weights that PyTorch has transposed."""
        turned = self.module.turned
        if not turned:
            return ""
        lines = [line for line in self.network.layout.lines if turned & set(line.names.values())]
        kinds = {"Dense": "Linear", "Attention": "MultiheadAttention"}
        *others, last = dict.fromkeys(f"nn.{kinds.get(line.layer.kind, line.layer.kind)}" for line in lines)
        modules = f"{', '.join(others)} and {last}" if others else last
        letters = "W and U are" if any(isinstance(line.layer, Recurrent) for line in lines) else "W is"
        return f": {letters} (inputs, outputs) here, and (outputs, inputs) in {modules}"

    def _data(self) -> list[str]:
        loss, outputs = self.network.loss_function, self.network.output_shape
        one_hot = f"y = functional.one_hot(labels, {outputs[-1]}).to(torch.get_default_dtype())"
        if isinstance(loss, CrossEntropy) and (self.fused or loss.from_logits):
            one_hot = ""  # PyTorch's cross-entropy takes class numbers
        lines = data_lines(self.network, self.data, TorchStyle(), one_hot, self.beside)
        return [*lines, *(self._inputs() if self.network.layout.several else [])]

    def _inputs(self) -> list[str]:
        """The lines that take several inputs out of the rows of x."""
        lines, begin, layout = ["# the inputs stand one after another in the rows of x"], 0, self.network.layout
        for name, shape in layout.inputs.items():
            end = begin + math.prod(shape)
            reshaped = f".reshape({', '.join(map(str, (-1, *shape)))})" if len(shape) > 1 else ""
            whole = ".long()" if name in layout.ids and not layout.all_whole else ""
            lines.append(f"{self.inputs[name]} = x[:, {begin}:{end}]{reshaped}{whole}")
            begin = end
        return lines

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
        network, loss = self.network, self.network.loss_function
        outputs = of_one_step(network.output_shape)
        scale = loss.options(outputs)["scale"]
        logits, numbers = output == "logits", self._target == "labels"
        end = network.layout.lines[-1].names
        sigma = self.places[end["sigma"]] if loss.of_last else ""
        scored = Scored(logits, outputs, scale, loss.reduction == "mean", numbers, self.weighted, sigma)
        *before, last = loss_lines(loss, scored)
        also = f", {SAMPLE_WEIGHT}" if self.weighted else ""
        lines = [f"def loss_of(model, {self.arguments}, y{also}):", f"    {output} = model({self.arguments})"]
        if outputs != network.output_shape:
            lines.append("    # every step counts as a sample")
            lines.append(f"    {output}, y = {output}.flatten(0, 1), y.flatten(0, 1)")
            lines += [f"    {SAMPLE_WEIGHT} = {SAMPLE_WEIGHT}.flatten()"] if self.weighted else []
        lines += [f"    {line}" for line in before]
        penalties = self._penalties()
        if not penalties:
            return [*lines, f"    return {last}"]
        return [*lines, f"    L = {last}", *(f"    {line}" for line in penalties), "    return L"]

    def _penalties(self) -> list[str]:
        lines: list[str] = []
        for place, (l1, l2) in self._penalised().items():
            terms = [f"{l1!r} * {place}.abs().sum()"] if l1 else []
            terms += [f"{l2!r} * {place}.square().sum()"] if l2 else []
            whole = f"L = L + {' + '.join(terms)}"
            lines += [whole] if len(whole) < WIDTH - STEP else [f"L = L + {term}" for term in terms]
        return lines

    def _penalised(self) -> dict[str, tuple[float, float]]:
        """The penalties by the places of what they are for: whole tensors where all their parts have the same ones."""
        penalties = self.network.layout.penalties
        parts = {
            whole: [n for n in self.places if tensor(self.places[n]) == whole] for whole in self._tensors(penalties)
        }
        found: dict[str, tuple[float, float]] = {}
        for together, names in parts.items():
            own = {name: penalties.get(name) for name in names}
            if len(set(own.values())) == 1:
                found[together] = penalties[names[0]]
            else:
                found.update({self.places[name]: pair for name, pair in own.items() if pair is not None})
        return found

    def _optimizer(self) -> list[str]:
        """The lines that make the optimizer; weight decay is for weights, not for biases, gamma and beta."""
        optimizer = self.optimizer
        name, settings = optimizer_form(optimizer)
        decay = optimizer.weight_decay
        decayed = [n for n in self.trained if self.network.layout.parameters[n].penalised] if decay else []
        plain = [n for n in self.trained if n not in decayed]
        start = f"lr={optimizer.learning_rate!r}{settings}"
        if not decayed:
            zero = ", weight_decay=0.0" if isinstance(optimizer, AdamW) else ""
            line = f"optimizer = torch.optim.{name}(model.parameters(), {start}{zero})"
            wrapped = [f"optimizer = torch.optim.{name}(", f"    model.parameters(), {start}{zero}", ")"]
            return [line] if len(line) <= WIDTH else wrapped
        lines = _list_lines("decayed", self._tensors(decayed))
        lines += _list_lines("others", self._tensors(plain)) if plain else []
        groups = [f'{{"params": decayed, "weight_decay": {decay!r}}}']
        groups += ['{"params": others, "weight_decay": 0.0}'] if plain else []
        row = f"    [{', '.join(groups)}],"
        rows = [row] if len(row) <= WIDTH else ["    [", *(f"        {g}," for g in groups), "    ],"]
        return [*lines, f"optimizer = torch.optim.{name}(", *rows, f"    {start},", ")"]

    def _clipping(self) -> list[str]:
        """The lines that clip the gradients by their norm."""
        limit = self.optimizer.clip_norm
        if limit is None:
            return []
        return [
            "    # nn.utils.clip_grad_norm_ does the same, but adds 1e-6 to the norm",
            "    gradients = [p.grad for p in model.parameters() if p.grad is not None]",
            "    norm = torch.cat([g.flatten() for g in gradients]).norm()",
            "    for gradient in gradients:",
            f"        gradient.mul_({limit!r} / norm.clamp(min={limit!r}))",
        ]

    def _training(self) -> list[str]:
        also = f", {SAMPLE_WEIGHT}" if self.weighted else ""
        compute = f"L = loss_of(model, {self.arguments}, {self._target}{also})"
        if not self.steps:
            return [*(["model.eval()"] if self.modes else []), compute, 'print(f"L = {L.item()!r}")']
        lines = [
            f"# how it is trained: {self.optimizer.kind}",
            *(self._optimizer() if self.trained else ["# there are only the running averages to be updated"]),
            f"steps = {self.steps}  # how many updates",
            "",
        ]
        lines += [f"for step in range(steps{'' if self.modes else ' + 1'}):", f"    {compute}"]
        lines += loss_lines_of_step("L.item()", self.steps, not self.modes)
        if not self.modes:
            lines += ["    if step == steps:", "        break  # this was the loss after the last update"]
        if self.trained:
            lines += ["    optimizer.zero_grad()", "    L.backward()", *self._clipping(), "    optimizer.step()"]
        if self.modes:
            lines += ["", "model.eval()  # as in prediction: no dropout, running averages", compute]
            lines.append('print(f"after step {steps}, as in prediction: L = {L.item()!r}")')
        return lines


def _list_lines(name: str, items: list[str]) -> list[str]:
    line = f"{name} = [{', '.join(items)}]"
    return [line] if len(line) <= WIDTH else [f"{name} = [", *(f"    {item}," for item in items), "]"]
