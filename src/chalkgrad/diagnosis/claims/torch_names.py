"""Parameters by PyTorch's names and orientations: 0.weight (out x in) is W1 (in x out), and so on.

Modules are told apart by what stands before the last dot, and belong to the network's layers with parameters in order;
where each layer has what in PyTorch is what `write.torch.places` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...base.errors import DataError, ShapeError
from ...base.half import as_numpy
from ...model.model import Model
from ...write.torch.places import PARAMETER, UNUSED, TorchPlace, torch_modules


def is_torch_name(name: Any, model: Model) -> bool:
    """Whether a name is one of PyTorch's, and none of the network's."""
    text = str(name)
    return text not in model.parameters and PARAMETER.fullmatch(text.rpartition(".")[2]) is not None


def by_own_names(numbers: Mapping[Any, Any], model: Model) -> dict[Any, Any]:
    """Numbers with the network's names and orientations in place of PyTorch's; other entries as they are.

    Raises:
        DataError: where the modules are not the network's layers; it says which are expected.
        ShapeError: where one has another shape.
    """
    theirs: dict[str, dict[str, Any]] = {}
    found: dict[Any, Any] = {}
    for name, value in numbers.items():
        if is_torch_name(name, model):
            module, _, part = str(name).rpartition(".")
            theirs.setdefault(module, {})[part] = value
        else:
            found[name] = value
    if not theirs:
        return dict(numbers)
    modules = torch_modules(model)
    if len(theirs) != len(modules):
        expected = "; ".join(", ".join(f"{p.name} ({p.part})" for p in places) for places in modules)
        raise DataError(
            f"there are {len(theirs)} modules of PyTorch's, {', '.join(theirs)}, but {len(modules)} layers with "
            f"parameters: {expected}; give those of all layers, in order, or use the names of these"
        )
    for (module, values), places in zip(theirs.items(), modules, strict=True):
        for place in places:
            if place.part in values:
                found[place.name] = _taken(f"{module}.{place.part}".lstrip("."), values[place.part], place, model)
        known = {place.part for place in places}
        if extra := [part for part in values if part not in known and not UNUSED.fullmatch(part)]:
            own = ", ".join(place.name for place in places)
            raise DataError(f"{module}.{extra[0]} has no counterpart: in its place the network has {own}")
    return found


def _taken(key: str, value: Any, place: TorchPlace, model: Model) -> Any:
    """A parameter's numbers out of PyTorch's tensor."""
    array: Any = np.asanyarray(as_numpy(value))
    if place.rows is not None:
        array = array[place.rows[0] : place.rows[1]]
    if place.turned:
        array = array.T
    shape = model.parameters[place.name].shape
    if array.shape != shape:
        whole = np.shape(as_numpy(value))
        turned = "; PyTorch has it the other way round, (out, in)" if place.turned and whole == shape else ""
        raise ShapeError(f"{key} has shape {whole}, which does not give {place.name} {shape}{turned}")
    return array
