"""A network's weights in a .safetensors file, under its own names or PyTorch's, and back.

Under PyTorch's names the file is the `state_dict` of the `nn.Module` that `source("torch")` writes: matrices are
turned there, (outputs, inputs), and gates lie one under the other. The map from names to tensors stands in the file's
metadata.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..base.checks import as_list, as_table, choice, flag, said
from ..base.errors import DataError, OptionError, ShapeError, nearest
from ..files.safetensors import Array, read_with_metadata, write_safetensors
from ..model.model import Model
from ..rules.positions import LONGEST, QUARTER, sinusoids
from .torch.forward import write_module
from .torch.places import TorchPlace, grouped, torch_places

FORMAT, VERSION = "chalkgrad.weights", "1"
NAMES = "chalkgrad.names"
MAP = "chalkgrad.map"
COUNT = "num_batches_tracked"
"""What PyTorch's batch normalisation counts beside its running averages."""


def save_weights(model: Model, path: str | Path, names: str = "chalkgrad") -> None:
    """Saves parameters and running averages.

    Args:
        model: the network.
        path: the file, NAME.safetensors.
        names: "chalkgrad" for the network's own, W1 (inputs, outputs); "torch" for those of the module that
            `source("torch")` writes, linear1.weight (outputs, inputs).

    Raises:
        OptionError: where `names` is neither, or a layer has no form in PyTorch.
        DataError: where a weight is not finite, or the file cannot be written; what was there is then as it was.
    """
    choice("save_weights", "names", names, ("chalkgrad", "torch"))
    own = {**model.parameters, **model.states}
    for name, array in own.items():
        if not np.isfinite(array).all():
            raise DataError(f"{name} holds NaN or infinity, so the weights are not saved")
    metadata = {FORMAT: VERSION, NAMES: names}
    arrays: dict[str, Array] = dict(own)
    if names == "torch":
        places = torch_places(model)
        arrays = _as_tensors(model, own, places)
        metadata[MAP] = json.dumps({place.name: _entry(place) for place in places})
    write_safetensors(path, arrays, metadata)


def _entry(place: TorchPlace) -> dict[str, Any]:
    rows = {} if place.rows is None else {"rows": list(place.rows)}
    return {"tensor": place.tensor, **rows, **({"turned": True} if place.turned else {})}


def _as_tensors(model: Model, own: Mapping[str, Array], places: Sequence[TorchPlace]) -> dict[str, Array]:
    """The module's `state_dict`: what it holds besides is 0, or what it counts."""
    parts: dict[str, list[tuple[int, Array]]] = {}
    for place in places:
        array = own[place.name].T if place.turned else own[place.name]
        parts.setdefault(place.tensor, []).append((place.rows[0] if place.rows else 0, array))
    found = {name: np.concatenate([a for _, a in sorted(rows, key=lambda r: r[0])]) if len(rows) > 1 else rows[0][1]
             for name, rows in parts.items()}  # fmt: skip
    for place in places:
        module = place.tensor.rpartition(".")[0]
        if place.part == "running_mean":
            found[f"{module}.{COUNT}"] = np.array(model.steps_taken, np.int64)
        elif place.part == "bias_ih_l0":
            second, size = f"{module}.bias_hh_l0", len(found[place.tensor])
            given = parts.get(second, [])
            if sum(len(a) for _, a in given) < size:
                whole = np.zeros(size, model.dtype)
                for begin, a in given:
                    whole[begin : begin + len(a)] = a
                found[second] = whole
    for line in write_module(model, fused=False).init:
        if waves := re.fullmatch(r"self\.(\w+) = Positions\((\d+), (\d+)\)", line):
            T, D = int(waves[2]), int(waves[3])
            like = np.empty((0, T, D), model.dtype)
            found[f"{waves[1]}.waves"] = sinusoids.function(like, T=T, H=D // 2, longest=LONGEST, quarter=QUARTER)
    return found


def load_weights(
    model: Model, path: str | Path, names: str | Mapping[str, str] | None = None, *, narrow: bool = False
) -> None:
    """Loads parameters and running averages; nothing is changed where one does not fit.

    Under PyTorch's names those of a module from elsewhere are taken too (`0.weight`, `fc1.weight`), where it is plain
    which module is which layer: by numbers, or because only one layer has weights of such shapes. Where PyTorch has
    two biases and the network one, it gets their sum.

    Args:
        model: the network.
        path: the file.
        names: "chalkgrad" or "torch"; if not given, as the file's names say; or for every parameter and running average
            the name of its tensor, {"W1": "fc1.weight"}, turned where PyTorch would have it turned.
        narrow: whether numbers of 64 bits may be rounded to the network's 32.

    Raises:
        DataError: where the file is damaged, a name is missing or belongs to nothing, or numbers are not finite or
            would be rounded.
        ShapeError: where an array has another shape.
        OptionError: where `names` is invalid.
    """
    path = Path(path)
    flag("load_weights", "narrow", narrow)
    if not str(path) or str(path) == ".":
        raise DataError("the file's name is empty")
    if isinstance(names, str):
        choice("load_weights", "names", names, ("chalkgrad", "torch"))
    arrays, metadata = read_with_metadata(path)
    if metadata.get(FORMAT, VERSION) != VERSION:
        raise DataError(f"{path} has the version {metadata[FORMAT]} of {FORMAT}; this chalkgrad reads {VERSION}")
    _check_kinds(path, model, arrays, narrow=narrow)
    targets = {**model.parameters, **model.states}
    if isinstance(names, Mapping):
        ready = _as_named(path, model, arrays, names)
    elif (names or metadata.get(NAMES) or _guessed(model, arrays)) == "chalkgrad":
        ready = _own(path, arrays, targets)
    else:
        ready = _of_torch(path, model, arrays, metadata)
    model.set_parameters({name: np.asarray(array) for name, array in ready.items()})


def _guessed(model: Model, arrays: Mapping[str, Array]) -> str:
    """Whose names a file's are, which does not say so."""
    own = {*model.parameters, *model.states}
    if own <= set(arrays):
        return "chalkgrad"
    shared = len(own & set(arrays))  # a parameter of the module's own is called as here
    return "chalkgrad" if 2 * shared > len(arrays) else "torch"


def _check_kinds(path: Path, model: Model, arrays: Mapping[str, Array], *, narrow: bool) -> None:
    for name, array in arrays.items():
        if name.rpartition(".")[2] == COUNT:
            continue
        if array.dtype.kind != "f":
            raise DataError(f"{path}: {name} holds {array.dtype}; weights are numbers with a fraction")
        if array.dtype.itemsize > model.dtype.itemsize and not narrow:
            raise DataError(
                f"{path}: {name} holds {array.dtype}, which the network's {model.dtype} would round; say narrow=True, "
                "or build the network with dtype='float64'"
            )


def _own(path: Path, arrays: Mapping[str, Array], targets: Mapping[str, Array]) -> dict[str, Array]:
    _check_names(path, list(arrays), list(targets))
    return dict(arrays)


def _check_names(path: Path, there: Sequence[str], needed: Sequence[str]) -> None:
    if missing := [name for name in needed if name not in there]:
        raise DataError(f"{path} lacks {', '.join(missing[:8])}; it has {', '.join(there[:20]) or 'nothing'}")
    if extra := [name for name in there if name not in needed]:
        raise DataError(f"{path}: nothing in the network takes {extra[0]}; {nearest(extra[0], needed)}")


def _of_torch(path: Path, model: Model, arrays: Mapping[str, Array], metadata: Mapping[str, str]) -> dict[str, Array]:
    """The network's arrays out of PyTorch's tensors."""
    places = _mapped(path, model, metadata) or torch_places(model)
    if not {place.tensor for place in places} <= set(arrays):
        places = _renamed(path, model, arrays, places)
    taken = {place.tensor for place in places}
    second = {f"{place.tensor.rpartition('.')[0]}.bias_hh_l0" for place in places if place.part == "bias_ih_l0"}
    modules = {name.rpartition(".")[0] for name in taken}
    for name in arrays:
        module, _, part = name.rpartition(".")
        counted = part == COUNT and module in modules
        if name not in taken and name not in second and not counted and part != "waves":
            own = ", ".join(f"{p.tensor} ({p.name})" for p in places[:12])
            raise DataError(f"{path}: nothing in the network takes {name}; it takes {own}")
    return {place.name: _taken(path, model, arrays, place, places) for place in places}


def _taken(
    path: Path, model: Model, arrays: Mapping[str, Array], place: TorchPlace, places: Sequence[TorchPlace]
) -> Array:
    """A parameter's numbers out of its tensor; of two biases their sum, where the network has one."""
    array = _rows(arrays[place.tensor], place.rows)
    if place.part == "bias_ih_l0":
        other = f"{place.tensor.rpartition('.')[0]}.bias_hh_l0"
        own = {(p.tensor, p.rows) for p in places}
        if other in arrays and (other, place.rows) not in own:
            second = _rows(arrays[other], place.rows)
            if second.shape == array.shape:
                array = array + second
    array = array.T if place.turned else array
    shape = {**model.parameters, **model.states}[place.name].shape
    if array.shape != shape:
        whole = arrays[place.tensor].shape
        raise ShapeError(f"{path}: {place.tensor} has shape {whole}, which does not give {place.name} {shape}")
    return array


def _rows(array: Array, rows: tuple[int, int] | None) -> Array:
    return array if rows is None or array.ndim == 0 else array[rows[0] : rows[1]]


def _mapped(path: Path, model: Model, metadata: Mapping[str, str]) -> list[TorchPlace]:
    """The places that the file's map states; none where it has none."""
    if MAP not in metadata:
        return []
    try:
        table = as_table(json.loads(metadata[MAP]))
    except (ValueError, RecursionError):
        table = None
    targets = [*model.parameters, *model.states]
    if table is None:
        raise DataError(f"{path}: its map {MAP} is damaged")
    if set(table) != set(targets):
        raise DataError(f"{path} is for the weights {', '.join(table)}; the network has {', '.join(targets)}")
    found: list[TorchPlace] = []
    for name, entry in table.items():
        row = as_table(entry) or {}
        tensor, turned, rows = row.get("tensor"), row.get("turned", False), as_list(row.get("rows", [0, 0]))
        whole = rows is not None and len(rows) == 2 and all(type(r) is int and r >= 0 for r in rows)
        if not isinstance(tensor, str) or not isinstance(turned, bool) or not whole or rows is None:
            raise DataError(f"{path}: its map {MAP} is damaged: {name} is {said(entry)}")
        between = (int(rows[0]), int(rows[1])) if "rows" in row else None
        found.append(TorchPlace(name, tensor.rpartition(".")[2], between, turned, tensor))
    return found


def _renamed(path: Path, model: Model, arrays: Mapping[str, Array], places: Sequence[TorchPlace]) -> list[TorchPlace]:
    """The places in a module from elsewhere, where it is plain which of its parts is which layer."""
    theirs: dict[str, dict[str, Array]] = {}
    for name, array in arrays.items():
        module, _, part = name.rpartition(".")
        if part not in (COUNT, "waves"):
            theirs.setdefault(module, {})[part] = array
    modules = grouped(places)
    expected = "; ".join(", ".join(f"{p.tensor} ({p.name})" for p in group) for group in modules)
    if len(theirs) != len(modules):
        raise DataError(
            f"{path} has {len(theirs)} modules with weights, {', '.join(theirs)}; the network takes those of "
            f"{len(modules)}: {expected}"
        )
    order = _in_order(path, model, theirs, modules)
    found: list[TorchPlace] = []
    for module, group in zip(order, modules, strict=True):
        for place in group:
            if place.part not in theirs[module]:
                raise DataError(f"{path} lacks {module}.{place.part}, which would be {place.name}")
            tensor = f"{module}.{place.part}".lstrip(".")
            found.append(TorchPlace(place.name, place.part, place.rows, place.turned, tensor))
    return found


def _in_order(
    path: Path, model: Model, theirs: Mapping[str, Mapping[str, Array]], modules: Sequence[Sequence[TorchPlace]]
) -> list[str]:
    """The modules in the order of the layers: by numbers, or by shapes where these leave one way only."""
    if all(re.search(r"(^|\.)\d+$", name) for name in theirs) or len(theirs) == 1:
        return sorted(theirs, key=lambda name: [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", name)])
    fits = [[name for name, parts in theirs.items() if _fits(model, parts, group)] for group in modules]
    ways = _ways(fits, set())
    if len(ways) != 1:
        reason = "several fit" if ways else "none fit"
        raise DataError(
            f"{path}: it is not plain which of {', '.join(theirs)} is which layer, as {reason}; "
            "say it by names, names={'" + modules[0][0].name + "': '" + next(iter(arrays_of(theirs))) + "', ...}"
        )
    return ways[0]


def arrays_of(theirs: Mapping[str, Mapping[str, Array]]) -> list[str]:
    """The whole names of modules' tensors."""
    return [f"{module}.{part}".lstrip(".") for module, parts in theirs.items() for part in parts]


def _fits(model: Model, parts: Mapping[str, Array], group: Sequence[TorchPlace]) -> bool:
    """Whether a module's tensors have the shapes of a layer's parameters."""
    own = {**model.parameters, **model.states}
    known = {place.part for place in group} | {"bias_hh_l0" for place in group if place.part == "bias_ih_l0"}
    if not set(parts) <= known:
        return False
    for place in group:
        array = _rows(parts[place.part], place.rows) if place.part in parts else None
        if array is None or (array.T if place.turned else array).shape != own[place.name].shape:
            return False
    return True


def _ways(fits: Sequence[Sequence[str]], taken: set[str]) -> list[list[str]]:
    """The ways to give each layer a module of its own; two at most, as more tell nothing else."""
    if not fits:
        return [[]]
    found: list[list[str]] = []
    for name in fits[0]:
        if name not in taken and len(found) < 2:
            found += [[name, *rest] for rest in _ways(fits[1:], taken | {name})]
    return found[:2]


def _as_named(path: Path, model: Model, arrays: Mapping[str, Array], names: Mapping[str, str]) -> dict[str, Array]:
    """The arrays by the names that were given for them."""
    targets = {**model.parameters, **model.states}
    for name, tensor in names.items():
        if name not in targets:
            raise OptionError(f"load_weights: names has {said(name)}, no weight here; {nearest(name, targets)}")
        if tensor not in arrays:
            raise OptionError(f"load_weights: names has {said(tensor)}, no name in {path}; {nearest(tensor, arrays)}")
    if missing := [name for name in targets if name not in names]:
        raise OptionError(f"load_weights: names lacks {', '.join(missing)}")
    places = {place.name: place for place in torch_places(model)}
    extra = [name for name in arrays if name not in names.values() and name.rpartition(".")[2] != COUNT]
    if extra:
        raise DataError(f"{path}: names says nothing of {', '.join(extra[:8])}")
    taken = {name: _rows(arrays[tensor], places[name].rows) for name, tensor in names.items()}
    return {name: array.T if places[name].turned else array for name, array in taken.items()}
