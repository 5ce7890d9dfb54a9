"""The nodes of a graph whose operands are all known: shapes that are put together, weights that are transposed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from .file import KINDS, OnnxNode
from .values import Array

MOST = 2**24
"""The most numbers of a constant that is computed; larger ones only where something as large goes in."""
Fold: TypeAlias = Callable[[Sequence[Any], Mapping[str, Any]], Any]


class FoldingError(Exception):
    """A node that is not computed."""


def folded(node: OnnxNode, operands: Sequence[Array | None]) -> Array:
    """What a node gives for constants.

    Raises:
        FoldingError: where its operator is not known here, or what it gives would be too large.
    """
    fold = FOLDS.get(node.operator)
    if fold is None or len([name for name in node.outputs if name]) != 1:
        raise FoldingError(f"{node.operator} of constants is not computed")
    try:
        with np.errstate(all="ignore"):
            return np.asarray(fold([*operands, *[None] * 6], node.attributes))
    except FoldingError:
        raise
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError, KeyError, ZeroDivisionError) as error:
        raise FoldingError(f"it does not go together: {error}") from None


def _bounded(shape: Sequence[int], *given: Array) -> tuple[int, ...]:
    """A shape that is to be made."""
    sizes = tuple(int(s) for s in shape)
    if math.prod(sizes) > max(MOST, *(a.size for a in given), 0) or any(s < 0 for s in sizes):
        raise FoldingError(f"a constant of shape {sizes} would be too large")
    return sizes


def whole_axes(given: Array | None, attributes: Mapping[str, Any], rank: int) -> list[int]:
    """The axes that a node names, as an operand or, in older versions, as a setting; all where there are none."""
    axes = given.ravel().tolist() if given is not None else list(attributes.get("axes", range(rank)))
    if any(not -rank <= a < rank for a in axes):
        raise ValueError(f"there are {rank} axes, not {[int(a) for a in axes]}")
    return sorted({int(a) % rank for a in axes})


def target(sizes: Sequence[int], wanted: Array, attributes: Mapping[str, Any]) -> list[int]:
    """The shape that Reshape makes of `sizes`: 0 takes the size that is there, -1 what remains."""
    shape = [int(s) for s in wanted.ravel()]
    if not attributes.get("allowzero"):
        shape = [sizes[k] if s == 0 else s for k, s in enumerate(shape)]
    if -1 in shape:
        rest = math.prod(s for s in shape if s != -1)
        if shape.count(-1) > 1 or rest == 0 or math.prod(sizes) % rest:
            raise ValueError(f"{tuple(sizes)} cannot become {tuple(shape)}")
        shape[shape.index(-1)] = math.prod(sizes) // rest
    return shape


def _slice(given: Sequence[Any], attributes: Mapping[str, Any]) -> Array:
    data = given[0]
    return data[slices(data.shape, given[1:], attributes)]


def slices(sizes: Sequence[int], given: Sequence[Any], attributes: Mapping[str, Any]) -> tuple[slice, ...]:
    """The slices of each axis: from operands, or in older versions from settings."""
    if "starts" in attributes:
        named = [list(attributes["starts"]), list(attributes["ends"]), attributes.get("axes"), None]
    else:
        named = [None if g is None else g.ravel().tolist() for g in given[:4]]
    starts, ends = named[0] or [], named[1] or []
    places, steps = named[2] or range(len(starts)), named[3] or [1] * len(starts)
    found = [slice(None)] * len(sizes)
    for axis, begin, end, step in zip(places, starts, ends, steps, strict=True):
        size = sizes[axis]
        begin, end = (int(edge) + (size if edge < 0 else 0) for edge in (begin, end))
        last = None if step < 0 and end < 0 else end  # back to the first
        found[axis] = slice(max(begin, 0), last, int(step))
    return tuple(found)


def _unsqueeze(given: Sequence[Any], attributes: Mapping[str, Any]) -> Array:
    data, axes = given[0], given[1]
    places = axes.ravel().tolist() if axes is not None else attributes["axes"]
    return np.expand_dims(data, tuple(int(a) for a in places))


def _squeeze(given: Sequence[Any], attributes: Mapping[str, Any]) -> Array:
    data, axes = given[0], given[1]
    named = axes is not None or "axes" in attributes
    return np.squeeze(data, tuple(whole_axes(axes, attributes, data.ndim)) if named else None)


def _binary(function: Callable[..., Any]) -> Fold:
    def fold(given: Sequence[Any], _: Mapping[str, Any]) -> Array:
        _bounded(np.broadcast_shapes(given[0].shape, given[1].shape), given[0], given[1])
        return np.asarray(function(given[0], given[1]))

    return fold


def _divide(a: Array, b: Array) -> Any:
    return a / b if a.dtype.kind == "f" else np.trunc(a / b).astype(a.dtype)


def _filled(given: Sequence[Any], attributes: Mapping[str, Any]) -> Array:
    value = attributes.get("value", np.zeros(1, np.float32))
    return np.broadcast_to(np.asarray(value).ravel()[0], [int(s) for s in given[0].ravel()])  # takes no memory


def _expand(given: Sequence[Any], _: Mapping[str, Any]) -> Array:
    return np.broadcast_to(given[0], np.broadcast_shapes(given[0].shape, tuple(int(s) for s in given[1].ravel())))


def _range(given: Sequence[Any], _: Mapping[str, Any]) -> Array:
    start, end, step = (g.ravel()[0].item() for g in given[:3])
    _bounded([math.ceil(max((end - start) / step, 0))])
    return np.arange(start, end, step, dtype=given[0].dtype)


def _concat(given: Sequence[Any], attributes: Mapping[str, Any]) -> Array:
    parts = [g for g in given if g is not None]
    if sum(p.size for p in parts) > MOST:
        _bounded([sum(p.size for p in parts)], *parts)
    return np.concatenate(parts, axis=attributes["axis"])


def _constant(_: Sequence[Any], attributes: Mapping[str, Any]) -> Array:
    kinds = {
        "value": None, "value_float": np.float32, "value_int": np.int64, "value_floats": np.float32,
        "value_ints": np.int64,
    }  # fmt: skip
    key = next(k for k in attributes if k in kinds)
    return np.asarray(attributes[key], dtype=kinds[key])


def _cast(given: Sequence[Any], attributes: Mapping[str, Any]) -> Array:
    return given[0].astype(KINDS[attributes["to"]])


def _product(given: Sequence[Any], attributes: Mapping[str, Any]) -> Array:
    whole: Any = given[0].prod(keepdims=bool(attributes.get("keepdims", 1)))
    return np.asarray(whole)


def _where(given: Sequence[Any], _: Mapping[str, Any]) -> Array:
    _bounded(np.broadcast_shapes(*(g.shape for g in given[:3])), *given[:3])
    condition, yes, no = (np.asarray(g) for g in given[:3])
    return np.where(condition.astype(bool), yes, no)


FOLDS: dict[str, Fold] = {
    "Constant": _constant,
    "Identity": lambda g, a: g[0],
    "Cast": _cast,
    "Shape": lambda g, a: np.array(g[0].shape, np.int64)[a.get("start", 0) : a.get("end")],
    "Gather": lambda g, a: np.take(g[0], g[1], axis=a.get("axis", 0)),
    "Slice": _slice,
    "Concat": _concat,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Reshape": lambda g, a: g[0].reshape(target(g[0].shape, g[1], a)),
    "Flatten": lambda g, a: g[0].reshape(math.prod(g[0].shape[: a.get("axis", 1)]), -1),
    "Transpose": lambda g, a: np.transpose(g[0], a.get("perm")),
    "ConstantOfShape": _filled,
    "Expand": _expand,
    "Range": _range,
    "Add": _binary(np.add),
    "Sub": _binary(np.subtract),
    "Mul": _binary(np.multiply),
    "Div": _binary(_divide),
    "Pow": _binary(np.power),
    "Mod": _binary(np.mod),
    "Min": _binary(np.minimum),
    "Max": _binary(np.maximum),
    "Equal": _binary(np.equal),
    "Greater": _binary(np.greater),
    "Less": _binary(np.less),
    "Neg": lambda g, a: np.negative(g[0]),
    "Sqrt": lambda g, a: np.sqrt(g[0]),
    "Reciprocal": lambda g, a: 1 / g[0],
    "Floor": lambda g, a: np.floor(g[0]),
    "Ceil": lambda g, a: np.ceil(g[0]),
    "ReduceProd": _product,
    "Where": _where,
}


def zero(array: Array) -> bool:
    """Whether all numbers of a constant are 0; one that repeats a number looks at it once."""
    return not array[tuple(slice(0, 1) if stride == 0 else slice(None) for stride in array.strides)].any()
