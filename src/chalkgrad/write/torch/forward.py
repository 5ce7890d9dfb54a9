"""A network's `nn.Module`: what its `__init__` makes, and the lines of its `forward`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from ...model.lines import Line
from ...model.model import Model
from ..inline import unused
from ..layout import STEP, WIDTH
from ..names import identifiers, reserved
from . import attention as _attention  # noqa: F401  # pyright: ignore[reportUnusedImport] - registers
from . import formulas as _formulas  # noqa: F401  # pyright: ignore[reportUnusedImport] - registers
from . import recurrent as _recurrent  # noqa: F401  # pyright: ignore[reportUnusedImport] - registers
from .layers import Form, form_of

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
        places: the attribute of each parameter and running average, "linear1.weight" for W1; of a part of a tensor with
            its rows, "lstm1.weight_ih_l0[0:3]".
        turned: the parameters that are transposed there.
        classes: the classes that the module needs, each with its text.
    """

    init: list[str] = field(default_factory=list[str])
    forward: list[str] = field(default_factory=list[str])
    places: dict[str, str] = field(default_factory=dict[str, str])
    turned: set[str] = field(default_factory=set[str])
    classes: dict[str, None] = field(default_factory=dict[str, None])


def tensor(place: str) -> str:
    """The whole tensor in which a parameter is, "lstm1.weight_ih_l0" of "lstm1.weight_ih_l0[0:3]"."""
    return place.partition("[")[0]


def write_module(network: Model, *, fused: bool) -> ModuleText:
    """Writes a network's lines into a module.

    A value that only the next line takes is called x; any other one has the name that the network gives it.

    Args:
        network: the network.
        fused: whether the loss takes what comes before the last line.

    Raises:
        OptionError: where a layer has no form in PyTorch.
    """
    lines, module = network.layout.lines, ModuleText()
    names = _names(network)
    flowing = "h" if _needed_later(network, "x") else "x"
    for line in lines:
        operands = [names.get(source, flowing) for source in line.sources]
        if fused and line is lines[-1]:
            module.forward.append(f"# no {line.layer.kind} here: PyTorch's loss takes what comes before it, the logits")
            names[line.place] = operands[0]
        else:
            form = form_of(line)
            if form.spelled is not None and _apart(line, form, network.frozen):
                form = form.spelled
            _write_line(line, form, module, operands, names.get(line.place, flowing), flowing)
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


def _apart(line: Line, form: Form, frozen: Collection[str]) -> bool:
    """Whether of the parameters in one tensor some are frozen and others not."""
    states: dict[str, set[bool]] = {}
    for formal, value in line.names.items():
        states.setdefault(tensor(form.places.get(formal, formal)), set()).add(value in frozen)
    return any(len(found) > 1 for found in states.values())


def _write_line(line: Line, form: Form, module: ModuleText, operands: Sequence[str], result: str, flowing: str) -> None:
    """Writes one line.

    Args:
        line: the line.
        form: its form.
        module: where it goes.
        operands: the names of what it takes.
        result: the name of what it gives.
        flowing: the name of what goes from statement to statement.
    """
    words: list[str] = []
    argument = form.argument.format(*operands, all=", ".join(operands))
    for place, (kind, text) in enumerate(form.modules):
        words.append(_attribute(line, kind, text, module))
        last = place == len(form.modules) - 1
        name = result if last and not form.expression else flowing
        target = f"{name}, _" if last and form.pair else name
        module.forward.extend(_call(f"{target} = self.{words[-1]}(", argument))
        operands, argument = [name], name
    module.init.extend(line.format(f"self.{words[-1]}") for line in form.init)
    module.classes.update(dict.fromkeys(form.classes))
    for formal, shape in form.own.items():
        size = ", ".join(map(str, shape))
        attribute = _attribute(
            line, {"W": "weight", "b": "bias"}.get(formal, formal), f"nn.Parameter(torch.zeros({size}))", module
        )
        module.places[line.names[formal]] = attribute
    for formal, value in line.names.items():
        if value not in module.places:  # a shared one has its place already
            module.places[value] = f"{words[-1]}.{form.places.get(formal, FORMALS.get(formal, formal))}"
            if formal in form.turned:
                module.turned.add(value)
    if form.expression:
        attributes = {f: f"self.{module.places[v]}" for f, v in line.names.items()}
        for formal, value in line.names.items():
            same, other = attributes[formal], f"{attributes[formal]}.T"
            turned = value in module.turned
            attributes |= {f"{formal}_here": other if turned else same, f"{formal}_turned": same if turned else other}
        module.forward.append(f"{result} = {form.expression.format(*operands, all=', '.join(operands), **attributes)}")


def _call(start: str, argument: str) -> list[str]:
    """A call as a line of `forward`; on three where it is long."""
    whole = f"{start}{argument})"
    return [whole] if len(whole) <= WIDTH - 2 * STEP else [start, f"    {argument}", ")"]


def _attribute(line: Line, kind: str, text: str, module: ModuleText) -> str:
    """Makes an attribute of the module; returns its name."""
    # no attribute of nn.Module ends so, whatever the layer's name is
    word = f"{line.prefix}_{kind}" if line.prefix is not None else f"{kind}{line.number}"
    name = unused(word, [statement.partition(" ")[0].removeprefix("self.") for statement in module.init])
    module.init.append(f"self.{name} = {text}")
    return name
