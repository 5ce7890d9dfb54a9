"""The nodes that a layer has in an ONNX graph: one function a class for what ONNX has an operator for; others can
register. What has none is written step by step, from the rules' own functions (`tracing`).

from chalkgrad.write.onnx.layers import Place, nodes

@nodes.register
def _(layer: HardSwish, place: Place) -> None:
    place.give(place.graph.add("HardSwish", place.inputs))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np

from ...base.errors import ChalkgradError
from ...describe.layers import (
    ELU,
    GELU,
    Add,
    Attention,
    AvgPool2D,
    BatchNorm,
    Concat,
    Conv1D,
    Conv2D,
    Dense,
    Embedding,
    Flatten,
    GlobalAvgPool2D,
    Layer,
    LayerNorm,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from ...model.lines import Line
from ...program.step import Step
from ...program.value import Value
from ...rules import dense as dense_rules
from .graph import Graph, no_form
from .tracing import Samples, Traced, for_graphs


@dataclass(frozen=True, slots=True)
class Place:
    """A line in the graph.

    Attributes:
        graph: the graph.
        line: the line.
        steps: its steps in the program, of which the last one gives its value.
        values: every value of the program by name.
    """

    graph: Graph
    line: Line
    steps: Sequence[Step]
    values: Mapping[str, Value]

    @property
    def output(self) -> str:
        """The name of the line's value."""
        return self.steps[-1].output

    @property
    def inputs(self) -> list[str]:
        """The names of the values that the line takes: those of other lines and inputs."""
        own = {*(step.output for step in self.steps), *self.line.names.values()}
        found = (i for step in self.steps for i in step.inputs if i is not None and i not in own)
        return list(dict.fromkeys(found))

    def parameter(self, formal: str) -> str:
        """A parameter or running average by its formal name, "" where there is none."""
        name = self.line.names.get(formal)
        return "" if name is None else self.graph.parameter(name)

    def array(self, formal: str) -> Any:
        """A parameter's numbers."""
        return self.graph.arrays[self.line.names[formal]]

    def give(self, value: str) -> None:
        """Calls a value by the name of the line's."""
        self.graph.name(value, self.output)

    def exact(self, *settings: float) -> bool:
        """Whether settings are what an operator would have: ONNX's have 32 bits, which float64 may see."""
        return self.graph.dtype == np.float32 or all(float(np.float32(s)) == s for s in settings)

    def node(self, operator: str, *inputs: str, **attributes: Any) -> None:
        """Writes the line as one node of what it takes and the further inputs."""
        given = [*self.inputs, *inputs]
        while given and not given[-1]:
            given.pop()
        self.graph.add(operator, given, self.output, **attributes)


def write_line(place: Place) -> None:
    """Writes the nodes of a line.

    Raises:
        OptionError: where a rule of it has no form in ONNX.
    """
    kind = type(place.line.layer)
    registered = next(c for c in kind.__mro__ if c in nodes.registry)
    if issubclass(registered, Layer) and kind.operation is not registered.operation:
        write_steps(place)  # a subclass that computes something else
        return
    nodes(place.line.layer, place)


@singledispatch
def nodes(layer: object, place: Place) -> None:
    """Writes the nodes of a layer, by its class; `nodes.register` adds one."""
    write_steps(place)


def write_steps(place: Place) -> None:
    """Writes a line step by step: what the rules' functions do is written down.

    Raises:
        OptionError: where a function does what has no form in ONNX.
    """
    for step in _with_softmax(place):
        if step.rule.stepwise or step.output in step.inputs:
            raise no_form(place.line.label, f"{step.output} needs what it computes at another time, a loop")
        operands = [None if i is None else _operand(place, i) for i in step.inputs]
        place.graph.stem = step.output
        try:
            result: Any = for_graphs(step.rule.function)(*operands, **step.options)
        except (ChalkgradError, TypeError, AttributeError, ValueError, IndexError) as error:
            raise no_form(place.line.label, f"{step.output} = {step.rule.name}(...): {error}") from error
        if isinstance(result, Traced):
            shape = tuple(Samples() if s == "N" else s for s in step.shape)
            if result.shape != shape:
                raise no_form(place.line.label, f"{step.output} would have the shape {result.shape}, not {shape}")
            place.graph.name(result.astype(place.graph.dtype).name, step.output)
        else:  # it depends on nothing that comes in
            place.graph.initializers[step.output] = np.asarray(result, dtype=place.graph.dtype)


def _with_softmax(place: Place) -> Iterator[Step]:
    """The steps, but for those of an attention's softmax over the keys, which are written as ONNX's."""
    if not isinstance(place.line.layer, Attention):
        yield from place.steps
        return
    scores = ""
    for step in place.steps:
        match step.rule.output:
            case "top" | "r":
                continue
            case "e":
                scores = step.inputs[0] or ""
            case "A":
                place.graph.add("Softmax", [scores], step.output, axis=-1)
            case _:
                yield step


def _operand(place: Place, name: str) -> Traced:
    value = place.values[name]
    if name in place.graph.arrays:
        place.graph.parameter(name)
    kind = np.int64 if value.dtype == "int" else place.graph.dtype
    return Traced(place.graph, name, [Samples() if s == "N" else s for s in value.shape], kind)


# -- layers with weights -----------------------------------------------------------------------------------------------


@nodes.register
def _(layer: Dense, place: Place) -> None:
    weights, b = place.parameter("W"), place.parameter("b")
    turned = place.line.shared is dense_rules.transposed
    if len(place.line.shapes[0]) == 1:
        place.node("Gemm", weights, b, **({"transB": 1} if turned else {}))
        return
    weights = place.graph.add("Transpose", [weights], perm=[1, 0]) if turned else weights
    if not b:  # each step counts as a sample
        place.node("MatMul", weights)
        return
    place.graph.add("Add", [place.graph.add("MatMul", [*place.inputs, weights]), b], place.output)


@nodes.register
def _(layer: Conv2D, place: Place) -> None:
    o = place.line.options
    place.node("Conv", place.parameter("W"), place.parameter("b"), **_window(o))


def _window(o: Mapping[str, int]) -> dict[str, Any]:
    """The attributes of a window: the padding below and on the right is as much as windows reach."""
    below = max((o["P"] - 1) * o["sh"] + o["kh"] - o["height"] - o["pt"], 0)
    right = max((o["Q"] - 1) * o["sw"] + o["kw"] - o["width"] - o["pl"], 0)
    return {
        "kernel_shape": [o["kh"], o["kw"]],
        "strides": [o["sh"], o["sw"]],
        "pads": [o["pt"], o["pl"], below, right],
    }


@nodes.register
def _(layer: Conv1D, place: Place) -> None:
    o, T = place.line.options, place.line.shapes[0][0]
    behind = max((o["P"] - 1) * o["s"] + o["k"] - T - o["before"], 0)
    x = place.graph.add("Transpose", place.inputs, perm=[0, 2, 1])  # ONNX has the steps last
    given = [x, place.parameter("W"), place.parameter("b")]
    given = given if given[-1] else given[:-1]
    window: dict[str, Any] = {"kernel_shape": [o["k"]], "strides": [o["s"]], "pads": [o["before"], behind]}
    place.graph.add("Transpose", [place.graph.add("Conv", given, **window)], place.output, perm=[0, 2, 1])


@nodes.register
def _(layer: Embedding, place: Place) -> None:
    place.graph.add("Gather", [place.parameter("W"), *place.inputs], place.output, axis=0)


# -- sums, and values side by side -------------------------------------------------------------------------------------


@nodes.register
def _(layer: Add, place: Place) -> None:
    given = [i for i in place.steps[-1].inputs if i is not None]  # a value may come twice
    place.graph.add("Add" if len(given) == 2 else "Sum", given, place.output)


@nodes.register
def _(layer: Concat, place: Place) -> None:
    given = [i for i in place.steps[-1].inputs if i is not None]
    place.graph.add("Concat", given, place.output, axis=2 if place.line.per_step else 1)


# -- layers of windows, shapes and normalisation -----------------------------------------------------------------------


@nodes.register
def _(layer: MaxPool2D, place: Place) -> None:
    place.node("MaxPool", **_window(place.line.options))


@nodes.register
def _(layer: AvgPool2D, place: Place) -> None:
    place.node("AveragePool", count_include_pad=1, **_window(place.line.options))


@nodes.register
def _(layer: GlobalAvgPool2D, place: Place) -> None:
    pooled = place.graph.add("GlobalAveragePool", place.inputs)
    place.graph.add("Flatten", [pooled], place.output, axis=1)


@nodes.register
def _(layer: Flatten, place: Place) -> None:
    place.node("Flatten", axis=1)


@nodes.register
def _(layer: BatchNorm, place: Place) -> None:
    if not place.exact(layer.eps):
        write_steps(place)
        return
    channels = place.line.shapes[0][0]
    gamma, beta = _scale(place, (channels,))
    mean, variance = place.parameter("running_mu"), place.parameter("running_var")
    place.node("BatchNormalization", gamma, beta, mean, variance, epsilon=layer.eps)


@nodes.register
def _(layer: LayerNorm, place: Place) -> None:
    if not place.exact(layer.eps):
        write_steps(place)
        return
    shape = place.line.shapes[0][1:] if place.line.per_step else place.line.shapes[0]
    gamma, beta = _scale(place, shape)
    place.node("LayerNormalization", gamma, beta, axis=-len(shape), epsilon=layer.eps)


def _scale(place: Place, shape: Sequence[int]) -> tuple[str, str]:
    """gamma and beta; ones and zeros where the layer has none."""
    dtype = place.graph.dtype
    if place.line.names.get("gamma"):
        return place.parameter("gamma"), place.parameter("beta")
    return place.graph.constant(np.ones(shape, dtype)), place.graph.constant(np.zeros(shape, dtype))


# -- activations -------------------------------------------------------------------------------------------------------


@nodes.register
def _(layer: Sigmoid, place: Place) -> None:
    place.node("Sigmoid")


@nodes.register
def _(layer: Tanh, place: Place) -> None:
    place.node("Tanh")


@nodes.register
def _(layer: ReLU, place: Place) -> None:
    place.node("Relu")


@nodes.register
def _(layer: LeakyReLU, place: Place) -> None:
    if not place.exact(layer.slope):
        write_steps(place)
        return
    place.node("LeakyRelu", alpha=layer.slope)


@nodes.register
def _(layer: ELU, place: Place) -> None:
    if not place.exact(layer.alpha):
        write_steps(place)
        return
    place.node("Elu", alpha=layer.alpha)


@nodes.register
def _(layer: GELU, place: Place) -> None:
    if place.graph.dtype != np.float32:  # its definition has constants of 32 bits
        write_steps(place)
        return
    place.node("Gelu", approximate="tanh" if layer.approximate == "tanh" else "none")


@nodes.register
def _(layer: Softplus, place: Place) -> None:
    place.node("Softplus")


@nodes.register
def _(layer: SiLU, place: Place) -> None:
    gate = place.steps[0].output
    place.graph.add("Sigmoid", place.inputs, gate)
    place.graph.add("Mul", [*place.inputs, gate], place.output)


@nodes.register
def _(layer: Softmax, place: Place) -> None:
    place.node("Softmax", axis=-1)
