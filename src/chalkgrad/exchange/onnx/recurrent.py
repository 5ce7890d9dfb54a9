"""ONNX's RNN, LSTM and GRU as layers: the gates apart, both directions as two lines side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...describe.layers import GRU, LSTM, RNN, Concat, Recurrent
from ...write.onnx.recurrent import GATES
from .drafts import Drafts
from .file import OnnxNode
from .folding import zero
from .operators import called, constant_of, only, value_of
from .values import Array, Part, Value

OPERANDS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
DEFAULTS = {"RNN": ("Tanh",), "GRU": ("Sigmoid", "Tanh"), "LSTM": ("Sigmoid", "Tanh", "Tanh")}
"""The activations of a direction."""


def recurrent(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> dict[str, Value]:
    """The lines of a recurrent operator; what each of its outputs is.

    Raises:
        OptionError: where no layer computes the same.
    """
    a, named = node.attributes, dict[str, Any](zip(OPERANDS, [*given, *[None] * len(OPERANDS)], strict=False))
    x = value_of(node, named["X"])
    by_sample = bool(a.get("layout"))
    order = (0, 1, 2) if by_sample else (1, 0, 2)
    only(node, len(x.shape) == 3 and x.laid_out(*order), f"it does not go along the steps of sequences, {x.sizes}")
    W, R = constant_of(node, named["W"], "weights W"), constant_of(node, named["R"], "weights R")
    B = None if named["B"] is None else constant_of(node, named["B"], "biases")
    _check(node, named, x)
    units, gates = R.shape[-1], GATES[node.operator]
    both = a.get("direction", "forward") == "bidirectional"
    count, rows = 1 + both, len(gates) * units
    shapes = (W.shape, R.shape, (count, 2 * rows) if B is None else B.shape)
    wanted = ((count, rows, x.shape[2]), (count, rows, units), (count, 2 * rows))
    only(node, shapes == wanted and units > 0, f"its weights have the shapes {shapes}, not {wanted}")
    every, final, cells = (bool(name and drafts.uses.get(name)) for name in (*node.outputs, "", "", "")[:3])
    only(node, not cells, "somebody takes its cells, Y_c")
    only(node, every != final, "both every step and the last one are taken" if every else "nobody takes what it gives")
    name = called(node, *node.inputs[1:2])
    ways = ("forward", "reverse") if both else (a.get("direction", "forward"),)
    lines: list[Value] = []
    for place, way in enumerate(ways):
        arrays = _arrays(node, W[place], R[place], None if B is None else B[place], units)
        layer = _layer(node, units, place, bias=B is not None, sequences=every, reverse=way == "reverse")
        title = (f"{('right', 'left')[place]}_{name}" if name else "") if both else name
        shape = (x.shape[0], x.shape[1], units) if every else (x.shape[0], units)
        lines.append(drafts.add(layer, [x], shape, arrays, title))
    made = lines[0]
    if both:
        shape = (*made.shape[:-1], 2 * units)
        made = drafts.combined(Concat, lines, shape)
    last = len(made.shape) - 1
    of_way = (Part(last, units, 2),) if both else ()
    own = (Part(last, 1, units),) if units > 1 else ()
    full = Value.of(made.source, made.shape).axes
    if every:
        axes = (full[0], full[1], of_way, own) if by_sample else (full[1], of_way, full[0], own)
    else:
        axes = (full[0], of_way, own) if by_sample else (of_way, full[0], own)
    return {node.outputs[0 if every else 1]: Value(made.source, made.shape, axes)}


def _check(node: OnnxNode, named: Mapping[str, Any], x: Value) -> None:
    a = node.attributes
    only(node, named["P"] is None, "it has peepholes")
    only(node, "clip" not in a, "it clips what its gates take")
    only(node, not a.get("input_forget"), "its gates for input and forgetting are one")
    lengths = named["sequence_lens"]
    if lengths is not None:
        only(
            node, bool((constant_of(node, lengths, "lengths") == x.shape[1]).all()), "its sequences are not all as long"
        )
    for start in ("initial_h", "initial_c"):
        if named[start] is not None:
            only(node, zero(constant_of(node, named[start], start)), f"its {start} is not 0")


def _layer(node: OnnxNode, units: int, place: int, *, bias: bool, sequences: bool, reverse: bool) -> Recurrent:
    settings: dict[str, Any] = {"bias": bias, "sequences": sequences, "reverse": reverse}
    usual = DEFAULTS[node.operator]
    each = node.attributes.get("activations", usual * 2)
    own = tuple(name.capitalize() for name in each[place * len(usual) : (place + 1) * len(usual)])
    if node.operator == "RNN":
        only(node, own in (("Tanh",), ("Relu",)), f"its activation is {', '.join(own)}; known are Tanh and Relu")
        return RNN(units, activation=own[0].lower(), **settings)
    only(node, own == usual, f"its activations are {', '.join(own)}, not {', '.join(usual)}")
    if node.operator == "LSTM":
        return LSTM(units, **settings)
    return GRU(units, reset="after" if node.attributes.get("linear_before_reset") else "before", **settings)


def _arrays(node: OnnxNode, W: Array, R: Array, B: Array | None, units: int) -> dict[str, Array]:
    """The weights of each gate, turned, and its biases: their sum, but for the one that a gate meets."""
    found: dict[str, Array] = {}
    gates = GATES[node.operator]
    for place, gate in enumerate(gates):
        rows = slice(place * units, (place + 1) * units)
        found[f"W{gate}"], found[f"U{gate}"] = W[rows].T, R[rows].T
        if B is None:
            continue
        one, other = np.split(B, 2)
        if gate == "n" and node.attributes.get("linear_before_reset"):
            found["bn"], found["cn"] = one[rows], other[rows]
        else:
            found[f"b{gate}"] = one[rows] + other[rows]
    return found
