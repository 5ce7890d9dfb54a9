"""A network's description, the table of a TOML file, read and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..base.checks import as_list, as_table
from ..base.errors import ChalkgradError, CheckpointError, nearest
from ..describe.layers.registry import known_layers
from ..describe.losses import LOSSES
from ..describe.settings import from_table, layers_from_tables
from ..files.toml import check_places
from .arguments import read_inputs, read_layers
from .lines import lay_out

KEYS = ("input_shape", "dtype", "seed", "l1", "l2", "frozen", "loss", "rules", "layers", "steps_taken", "parameters")


def read_description(
    table: Mapping[str, Any], where: str, stored: Mapping[str, Sequence[int]] | None = None
) -> tuple[dict[str, Any], list[str]]:
    """The arguments of the network that a table describes, and the names of its frozen parameters.

    Args:
        table: the description.
        where: what to call it in messages.
        stored: the shapes of the arrays that are there; if given, the parameters and running averages that the layers
            need must be among them, or nothing is allocated.

    Raises:
        ChalkgradError: one of its kinds, where the table does not describe a network.
    """
    for key in table:
        if key not in KEYS:
            cure = "a worked example has it, a network takes samples when it is trained" if key in ("x", "y") else ""
            raise CheckpointError(f"{where}: there is no setting {key!r}; {cure or nearest(key, KEYS)}")
    for key in ("input_shape", "loss", "layers"):
        if key not in table:
            hint = ", the shape of one sample: a number, or [channels, height, width]" if key == "input_shape" else ""
            raise CheckpointError(f"{where} lacks {key}{hint}")
    rules = as_table(table.get("rules", {}))
    if rules is None:
        raise CheckpointError(f"{where}: rules must be tables, [rules.HardSwish]")
    try:
        known = known_layers(rules)
    except ChalkgradError as error:
        raise type(error)(f"{where}: {error}") from None
    check_places(table, KEYS, where, {"loss": LOSSES, "layers": known})
    layers, frozen = as_list(table["layers"]), as_list(table.get("frozen", []))
    if layers is None:
        raise CheckpointError(f"{where}: layers must be a list of tables, [[layers]]")
    if frozen is None:
        raise CheckpointError(f"{where}: frozen must be a list of names")
    try:
        if stored is not None:
            layers = [_as_saved(layer) for layer in layers]
        ready = layers_from_tables(layers, known)
        loss = from_table("loss", table["loss"], LOSSES)
        if stored is not None:
            layout = lay_out(read_layers(ready), read_inputs(table["input_shape"]), 0.0, 0.0, loss)
            shapes = {name: parameter.shape for name, parameter in {**layout.parameters, **layout.states}.items()}
            _check_shapes(where, shapes, stored)
    except ChalkgradError as error:
        if str(error).startswith(where):
            raise
        raise type(error)(f"{where}: {error}") from None
    settings: dict[str, Any] = {
        "layers": ready,
        "input_shape": table["input_shape"],
        "loss": loss,
        "dtype": table.get("dtype", "float32"),
        "seed": table.get("seed", 0),
        "l1": table.get("l1", 0.0),
        "l2": table.get("l2", 0.0),
    }
    return settings, list(map(str, frozen))


def _as_saved(layer: object) -> object:
    """A layer's table as it was meant when it was saved: a LayerNorm that says nothing else goes over whole samples."""
    table = as_table(layer)
    if table is None:
        return {"type": layer, "over": "sample"} if layer == "LayerNorm" else layer
    if table.get("type") == "LayerNorm":
        return {"over": "sample", **table}
    inner = as_list(table.get("layers"))
    return table if inner is None else {**table, "layers": [_as_saved(one) for one in inner]}


def _check_shapes(where: str, needed: Mapping[str, Sequence[int]], stored: Mapping[str, Sequence[int]]) -> None:
    """Raises CheckpointError where the parameters that are there are not those that the layers need."""
    if not set(needed) <= set(stored):
        there = ", ".join(stored) or "none"
        raise CheckpointError(f"{where}: the parameters are {there}; the layers need {', '.join(needed)}")
    for name, shape in needed.items():
        if tuple(stored[name]) != tuple(shape):
            raise CheckpointError(f"{where}: {name} has shape {tuple(stored[name])}, expected {tuple(shape)}")
