"""What the page draws of a network: neurons and the lines between them, or its layers below each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..base.errors import OptionError
from ..diagram.columns import Reader, read_columns
from ..diagram.gaps import roomy_gaps
from ..diagram.neurons import refuse_unsuitable
from ..diagram.node_places import measure
from ..explain.trace import Trace
from ..formula import Size
from ..model.model import Model

PRECISION = 4


def drawing(network: Model, trace: Trace) -> dict[str, Any]:
    """The drawing as JSON: places and addresses; the numbers are the page's own.

    Args:
        network: the network.
        trace: a pass of it.
    """
    try:
        refuse_unsuitable(network)
    except OptionError:
        return _layers(network)
    return _neurons(network, trace)


def _neurons(network: Model, trace: Trace) -> dict[str, Any]:
    """The neurons of the first sample; in addresses of values with samples the first index is the sample's."""
    columns = read_columns(network, Reader(trace.labels, network.layout, trace, 0, PRECISION))
    measure(columns)
    gaps = roomy_gaps(columns)
    units: list[dict[str, Any]] = []
    for column in columns:
        for unit in column.units:
            box = unit.box
            units.append(
                {
                    "kind": column.kind,
                    "box": [round(side, 1) for side in (box.left, box.top, box.right, box.bottom)],
                    "stages": [stage.address for stage in unit.stages],
                    "bias": unit.bias.address if unit.bias else None,
                    "target": unit.target.address if unit.target else None,
                }
            )
    edges = [
        {
            "points": [_rounded(point) for point in line],
            "weight": weight.address if weight else None,
            "at": _rounded(place),
        }
        for gap in gaps
        for line, weight, place in zip(gap.lines, gap.weights, gap.places, strict=True)
    ]
    headings = [
        {"x": round(c.units[0].x, 1), "above": None if c.top is None else round(c.top, 1), "words": list(c.heading)}
        for c in columns
    ]
    return {"kind": "neurons", "units": units, "edges": edges, "headings": headings}


def _rounded(point: Sequence[float]) -> list[float]:
    return [round(side, 1) for side in point]


def _layers(network: Model) -> dict[str, Any]:
    """The layers in order, each with what it takes: places of layers before it, or names of inputs."""
    forward = network.program.part("forward", "loss")
    nodes: list[dict[str, Any]] = []
    place_of: dict[int | str, int] = {}
    for name, shape in network.layout.inputs.items():
        place_of[name] = len(nodes)
        nodes.append({"words": name, "shape": _shape_text(shape), "values": [name], "parameters": [], "takes": []})
    for line in network.layout.lines:
        own = [s.output for s in forward if s.owner.line == line.place]
        takes = [place_of[source] for source in line.sources]
        if not own:
            place_of[line.place] = takes[0]
            continue
        place_of[line.place] = len(nodes)
        nodes.append(
            {
                "words": line.label,
                "shape": _shape_text(line.shape),
                "values": own,
                "parameters": list(line.parameters),
                "takes": takes,
            }
        )
    loss = [s.output for s in network.program.part("loss")]
    last = place_of[network.layout.lines[-1].place]
    nodes.append({"words": network.loss_function.kind, "shape": "", "values": loss, "parameters": [], "takes": [last]})
    return {"kind": "layers", "nodes": nodes}


def _shape_text(shape: Sequence[Size]) -> str:
    return " \u00d7 ".join(map(str, shape)) if math.prod(int(s) for s in shape) != 1 else "1"
