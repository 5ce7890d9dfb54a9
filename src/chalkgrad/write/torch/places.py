"""Where PyTorch has a network's parameters: the tensor, its rows, and whether it is transposed there.

The tensors' names are those of the `nn.Module` that `module` writes; where each layer has what is said by
`layers`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ...model.model import Model
from .forward import tensor, write_module

PARAMETER = re.compile(r"(weight|bias)(_[ih]h_l\d+)?|in_proj_(weight|bias)")
"""The last part of a parameter's name in PyTorch."""
UNUSED = re.compile(r"bias_hh_l\d+")
"""A second bias where one is enough."""


@dataclass(frozen=True, slots=True)
class TorchPlace:
    """Where PyTorch has a parameter.

    Attributes:
        name: the network's name.
        part: the last part of the tensor's name.
        rows: from which row of it to which; None for all.
        turned: whether it is transposed there.
        tensor: the tensor's whole name.
    """

    name: str
    part: str
    rows: tuple[int, int] | None
    turned: bool
    tensor: str


def torch_places(model: Model) -> list[TorchPlace]:
    """Every parameter and running average, in the order in which the module has them.

    Raises:
        OptionError: where a layer has no form in PyTorch.
    """
    text = write_module(model, fused=False)
    found: list[TorchPlace] = []
    for name, place in text.places.items():
        whole = tensor(place)
        _, dot, part = whole.rpartition(".")
        rows = re.search(r"\[(\d+):(\d+)\]$", place)
        between = (int(rows[1]), int(rows[2])) if rows else None
        found.append(TorchPlace(name, part if dot else re.sub(r"\d+$", "", part), between, name in text.turned, whole))
    return found


def torch_modules(model: Model) -> list[list[TorchPlace]]:
    """The parameters of each layer that has any, in order, with their places."""
    return grouped(place for place in torch_places(model) if place.name in model.parameters)


def grouped(places: Iterable[TorchPlace]) -> list[list[TorchPlace]]:
    """Places by the module that they are in."""
    found: dict[str, list[TorchPlace]] = {}
    for place in places:
        module, dot, part = place.tensor.rpartition(".")
        group = module if dot else f"own {re.sub(r'^[a-zA-Z_]+', '', part)}"
        found.setdefault(group, []).append(place)
    return list(found.values())
