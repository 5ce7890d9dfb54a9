"""Arrays that record operations on them: each call of NumPy, ready to be made again on the same memory.

A rule works on the arrays of any library, and these are one more: each stands for a NumPy array, and what a rule does
with it is done at once and written down as a line: a NumPy function with its operands and the array that the result
goes to. Calling the lines again computes the same, bit by bit, from what then lies in that memory: without the rule's
Python, without looking anything up, without new memory.

What is known beforehand is not written down: what only depends on shapes and settings, and what was computed before. A
rule cannot look at a value, which would be that of one step only: it gets an error, and is called anew in each step.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn, Protocol

import numpy as np

Array = np.ndarray[Any, Any]
Line = Callable[[], object]


class NotRecordedError(TypeError):
    """A rule did what cannot be recorded."""


def _refuse(self: object, *_: object) -> NoReturn:
    raise NotRecordedError("the value of one step says nothing of the next")


class Recorder(Protocol):
    """The recorder of values: the lines, and the calls that make new values."""

    lines: list[Line]

    def now(self, line: Line) -> None: ...
    def call(self, ufunc: np.ufunc, *operands: Any) -> Recorded: ...
    def number(self, python: Callable[..., Any], *operands: Any) -> Number: ...
    def copied(self, x: Recorded, copy: Array) -> Recorded: ...


class Memory:
    """The memory that several arrays may share.

    Attributes:
        constant: the same in every step.
        written: changed in place, so that what it held before is no longer known.
        fill: makes it what it was, before it is changed in place.
    """

    __slots__ = ("constant", "fill", "written")

    def __init__(self, *, constant: bool = False, fill: Line | None = None) -> None:
        self.constant = constant
        self.written = False
        self.fill = fill


class Value:
    """Base of recorded arrays and numbers: their operators."""

    __array_ufunc__ = None  # NumPy's arrays leave an operation to these
    __slots__ = ()
    __hash__ = None  # pyright: ignore[reportAssignmentType]
    __array__ = __bool__ = __float__ = __int__ = __index__ = __len__ = __iter__ = _refuse


class Number(Value):
    """A number that is new in every step (the learning rate), or is computed from such.

    Numbers among themselves are computed by Python, as without a recording; beside an array they take its dtype.
    """

    __slots__ = ("arrays", "calls", "value")

    def __init__(self, calls: Recorder, value: Any) -> None:
        self.calls, self.value = calls, value
        self.arrays: dict[Any, Array] = {}

    def array(self, dtype: Any) -> Array:
        """The number as an array without axes, which the next lines find filled."""
        if dtype not in self.arrays:
            array = self.arrays[dtype] = np.empty((), dtype)

            def fill() -> None:
                array[()] = self.value

            self.calls.now(fill)
        return self.arrays[dtype]


class Recorded(Value):
    """A recorded array.

    Attributes:
        calls: its recorder.
        array: the NumPy array.
        memory: its memory, which other arrays may share.
        lines: makes the lines that compute it, for any array that it may go to; None for what is given, seen, constant.
        last: the last of its lines.
    """

    __slots__ = ("array", "calls", "last", "lines", "memory")

    def __init__(
        self, calls: Recorder, array: Array, memory: Memory, lines: Callable[[Array], list[Line]] | None = None
    ) -> None:
        self.calls, self.array, self.memory, self.lines = calls, array, memory, lines
        self.last = None if lines is None else calls.lines[-1]

    def __array_namespace__(self) -> Recorder:
        return self.calls

    shape = property(lambda self: self.array.shape)
    ndim = property(lambda self: self.array.ndim)
    dtype = property(lambda self: self.array.dtype)
    strides = property(lambda self: self.array.strides)
    T = property(lambda self: self.seen(self.array.T))
    mT = property(lambda self: self.seen(self.array.mT))  # noqa: N815 - its name in the Array API

    def seen(self, array: Array) -> Recorded:
        """The same memory, seen in another way."""
        return Recorded(self.calls, array, self.memory)

    def reshape(self, shape: tuple[int, ...]) -> Recorded:
        array = self.array.reshape(shape)
        return self.seen(array) if np.may_share_memory(array, self.array) else self.calls.copied(self, array)

    def swapaxes(self, first: int, second: int) -> Recorded:
        return self.seen(self.array.swapaxes(first, second))

    def __getitem__(self, at: Any) -> Recorded:
        array: Any = self.array[at]
        if not np.may_share_memory(array, self.array):
            raise NotRecordedError("only what is seen where it lies can be picked")
        return self.seen(array)

    def __setitem__(self, at: Any, value: Recorded) -> None:
        place = self.array[at]
        if place_of(place) != place_of(value.array):  # `a[at] += b` ends with a[at] = a[at]
            self.change()
            self.calls.now(partial(np.copyto, place, value.array))

    def __iadd__(self, other: Recorded) -> Recorded:
        self.change()
        self.calls.now(partial(np.add, self.array, other.array, self.array))
        return self

    def change(self) -> None:
        """Says that its memory is changed by the next line."""
        memory = self.memory
        memory.written, memory.constant = True, False
        if memory.fill is not None:
            self.calls.now(memory.fill)
            memory.fill = None

    def __pow__(self, exponent: float) -> Recorded:
        if exponent == 2:  # as NumPy's arrays do
            return self.calls.call(np.square, self)
        if exponent in (-1, 0, 0.5, 1):
            raise NotRecordedError(f"the power {exponent}")
        return self.calls.call(np.power, self, exponent)

    def __neg__(self) -> Recorded:
        return self.calls.call(np.negative, self)


def _operators() -> None:
    """Gives both kinds of values their operators."""

    def of_arrays(ufunc: np.ufunc) -> Callable[[Recorded, Any], Recorded]:
        return lambda a, b: a.calls.call(ufunc, a, b)

    def of_arrays_reversed(ufunc: np.ufunc) -> Callable[[Recorded, Any], Recorded]:
        return lambda a, b: a.calls.call(ufunc, b, a)

    def of_numbers(python: Callable[[Any, Any], Any]) -> Callable[[Number, Any], Any]:
        return lambda a, b: NotImplemented if isinstance(b, Recorded) else a.calls.number(python, a, b)

    def of_numbers_reversed(python: Callable[[Any, Any], Any]) -> Callable[[Number, Any], Any]:
        return lambda a, b: a.calls.number(python, b, a)

    ufuncs = {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide, "matmul": np.matmul,
        "and": np.bitwise_and, "or": np.bitwise_or,
    }  # fmt: skip
    for name, ufunc in ufuncs.items():
        setattr(Recorded, f"__{name}__", of_arrays(ufunc))
        setattr(Recorded, f"__r{name}__", of_arrays_reversed(ufunc))
    comparisons = {
        "eq": np.equal, "ne": np.not_equal, "gt": np.greater, "ge": np.greater_equal, "lt": np.less,
        "le": np.less_equal,
    }  # fmt: skip
    for name, ufunc in comparisons.items():
        setattr(Recorded, f"__{name}__", of_arrays(ufunc))
        setattr(Number, f"__{name}__", _refuse)
    for name in ("add", "sub", "mul", "truediv", "pow"):
        python = getattr(operator, name)
        setattr(Number, f"__{name}__", of_numbers(python))
        setattr(Number, f"__r{name}__", of_numbers_reversed(python))


_operators()


def place_of(array: Array) -> tuple[Any, ...]:
    """Where an array lies and how it is read: the same for two that are the same."""
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype
