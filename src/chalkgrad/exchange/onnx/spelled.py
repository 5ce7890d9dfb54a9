"""What graphs spell out in several nodes and a layer does at once: normalisation over the features, and attention.

While its nodes are read, such a layer is no value yet, but what is known of it so far: the squares of x, their mean,
its root; the scores of queries and keys, masked, as weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from ...describe.layers import Attention, Dense, LayerNorm, RMSNorm
from .drafts import Draft, Drafts, refused
from .file import OnnxNode
from .folding import whole_axes, zero
from .values import Array, Value

LOW = -1e4
"""A score of a mask that is as low as this hides a key."""
LAID_OUT = ("Unsqueeze", "Squeeze", "Reshape", "Expand", "Cast", "Identity")
"""What does not change numbers."""


@dataclass(frozen=True, slots=True)
class Norm:
    """A part of a normalisation of x over its features.

    Attributes:
        x: what is normalised.
        stage: "mean" of x, "centred" x, "squares", their "variance", that "shifted" by eps, its "root", or "inverse" of
            that.
        centred: whether the squares are those of the centred x.
        eps: what is added.
    """

    x: Value
    stage: str
    centred: bool = False
    eps: float = 0.0


@dataclass(frozen=True, slots=True)
class Scaled:
    """A value times a number."""

    value: Value
    factor: float


@dataclass(frozen=True, slots=True)
class Scores:
    """The products of queries and keys.

    Attributes:
        q, k: the queries and keys.
        heads: how many heads.
        scale: what they are multiplied by.
        causal: whether later keys are hidden.
        weights: whether the softmax has been taken.
    """

    q: Value
    k: Value
    heads: int
    scale: float
    causal: bool = False
    weights: bool = False


Made: TypeAlias = Value | Norm | Scaled | Scores


def spelled(drafts: Drafts, node: OnnxNode, given: Sequence[Any]) -> Made | None:
    """What a node gives that is a part of such a layer, or ends one; None where it is none.

    Raises:
        OptionError: where it goes on with one in a way that no layer does.
    """
    operands = [g for g in given if g is not None]
    if any(isinstance(g, Scores) for g in operands):
        return _scored(drafts, node, operands)
    if any(isinstance(g, Norm) for g in operands):
        return _normalised(drafts, node, operands)
    values = [g for g in operands if isinstance(g, (Value, Scaled))]
    if node.operator == "MatMul" and len(values) == 2:
        return _products(node, values[0], values[1])
    if any(isinstance(g, Scaled) for g in operands):
        return _scaled_on(node, operands)
    return _begun(drafts, node, operands)


# -- normalisation -----------------------------------------------------------------------------------------------------


def _begun(drafts: Drafts, node: OnnxNode, operands: Sequence[Any]) -> Made | None:
    """The first part of a normalisation, or a value times a number."""
    x = operands[0] if operands else None
    other = operands[1] if len(operands) == 2 else None
    if _constant(x) is not None and isinstance(other, Value) and node.operator == "Mul":
        x, other = other, x
    if not isinstance(x, Value):
        return None
    number = _number(other)
    if node.operator == "Pow" and number == 2:
        return Norm(x, "squares")
    if node.operator == "Mul" and node.inputs[0] == node.inputs[1] and _only_meant(drafts, node):
        return Norm(x, "squares")
    if node.operator == "ReduceMean" and _over_features(node, x, other):
        return Norm(x, "mean")
    if node.operator in ("Mul", "Div") and number not in (None, 0.0, 1.0):
        assert number is not None
        return Scaled(x, number if node.operator == "Mul" else 1 / number)
    return None


def _only_meant(drafts: Drafts, node: OnnxNode) -> bool:
    return all(user.operator == "ReduceMean" for user in drafts.users.get(node.outputs[0], ()))


def _over_features(node: OnnxNode, x: Value, axes: Any) -> bool:
    """Whether a node goes over the last axis of rows or of sequences."""
    places = whole_axes(_constant(axes), node.attributes, len(x.axes))
    return len(x.shape) in (2, 3) and [x.axes[k] for k in places] == [Value.of(0, x.shape).axes[-1]] != [()]


def _constant(operand: Any) -> Array | None:
    """An operand that is a constant."""
    constant: Any = operand
    return constant if isinstance(operand, np.ndarray) else None


def _number(operand: Any) -> float | None:
    """A constant of one number; one of 32 bits as it was written."""
    constant = _constant(operand)
    if constant is None or constant.size != 1 or constant.dtype.kind not in "fiu":
        return None
    number: Any = constant.ravel()[0]
    return float(np.format_float_positional(number, unique=True)) if constant.dtype == np.float32 else float(number)


def _normalised(drafts: Drafts, node: OnnxNode, operands: Sequence[Any]) -> Made:
    """The next part of a normalisation; with the last one its line."""
    part = next(g for g in operands if isinstance(g, Norm))
    others = [g for g in operands if g is not part]
    other, operator = (others[0] if others else None), node.operator
    number = _number(other)
    steps = {
        ("squares", "ReduceMean"): "variance",
        ("shifted", "Sqrt"): "root",
        ("root", "Reciprocal"): "inverse",
    }
    if operator in LAID_OUT:
        return part
    if (part.stage, operator) in steps:
        return replace(part, stage=steps[part.stage, operator])
    if part.stage == "mean" and operator == "Sub" and _is(operands[0], part.x):
        return Norm(part.x, "centred", centred=True)
    if part.stage == "centred" and (
        (operator == "Pow" and number == 2) or (operator == "Mul" and (other is None or _is(other, part)))
    ):
        return replace(part, stage="squares")
    if part.stage == "variance" and operator == "Add" and number is not None:
        return replace(part, stage="shifted", eps=number)
    if part.stage == "shifted" and operator == "Pow" and number in (0.5, -0.5):
        return replace(part, stage="root" if number == 0.5 else "inverse")
    if part.stage == "root" and operator == "Div" and _number(operands[0]) == 1:
        return replace(part, stage="inverse")
    last = [g for g in operands if isinstance(g, Norm) and g.stage in ("root", "inverse")]
    top = [g for g in operands if not any(g is one for one in last)]
    if len(last) == len(top) == 1 and operator == {"root": "Div", "inverse": "Mul"}[last[0].stage]:
        whole = Norm(last[0].x, "centred", centred=True) if last[0].centred else last[0].x
        if _is(top[0], whole) and (operator == "Mul" or operands[0] is top[0]):
            layer = LayerNorm(last[0].eps, affine=False) if last[0].centred else RMSNorm(last[0].eps, affine=False)
            return drafts.same(layer, last[0].x)
    raise refused(node, f"it goes on with the {part.stage} of a value in a way that no layer does")


def _is(operand: object, part: object) -> bool:
    """Whether an operand, which may be an array, is what a part is."""
    return isinstance(operand, type(part)) and operand == part


def scaled_norm(drafts: Drafts, node: OnnxNode, x: Value, constant: Array, *, scale: bool) -> bool:
    """Whether a constant becomes the scale or the shift of the normalisation before it, which it does then."""
    draft = drafts.lines[x.source] if isinstance(x.source, int) else None
    units = x.shape[-1]
    wide = (1,) * (len(x.axes) - constant.ndim) + constant.shape
    along = [k for k, parts in enumerate(x.axes) if parts == Value.of(0, x.shape).axes[-1]]
    fits = bool(along) and all(s == 1 or k == along[0] for k, s in enumerate(wide)) and len(wide) == len(x.axes)
    own = [name for name in node.inputs if isinstance(drafts.known.get(name), Value)]
    if draft is None or not fits or len(own) != 1 or drafts.uses[own[0]] != 1:
        return False
    row = np.broadcast_to(constant.reshape(-1), (units,))
    layer = draft.layer
    if not isinstance(layer, (LayerNorm, RMSNorm)):
        return False
    if scale and not layer.affine:
        draft.arrays = {"gamma": row} if isinstance(layer, RMSNorm) else {"gamma": row, "beta": np.zeros_like(row)}
    elif not scale and isinstance(layer, LayerNorm) and (not layer.affine or zero(draft.arrays["beta"])):
        draft.arrays = {"gamma": draft.arrays.get("gamma", np.ones_like(row)), "beta": row}
    else:
        return False
    draft.layer = replace(layer, affine=True)
    return True


# -- attention ---------------------------------------------------------------------------------------------------------


def _scaled_on(node: OnnxNode, operands: Sequence[Any]) -> Made:
    part = next(g for g in operands if isinstance(g, Scaled))
    number = next((_number(g) for g in operands if isinstance(g, np.ndarray)), None)
    if node.operator == "Transpose":
        order = node.attributes.get("perm", tuple(range(len(part.value.axes)))[::-1])
        return replace(part, value=part.value.transposed(order))
    if node.operator == "Mul" and number is not None:
        return replace(part, factor=part.factor * number)
    raise refused(node, f"what it takes is multiplied by {part.factor:g}; no layer does only that")


def _products(node: OnnxNode, left: Value | Scaled, right: Value | Scaled) -> Scores:
    """Queries times keys."""
    q, one = (left.value, left.factor) if isinstance(left, Scaled) else (left, 1.0)
    k, other = (right.value, right.factor) if isinstance(right, Scaled) else (right, 1.0)
    if len(q.shape) != 3 or len(k.shape) != 3 or q.shape[2] != k.shape[2]:
        raise refused(
            node, f"it multiplies values of the shapes {q.sizes} and {k.sizes}, which are no queries and keys"
        )
    heads = _heads(node, q, (0, 2, 1, 3))
    if _heads(node, k, (0, 2, 3, 1)) != heads:
        raise refused(node, "queries and keys have other heads")
    return Scores(q, k, heads, one * other)


def _split(x: Value, heads: int, order: Sequence[int], rank: int) -> Value:
    """The value with its features split into heads, as an array of four axes, or of three: samples and heads as one."""
    N, T, D = x.shape
    whole = Value.of(x.source, x.shape).reshaped((N, T, heads, D // heads)).transposed(order)
    if rank == 4:
        return whole
    return whole.squeezed([1]) if heads == 1 else whole.reshaped((N * heads, *whole.sizes[2:]))


def _heads(node: OnnxNode, x: Value, order: Sequence[int]) -> int:
    """How many heads a value's features are split into."""
    for heads in range(1, x.shape[2] + 1):
        if len(x.axes) in (3, 4) and x.shape[2] % heads == 0 and _split(x, heads, order, len(x.axes)).axes == x.axes:
            return heads
    raise refused(node, f"what it multiplies, {x.sizes}, is no value split into heads")


def _scored(drafts: Drafts, node: OnnxNode, operands: Sequence[Any]) -> Made:
    """What becomes of scores: scaled, masked, weights, and with the values what a query gets."""
    part = next(g for g in operands if isinstance(g, Scores))
    others = [g for g in operands if g is not part]
    other, operator = (others[0] if others else None), node.operator
    number = _number(other)
    if operator in ("Identity", "Cast", "Dropout"):
        return part
    if operator in ("Mul", "Div") and number and operands[0] is part and not part.weights:
        return replace(part, scale=part.scale * number if operator == "Mul" else part.scale / number)
    mask, condition = _constant(other), _constant(operands[0])
    if operator == "Add" and mask is not None and not part.weights:
        return _masked(node, part, mask >= 0, low=mask)
    if operator == "Where" and condition is not None and not part.weights:
        seen = condition if operands[1] is part else ~condition
        hidden = operands[2] if operands[1] is part else operands[1]
        return _masked(node, part, seen, low=np.where(seen, 0.0, hidden))
    if operator == "Softmax" and node.attributes.get("axis", -1) in (-1, len(part.q.axes) - 1) and drafts.opset >= 13:
        return replace(part, weights=True)
    if operator == "MatMul" and part.weights and operands[0] is part and isinstance(other, Value):
        return _taken(drafts, node, part, other)
    raise refused(node, "it goes on with the scores of an attention in a way that no layer does")


def _masked(node: OnnxNode, part: Scores, seen: Array, low: Array) -> Scores:
    """Scores with a mask: none, or that of later places."""
    T, J = part.q.shape[1], part.k.shape[1]
    fits = np.broadcast_shapes(seen.shape, (1,) * (seen.ndim - 2) + (T, J)) == (1,) * (seen.ndim - 2) + (T, J)
    if not fits:
        raise refused(node, f"its mask has the shape {seen.shape}, not ({T}, {J}) for all samples and heads")
    rows = np.broadcast_to(seen, (1,) * (seen.ndim - 2) + (T, J)).reshape(T, J)
    added = np.broadcast_to(low, (1,) * (low.ndim - 2) + (T, J)).reshape(T, J)
    if rows.all() and zero(added):
        return part
    if bool((rows == np.tri(T, J, dtype=bool)).all()) and zero(added[rows]) and bool((added[~rows] <= LOW).all()):
        return replace(part, causal=True)
    raise refused(node, "its mask is not that of later places")


def _taken(drafts: Drafts, node: OnnxNode, part: Scores, v: Value) -> Value:
    """The values by their weights: a line that waits for its last product."""
    if len(v.shape) != 3 or v.shape != part.k.shape or _heads(node, v, (0, 2, 1, 3)) != part.heads:
        raise refused(node, "its values are not as the keys")
    sources = [part.q.source, part.k.source, v.source]
    draft = Draft(Attention(part.heads, causal=part.causal), sources, {"scale": np.array(part.scale)}, waits=True)
    drafts.lines.append(draft)
    found = Value.of(len(drafts.lines) - 1, part.q.shape)
    return _split(found, part.heads, (0, 2, 1, 3), len(v.axes))


def finished(drafts: Drafts, node: OnnxNode, x: Value, W: Array, b: Array | None) -> Value:
    """The line of an attention with its last product; the lines of queries, keys and values go into it."""
    assert isinstance(x.source, int)
    core, D = drafts.lines[x.source], x.shape[2]
    layer = core.layer
    assert isinstance(layer, Attention)
    parts: list[Draft] = []
    for place in core.sources:
        part = drafts.lines[place] if isinstance(place, int) else None
        plain = part is not None and isinstance(part.layer, Dense) and part.weights_of is None and not part.gone
        if part is None or not plain or part.arrays["W"].shape != (D, D):
            raise refused(
                node, f"the queries, keys and values of its attention are no products with weights ({D}, {D})"
            )
        parts.append(part)
    q, k, v = parts
    if W.shape != (D, D) or k.sources != v.sources or len({id(part) for part in parts}) < 3:
        raise refused(node, "its attention is not of one value's queries and one value's keys and values")
    factor = float(core.arrays["scale"]) * math.sqrt(D // layer.heads)
    bias = b is not None or any("b" in part.arrays for part in parts)
    arrays: dict[str, Array] = {"Wo": W}
    for letter, part in zip("qkv", parts, strict=True):
        arrays[f"W{letter}"] = part.arrays["W"]
        if bias:
            arrays[f"b{letter}"] = part.arrays.get("b", np.zeros(D, W.dtype))
        part.gone = True
    if bias:
        arrays["bo"] = np.zeros(D, W.dtype) if b is None else b
    if not math.isclose(factor, 1, rel_tol=1e-5):  # another scale is one of the queries
        for name in [n for n in ("Wq", "bq") if n in arrays]:
            arrays[name] = arrays[name] * arrays[name].dtype.type(factor)
    core.layer, core.arrays, core.waits = replace(layer, bias=bias), arrays, False
    core.sources = [*q.sources, *k.sources] if q.sources != k.sources else list(q.sources)
    return x


def biased(draft: Draft, row: Array) -> None:
    """Gives an attention's last product a bias."""
    zeros = np.zeros_like(row)
    own = {f"b{letter}": draft.arrays.get(f"b{letter}", zeros) for letter in "qkv"}
    draft.arrays = {**draft.arrays, **own, "bo": row}
    draft.layer = replace(draft.layer, bias=True)  # type: ignore[call-arg]
