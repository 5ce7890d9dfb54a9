"""A network's `nn.Module`: what its `__init__` makes, and the lines of its `forward`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..model.lines import Line
from ..model.model import Model
from .inline import unused
from .names import identifiers, reserved
from .torch_layers import form_of

FORMALS = {
    "W": "weight", "b": "bias", "gamma": "weight", "beta": "bias",
    "running_mu": "running_mean", "running_var": "running_var",
}  # fmt: skip
"""PyTorch's names of the parameters and running averages."""


@dataclass(frozen=True, slots=True)
class ModuleText:
    """The text of a module.

    Attributes:
        init: the lines of `__init__`.
        forward: the lines of `forward`.
        places: the attribute of each parameter and running average, "linear1.weight" for W1.
    """

    init: list[str]
    forward: list[str]
    places: dict[str, str]


def write_module(network: Model, *, fused: bool) -> ModuleText:
    """Writes a network's lines into a module.

    A value that only the next line takes is called x; any other one has the name that the network gives it.

    Args:
        network: the network.
        fused: whether the loss takes what comes before the last line.

    Raises:
        OptionError: where a layer has no form in PyTorch.
    """
    lines, module = network.layout.lines, ModuleText([], [], {})
    names = _names(network)
    flowing = "h" if _needed_later(network, "x") else "x"
    for line in lines:
        operands = [names.get(source, flowing) for source in line.sources]
        if fused and line is lines[-1]:
            module.forward.append(f"# no {line.layer.kind} here: PyTorch's loss takes what comes before it, the logits")
            names[line.place] = operands[0]
        else:
            _write_line(line, module, operands, names.get(line.place, flowing), flowing)
    module.forward.append(f"return {names.get(lines[-1].place, flowing)}")
    return module


def _needed_later(network: Model, source: int | str) -> bool:
    """Whether a value is needed later than in the next line."""
    after = source + 1 if isinstance(source, int) else 0
    return any(user != after for user in network.layout.users.get(source, ()))


def _names(network: Model) -> dict[int | str, str]:
    """The inputs, and the names of values that are needed later than in the next line."""
    layout = network.layout
    outputs = {s.owner.line: s.output for s in network.program.part("forward") if s.owner.line is not None}
    places = [line.place for line in layout.lines if _needed_later(network, line.place)]
    words = {place: outputs.get(place, f"kept_{place + 1}") for place in places}
    inputs = input_names(network)
    spelling = identifiers(words.values(), {*reserved(), *inputs.values(), "x", "h"})
    return {**inputs, **{place: spelling[word] for place, word in words.items()}}


def input_names(network: Model) -> dict[str, str]:
    """The inputs' names in a script."""
    return identifiers(network.layout.inputs, reserved())


def _write_line(line: Line, module: ModuleText, operands: Sequence[str], result: str, flowing: str) -> None:
    """Writes one line.

    Args:
        line: the line.
        module: where it goes.
        operands: the names of what it takes.
        result: the name of what it gives.
        flowing: the name of what goes from statement to statement.
    """
    form = form_of(line)
    words: list[str] = []
    for place, (kind, text) in enumerate(form.modules):
        words.append(_attribute(line, kind, text, module))
        last = place == len(form.modules) - 1 and not form.expression
        name = result if last else flowing
        module.forward.append(f"{name} = self.{words[-1]}({', '.join(operands)})")
        operands = [name]
    for formal, shape in form.own.items():
        size = ", ".join(map(str, shape))
        attribute = _attribute(
            line, {"W": "weight", "b": "bias"}.get(formal, formal), f"nn.Parameter(torch.zeros({size}))", module
        )
        module.places[line.names[formal]] = attribute
    for formal, value in line.names.items():
        if value not in module.places:  # a shared one has its place already
            module.places[value] = f"{words[-1]}.{FORMALS.get(formal, formal)}"
    if form.expression:
        attributes: Mapping[str, str] = {f: f"self.{module.places[v]}" for f, v in line.names.items()}
        module.forward.append(f"{result} = {form.expression.format(*operands, all=', '.join(operands), **attributes)}")


def _attribute(line: Line, kind: str, text: str, module: ModuleText) -> str:
    """Makes an attribute of the module; returns its name."""
    # no attribute of nn.Module ends so, whatever the layer's name is
    word = f"{line.prefix}_{kind}" if line.prefix is not None else f"{kind}{line.number}"
    name = unused(word, [statement.partition(" ")[0].removeprefix("self.") for statement in module.init])
    module.init.append(f"self.{name} = {text}")
    return name
