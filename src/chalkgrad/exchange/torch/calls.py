"""The functions of PyTorch that are covered, and the layers that they are, but for recurrent layers and attention."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from ...base.checks import as_list, pair
from ...describe.layers import (
    ELU,
    GELU,
    AvgPool2D,
    BatchNorm,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    Layer,
    LayerNorm,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    RMSNorm,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Sum,
    Tanh,
)
from ...describe.layers.layer import rows_text
from .attention import attention_of_heads, scores_of, shared_out
from .groups import parts_of, side_by_side
from .masked import as_numbers, summed
from .trace import Call, Ref, torch_library
from .translation import Translation, covers
from .values import Draft, Input, Source, Value, Weight, counted, same, size

MOVES = (
    "view", "reshape", "flatten", "unflatten", "transpose", "permute", "movedim", "moveaxis", "swapaxes", "swapdims",
    "t", "T", "mT", "contiguous", "clone", "squeeze", "unsqueeze", "chunk", "split", "tensor_split", "unbind",
    "narrow", "select", "expand", "expand_as", "view_as", "reshape_as", "flip", "cat", "concat",
    "concatenate", "stack", "hstack", "alias", "adjoint", "index_select",
)  # fmt: skip


@covers(*MOVES)
def _(t: Translation, call: Call) -> None:
    t.move(call)


@covers("getitem")
def _(t: Translation, call: Call) -> None:
    given, index = call.args
    if isinstance(index, Ref) and isinstance(given, Ref) and t.value(given, call).of_weights:
        _embedding(t, call, index, t.weight(given, call))
        return
    if any(isinstance(part, Ref) for part in (index if isinstance(index, tuple) else (index,))):  # pyright: ignore
        raise call.refusal("an index that is computed of the input is not covered, but for rows of a table, W[ids]")
    t.move(call)


@covers("to", "type", "float", "double", "type_as", "cpu", "cuda")
def _(t: Translation, call: Call) -> None:
    value = t.value(call.args[0], call)
    result = t.record.tensors[call.result.number]
    if result.dtype != value.tensor.dtype:
        if as_numbers(t, call, value):
            return
        raise call.refusal(f"{call.words} turns {value.tensor.dtype} into {result.dtype}; a network has one dtype")
    t.assign(call, call.result, value.index, value.sources)


@covers("detach", "data")
def _(t: Translation, call: Call) -> None:
    raise call.refusal(f"{call.words} lets no gradient through, which no layer does")


# -- weighted sums -----------------------------------------------------------------------------------------------------


@covers("linear")
def _(t: Translation, call: Call) -> None:
    x, weight, bias = call.take("input", "weight", bias=None)
    b = None if bias is None else t.weight(bias, call)
    _dense(t, call, x, t.weight(weight, call), b)


@covers("matmul", "mm", "bmm")
def _(t: Translation, call: Call) -> None:
    left, right = (t.value(given, call) for given in call.args[:2])
    if right.of_weights and right.index.ndim == 2:
        turned = Value(right.sources, right.index.T, right.tensor.T, right.number)
        _dense(t, call, call.args[0], turned, None)
    else:
        scores_of(t, call, left, right)


@covers("einsum")
def _(t: Translation, call: Call) -> None:
    equation = str(call.args[0]).replace(" ", "")
    terms, arrow, out = equation.partition("->")
    given = call.args[1:] if len(call.args) != 2 else as_list(call.args[1]) or [call.args[1]]
    pair_of = terms.split(",")
    if not arrow or len(given) != 2 or len(pair_of) != 2 or "." in equation:
        raise call.refusal(f"einsum({equation!r}) is not covered; covered are products of two, with ->")
    left, right = (t.value(one, call) for one in given)
    if left.of_weights:
        left, right, pair_of, given = right, left, pair_of[::-1], given[::-1]
    of_left, of_right = pair_of
    over = [i for i in of_left if i in of_right and i not in out]
    both = [i for i in of_left if i in of_right and i in out]
    rows, columns = ([i for i in own if i not in other] for own, other in ((of_left, of_right), (of_right, of_left)))
    if len(over) != 1 or len(columns) != 1 or len(set(equation)) - 3 != len({*of_left, *of_right}):
        raise call.refusal(f"einsum({equation!r}) is not covered; covered are products of two, summed over one index")
    order = [*both, *rows, *columns]
    result = t.record.tensors[call.result.number]
    t.record.tensors.append(result.permute([out.index(i) for i in order]))
    inner = replace(call, result=Ref(len(t.record.tensors) - 1))
    a = _permuted(left, [of_left.index(i) for i in (*both, *rows, *over)])
    b = _permuted(right, [of_right.index(i) for i in (*both, *over, *columns)])
    if right.of_weights and not both:
        t.values[len(t.record.tensors)] = a
        _dense(t, inner, Ref(len(t.record.tensors)), _permuted(b, [1, 0]), None)
    else:
        scores_of(t, inner, a, b)
    found = t.values[inner.result.number]
    t.uses[inner.result.number] = t.uses[call.result.number]
    t.assign(call, call.result, found.index.permute([order.index(i) for i in out]), found.sources)


def _permuted(value: Value, axes: list[int]) -> Value:
    if axes == list(range(len(axes))):
        return value
    return Value(value.sources, value.index.permute(axes), value.tensor.permute(axes))


@covers("addmm")
def _(t: Translation, call: Call) -> None:
    bias, x, right, beta, alpha = call.take("input", "mat1", "mat2", beta=1, alpha=1)
    if (beta, alpha) != (1, 1):
        raise call.refusal("addmm() with beta or alpha is not covered")
    w = t.weight(right, call)
    _dense(t, call, x, Value(w.sources, w.index.T, w.tensor.T, w.number), t.weight(bias, call))


def _dense(t: Translation, call: Call, x: Any, weight: Value, bias: Value | None) -> None:
    value = t.value(x, call)
    if attention_of_heads(t, call, value, weight, bias):
        return
    source, rows, columns = _rows(t, value, call)
    units = weight.index.shape[0]
    if columns is not None:
        order = columns.argsort()
        weight = Value(weight.sources, weight.index[:, order], weight.tensor[:, order])
    lead = () if isinstance(source, Weight) else source.shape[:-1]
    draft = t.draft(Dense(units, bias=bias is not None), (source,), (*lead, units), call)
    draft.tensors["weight"] = weight
    if bias is not None:
        draft.tensors["bias"] = bias
    t.give(call.result, draft, rows[..., None] * units + torch_library().arange(units))


def _rows(t: Translation, value: Value, call: Call) -> tuple[Source, Any, Any]:
    """A value as rows of a line (N, I) or (N, T, I).

    Returns:
        The line; for every row of the tensor the number of the line's row; and for every column of the tensor the
        line's column, None where they are the same.
    """
    torch, N = torch_library(), t.samples
    value = t.settled(value, call)
    source, width = value.source, value.index.shape[-1]
    assert not isinstance(source, Weight)
    rows = value.index[..., 0] // width
    columns = value.index.reshape(-1, width)[0] % width
    whole_rows = same(value.index, rows[..., None] * width + columns)
    if source.shape[-1] == width and len(source.shape) <= 2 and whole_rows:
        return source, rows, None if same(columns, torch.arange(width)) else columns
    if math.prod(source.shape) == width and value.index.ndim == 2 and whole_rows:
        ordered = Value((source,), counted((N, width)), value.tensor[:, columns.argsort()])
        flat = t.flattened(ordered, call)
        assert flat is not None
        return flat.source, rows, None if same(columns, torch.arange(width)) else columns
    value = t.plain(value, call)
    return value.source, value.index[..., 0] // width, None


@covers("conv2d")
def _(t: Translation, call: Call) -> None:
    x, weight, bias, stride, padding, dilation, groups = call.take(
        "input", "weight", bias=None, stride=1, padding=0, dilation=1, groups=1
    )
    _plain_convolution(call, dilation, 1)
    w = t.weight(weight, call)
    source, before = _padded(t, t.value(x, call), call, 0.0)
    _check_images(source, call)
    filters, _, kh, kw = w.index.shape
    if groups != 1:
        if before is not None:
            raise call.refusal("padding before a convolution by groups is not covered; let it pad itself")
        _grouped(t, call, t.value(x, call), w, None if bias is None else t.weight(bias, call), stride, padding, groups)
        return
    layer = Conv2D(filters, _pair(kh, kw), _pair(*_two(stride)), _padding(padding, before, call), bias=bias is not None)
    layer = _same_padding(layer, source, before, call)
    _windowed(t, call, layer, source, w, bias)


@covers("conv1d")
def _(t: Translation, call: Call) -> None:
    x, weight, bias, stride, padding, dilation, groups = call.take(
        "input", "weight", bias=None, stride=1, padding=0, dilation=1, groups=1
    )
    _plain_convolution(call, dilation, groups)
    w = t.weight(weight, call)
    value, before = t.value(x, call), (0, 0)
    if isinstance(value.source, Draft) and (pads := value.source.facts.get("pads")) is not None:
        (left, right), value = pads[:2], value.source.facts["value"]
        before = (left, right)
    value = t.settled(value, call)
    source, N = value.source, t.samples
    assert not isinstance(source, Weight)
    if not same(value.index.mT, counted((N, *source.shape))) and value.index.ndim == 3:
        value = t.plain(Value(value.sources, value.index.mT, value.tensor.mT), call)
        source = value.source
        assert not isinstance(source, Weight)
        value = Value(value.sources, value.index.mT, value.tensor.mT)
    if len(source.shape) != 2 or not same(value.index.mT, counted((N, *source.shape))):
        raise call.refusal(
            "takes (N, channels, steps), and a Conv1D here sequences, (N, steps, features): let the module take those, "
            "and turn them in forward, x.transpose(1, 2)"
        )
    filters, _, k = w.index.shape
    step, own = _two(stride)[0], _two(padding)[0]
    if before != (0, 0) and own not in (0, "valid"):
        raise call.refusal("padding before the convolution and in it is not covered")
    ways: list[Any] = ["causal"] if before == (k - 1, 0) and k > 1 else [before[0], "same"]
    for way in [own] if before == (0, 0) else ways:
        layer = Conv1D(filters, int(k), int(step), way, bias=bias is not None)
        o = layer.options(source.shape)
        behind = max((o["P"] - 1) * o["s"] + o["k"] - source.shape[0] - o["before"], 0)
        given = before in ((0, 0), (k - 1, 0)) or before[0] == before[1] == way
        if given or (o["before"], behind) == before:
            _windowed(t, call, layer, source, w, bias, turned=True)
            return
    raise call.refusal(f"padding by {before[0]} steps before and {before[1]} behind is not covered")


def _grouped(
    t: Translation, call: Call, value: Value, w: Value, b: Value | None, stride: Any, padding: Any, groups: int
) -> None:
    """Adds a convolution of each group's channels."""
    filters, _, kh, kw = w.index.shape
    own = filters // groups
    layer = Conv2D(own, _pair(kh, kw), _pair(*_two(stride)), _padding(padding, None, call), bias=b is not None)
    drafts: list[Draft] = []
    for group, part in enumerate(parts_of(t, call, value, groups)):
        given, rows = part.source, slice(group * own, (group + 1) * own)
        assert not isinstance(given, Weight)
        draft = t.draft(layer, (given,), layer.output_shape(given.shape), call)
        draft.tensors["weight"] = Value(w.sources, w.index[rows], w.tensor[rows])
        if b is not None:
            draft.tensors["bias"] = Value(b.sources, b.index[rows], b.tensor[rows])
        drafts.append(draft)
    together = side_by_side(t, call, drafts, t.record.tensors[call.result.number])
    t.assign(call, call.result, together.index, together.sources)


def _check_images(source: Source, call: Call) -> None:
    assert not isinstance(source, Weight)
    if len(source.shape) != 3:
        raise call.refusal(f"{call.words} takes images, (N, C, H, W), and gets {rows_text(source.shape)}")


def _plain_convolution(call: Call, dilation: Any, groups: int) -> None:
    if groups != 1:
        raise call.refusal(f"groups={groups} is not covered; a convolution here goes over all channels")
    if set(_two(dilation)) != {1}:
        raise call.refusal(f"dilation={dilation} is not covered")


def _windowed(
    t: Translation, call: Call, layer: Layer, source: Source, weight: Value, bias: Any, *, turned: bool = False
) -> None:
    """Adds a convolution."""
    assert not isinstance(source, Weight)
    shape = layer.output_shape(source.shape)
    draft = t.draft(layer, (source,), shape, call)
    draft.tensors["weight"] = weight
    if bias is not None:
        draft.tensors["bias"] = t.weight(bias, call)
    index = counted((t.samples, *shape))
    t.give(call.result, draft, index.mT if turned else index)


@covers("embedding")
def _(t: Translation, call: Call) -> None:
    ids, weight, padding, most, _, by_frequency = call.take(
        "input", "weight", padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False
    )
    w = t.weight(weight, call)
    if by_frequency:
        raise call.refusal("scale_grad_by_freq=True is not covered")
    if padding is not None and int(padding) >= 0:
        raise call.refusal(
            f"padding_idx={padding} leaves that row's gradient out, which an Embedding does not; make it without, or "
            "set .padding_idx = None"
        )
    if most is not None:
        raise call.refusal(f"max_norm={most} is not covered")
    if not isinstance(ids, Ref):  # of ids that are always the same: rows of the table
        t.assign(call, call.result, w.index[ids.cpu()], w.sources)
        return
    _embedding(t, call, ids, w)


def _embedding(t: Translation, call: Call, ids: Ref, w: Value) -> None:
    """Adds an Embedding of ids that are an input."""
    if w.index.ndim != 2:
        raise call.refusal("rows are those of a table, (ids, units)")
    value = t.value(ids, call)
    if isinstance(value.source, Input) and value.index.numel() != size(value.source, t.samples):
        raise call.refusal(
            f"takes a part of the ids {value.source.name}; an Embedding takes all of an input's: let forward take the "
            "parts as inputs of their own"
        )
    value = t.settled(value, call)
    if not isinstance(value.source, Input):
        raise call.refusal("the ids must be an input of the network")
    table, units = w.index.shape
    draft = t.draft(Embedding(table, units), (value.source,), (*value.source.shape, units), call)
    draft.tensors["weight"] = w
    t.give(call.result, draft, value.index[..., None] * units + torch_library().arange(units))


# -- normalisation -----------------------------------------------------------------------------------------------------


@covers("batch_norm")
def _(t: Translation, call: Call) -> None:
    x, mean, var, weight, bias, training, momentum, eps = call.take(
        "input", "running_mean", "running_var", weight=None, bias=None, training=False, momentum=0.1, eps=1e-5
    )
    if mean is None or (training and not t.record.training):
        raise call.refusal("batch statistics in prediction (track_running_stats=False) are not covered")
    if momentum is None or getattr(call.module, "momentum", momentum) is None:
        raise call.refusal("momentum=None, the plain average of all batches, is not covered; set .momentum = 0.1")
    if t.record.training and not training:
        raise call.refusal("running averages in training too are not covered; freeze() holds parameters, not averages")
    if (weight is None) != (bias is None):
        raise call.refusal("a scale without a shift is not covered")
    value = t.plain(t.value(x, call), call)
    source = value.source
    assert not isinstance(source, Weight)
    draft = t.draft(BatchNorm(float(momentum), float(eps), affine=weight is not None), (source,), source.shape, call)
    _scale_and_shift(t, call, draft, weight, bias)
    draft.states = {"running_mean": mean, "running_var": var}
    t.give(call.result, draft)


@covers("layer_norm")
def _(t: Translation, call: Call) -> None:
    x, over, weight, bias, eps = call.take("input", "normalized_shape", weight=None, bias=None, eps=1e-5)
    if weight is None and bias is not None:
        raise call.refusal("a shift without a scale is not covered")
    over = tuple(over)
    value, way = _normalised(t, call, t.value(x, call), over)
    source = value.source
    assert not isinstance(source, Weight)
    draft = t.draft(LayerNorm(float(eps), affine=weight is not None, over=way), (source,), source.shape, call)
    _scale_and_shift(t, call, draft, weight, bias)
    t.give(call.result, draft, value.index)


@covers("rms_norm")
def _(t: Translation, call: Call) -> None:
    x, over, weight, eps = call.take("input", "normalized_shape", weight=None, eps=None)
    value, way = _normalised(t, call, t.value(x, call), tuple(over))
    source = value.source
    assert not isinstance(source, Weight)
    if way == "sample":
        raise call.refusal("RMSNorm over the steps of a sequence too is not covered")
    small = torch_library().finfo(value.tensor.dtype).eps if eps is None else eps
    if eps is None and small < 1e-12:
        raise call.refusal(
            f"eps=None is {small:.2g} with float64, and a network takes no less than 1e-12; set .eps = 1e-6"
        )
    draft = t.draft(RMSNorm(float(small), affine=weight is not None), (source,), source.shape, call)
    _scale_and_shift(t, call, draft, weight, None)
    t.give(call.result, draft, value.index)


def _normalised(t: Translation, call: Call, value: Value, over: tuple[int, ...]) -> tuple[Value, str]:
    """The value, and whether each step is normalised, or the whole sample."""
    value = t.settled(value, call)
    source = value.source
    assert not isinstance(source, Weight)
    rows = value.index[..., :1] // over[-1] * over[-1] + torch_library().arange(over[-1])
    if len(over) == 1 and value.index.ndim == 3 and (source.shape[1:] != over or not same(value.index, rows)):
        value = t.plain(value, call)  # pixels as steps, or axes turned
        source = value.source
        assert not isinstance(source, Weight)
    shape = source.shape
    if over == shape and same(value.index, counted((t.samples, *shape))):
        return value, "step" if len(shape) == 1 else "sample"
    if len(shape) == 2 and over == shape[1:]:
        _, _, columns = _rows(t, value, call)
        if columns is None:
            return value, "step"
    raise call.refusal(
        f"normalising {_dims(over)} of samples {_dims(shape)} is not covered; covered are the last axis of sequences "
        "and whole samples"
    )


def _scale_and_shift(t: Translation, call: Call, draft: Draft, weight: Any, bias: Any) -> None:
    for name, given in (("weight", weight), ("bias", bias)):
        if given is not None:
            draft.tensors[name] = t.weight(given, call)
    if bias is None and weight is not None and isinstance(draft.layer, LayerNorm):  # beta, frozen at 0
        draft.tensors["bias"] = t.constant(torch_library().zeros_like(draft.tensors["weight"].tensor))


# -- windows -----------------------------------------------------------------------------------------------------------


@covers("pad")
def _(t: Translation, call: Call) -> None:
    x, pads, mode, filled = call.take("input", "pad", mode="constant", value=None)
    if mode != "constant":
        raise call.refusal(f"padding with mode={mode!r} is not covered")
    value = t.value(x, call)
    if not any(pads):
        t.assign(call, call.result, value.index, value.sources)
        return
    shape = tuple(t.record.tensors[call.result.number].shape[1:])
    draft = t.draft(None, (), shape, call, "padding apart from a convolution or a pooling")
    draft.facts = {"pads": tuple(pads), "value": value, "filled": float(filled or 0.0)}
    t.give(call.result, draft)


@covers("max_pool2d", "avg_pool2d")
def _(t: Translation, call: Call) -> None:
    largest = call.name == "max_pool2d"
    if largest:
        x, window, stride, padding, dilation, ceil, indices = call.take(
            "input", "kernel_size", stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
        )
        if set(_two(dilation)) != {1} or indices:
            raise call.refusal("dilation and return_indices are not covered")
    else:
        x, window, stride, padding, ceil, counted_too, divisor = call.take(
            "input",
            "kernel_size",
            stride=None,
            padding=0,
            ceil_mode=False,
            count_include_pad=True,
            divisor_override=None,
        )
        if divisor is not None or (not counted_too and set(_two(padding)) != {0}):
            raise call.refusal("divisor_override and count_include_pad=False are not covered: the zeros count")
    source, before = _padded(t, t.value(x, call), call, -math.inf if largest else 0.0)
    _check_images(source, call)
    kind = MaxPool2D if largest else AvgPool2D
    window, step = _two(window), _two(window if stride is None or stride == [] else stride)
    layer = kind(_pair(*window), None if step == window else _pair(*step), _padding(padding, before, call))
    layer = _same_padding(layer, source, before, call)
    assert not isinstance(source, Weight)
    shape = layer.output_shape(source.shape)
    if ceil and shape != tuple(t.record.tensors[call.result.number].shape[1:]):
        raise call.refusal("ceil_mode=True is not covered where a window reaches over the edge")
    t.give(call.result, t.draft(layer, (source,), shape, call))


@covers("adaptive_avg_pool2d")
def _(t: Translation, call: Call) -> None:
    x, size = call.take("input", "output_size")
    value = t.plain(t.value(x, call), call)
    source = value.source
    assert not isinstance(source, Weight)
    if len(source.shape) != 3:
        raise call.refusal(f"takes images, not {_dims(source.shape)}")
    channels, height, width = source.shape
    asked = _two(size)
    rows, columns = asked[0] or height, asked[1] or width
    if (rows, columns) == (1, 1):
        draft = t.draft(GlobalAvgPool2D(), (source,), (channels,), call)
        t.give(call.result, draft, counted((t.samples, channels)))
    elif (rows, columns) == (height, width):
        t.assign(call, call.result, value.index, value.sources)
    elif height % rows or width % columns:
        raise call.refusal(f"windows of unlike sizes, of {height} x {width} to {rows} x {columns}, are not covered")
    else:
        layer = AvgPool2D(_pair(height // rows, width // columns))
        t.give(call.result, t.draft(layer, (source,), (channels, rows, columns), call))


@covers("adaptive_avg_pool1d")
def _(t: Translation, call: Call) -> None:
    x, size = call.take("input", "output_size")
    if _two(size)[0] != 1:
        raise call.refusal("adaptive pooling of sequences is covered for one step, the mean over all")
    _mean(t, call, x, (2,))


@covers("mean")
def _(t: Translation, call: Call) -> None:
    x, dim, _ = call.take("input", dim=None, keepdim=False)
    value = t.value(x, call)
    if dim is None:
        raise call.refusal("a mean over all samples is not covered; say over which axes, .mean((2, 3)) or .mean(1)")
    axes = as_list(dim) or [dim]
    _mean(t, call, x, tuple(sorted(int(axis) % value.index.ndim for axis in axes)))


def _mean(t: Translation, call: Call, x: Any, axes: tuple[int, ...]) -> None:
    value = t.settled(t.value(x, call), call)
    source, N = value.source, t.samples
    assert not isinstance(source, Weight)
    ordered = counted((N, *source.shape))
    if axes == (2, 3) and len(source.shape) == 3 and same(value.index, ordered):
        draft = t.draft(GlobalAvgPool2D(), (source,), source.shape[:1], call)
    elif len(axes) == 1 and value.index.ndim == 3 and axes != (0,):  # of steps, or of another axis as of steps
        turned = t.plain(Value(value.sources, value.index.movedim(axes[0], 1), value.tensor.movedim(axes[0], 1)), call)
        source = turned.source
        assert not isinstance(source, Weight)
        draft = t.draft(GlobalAvgPool1D(), (source,), source.shape[1:], call)
    else:
        raise call.refusal(
            f"a mean over the axes {axes} of {tuple(value.index.shape)} is not covered; covered are all pixels of "
            "images, .mean((2, 3)), and all steps of sequences, .mean(1)"
        )
    t.give(call.result, draft, counted((N, *draft.shape)))


@covers("sum")
def _(t: Translation, call: Call) -> None:
    x, dim, _ = call.take("input", dim=None, keepdim=False)
    if summed(t, call, t.value(x, call), dim):
        return
    value = t.settled(t.value(x, call), call)
    axes = value.index.ndim
    over = tuple(sorted(int(axis) % axes for axis in (as_list(dim) or [] if dim is None else as_list(dim) or [dim])))
    if over == (1,) and axes == 2:
        source = t.plain(value, call).source
        assert not isinstance(source, Weight)
        t.give(call.result, t.draft(Sum(), (source,), (1,), call))
    elif over in ((1,), (2,), (2, 3)):
        _mean(t, call, x, over)
        mean = t.values[call.result.number]
        factor = math.prod(value.index.shape[axis] for axis in over)
        assert isinstance(mean.source, Draft)
        mean.source.witness = None
        t.give_scaled(call, Value(mean.sources, mean.index, mean.tensor / factor), factor)
    else:
        raise call.refusal("sums are covered over the features of rows, .sum(1), and over steps or pixels")


def _padded(t: Translation, value: Value, call: Call, filled: float) -> tuple[Source, tuple[int, int, int, int] | None]:
    """What an image is before it was padded, and by how much: left, right, above, below; None where it was not."""
    source = value.source
    if not isinstance(source, Draft) or "pads" not in source.facts:
        return t.plain(value, call).source, None
    pads = source.facts["pads"]
    if len(pads) != 4:
        raise call.refusal("padding of other axes than height and width is not covered")
    if source.facts["filled"] != filled:
        raise call.refusal(f"padding with {source.facts['filled']:g} is not covered here; it must be {filled:g}")
    return t.plain(source.facts["value"], call).source, pads


def _padding(padding: Any, before: tuple[int, int, int, int] | None, call: Call) -> Any:
    own = padding if isinstance(padding, str) else _pair(*_two(padding))
    if before is None:
        return "valid" if own in (0, "valid") else own
    if own not in (0, "valid"):
        raise call.refusal("padding before the window and in it is not covered; leave it to one of them")
    left, right, above, below = before
    return _pair(above, left) if (above, left) == (below, right) else "same"


def _same_padding(layer: Any, source: Source, before: tuple[int, int, int, int] | None, call: Call) -> Any:
    """The layer, if what it pads is what was padded; where the sides differ that is padding="same", or nothing."""
    if before is None or layer.padding != "same":
        return layer
    assert not isinstance(source, Weight)
    _, height, width = source.shape
    o = layer.options(source.shape)
    (left, right, above, below) = before
    kernel = pair(layer.kind, "kernel", layer.kernel if isinstance(layer, Conv2D) else layer.window)
    reached = (
        (o["P"] - 1) * o["sh"] + kernel[0] - height - o["pt"],
        (o["Q"] - 1) * o["sw"] + kernel[1] - width - o["pl"],
    )
    if (o["pt"], o["pl"], max(reached[0], 0), max(reached[1], 0)) != (above, left, below, right):
        raise call.refusal(
            f"padding (left, right, above, below) = {before} is not covered: neither alike on both sides nor 'same'"
        )
    return layer


def _two(value: Any) -> tuple[Any, Any]:
    parts = as_list(value)
    return (value, value) if parts is None else (parts[0], parts[-1])


def _pair(first: int, second: int) -> Any:
    return int(first) if first == second else (int(first), int(second))


def _dims(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"


# -- element by element ------------------------------------------------------------------------------------------------

for names, kind in ((("relu",), ReLU), (("sigmoid",), Sigmoid), (("tanh",), Tanh), (("silu",), SiLU)):

    def plain_activation(t: Translation, call: Call, kind: type[Layer] = kind) -> None:
        """Adds an activation without settings."""
        t.elementwise(call, kind())

    covers(*names)(plain_activation)


@covers("leaky_relu")
def _(t: Translation, call: Call) -> None:
    x, slope = call.take("input", negative_slope=0.01)
    t.elementwise(call, LeakyReLU(float(slope)), x)


@covers("elu")
def _(t: Translation, call: Call) -> None:
    x, alpha = call.take("input", alpha=1.0)
    t.elementwise(call, ELU(float(alpha)), x)


@covers("gelu")
def _(t: Translation, call: Call) -> None:
    x, way = call.take("input", approximate="none")
    t.elementwise(call, GELU(way), x)


@covers("clamp", "clamp_min", "clip")
def _(t: Translation, call: Call) -> None:
    x, low, high = call.take("input", min=None, max=None)
    if low != 0 or high is not None:
        raise call.refusal(f"{call.words} is covered where it is a ReLU, with min=0 alone")
    t.elementwise(call, ReLU(), x)


@covers("softplus")
def _(t: Translation, call: Call) -> None:
    x, beta, threshold = call.take("input", beta=1, threshold=20)
    if beta != 1 or threshold < 20:
        raise call.refusal(f"beta={beta}, threshold={threshold} is not covered; covered is beta=1 with threshold=20")
    t.elementwise(call, Softplus(), x)


@covers("dropout")
def _(t: Translation, call: Call) -> None:
    x, rate, training = call.take("input", p=0.5, training=True)
    if training and not t.record.training:
        raise call.refusal(
            "dropout that goes on in prediction is not covered; write F.dropout(x, p, training=self.training)"
        )
    if t.record.training and not training and rate:
        raise call.refusal("dropout with training=False drops nothing; leave it out")
    value = t.value(x, call)
    if isinstance(value.source, Draft) and value.source.layer is None and rate == 0:
        t.assign(call, call.result, value.index, value.sources)
        return
    if isinstance(value.source, Draft) and value.source.layer is None:
        raise call.refusal(f"dropout of {value.source.words} is not covered; set p = 0.0")
    t.elementwise(call, Dropout(float(rate)), x)


@covers("softmax")
def _(t: Translation, call: Call) -> None:
    x, dim = call.take("input", dim=None)
    value = t.value(x, call)
    if shared_out(t, call, value, dim):
        return
    value = t.settled(value, call)
    axes = value.index.ndim
    axis = 1 if dim is None and axes == 2 else dim
    if axis is None or int(axis) % axes == 0 or (axes > 3 and int(axis) % axes != axes - 1):
        raise call.refusal(f"softmax over dim={dim} is not covered; it goes over the last axis, dim=-1")
    if int(axis) % axes != axes - 1:  # of steps, say: in the order in which they stand last
        turned = Value(value.sources, value.index.movedim(axis, -1), value.tensor.movedim(axis, -1))
        turned = t.plain(turned, call)
        value = Value(turned.sources, turned.index.movedim(-1, axis), value.tensor)
        source = turned.source
        assert not isinstance(source, Weight)
        t.give(call.result, t.draft(Softmax(), (source,), source.shape, call), value.index)
        return
    source, rows, columns = _rows(t, value, call)
    assert not isinstance(source, Weight)
    if columns is not None:
        raise call.refusal("a softmax of the last axis in another order is not covered")
    draft, width = t.draft(Softmax(), (source,), source.shape, call), source.shape[-1]
    t.give(call.result, draft, rows[..., None] * width + torch_library().arange(width))


@covers("log_softmax")
def _(t: Translation, call: Call) -> None:
    x, dim = call.take("input", dim=None)
    value = t.plain(t.value(x, call), call)
    source = value.source
    assert not isinstance(source, Weight)
    axis = 1 if dim is None and value.index.ndim == 2 else dim
    if axis is None or int(axis) % value.index.ndim != value.index.ndim - 1:
        raise call.refusal(f"log_softmax over dim={dim} is not covered; it goes over the last axis, dim=-1")
    draft = t.draft(None, (source,), source.shape, call, "log_softmax that is not the module's last step")
    draft.facts = {"logarithm of": source}
    t.give(call.result, draft)
