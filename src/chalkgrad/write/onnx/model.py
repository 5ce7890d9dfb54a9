"""A network's forward pass as an ONNX model, whose values and weights have the network's names: a viewer shows z1, a1.

The model holds the network's description too, so that `chalkgrad.from_onnx` gives the same network again.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...base.errors import CheckpointError, OptionError
from ...describe.layers.registry import check_loadable
from ...files.writing import reason, write_named
from ...model.forward import PREDICTION
from ...model.model import Model
from . import recurrent as _recurrent  # noqa: F401  # pyright: ignore[reportUnusedImport] - registers
from .graph import Array, Graph
from .layers import Place, write_line

OPSET = 20
"""The version of ONNX's operators: the first that has GELU (ONNX 1.15)."""
IR_VERSION = 9
"""The version of the file format that goes with it."""
PRODUCER = "chalkgrad"
DESCRIPTION = "chalkgrad.network"
"""Under this name the model's metadata has the network's description, as JSON."""
MOST = 2**31 - 1
"""Bytes: what a file of protobuf can hold."""


def need_onnx() -> Any:
    """The library. Raises OptionError where it is not installed."""
    try:
        return importlib.import_module("onnx")
    except ImportError:
        raise OptionError("ONNX models need the package onnx: pip install 'chalkgrad[onnx]'") from None


def write_graph(network: Model, arrays: Mapping[str, Array] | None = None) -> Graph:
    """A network's forward pass, as in prediction, as nodes.

    Args:
        network: the network.
        arrays: what stands in place of its parameters and running averages.

    Raises:
        OptionError: where a layer has no form in ONNX.
    """
    arrays = {**network.parameters, **network.states} if arrays is None else arrays
    graph, program = Graph(arrays, network.dtype), network.prediction_program
    steps = program.needed_for([PREDICTION])
    for line in network.layout.lines:
        own = [step for step in steps if step.owner.line == line.place]
        if own:
            graph.owner, graph.stem = line.label, own[-1].output
            write_line(Place(graph, line, own, program.values))
    return graph


def onnx_model(network: Model, title: str = "") -> Any:
    """A network's forward pass as an `onnx.ModelProto`, checked by ONNX's own checker.

    Args:
        network: the network.
        title: what the graph is called.

    Raises:
        OptionError: where a layer has no form in ONNX, or the library is missing.
    """
    onnx = need_onnx()
    size = sum(array.nbytes for array in (*network.parameters.values(), *network.states.values()))
    if size > MOST - 2**24:
        raise OptionError(f"the weights have {size:,} bytes; a file of ONNX holds no more than {MOST:,}")
    graph = write_graph(network)
    model = to_proto(network, graph, title)
    onnx.checker.check_model(model, full_check=True)
    return model


def to_proto(network: Model, graph: Graph, title: str = "") -> Any:
    """The nodes as a model."""
    onnx = need_onnx()
    helper, program = onnx.helper, network.prediction_program
    real = helper.np_dtype_to_tensor_dtype(network.dtype)
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(kind), ["N", *shape])
        for name, (shape, kind) in input_kinds(network).items()
    ]
    made = {name for node in graph.nodes for name in node.outputs}
    shown = [
        helper.make_tensor_value_info(step.output, real, list(step.shape))
        for step in program.part("forward")
        if step.output in made and step.output != PREDICTION
    ]
    output = helper.make_tensor_value_info(PREDICTION, real, ["N", *network.output_shape])
    nodes = [_node(helper, node) for node in graph.nodes]
    initializers = [onnx.numpy_helper.from_array(array, name) for name, array in graph.initializers.items()]
    body = helper.make_graph(nodes, "network", inputs, [output], initializers, value_info=shown)
    model = helper.make_model(
        body, producer_name=PRODUCER, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    model.producer_version = _version()
    model.doc_string = title or repr(network).strip("<>")
    helper.set_model_props(model, {DESCRIPTION: description(network)} if description(network) else {})
    return model


def input_kinds(network: Model) -> dict[str, tuple[tuple[int, ...], Any]]:
    """The shape of one sample of each input, and its kind of number: ids are whole numbers."""
    layout, whole = network.layout, np.dtype(np.int64)
    return {n: (tuple(shape), whole if n in layout.ids else network.dtype) for n, shape in layout.inputs.items()}


def description(network: Model) -> str:
    """The network's description as JSON; "" where a layer of it has no name in files."""
    try:
        check_loadable(network.layers)
        return json.dumps(network.to_table(), allow_nan=False)
    except (CheckpointError, ValueError):
        return ""


def _node(helper: Any, node: Any) -> Any:
    attributes = {
        key: helper.np_dtype_to_tensor_dtype(value) if isinstance(value, np.dtype) else value
        for key, value in node.attributes.items()
    }
    return helper.make_node(
        node.operator, node.inputs, node.outputs, name=node.outputs[-1], doc_string=node.of, **attributes
    )


def _version() -> str:
    return str(importlib.import_module("chalkgrad").__version__)


def write_onnx(network: Model, path: str | Path, title: str = "") -> None:
    """Writes a network's forward pass into a file, in one step.

    Raises:
        OptionError: where a layer has no form in ONNX, the library is missing, or the file cannot be written.
    """
    if not str(path):
        raise OptionError("the file's name is empty")
    content = onnx_model(network, title).SerializeToString(deterministic=True)
    try:
        write_named(Path(path), content)
    except OSError as error:
        raise OptionError(f"{path} cannot be written: {reason(path, error)}") from None
