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
"""What PyTorch's modules call the parameters and running averages."""


@dataclass(frozen=True, slots=True)
class Written:
    """The text of a module.

    Attributes:
        made: the lines of `__init__`.
        passed: the lines of `forward`.
        places: the attribute of each parameter and running average, "linear1.weight" for W1.
    """

    made: list[str]
    passed: list[str]
    places: dict[str, str]


def write_module(network: Model, *, fused: bool) -> Written:
    """Writes a network's lines into a module.

    A value that only the next line takes is called x; any other one has the name that the network gives it.

    Args:
        network: the network.
        fused: whether the loss takes what comes before the last line.

    Raises:
        OptionError: where a layer has no form in PyTorch.
    """
    lines, written = network.layout.lines, Written([], [], {})
    names = _names(network)
    flowing = "h" if _kept(network, "x") else "x"
    for line in lines:
        taken = [names.get(source, flowing) for source in line.sources]
        if fused and line is lines[-1]:
            written.passed.append(f"# no {line.layer.kind} here: PyTorch's loss takes what comes before it, the logits")
            names[line.place] = taken[0]
        else:
            _write_line(line, written, taken, names.get(line.place, flowing), flowing)
    written.passed.append(f"return {names.get(lines[-1].place, flowing)}")
    return written


def _kept(network: Model, source: int | str) -> bool:
    """Whether a value is needed later than in the next line."""
    after = source + 1 if isinstance(source, int) else 0
    return any(user != after for user in network.layout.users.get(source, ()))


def _names(network: Model) -> dict[int | str, str]:
    """The inputs, and the names of values that are needed later than in the next line."""
    layout = network.layout
    computed = {s.owner.line: s.output for s in network.program.part("forward") if s.owner.line is not None}
    kept = [line.place for line in layout.lines if _kept(network, line.place)]
    words = {place: computed.get(place, f"kept_{place + 1}") for place in kept}
    inputs = input_names(network)
    found = identifiers(words.values(), {*reserved(), *inputs.values(), "x", "h"})
    return {**inputs, **{place: found[word] for place, word in words.items()}}


def input_names(network: Model) -> dict[str, str]:
    """The inputs' names in a script."""
    return identifiers(network.layout.inputs, reserved())


def _write_line(line: Line, written: Written, taken: Sequence[str], result: str, flowing: str) -> None:
    """Writes one line.

    Args:
        line: the line.
        written: where it goes.
        taken: the names of what it takes.
        result: the name of what it gives.
        flowing: the name of what goes from statement to statement.
    """
    form = form_of(line)
    own: list[str] = []
    for place, (kind, text) in enumerate(form.modules):
        own.append(_attribute(line, kind, text, written))
        last = place == len(form.modules) - 1 and not form.expression
        name = result if last else flowing
        written.passed.append(f"{name} = self.{own[-1]}({', '.join(taken)})")
        taken = [name]
    for formal, shape in form.own.items():
        size = ", ".join(map(str, shape))
        attribute = _attribute(
            line, {"W": "weight", "b": "bias"}.get(formal, formal), f"nn.Parameter(torch.zeros({size}))", written
        )
        written.places[line.names[formal]] = attribute
    for formal, value in line.names.items():
        if value not in written.places:  # a shared one has its place already
            written.places[value] = f"{own[-1]}.{FORMALS.get(formal, formal)}"
    if form.expression:
        attributes: Mapping[str, str] = {f: f"self.{written.places[v]}" for f, v in line.names.items()}
        written.passed.append(f"{result} = {form.expression.format(*taken, all=', '.join(taken), **attributes)}")


def _attribute(line: Line, kind: str, text: str, written: Written) -> str:
    """Makes an attribute of the module; returns its name."""
    # no attribute of nn.Module ends so, whatever the layer's name is
    word = f"{line.prefix}_{kind}" if line.prefix is not None else f"{kind}{line.number}"
    name = unused(word, [made.partition(" ")[0].removeprefix("self.") for made in written.made])
    written.made.append(f"self.{name} = {text}")
    return name
