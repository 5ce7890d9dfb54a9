"""Sums, products and differences: of values, of values and weights, and of values and numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...describe.layers import Add, Attention, Dense, Multiply, Positions, Sigmoid
from ...describe.layers.combining import MOST
from .attention import added_mask, masked, multiplied, output_bias, scores
from .by_axis import by_axis
from .masked import divided, kept
from .scaling import begun, ended
from .trace import Call, Ref, torch_library
from .translation import Translation, covers
from .values import Draft, Value, Weight, counted, same


@covers("add")
def _(t: Translation, call: Call) -> None:
    left, right, alpha = call.take("input", "other", alpha=1)
    if alpha != 1:
        raise call.refusal(f"add() with alpha={alpha} is not covered")
    _add(t, call, left, right)


@covers("sub", "rsub")
def _(t: Translation, call: Call) -> None:
    left, right, alpha = call.take("input", "other", alpha=1)
    if alpha != 1:
        raise call.refusal(f"{call.words} with alpha={alpha} is not covered")
    left, right = (right, left) if call.name == "rsub" else (left, right)
    number = _number(right)
    if number is not None:
        _add(t, call, left, -number)
    elif t.is_constant(right) and begun(t, call, t.value(left, call), right, subtracted=True):
        return
    elif (number := _number(left)) is not None:
        t.give_scaled(call, t.value(right, call), -1.0, number)
    else:
        minus = t.scaled(call, t.value(right, call), -1.0)
        _combine(t, call, t.value(left, call), minus, Add)


@covers("neg", "negative")
def _(t: Translation, call: Call) -> None:
    t.give_scaled(call, t.value(call.args[0], call), -1.0)


@covers("mul", "multiply")
def _(t: Translation, call: Call) -> None:
    left, right = call.take("input", "other")
    for one, other in ((left, right), (right, left)):
        number = _number(other)
        if number is not None:
            _times(t, call, t.value(one, call), number)
            return
        if t.is_constant(other) and begun(t, call, t.value(one, call), other, subtracted=False):
            return
    for one, other in ((left, right), (right, left)):
        value, weight = t.value(one, call), t.value(other, call)
        if weight.of_weights and not value.of_weights:
            if by_axis(t, call, value, weight, "Weighted", call.result) is None:
                raise call.refusal(
                    f"a product of {tuple(value.index.shape)} and parameters {tuple(weight.index.shape)} is not "
                    "covered; covered are parameters along one axis, such as a scale of every feature"
                )
            return
    if not kept(t, call, t.value(left, call), t.value(right, call)):
        _combine(t, call, t.value(left, call), t.value(right, call), Multiply)


@covers("div", "divide")
def _(t: Translation, call: Call) -> None:
    left, right, way = call.take("input", "other", rounding_mode=None)
    if way is not None:
        raise call.refusal(f"a division that is rounded, {way!r}, is not covered")
    number = _number(right)
    if isinstance(left, Ref) and isinstance(right, Ref) and divided(t, call, t.value(left, call), t.value(right, call)):
        return
    if t.is_constant(right) and number is None and ended(t, call, t.value(left, call), right, divided=True):
        return
    if not number:
        raise call.refusal("a division by something else than a number is not covered")
    _times(t, call, t.value(left, call), 1 / number)


@covers("masked_fill")
def _(t: Translation, call: Call) -> None:
    x, mask, filled = call.take("input", "mask", "value")
    value = t.value(x, call)
    if not added_mask(t, call, value, mask, filled) and not masked(t, call, value, mask, filled):
        raise call.refusal("masked_fill() is covered for the scores of attention only")


def _number(given: Any) -> float | None:
    """An argument as a number; None where it is a tensor of several, or computed of the input."""
    if isinstance(given, (int, float)):
        return float(given)
    tensor = given if isinstance(given, torch_library().Tensor) else None
    return float(tensor) if tensor is not None and tensor.numel() == 1 else None


def _times(t: Translation, call: Call, value: Value, number: float) -> None:
    if not multiplied(t, call, value, number):
        t.give_scaled(call, value, number)


def _add(t: Translation, call: Call, left: Any, right: Any) -> None:
    for one, other in ((left, right), (right, left)):
        number = _number(other)
        if number is not None:
            t.give_scaled(call, t.value(one, call), 1.0, number)
            return
        value = t.value(one, call) if isinstance(one, Ref) else None
        if value is not None and scores(value) is not None:
            masked(t, call, value, other, None)
            return
        if value is not None and isinstance(other, Ref) and t.value(other, call).of_weights:
            _add_weight(t, call, value, t.value(other, call))
            return
        if value is not None and t.is_constant(other) and ended(t, call, value, other, divided=False):
            return
        if value is not None and t.is_constant(other):
            _add_weight(t, call, value, t.constant(other))
            return
    _combine(t, call, t.value(left, call), t.value(right, call), Add)


def _add_weight(t: Translation, call: Call, value: Value, weight: Value) -> None:
    """Adds parameters to a value: a bias to a Dense without one, or positions to a sequence."""
    source = value.source
    shape = tuple(weight.index.shape)
    while len(shape) > 1 and shape[0] == 1:
        shape = shape[1:]
    w = Value(weight.sources, weight.index.reshape(shape), weight.tensor.reshape(shape))
    if isinstance(source, Draft) and isinstance(source.layer, Dense) and len(value.sources) == 1:
        units = source.shape[-1]
        ordered = same(value.index % units, torch_library().arange(units).expand(value.index.shape))
        once = t.uses[value.number] == 1 and source.witness is not None and t.uses[source.witness.number] == 1
        if not source.layer.bias and shape == (units,) and once and ordered:
            source.layer = replace(source.layer, bias=True)
            source.tensors["bias"] = w
            source.witness = None
            t.give(call.result, source, value.index)
            return
    if isinstance(source, Draft) and isinstance(source.layer, Attention) and output_bias(t, call, value, w):
        return
    value = t.settled(value, call)
    if len(shape) >= 2 and tuple(value.index.shape[1:]) == shape[-2:] and value.index.ndim == 3:
        value = t.plain(value, call)  # positions of pixels as steps
    source, N = value.source, t.samples
    assert not isinstance(source, Weight)
    if len(shape) == 3 and shape[0] == N and same(w.index, w.index[:1].expand(shape)):
        shape = shape[1:]
        w = Value(w.sources, w.index[0], w.tensor[0])
    if len(shape) == 2 and source.shape == shape and same(value.index, counted((N, *shape))):
        constant = all(isinstance(part, Weight) and not part.name for part in w.sources)
        waves = constant and _sinusoidal(w.tensor)
        draft = t.draft(Positions("sinusoidal" if waves else "learnt"), (source,), shape, call)
        if not waves:
            draft.tensors["P"] = w
            names = [part.name for part in w.sources if isinstance(part, Weight)]
            draft.facts["path"] = names[0].removesuffix(".weight")
        t.give(call.result, draft)
        return
    if by_axis(t, call, value, w, "Shifted", call.result) is not None:
        return
    raise call.refusal(
        f"adding parameters or constants {tuple(weight.index.shape)} to {tuple(value.index.shape)} is not covered; "
        "covered are biases after a product with weights, and positions, (T, D), added to sequences (N, T, D)"
    )


def _sinusoidal(table: Any) -> bool:
    """Whether a table of positions is the one that Positions(form="sinusoidal") adds."""
    T, D = table.shape
    if D % 2:
        return False
    layer, numbers = Positions("sinusoidal"), table.cpu().numpy()
    rule = layer.operation(training=False).forward[0]
    waves = rule.function(np.zeros((1, T, D)), **layer.options((T, D)))
    return bool(np.abs(numbers - waves).max() <= 64 * np.finfo(numbers.dtype).eps)


def _broadcast(*values: Value) -> list[Value]:
    """Values repeated where that makes their shapes one."""
    torch = torch_library()
    if len({tuple(value.index.shape) for value in values}) == 1:
        return list(values)
    try:
        indices = torch.broadcast_tensors(*(value.index for value in values))
    except RuntimeError:
        return list(values)
    pairs = zip(values, indices, strict=True)
    return [
        value if value.index.shape == index.shape else Value(value.sources, index, value.tensor.expand(index.shape))
        for value, index in pairs
    ]


def _alike(values: list[Value]) -> bool:
    """Whether two values, each all numbers of a line, have the same shape and order, here and in the module."""
    left, right = (value.source for value in values)
    fits = not isinstance(left, Weight) and not isinstance(right, Weight) and left.shape == right.shape
    return fits and same(values[0].index, values[1].index)


def _in_order(t: Translation, value: Value) -> bool:
    source = value.source
    return not isinstance(source, Weight) and same(value.index, counted((t.samples, *source.shape)))


@covers("glu")
def _(t: Translation, call: Call) -> None:
    x, dim = call.take("input", dim=-1)
    value = t.value(x, call)
    halves = zip(value.index.chunk(2, dim), value.tensor.chunk(2, dim), strict=True)
    left, right = (t.settled(Value(value.sources, index, tensor), call) for index, tensor in halves)
    source = right.source
    assert not isinstance(source, Weight)
    gate = t.draft(Sigmoid(), (source,), source.shape, call)
    gate.witness = Value((gate,), right.index, right.tensor.sigmoid())
    _combine(t, call, left, gate.witness, Multiply)


def _combine(t: Translation, call: Call, left: Value, right: Value, kind: type[Add] | type[Multiply]) -> None:
    values = [t.settled(one, call) for one in _broadcast(left, right)]
    if not _alike(values):  # in the order of the tensor both
        values = [value if _in_order(t, value) else t.moved(value, call) or value for value in values]
    sources = [value.source for value in values]
    if not _alike(values):
        raise call.refusal(
            f"{call.words} of {tuple(values[0].index.shape)} and {tuple(values[1].index.shape)} is not covered: both "
            "must have the same shape, and the same order"
        )
    first = sources[0]
    assert not isinstance(first, Weight)
    if kind is Add and isinstance(first, Draft) and isinstance(first.layer, Add):
        once = first.witness is not None and t.uses[first.witness.number] == 1 and call.line == first.call.line
        if once and len(first.sources) < MOST:  # a + b + c is one line
            sources = [*first.sources, sources[1]]
    t.give(call.result, t.draft(kind("others"), tuple(sources), first.shape, call), values[0].index)
