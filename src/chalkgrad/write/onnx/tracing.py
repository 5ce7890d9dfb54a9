"""A rule's function as ONNX nodes: it runs on arrays that write down what is done with them.

A rule is a function on the arrays of any library. Here they are of none: every operation on a `Traced` writes a node
and gives the `Traced` that the node computes. So the mathematics of rules, a user's own too, stands once.
"""

# what rules pass around is of any kind
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from ...base.errors import FormulaError
from .graph import Graph

Shape = tuple[Any, ...]


class Samples:
    """A size that is the number of samples, which is not known while writing, times a whole number."""

    def __init__(self, times: int = 1) -> None:
        self.times = times

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Samples) and other.times == self.times

    def __hash__(self) -> int:
        return hash(("N", self.times))

    def __mul__(self, other: int) -> Samples:
        return Samples(self.times * other)

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return "N" if self.times == 1 else f"{self.times}N"

    def __index__(self) -> int:
        raise FormulaError("it counts the samples, whose number is not known before the graph runs")


class Traced:
    """An array of the graph.

    Attributes:
        graph: the graph.
        name: its name there.
        shape: its shape; the number of samples is a `Samples`.
        dtype: its kind of number.
    """

    __array_ufunc__ = None  # NumPy's arrays leave operators to it

    def __init__(self, graph: Graph, name: str, shape: Sequence[Any], dtype: Any) -> None:
        self.graph, self.name, self.shape = graph, name, tuple(shape)
        self.dtype: np.dtype[Any] = np.dtype(dtype)

    device = None

    def __array_namespace__(self, api_version: Any = None) -> Any:
        return SPACE

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> Any:
        return math.prod(self.shape)

    def __len__(self) -> int:
        return self.shape[0].__index__()

    def __bool__(self) -> bool:
        raise FormulaError("it branches on values, which are not known before the graph runs")

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise FormulaError("it asks for the numbers of an array, which are not known before the graph runs")

    def made(
        self, operator: str, inputs: Sequence[str], shape: Sequence[Any], dtype: Any = None, **more: Any
    ) -> Traced:
        """What a node gives."""
        kind = self.dtype if dtype is None else dtype
        return Traced(self.graph, self.graph.add(operator, inputs, **more), shape, kind)

    # -- operators -----------------------------------------------------------------------------------------------------

    def __add__(self, other: Any) -> Traced:
        return _two("Add", self, other)

    def __radd__(self, other: Any) -> Traced:
        return _two("Add", other, self)

    def __sub__(self, other: Any) -> Traced:
        return _two("Sub", self, other)

    def __rsub__(self, other: Any) -> Traced:
        return _two("Sub", other, self)

    def __mul__(self, other: Any) -> Traced:
        return _two("Mul", self, other)

    def __rmul__(self, other: Any) -> Traced:
        return _two("Mul", other, self)

    def __truediv__(self, other: Any) -> Traced:
        return _two("Div", self, other)

    def __rtruediv__(self, other: Any) -> Traced:
        return _two("Div", other, self)

    def __pow__(self, other: Any) -> Traced:
        if isinstance(other, (int, float)) and other == 2:
            return _two("Mul", self, self)
        return _two("Pow", self, other)

    def __rpow__(self, other: Any) -> Traced:
        return _two("Pow", other, self)

    def __neg__(self) -> Traced:
        return self.made("Neg", [self.name], self.shape)

    def __abs__(self) -> Traced:
        return self.made("Abs", [self.name], self.shape)

    def __invert__(self) -> Traced:
        return self.made("Not", [self.name], self.shape)

    def __and__(self, other: Any) -> Traced:
        return _two("And", self, other)

    def __or__(self, other: Any) -> Traced:
        return _two("Or", self, other)

    def __gt__(self, other: Any) -> Traced:
        return _two("Greater", self, other, bool)

    def __lt__(self, other: Any) -> Traced:
        return _two("Less", self, other, bool)

    def __ge__(self, other: Any) -> Traced:
        return _two("GreaterOrEqual", self, other, bool)

    def __le__(self, other: Any) -> Traced:
        return _two("LessOrEqual", self, other, bool)

    def __eq__(self, other: object) -> Any:
        return _two("Equal", self, other, bool)

    __hash__ = None  # pyright: ignore[reportAssignmentType] - == gives an array

    def __ne__(self, other: object) -> Any:
        return ~_two("Equal", self, other, bool)

    def __matmul__(self, other: Any) -> Traced:
        return _product(self, other)

    def __rmatmul__(self, other: Any) -> Traced:
        return _product(other, self)

    # -- shapes --------------------------------------------------------------------------------------------------------

    @property
    def T(self) -> Traced:
        return self.transpose(*range(self.ndim)[::-1])

    @property
    def mT(self) -> Traced:
        return self.swapaxes(-1, -2)

    def swapaxes(self, one: int, other: int) -> Traced:
        """With two axes exchanged."""
        axes = list(range(self.ndim))
        axes[one], axes[other] = axes[other], axes[one]
        return self.transpose(*axes)

    def transpose(self, *axes: Any) -> Traced:
        """With its axes in another order."""
        order = _flat(axes) or list(range(self.ndim))[::-1]
        order = [a % self.ndim for a in order]
        return self.made("Transpose", [self.name], [self.shape[a] for a in order], perm=order)

    def reshape(self, *shape: Any) -> Traced:
        """The same numbers in another shape."""
        sizes = _flat(shape)
        whole = math.prod(self.shape)
        if any(isinstance(s, int) and s == -1 for s in sizes):
            rest = math.prod(s for s in sizes if s != -1)
            sizes = [_divided(whole, rest) if isinstance(s, int) and s == -1 else s for s in sizes]
        if math.prod(sizes) != whole:
            raise FormulaError(f"the shape {self.shape} cannot become {tuple(sizes)}")
        target = [-1 if isinstance(s, Samples) else int(s) for s in sizes]
        return self.made("Reshape", [self.name, self.graph.whole(*target)], sizes)

    def astype(self, dtype: Any, copy: bool = True) -> Traced:
        """The same numbers of another kind."""
        if np.dtype(dtype) == self.dtype:
            return self
        return self.made("Cast", [self.name], self.shape, dtype, to=np.dtype(dtype))

    def copy(self) -> Traced:
        return self

    def sum(self, axis: Any = None, *, dtype: Any = None, keepdims: bool = False) -> Traced:
        if dtype is not None:
            return self.astype(dtype).sum(axis, keepdims=keepdims)
        return _reduced("ReduceSum", self, axis, keepdims)

    def mean(self, axis: Any = None, *, keepdims: bool = False) -> Traced:
        return _reduced("ReduceMean", self, axis, keepdims)

    def max(self, axis: Any = None, *, keepdims: bool = False) -> Traced:
        return _reduced("ReduceMax", self, axis, keepdims)

    def argmax(self, axis: int = -1) -> Traced:
        return _arg_max(self, axis)

    def min(self, axis: Any = None, *, keepdims: bool = False) -> Traced:
        return _reduced("ReduceMin", self, axis, keepdims)

    def erfc(self) -> Traced:
        """1 minus the error function."""
        return 1 - self.made("Erf", [self.name], self.shape)

    def __getitem__(self, key: Any) -> Traced:
        parts = list(key) if isinstance(key, tuple) else [key]
        if len(parts) == 1 and isinstance(parts[0], (Traced, np.ndarray)):
            return SPACE.take(self, parts[0], axis=0)
        if any(p is Ellipsis for p in parts):
            at = next(i for i, p in enumerate(parts) if p is Ellipsis)
            missing = self.ndim - sum(p is not None and p is not Ellipsis for p in parts)
            parts[at : at + 1] = [slice(None)] * missing
        value, axis = self._sliced([p for p in parts if p is not None]), 0
        added: list[int] = []
        for part in parts:
            if part is None:
                added.append(axis)
            elif isinstance(part, (int, np.integer)):
                shape = [s for i, s in enumerate(value.shape) if i != axis - len(added)]
                where = self.graph.constant(int(part) % value.shape[axis - len(added)], np.int64)
                value = value.made("Gather", [value.name, where], shape, axis=axis - len(added))
                continue
            axis += 1
        return SPACE.expand_dims(value, added) if added else value

    def _sliced(self, parts: Sequence[Any]) -> Traced:
        starts: list[int] = []
        ends: list[int] = []
        axes: list[int] = []
        steps: list[int] = []
        shape = list(self.shape)
        for axis, part in enumerate(parts):
            if isinstance(part, (int, np.integer)) or part == slice(None):
                continue
            if not isinstance(part, slice):
                raise FormulaError(f"it takes elements by {type(part).__name__}")
            found = range(*part.indices(shape[axis].__index__()))
            starts.append(found.start)
            ends.append(found.stop if found.stop >= 0 else -(2**31))
            axes.append(axis)
            steps.append(found.step)
            shape[axis] = len(found)
        if not axes:
            return self
        whole = self.graph.whole
        return self.made("Slice", [self.name, whole(*starts), whole(*ends), whole(*axes), whole(*steps)], shape)


def _flat(values: Sequence[Any]) -> list[Any]:
    return list(values[0]) if len(values) == 1 and isinstance(values[0], (tuple, list)) else list(values)


def _divided(whole: Any, by: Any) -> Any:
    if isinstance(by, Samples):
        if isinstance(whole, Samples) and whole.times % by.times == 0:
            return whole.times // by.times
        raise FormulaError(f"{whole} values are no multiple of {by}")
    return Samples(whole.times // by) if isinstance(whole, Samples) else whole // by


def _broadcast(*shapes: Shape) -> Shape:
    """The shape of what arrays of these shapes give element by element."""
    rank = max(map(len, shapes))
    found: list[Any] = []
    for sizes in zip(*((1,) * (rank - len(s)) + tuple(s) for s in shapes), strict=True):
        wide = [s for s in sizes if s != 1]
        if any(s != wide[0] for s in wide):
            raise FormulaError(f"the shapes {' and '.join(map(str, shapes))} do not go together")
        found.append(wide[0] if wide else 1)
    return tuple(found)


def _graph(*values: Any) -> Traced:
    """The first array of the graph."""
    return next(v for v in values if isinstance(v, Traced))


def _name(value: Any, like: Traced) -> tuple[str, Shape]:
    """The name and shape of a value that may be a constant."""
    if isinstance(value, Traced):
        return value.name, value.shape
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise FormulaError(f"it takes {type(value).__name__}")
    kind = array.dtype if array.dtype.kind == "b" else like.dtype
    return like.graph.constant(array, kind), array.shape


def _two(operator: str, left: Any, right: Any, dtype: Any = None) -> Traced:
    """A node of two operands."""
    like = _graph(left, right)
    if isinstance(left, Traced) and isinstance(right, Traced) and left.dtype != right.dtype:
        kind = np.result_type(left.dtype, right.dtype)
        kind = like.graph.dtype if kind.kind == "f" else kind
        left, right = left.astype(kind), right.astype(kind)
        like = left
    elif like.dtype.kind in "biu" and operator not in ("And", "Or"):
        other = right if like is left else left
        if not isinstance(other, Traced) and (np.asarray(other).dtype.kind == "f" or like.dtype.kind == "b"):
            like = like.astype(like.graph.dtype)  # a whole number beside one with a fraction
            left, right = (like, right) if other is right else (left, like)
    (a, one), (b, two) = _name(left, like), _name(right, like)
    return like.made(operator, [a, b], _broadcast(one, two), dtype)


def _product(left: Any, right: Any) -> Traced:
    like = _graph(left, right)
    (a, one), (b, two) = _name(left, like), _name(right, like)
    rows, columns = ((1, *one) if len(one) == 1 else one), ((*two, 1) if len(two) == 1 else two)
    if rows[-1] != columns[-2]:
        raise FormulaError(f"the shapes {one} and {two} cannot be multiplied")
    shape = [*_broadcast(rows[:-2], columns[:-2]), rows[-2], columns[-1]]
    shape = shape[:-1] if len(two) == 1 else shape
    shape = [*shape[:-2], shape[-1]] if len(one) == 1 else shape
    return like.made("MatMul", [a, b], shape)


def _reduced(operator: str, value: Traced, axis: Any, keepdims: bool) -> Traced:
    axes = range(value.ndim) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    places = sorted(a % value.ndim for a in axes)
    if any(isinstance(value.shape[a], Samples) for a in places):
        raise FormulaError("it adds up over the samples, of which each counts by itself in a prediction")
    kept = [1 if i in places else s for i, s in enumerate(value.shape)]
    shape = kept if keepdims else [s for i, s in enumerate(kept) if i not in places]
    return value.made(operator, [value.name, value.graph.whole(*places)], shape, keepdims=int(keepdims))


Function = Callable[..., Any]


def _elementwise(operator: str) -> Function:
    return lambda z: z.made(operator, [z.name], z.shape)


def _binary(operator: str, dtype: Any = None) -> Function:
    return lambda a, b: _two(operator, a, b, dtype)


class Space:
    """The functions that rules call, on arrays of the graph; on others they are NumPy's."""

    def __getattr__(self, name: str) -> Any:
        if name in _MADE:
            return _MADE[name]
        known: Any = getattr(np, name)
        if not callable(known) or isinstance(known, type):
            return known
        own = _FUNCTIONS.get(name)

        def call(*arguments: Any, **settings: Any) -> Any:
            if settings.get("device", 0) is None:
                settings.pop("device")  # an array that a rule makes beside one of the graph
            if not any(isinstance(a, Traced) for a in _inside([*arguments, *settings.values()])):
                return known(*arguments, **settings)
            if own is None:
                raise FormulaError(f"np.{name} has none")
            return own(*arguments, **settings)

        return call


def _inside(values: Any) -> list[Any]:
    found: list[Any] = []
    for value in values:
        found += _inside(value) if isinstance(value, (tuple, list)) else [value]
    return found


def _where(condition: Any, yes: Any, no: Any) -> Traced:
    like = next((v for v in (yes, no) if isinstance(v, Traced)), None)
    graph = _graph(condition, yes, no).graph
    like = Traced(graph, "", (), graph.dtype) if like is None else like
    if isinstance(condition, Traced):
        where, sizes = condition.name, condition.shape
    else:
        array = np.asarray(condition, dtype=bool)
        where, sizes = graph.constant(array), array.shape
    (a, one), (b, two) = _name(yes, like), _name(no, like)
    return like.made("Where", [where, a, b], _broadcast(sizes, one, two))


def _concat(arrays: Sequence[Any], axis: int = 0) -> Traced:
    like = _graph(*arrays)
    pairs = [_name(a, like) for a in arrays]
    shape = list(pairs[0][1])
    axis %= len(shape)
    if any([*s[:axis], *s[axis + 1 :]] != [*shape[:axis], *shape[axis + 1 :]] for _, s in pairs):
        raise FormulaError(f"the shapes {' and '.join(str(s) for _, s in pairs)} do not fit side by side")
    shape[axis] = sum(s[axis] for _, s in pairs)
    return like.made("Concat", [name for name, _ in pairs], shape, axis=axis)


def _stack(arrays: Sequence[Any], axis: int = 0) -> Traced:
    like = _graph(*arrays)
    axis %= like.ndim + 1
    return _concat([_expand_dims(a, axis) for a in arrays], axis)


def _expand_dims(z: Traced, axis: Any) -> Traced:
    axes = [axis] if isinstance(axis, int) else list(axis)
    rank = z.ndim + len(axes)
    axes = sorted(a % rank for a in axes)
    shape = list(z.shape)
    for a in axes:
        shape.insert(a, 1)
    return z.made("Unsqueeze", [z.name, z.graph.whole(*axes)], shape)


def _take(z: Any, places: Any, axis: int = 0) -> Traced:
    like = _graph(z, places)
    if isinstance(places, Traced):
        where, sizes = places.name, places.shape
    else:
        array = np.asarray(places, dtype=np.int64)
        where, sizes = like.graph.constant(array), array.shape
    if isinstance(z, Traced):
        name, shape, kind = z.name, z.shape, z.dtype
    else:
        kind = like.graph.dtype
        name, shape = like.graph.constant(z, kind), np.shape(z)
    axis %= len(shape)
    return like.made("Gather", [name, where], [*shape[:axis], *sizes, *shape[axis + 1 :]], kind, axis=axis)


def _broadcast_to(z: Traced, shape: Sequence[Any]) -> Traced:
    """Of this shape; where the samples' axis is not there yet, it stays of size 1: what follows spreads it."""
    target = _broadcast(z.shape, tuple(shape))
    if target == z.shape:
        return z
    if any(isinstance(s, Samples) and s not in z.shape for s in target):
        raise FormulaError("it repeats a value for every sample")
    sizes = z.graph.whole(*(1 if isinstance(s, Samples) else s for s in target))
    return z.made("Expand", [z.name, sizes], target)


def _clip(z: Traced, low: Any = None, high: Any = None) -> Traced:
    z = z if low is None else _two("Max", z, low)
    return z if high is None else _two("Min", z, high)


def _flip(z: Traced, axis: Any) -> Traced:
    axes = [axis] if isinstance(axis, int) else list(axis)
    key = [slice(None, None, -1) if i in [a % z.ndim for a in axes] else slice(None) for i in range(z.ndim)]
    return z[tuple(key)]


def _einsum(letters: str, *arrays: Any, optimize: Any = None) -> Traced:
    like = _graph(*arrays)
    pairs = [_name(a, like) for a in arrays]
    taken, _, given = letters.replace(" ", "").partition("->")
    if "." in letters or not given:
        raise FormulaError(f"np.einsum({letters!r}) has none")
    sizes = {
        i: s for part, (_, shape) in zip(taken.split(","), pairs, strict=True) for i, s in zip(part, shape, strict=True)
    }
    return like.made("Einsum", [n for n, _ in pairs], [sizes[i] for i in given], equation=f"{taken}->{given}")


def _vectorize(function: Any, otypes: Any = None) -> Function:
    known = {math.erf: lambda z: z.made("Erf", [z.name], z.shape), math.erfc: lambda z: z.erfc()}
    plain = np.vectorize(function, otypes=otypes)
    return lambda z: known[function](z) if isinstance(z, Traced) and function in known else plain(z)


def _asarray(z: Traced, dtype: Any = None, device: Any = None, copy: Any = None) -> Traced:
    return z if dtype is None else z.astype(dtype)


def _moveaxis(z: Traced, source: Any, target: Any) -> Traced:
    order = np.moveaxis(np.empty(range(1, z.ndim + 1)), source, target).shape
    return z.transpose([s - 1 for s in order])


_FUNCTIONS: dict[str, Function] = {
    **{name: _elementwise(name.capitalize()) for name in ("exp", "log", "sqrt", "tanh", "sin", "cos", "tan", "abs",
                                                           "sign", "floor", "ceil", "sinh", "cosh")},
    "sum": lambda z, axis=None, **s: z.sum(axis, **s),
    "mean": lambda z, axis=None, **s: z.mean(axis, **s),
    "max": lambda z, axis=None, **s: z.max(axis, **s),
    "min": lambda z, axis=None, **s: z.min(axis, **s),
    "amax": lambda z, axis=None, **s: z.max(axis, **s),
    "argmax": lambda z, axis=-1: _arg_max(z, axis),
    "maximum": lambda a, b: _two("Max", a, b),
    "minimum": lambda a, b: _two("Min", a, b),
    **{name: _binary(operator) for name, operator in (
        ("add", "Add"), ("subtract", "Sub"), ("multiply", "Mul"), ("divide", "Div"), ("power", "Pow"), ("pow", "Pow"))},
    **{name: _binary(operator, bool) for name, operator in (
        ("greater", "Greater"), ("less", "Less"), ("greater_equal", "GreaterOrEqual"), ("less_equal", "LessOrEqual"),
        ("equal", "Equal"), ("logical_and", "And"), ("logical_or", "Or"))},
    "negative": lambda z: -z,
    "logical_not": lambda z: ~z,
    "logaddexp": lambda a, b: _log_sum(a, b),
    "expm1": lambda z: _elementwise("Exp")(z) - 1,
    "log1p": lambda z: _elementwise("Log")(z + 1),
    "square": lambda z: z * z,
    "where": _where,
    "concat": _concat,
    "concatenate": _concat,
    "stack": _stack,
    "expand_dims": _expand_dims,
    "take": _take,
    "broadcast_to": _broadcast_to,
    "clip": _clip,
    "flip": _flip,
    "einsum": _einsum,
    "asarray": _asarray,
    "array": _asarray,
    "astype": lambda z, dtype, **_: z.astype(dtype),
    "atleast_1d": lambda z: z,
    "copy": lambda z: z,
    "reshape": lambda z, shape: z.reshape(shape),
    "transpose": lambda z, axes=None: z.transpose(*(axes or ())),
    "moveaxis": _moveaxis,
    "swapaxes": lambda z, one, other: z.swapaxes(one, other),
    "matmul": lambda a, b: _product(a, b),
    "zeros_like": lambda z: z * 0,
    "shape": lambda z: z.shape,
    "ndim": lambda z: z.ndim,
}  # fmt: skip


def _full(shape: Any, value: Any, dtype: Any = None, device: Any = None) -> Any:
    """A constant; along the samples it has one row, which stands for all."""
    sizes = shape if isinstance(shape, (tuple, list)) else (shape,)
    return np.full([1 if isinstance(s, Samples) else s for s in sizes], value, dtype=dtype)


_MADE: dict[str, Function] = {
    "vectorize": _vectorize,
    "full": _full,
    "zeros": lambda shape, dtype=None, device=None: _full(shape, 0, dtype),
    "ones": lambda shape, dtype=None, device=None: _full(shape, 1, dtype),
}
SPACE = Space()


def _arg_max(z: Traced, axis: int) -> Traced:
    """The place of the largest along an axis; of equal ones the first."""
    axis %= z.ndim
    shape = [s for i, s in enumerate(z.shape) if i != axis]
    return z.made("ArgMax", [z.name], shape, np.int64, axis=axis, keepdims=0)


def _log_sum(a: Any, b: Any) -> Traced:
    """log(exp(a) + exp(b)) without overflow."""
    larger = _two("Max", a, b)
    return larger + _elementwise("Log")(_elementwise("Exp")(_two("Min", a, b) - larger) + 1)


def for_graphs(function: Any) -> Any:
    """A function of arrays whose own names for NumPy stand for `SPACE`; printed helpers that it calls likewise."""
    if not isinstance(function, FunctionType) or not any(value is np for value in function.__globals__.values()):
        return function
    known: dict[str, Any] = {
        name: _space(value) if value is np or _printed(value) else value for name, value in function.__globals__.items()
    }
    twin = FunctionType(function.__code__, known, function.__name__, function.__defaults__, function.__closure__)
    twin.__kwdefaults__ = function.__kwdefaults__
    return twin


def _printed(value: Any) -> bool:
    return isinstance(value, FunctionType) and value.__code__.co_filename.startswith("<helpers")


def _space(value: Any) -> Any:
    if value is np:
        return SPACE
    return FunctionType(value.__code__, {**value.__globals__, "np": SPACE}, value.__name__, value.__defaults__)
