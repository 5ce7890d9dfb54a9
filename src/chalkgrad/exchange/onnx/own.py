"""A file that chalkgrad wrote: the network that it describes, with the weights of the file.

The description counts only where it is true: the network, written again, must be this very graph.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import numpy as np

from ...base.checks import as_table
from ...base.errors import ChalkgradError
from ...describe.layers import Attention, Positions
from ...files.writing import MOST_TEXT
from ...model.arguments import read_inputs, read_layers
from ...model.description import read_description
from ...model.lines import Layout, lay_out
from ...network import Network
from ...write.onnx.model import DESCRIPTION, OPSET, to_proto, write_graph
from .file import Array, OnnxFile


def own_network(file: OnnxFile) -> Network | str:
    """The network of a file that chalkgrad wrote; else why it is not taken by its description, "" if it has none."""
    text = file.metadata.get(DESCRIPTION, "")
    if not text:
        return ""
    try:
        table = as_table(json.loads(text)) if len(text) <= MOST_TEXT else None
    except (ValueError, RecursionError):
        table = None
    if table is None:
        return "its description is damaged"
    if file.opset != OPSET:
        return f"it has version {file.opset} of the operators, not {OPSET}"
    try:
        settings, _ = read_description(table, str(file.path))
        layout = lay_out(
            read_layers(settings["layers"]), read_inputs(settings["input_shape"]), 0.0, 0.0, settings["loss"]
        )
        if _numbers(layout) > sum(array.size for array in file.arrays.values()):
            return "its description has more weights than the file"
        network = Network.described(table, str(file.path))
        network.set_parameters(_weights(network, file.arrays))
        graph = to_proto(network, write_graph(network), file.proto.doc_string).graph
    except (ChalkgradError, _OtherError) as error:
        return str(error)
    same = graph.SerializeToString(deterministic=True) == file.proto.graph.SerializeToString(deterministic=True)
    return network if same else "its graph is another than its description's"


def _numbers(layout: Layout) -> int:
    """How many numbers the graph must hold: weights, and constants that writing it would make."""
    count = sum(math.prod(p.shape) for p in (*layout.parameters.values(), *layout.states.values()))
    for line in layout.lines:
        layer = line.layer
        if isinstance(layer, Positions) and layer.form == "sinusoidal":
            count += math.prod(line.shape)
        elif isinstance(layer, Attention) and layer.causal:
            count += line.shapes[0][0] * line.shapes[1 if layer.cross else 0][0]
    return count


class _OtherError(Exception):
    """The file's arrays are not those of the description."""


def _weights(network: Network, there: Mapping[str, Array]) -> dict[str, Array]:
    """The network's arrays out of those of a graph.

    The graph is written with numbers in place of weights, 1, 2, 3, ...: these show where each of them is in it.
    """
    own = {**network.parameters, **network.states}
    sizes = [array.size for array in own.values()]
    begins = np.cumsum([1, *sizes])
    marks: dict[str, Array] = {
        name: np.arange(begin, begin + array.size, dtype=np.float64).reshape(array.shape)
        for (name, array), begin in zip(own.items(), begins, strict=False)
    }
    found = np.full(int(begins[-1]), np.nan)
    graph = write_graph(network, marks)
    for name in graph.weights:
        places = graph.initializers[name].astype(np.int64)
        if name not in there or there[name].shape != places.shape or there[name].dtype != network.dtype:
            raise _OtherError(f"it lacks the array {name} {places.shape}")
        found[places] = there[name]
    values = {n: found[b : b + a.size].reshape(a.shape) for (n, a), b in zip(own.items(), begins, strict=False)}
    for name, array in values.items():
        if np.isnan(array).any():
            raise _OtherError(f"it lacks {name}, or its numbers are NaN")
    return dict(values)
