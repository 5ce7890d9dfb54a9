"""From ONNX's operators to layers: one function an operator, which appends a line or lays out an array anew."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

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
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    Layer,
    LayerNorm,
    LeakyReLU,
    MaxPool2D,
    Multiply,
    Positions,
    Recurrent,
    ReLU,
    RMSNorm,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Sum,
    Tanh,
)
from .drafts import Drafts, refused
from .file import OnnxNode
from .folding import slices, target, whole_axes, zero
from .spelled import biased, finished, scaled_norm
from .values import Array, Value

Operand: TypeAlias = Value | Array | None
Read = Callable[[Drafts, OnnxNode, Sequence[Any]], Value | Array]
READS: dict[str, Read] = {}


def reads(*operators: str) -> Callable[[Read], Read]:
    """Registers a function for operators."""

    def keep(function: Read) -> Read:
        READS.update(dict.fromkeys(operators, function))
        return function

    return keep


def value_of(node: OnnxNode, operand: Operand, what: str = "input") -> Value:
    """An operand that is a line's value."""
    if not isinstance(operand, Value):
        is_constant = isinstance(operand, np.ndarray)
        known = "left out" if operand is None else "a constant" if is_constant else "a part of another layer"
        raise refused(node, f"its {what} is {known}")
    return operand


def constant_of(node: OnnxNode, operand: Operand, what: str) -> Array:
    """An operand that is a constant."""
    if not isinstance(operand, np.ndarray):
        raise refused(node, f"its {what} is {'left out' if operand is None else 'no constant'}")
    return operand


def only(node: OnnxNode, condition: bool, why: str) -> None:
    """Refuses a node for what it does beyond the layer."""
    if not condition:
        raise refused(node, why)


def alone(drafts: Drafts, node: OnnxNode, what: str) -> None:
    """Refuses a node whose further outputs somebody takes."""
    only(node, not any(name and drafts.uses.get(name) for name in node.outputs[1:]), f"somebody takes {what} too")


def called(node: OnnxNode, *weights: str) -> str:
    """What a line may be called: as its weights are (fc1.weight), or its node (/fc1/Gemm)."""
    for name in weights:
        prefix = name.rpartition(".")[0]
        if prefix and re.search("[A-Za-z]", prefix) and not prefix.startswith(("onnx", "constant", "val_")):
            return prefix.replace(".", "_")
    parts = node.name.strip("/").split("/")
    return "_".join(parts[:-1]).replace(".", "_") if len(parts) > 1 else ""


# -- weights -----------------------------------------------------------------------------------------------------------


def dense(drafts: Drafts, node: OnnxNode, x: Value, W: Array, b: Array | None, name: str) -> Value:
    """A Dense on the last axis."""
    only(node, W.ndim == 2, f"its weights have the shape {W.shape}, not (inputs, outputs)")
    if x.flattened:
        x = drafts.plain(node, x)
    last = len(x.shape) - 1
    whole = Value.of(x.source, x.shape).axes[last]
    only(node, last in (1, 2) and x.axes[-1] == whole, f"it multiplies an axis of {x.sizes} that is not the last one")
    only(node, all(p.axis != last for parts in x.axes[:-1] for p in parts), "the features are split over axes")
    only(node, W.shape[0] == x.shape[last], f"its weights {W.shape} do not fit what comes in, {x.sizes}")
    units = W.shape[1]
    if b is not None:
        only(node, b.size in (1, units), f"its bias has the shape {b.shape}, not ({units},)")
        b = np.broadcast_to(b.reshape(-1), (units,))
    if isinstance(x.source, int) and drafts.lines[x.source].waits:
        return finished(drafts, node, x, W, b)
    arrays = {"W": W} if b is None else {"W": W, "b": b}
    made = drafts.add(Dense(units, bias=b is not None), [x], (*x.shape[:-1], units), arrays, name)
    return replace(made, axes=(*x.axes[:-1], made.axes[-1]))


@reads("Gemm")
def gemm(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Value:
    """A Dense: a matrix product with a bias, transposed and scaled as the node says."""
    a = node.attributes
    x, weights = value_of(node, given[0]), constant_of(node, given[1], "second operand")
    if a.get("transA"):
        x = x.transposed((1, 0))
    weights = weights.T if a.get("transB") else weights
    weights = weights * weights.dtype.type(a["alpha"]) if a.get("alpha", 1.0) != 1 else weights
    b = None if given[2] is None else constant_of(node, given[2], "third operand")
    if b is not None and a.get("beta", 1.0) != 1:
        b = b * b.dtype.type(a["beta"])
    if b is not None:
        only(node, b.ndim < 2 or b.shape[0] == 1, f"its third operand {b.shape} is not the same for all samples")
    return dense(drafts, node, x, weights, b, called(node, node.inputs[1]))


@reads("MatMul")
def matmul(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Value:
    """A Dense without a bias, which an Add may follow."""
    W = constant_of(node, given[1], "second operand")
    return dense(drafts, node, value_of(node, given[0], "first operand"), W, None, called(node, node.inputs[1]))


@reads("Conv")
def conv(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Value:
    """A Conv2D, or a Conv1D between two Transposes."""
    a = node.attributes
    x, W = value_of(node, given[0]), constant_of(node, given[1], "weights")
    b = None if given[2] is None else constant_of(node, given[2], "bias")
    only(node, a.get("group", 1) == 1, f"it has {a.get('group')} groups; a convolution here has one")
    only(node, all(d == 1 for d in a.get("dilations", ())), "it is dilated")
    only(node, tuple(a.get("kernel_shape", W.shape[2:])) == W.shape[2:], "its kernel is not as large as its weights")
    arrays = {"W": W} if b is None else {"W": W, "b": b}
    name = called(node, node.inputs[1])
    filters, strides = W.shape[0], tuple(a.get("strides", (1,) * (W.ndim - 2)))
    if W.ndim == 4:
        x = drafts.plain(node, x)
        only(node, len(x.shape) == 4 and x.shape[1] == W.shape[1], f"its weights {W.shape} do not fit {x.sizes}")

        def layer(padding: Any) -> Conv2D:
            return Conv2D(filters, W.shape[2:], strides, padding, bias=b is not None)

        return _windowed(drafts, node, x, layer, W.shape[2:], strides, arrays, name)
    only(node, W.ndim == 3, f"it has {W.ndim - 2} dimensions; one and two are known")
    only(
        node,
        len(x.shape) == 3 and x.laid_out(0, 2, 1) and x.shape[2] == W.shape[1],
        "it goes along the last axis of (N, features, steps); sequences here are (N, steps, features), so that a "
        "Transpose has to stand before it and after it",
    )
    return _windowed_1d(drafts, node, x, W, strides[0], b is not None, arrays, name)


def _pads(node: OnnxNode, sizes: Sequence[int], kernel: Sequence[int], strides: Sequence[int]) -> list[int]:
    """The padding: before each axis, then behind each."""
    auto = node.attributes.get("auto_pad", "NOTSET")
    rank = len(kernel)
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        zeros = [
            max((math.ceil(s / step) - 1) * step + k - s, 0) for s, k, step in zip(sizes, kernel, strides, strict=True)
        ]
        less = [z // 2 for z in zeros]
        more = [z - z // 2 for z in zeros]
        return [*less, *more] if auto == "SAME_UPPER" else [*more, *less]
    return [0] * 2 * rank if auto == "VALID" else list(node.attributes.get("pads", [0] * 2 * rank))


def _windowed(
    drafts: Drafts,
    node: OnnxNode,
    x: Value,
    layer: Callable[[Any], Layer],
    kernel: Sequence[int],
    strides: Sequence[int],
    arrays: dict[str, Array],
    name: str = "",
) -> Value:
    """A line of windows over images, with the padding that gives the same windows."""
    sizes = x.shape[2:]
    only(node, len(kernel) == len(strides) == 2, "it has other than two dimensions")
    pads = _pads(node, sizes, kernel, strides)
    only(node, len(pads) == 4 and all(p >= 0 for p in pads), f"its padding is {pads}")
    reach = zip(sizes, pads[:2], pads[2:], kernel, strides, strict=True)
    count = tuple(_count(node, *each) for each in reach)
    wanted = {"P": count[0], "Q": count[1], "pt": pads[0], "pl": pads[1]}
    for padding in ("valid", (pads[0], pads[1]), "same"):
        try:
            made = layer(padding)
            options = made.options(x.shape[1:])
        except ChalkgradError:
            continue
        if {key: options[key] for key in wanted} == wanted:
            shape = (x.shape[0], *made.output_shape(x.shape[1:]))
            return drafts.add(made, [x], shape, arrays, name)
    raise refused(node, f"its padding {pads} is not the same on both sides, and not 'same'")


def _count(node: OnnxNode, size: int, before: int, behind: int, kernel: int, step: int) -> int:
    """How many windows there are along an axis."""
    only(node, kernel > 0 and step > 0, "its kernel or its stride is 0")
    room = size + before + behind - kernel
    count = room // step + 1
    if node.attributes.get("ceil_mode"):
        more = -(-room // step) + 1
        more -= (more - 1) * step >= size + before  # no window begins in the padding behind
        only(node, more == count, "its last window reaches beyond the edge (ceil_mode)")
    only(node, count > 0, "no window fits into what comes in")
    return count


def _windowed_1d(
    drafts: Drafts,
    node: OnnxNode,
    x: Value,
    W: Array,
    stride: int,
    bias: bool,
    arrays: dict[str, Array],
    name: str,
) -> Value:
    T, k = x.shape[1], W.shape[2]
    before, behind = _pads(node, (T,), (k,), (stride,))
    count = _count(node, T, before, behind, k, stride)
    for padding in ("valid", before, "causal", "same"):
        try:
            made = Conv1D(W.shape[0], k, stride, padding, bias=bias)
            options = made.options(x.shape[1:])
        except ChalkgradError:
            continue
        if (options["P"], options["before"]) == (count, before):
            return drafts.add(made, [x], (x.shape[0], count, W.shape[0]), arrays, name, order=(0, 2, 1))
    raise refused(node, f"its padding ({before}, {behind}) is not the same on both sides, 'same' or 'causal'")


@reads("Gather")
def gather(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Value:
    """An Embedding: rows of a table; or one step of a sequence."""
    data, places = given[0], given[1]
    if not isinstance(data, Value):
        data = constant_of(node, data, "table")
        ids = value_of(node, places, "place")
        only(node, data.ndim == 2 and node.attributes.get("axis", 0) == 0, "it takes no rows of a table")
        only(node, ids.source in drafts.whole, "its places are no whole numbers that come in")
        only(node, ids.plain and len(ids.shape) == 2, f"it takes ids of the shape {ids.sizes}, not (N, steps)")
        rows, units = (int(size) for size in data.shape)
        shape = (*ids.shape, units)
        layer = Embedding(rows, units)
        return drafts.add(layer, [ids], shape, {"W": data}, called(node, node.inputs[0]))
    index = constant_of(node, places, "place")
    only(node, index.size == 1, "it takes several parts of a value")
    x, axis = value_of(node, data), int(node.attributes.get("axis", 0))
    axis %= len(x.axes)
    if not x.axes[axis] and int(index.ravel()[0]) in (0, -1):  # the only one there is
        return x.squeezed([axis]) if index.ndim == 0 else x
    found = _one_step(drafts, node, x, axis, int(index.ravel()[0]))
    return found if index.ndim == 0 else found.unsqueezed([axis])


@reads("Slice")
def sliced(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Value:
    """One step of a sequence, or a slice that takes all."""
    x = value_of(node, given[0])
    parts = slices(x.sizes, given[1:], node.attributes)
    ranges = [range(*part.indices(size)) for part, size in zip(parts, x.sizes, strict=True)]
    axes = [k for k, (r, size) in enumerate(zip(ranges, x.sizes, strict=True)) if r != range(size)]
    if not axes:
        return x
    only(node, len(axes) == 1 and len(ranges[axes[0]]) == 1, "it takes a part of a value")
    return _one_step(drafts, node, x, axes[0], ranges[axes[0]][0]).unsqueezed([axes[0]])


def _one_step(drafts: Drafts, node: OnnxNode, x: Value, axis: int, index: int) -> Value:
    """One step of what a recurrent layer gives: the last in its direction of time, which it can give alone."""
    draft = drafts.lines[x.source] if isinstance(x.source, int) else None
    layer = None if draft is None else draft.layer
    only(
        node,
        isinstance(layer, Recurrent) and layer.sequences and len(x.shape) == 3 and drafts.uses[node.inputs[0]] == 1,
        "it takes a part of a value; only the last step of a recurrent layer, whose other steps nobody takes, can be",
    )
    assert draft is not None
    assert isinstance(layer, Recurrent)
    T, steps = x.shape[1], Value.of(x.source, x.shape).axes[1]
    last = 0 if layer.reverse else T - 1
    only(node, x.axes[axis] == steps and index % T == last, f"it takes step {index}, not the last one of time")
    draft.layer = replace(layer, sequences=False)
    shape = (x.shape[0], x.shape[2])
    order = {0: 0, 2: 1}
    axes = tuple(tuple(replace(p, axis=order[p.axis]) for p in parts) for k, parts in enumerate(x.axes) if k != axis)
    return Value(x.source, shape, axes)


# -- sums, products, values side by side -------------------------------------------------------------------------------


@reads("Add", "Sum")
def add(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Value:
    """An Add of values; of a constant a bias, or Positions."""
    operands = [g for g in given if g is not None]
    values = [g for g in operands if isinstance(g, Value)]
    constants: list[Array] = [g for g in operands if not isinstance(g, Value)]
    if len(operands) == 1:
        return value_of(node, operands[0])
    x = values[0] if len(values) == 1 else _sum(drafts, node, values)
    for constant in constants:
        x = _shifted(drafts, node, x, constant)
    return x


def _alike(drafts: Drafts, node: OnnxNode, values: Sequence[Value]) -> list[Value]:
    """Values that are laid out alike."""
    if len({v.flattened for v in values}) > 1:
        values = [drafts.plain(node, v) if v.flattened else v for v in values]
    same = len({(v.shape, v.axes) for v in values}) == 1
    only(node, same, f"what it takes has the shapes {' and '.join(str(v.sizes) for v in values)}, or other axes")
    return list(values)


def _sum(drafts: Drafts, node: OnnxNode, values: Sequence[Value]) -> Value:
    values = _alike(drafts, node, values)
    return drafts.combined(Add, values, values[0].shape)


def _shifted(drafts: Drafts, node: OnnxNode, x: Value, constant: Array) -> Value:
    """A value and a constant: a bias, or learnt positions."""
    if (zero(constant) and len(constant.shape) <= len(x.axes)) or scaled_norm(drafts, node, x, constant, scale=False):
        return x
    draft = drafts.lines[x.source] if isinstance(x.source, int) else None
    features = Value.of(x.source, x.shape).axes[-1]
    own = [name for name in node.inputs if isinstance(drafts.known.get(name), Value)]
    alone = len(own) == 1 and drafts.uses[own[0]] == 1
    wide = (1,) * (len(x.axes) - constant.ndim) + constant.shape
    if isinstance(draft and draft.layer, (Dense, Conv1D)) and alone and "b" not in (draft.arrays if draft else {}):
        assert draft is not None
        units = x.shape[-1]
        place = [k for k, parts in enumerate(x.axes) if parts == features] if units > 1 else [len(x.axes) - 1]
        if place and all(s == 1 or k == place[0] for k, s in enumerate(wide)) and constant.size in (1, units):
            draft.arrays["b"] = np.broadcast_to(constant.reshape(-1), (units,))
            draft.layer = replace(draft.layer, bias=True)  # type: ignore[call-arg]
            return x
    attends = draft is not None and isinstance(draft.layer, Attention) and alone and x.plain
    if draft is not None and attends and constant.shape == (x.shape[2],) and zero(draft.arrays.get("bo", np.zeros(1))):
        biased(draft, constant)
        return x
    if len(x.shape) == 3 and x.plain and wide[0] == 1:
        rows = np.broadcast_to(constant.reshape(wide)[0], x.shape[1:])
        return drafts.add(Positions(), [x], x.shape, {"P": rows}, called(node))
    raise refused(node, f"it adds a constant of shape {constant.shape}, which is no bias of the line before")


@reads("Mul")
def multiply(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Value:
    """A Multiply, or a SiLU: a value times its sigmoid."""
    values = [g for g in given if isinstance(g, Value)]
    if len(values) == 1:
        factor: Array = next(g for g in given if not isinstance(g, Value))
        if scaled_norm(drafts, node, values[0], factor, scale=True):
            return values[0]
        only(node, bool((factor == 1).all()) and factor.size == 1, "it multiplies by a constant")
        return values[0]
    x, gate = _alike(drafts, node, values)
    for one, other, name in ((x, gate, node.inputs[1]), (gate, x, node.inputs[0])):
        draft = drafts.lines[other.source] if isinstance(other.source, int) else None
        sigmoid = draft is not None and isinstance(draft.layer, Sigmoid) and draft.sources == [one.source]
        if draft is not None and sigmoid and drafts.uses[name] == 1:
            draft.layer = SiLU()  # x times its sigmoid
            return other
    return drafts.combined(Multiply, [x, gate], x.shape)


@reads("Concat")
def concat(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Value:
    """A Concat along the features or channels."""
    values = [drafts.plain(node, v) if v.flattened else v for v in (value_of(node, g) for g in given if g is not None)]
    if len(values) == 1:
        return values[0]
    rank = len(values[0].shape)
    axis = int(node.attributes.get("axis", 0)) % len(values[0].axes)
    only(node, all(v.plain and len(v.shape) == rank for v in values), "what it takes has its axes in another order")
    only(
        node, axis == (2 if rank == 3 else 1), f"it goes along axis {axis}; here features or channels come side by side"
    )
    shape = list(values[0].shape)
    shape[axis] = sum(v.shape[axis] for v in values)
    rest = {(*v.shape[:axis], *v.shape[axis + 1 :]) for v in values}
    only(node, len(rest) == 1, f"the shapes {' and '.join(str(v.sizes) for v in values)} do not fit side by side")
    return drafts.combined(Concat, values, shape)


# -- activations -------------------------------------------------------------------------------------------------------


@reads("Relu", "Sigmoid", "Tanh", "Softplus", "LeakyRelu", "Elu", "Gelu", "Swish")
def activation(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Value:
    """An activation, whatever the order of the axes."""
    a = node.attributes
    if node.operator == "Swish":
        only(node, a.get("alpha", 1.0) == 1, "SiLU is Swish with alpha 1")
    layers: dict[str, Callable[[], Layer]] = {
        "Relu": ReLU,
        "Sigmoid": Sigmoid,
        "Tanh": Tanh,
        "Softplus": Softplus,
        "Swish": SiLU,
        "LeakyRelu": lambda: LeakyReLU(a.get("alpha", 0.01)),
        "Elu": lambda: ELU(a.get("alpha", 1.0)),
        "Gelu": lambda: GELU(approximate="tanh" if a.get("approximate") == "tanh" else "none"),
    }
    return drafts.same(layers[node.operator](), value_of(node, given[0]))


@reads("Softmax")
def softmax(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Value:
    """A Softmax along the features."""
    x = value_of(node, given[0])
    if x.flattened:
        x = drafts.plain(node, x)
    rank = len(x.axes)
    axis = int(node.attributes.get("axis", -1 if drafts.opset >= 13 else 1)) % rank
    last = Value.of(x.source, x.shape).axes[-1]
    only(node, len(x.shape) in (2, 3) and x.axes[axis] == last, "it does not go along the features")
    only(node, drafts.opset >= 13 or axis == rank - 1, "it goes over several axes")
    return drafts.same(Softmax(), x)


# -- windows, means, normalisation -------------------------------------------------------------------------------------


@reads("MaxPool", "AveragePool")
def pool(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Value:
    """A MaxPool2D or AvgPool2D."""
    a = node.attributes
    x = drafts.plain(node, value_of(node, given[0]))
    only(node, len(x.shape) == 4, "it pools no images")
    alone(drafts, node, "the places of the largest values")
    only(node, all(d == 1 for d in a.get("dilations", ())), "it is dilated")
    kernel = tuple(a["kernel_shape"])
    strides = tuple(a.get("strides", (1,) * len(kernel)))
    largest = node.operator == "MaxPool"
    counted = largest or a.get("count_include_pad") or not any(_pads(node, x.shape[2:], kernel, strides))
    only(node, bool(counted), "its means leave the padding out")
    kind = MaxPool2D if largest else AvgPool2D
    return _windowed(drafts, node, x, lambda padding: kind(kernel, strides, padding), kernel, strides, {})


@reads("GlobalAveragePool", "GlobalMaxPool")
def global_pool(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Value:
    """A GlobalAvgPool1D or 2D; of maxima a MaxPool2D as large as the image."""
    x = value_of(node, given[0])
    if len(x.shape) == 3 and x.laid_out(0, 2, 1) and node.operator == "GlobalAveragePool":
        return drafts.add(GlobalAvgPool1D(), [x], (x.shape[0], x.shape[2]), order=(0, 1, None))
    x = drafts.plain(node, x)
    only(node, len(x.shape) == 4, "it pools no images")
    if node.operator == "GlobalMaxPool":
        return drafts.add(MaxPool2D((x.shape[2], x.shape[3])), [x], (*x.shape[:2], 1, 1))
    return drafts.add(GlobalAvgPool2D(), [x], x.shape[:2], order=(0, 1, None, None))


@reads("ReduceMean", "ReduceSum")
def reduced(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Value:
    """A GlobalAvgPool1D or 2D, or a Sum."""
    x = value_of(node, given[0])
    axes = None if given[1] is None else constant_of(node, given[1], "axes")
    if (axes is None or not axes.size) and "axes" not in node.attributes:
        only(node, bool(node.attributes.get("noop_with_empty_axes")), "it goes over the samples too")
        return x
    if x.flattened:
        x = drafts.plain(node, x)
    places = whole_axes(axes, node.attributes, len(x.axes))
    parts = sorted({p.axis for k in places for p in x.axes[k]})
    rest = [k for k in range(len(x.shape)) if k not in parts]
    full = Value.of(x.source, x.shape).axes
    whole = {p for k in places for p in x.axes[k]} == {p for k in parts for p in full[k]}
    only(node, whole, "it goes over a part of an axis")
    mean, rank = node.operator == "ReduceMean", len(x.shape)
    layer: Layer | None = None
    if mean and rank == 4 and set(range(2, 4)) >= set(parts) and all(x.shape[k] == 1 for k in {2, 3} - set(parts)):
        layer, rest = GlobalAvgPool2D(), [0, 1]
    elif mean and rank == 3 and parts == [1]:
        layer = GlobalAvgPool1D()
    elif not mean and rank == 2 and parts == [1]:
        layer, rest = Sum(), [0]
    if layer is None:
        raise refused(node, f"it goes over the axes {places} of {x.sizes}; known are the steps, the pixels, and for a "
                      "sum the features")  # fmt: skip
    shape = (x.shape[0], 1) if isinstance(layer, Sum) else (x.shape[0], x.shape[rest[1]])
    made = drafts.add(layer, [x], shape)
    new = dict(zip(rest, made.axes, strict=False))
    kept = [[p.axis for p in parts] for parts in x.axes]
    keep = bool(node.attributes.get("keepdims", 1))
    found = [
        new[axes_[0]] if axes_ and k not in places else () for k, axes_ in enumerate(kept) if keep or k not in places
    ]
    return replace(made, axes=tuple(found))


@reads("BatchNormalization")
def batch_norm(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Value:
    """A BatchNorm, with its running averages."""
    a = node.attributes
    only(node, not a.get("training_mode"), "it is in training mode")
    alone(drafts, node, "the statistics")
    only(node, a.get("spatial", 1) == 1, "it has statistics for every pixel")
    x = drafts.plain(node, value_of(node, given[0]))
    only(node, len(x.shape) in (2, 4), "it normalises no features and no channels of images")
    names = ("gamma", "beta", "running_mu", "running_var")
    arrays = {n: constant_of(node, g, n) for n, g in zip(names, given[1:5], strict=True)}
    only(
        node, all(v.shape == (x.shape[1],) for v in arrays.values()), f"its arrays are not of the shape ({x.shape[1]},)"
    )
    only(node, not (arrays["running_var"] < 0).any(), "its variance is negative")
    layer = BatchNorm(momentum=round(1 - a.get("momentum", 0.9), 7), eps=a.get("epsilon", 1e-5))
    return drafts.add(layer, [x], x.shape, arrays, called(node, node.inputs[1]))


@reads("LayerNormalization", "RMSNormalization")
def normalisation(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Value:
    """A LayerNorm or RMSNorm over the features, or over whole samples."""
    x, gamma = value_of(node, given[0]), constant_of(node, given[1], "scale")
    alone(drafts, node, "the statistics")
    if x.flattened:
        x = drafts.plain(node, x)
    axis = int(node.attributes.get("axis", -1)) % len(x.axes)
    rank, full = len(x.shape), Value.of(x.source, x.shape).axes
    last = rank in (2, 3) and axis == len(x.axes) - 1 and x.axes[axis] == full[-1]
    whole = x.plain and axis == 1
    only(node, last or whole, "it goes neither over the features nor over the whole of each sample")
    shape = x.shape[-1:] if last else x.shape[1:]
    eps = node.attributes.get("epsilon", 1e-5)
    only(node, np.broadcast_shapes(gamma.shape, shape) == shape, f"its scale has the shape {gamma.shape}, not {shape}")
    arrays = {"gamma": np.broadcast_to(gamma, shape)}
    name = called(node, node.inputs[1])
    if node.operator == "RMSNormalization":
        only(node, rank != 3 or last, "it goes over the whole of a sequence")
        layer: Layer = RMSNorm(eps)
    else:
        beta = np.zeros(shape, gamma.dtype) if given[2] is None else constant_of(node, given[2], "bias")
        arrays["beta"] = np.broadcast_to(beta, shape)
        layer = LayerNorm(eps, over="sample" if rank == 3 and not last else "step")
    made = drafts.add(layer, [x], x.shape, arrays, name)
    return replace(made, axes=x.axes)


# -- what computes nothing ---------------------------------------------------------------------------------------------


@reads("Identity", "Dropout")
def same(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Value:
    """Nothing: in a prediction there is no dropout."""
    training = given[2] if len(given) > 2 else None
    only(node, training is None or not constant_of(node, training, "mode").any(), "it is in training mode")
    alone(drafts, node, "its mask")
    return value_of(node, given[0])


@reads("Cast")
def cast(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Value:
    """Nothing, where the kind of number stays one of its kind."""
    x = value_of(node, given[0])
    ids, whole = isinstance(x.source, str), node.attributes.get("to") in (6, 7)
    only(node, node.attributes.get("to") in (1, 11) or (ids and whole), "it changes the kind of numbers")
    return x


@reads("Transpose")
def transpose(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Value:
    """Another order of the axes."""
    x = value_of(node, given[0])
    order = node.attributes.get("perm", tuple(range(len(x.axes)))[::-1])
    only(node, sorted(order) == list(range(len(x.axes))), f"{order} is no order of its axes")
    return x.transposed(order)


@reads("Reshape")
def reshape(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Value:
    """Axes put together or split."""
    x, shape = value_of(node, given[0]), constant_of(node, given[1], "shape")
    return x.reshaped(target(x.sizes, shape, node.attributes))


@reads("Flatten")
def flatten(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Value:
    """Two axes of all."""
    x = value_of(node, given[0])
    axis = int(node.attributes.get("axis", 1))
    axis += len(x.axes) if axis < 0 else 0
    return x.reshaped([math.prod(x.sizes[:axis]), math.prod(x.sizes[axis:])])


@reads("Squeeze")
def squeeze(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Value:
    """Without axes of size 1."""
    x = value_of(node, given[0])
    axes = None if given[1] is None else constant_of(node, given[1], "axes")
    if axes is None and "axes" not in node.attributes:
        return x.squeezed([k for k, parts in enumerate(x.axes) if not parts])
    return x.squeezed(whole_axes(axes, node.attributes, len(x.axes)))


@reads("Unsqueeze")
def unsqueeze(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Value:
    """With further axes of size 1."""
    x = value_of(node, given[0])
    axes = None if given[1] is None else constant_of(node, given[1], "axes")
    count = len(node.attributes["axes"] if axes is None else axes.ravel())
    return x.unsqueezed(whole_axes(axes, node.attributes, len(x.axes) + count))


@reads("Expand")
def expand(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Value:
    """Nothing, where it repeats nothing."""
    x, shape = value_of(node, given[0]), constant_of(node, given[1], "shape")
    only(node, np.broadcast_shapes(x.sizes, tuple(int(s) for s in shape)) == x.sizes, "it repeats a value")
    return x


@reads("Shape")
def shape_of(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Array:
    """The sizes, in which a number stands for that of the samples."""
    sizes = value_of(node, given[0]).sizes
    return np.array(sizes, np.int64)[node.attributes.get("start", 0) : node.attributes.get("end")]
