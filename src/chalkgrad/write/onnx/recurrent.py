"""The nodes of recurrent layers: ONNX's RNN, LSTM and GRU, which have the steps first, gates one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...describe.layers import GRU, LSTM, RNN, Recurrent
from .layers import Place, nodes

GATES = {"RNN": ("",), "LSTM": ("i", "o", "f", "g"), "GRU": ("z", "r", "n")}
"""The gates' letters here, in ONNX's order."""


@nodes.register
def _(layer: RNN, place: Place) -> None:
    _write(place, layer, "RNN", activations=["Relu" if layer.activation == "relu" else "Tanh"])


@nodes.register
def _(layer: LSTM, place: Place) -> None:
    _write(place, layer, "LSTM")


@nodes.register
def _(layer: GRU, place: Place) -> None:
    _write(place, layer, "GRU", linear_before_reset=int(layer.reset == "after"))


def _write(place: Place, layer: Recurrent, operator: str, **attributes: Any) -> None:
    graph, gates = place.graph, GATES[operator]
    places = [packed(place, letter, gates) for letter in "WU"]
    if layer.bias:
        places.append(packed(place, "b", gates))
    way = {"direction": "reverse"} if layer.reverse else {}
    place.graph.stem = place.output
    x = graph.add("Transpose", place.inputs, perm=[1, 0, 2])  # (T, N, I)
    given = [x, *places]
    if not layer.sequences:  # the last step in the direction of time
        h = graph.add(operator, given, place=1, hidden_size=layer.units, **way, **attributes)
        graph.add("Squeeze", [h, graph.whole(0)], place.output)
        return
    h = graph.add(operator, given, hidden_size=layer.units, **way, **attributes)  # (T, 1, N, units)
    graph.add("Transpose", [graph.add("Squeeze", [h, graph.whole(1)])], place.output, perm=[1, 0, 2])


def packed(place: Place, letter: str, gates: Sequence[str]) -> str:
    """The weights W or U, or the biases b and c, of all gates in one array, as ONNX wants them.

    Weights are (1, gates * units, inputs), each gate's transposed; biases are b and c, which is 0 where there is none.
    """
    name = place.line.names[f"{letter}{gates[0]}"]
    prefix, dot, formal = name.rpartition(".")
    name = f"{prefix}{dot}{letter}{formal.removeprefix(letter + gates[0])}"
    if letter != "b":
        rows = [place.array(f"{letter}{gate}").T for gate in gates]
        return place.graph.packed(name, np.concatenate(rows)[None])
    own = [place.array(f"b{gate}") for gate in gates]
    second = [place.array(f"c{g}") if f"c{g}" in place.line.names else np.zeros_like(own[0]) for g in gates]
    return place.graph.packed(name, np.concatenate([*own, *second])[None])
