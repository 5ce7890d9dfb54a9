"""Arrays that record what is done with them: each call of NumPy, ready to be made again on the same memory.

A rule works on the arrays of any library, and these are one more: each stands for a NumPy array, and what a rule does
with it is done at once and written down as a line: a NumPy function with its operands and the array that the result
goes to. Calling the lines again computes the same, bit by bit, from what then lies in that memory: without the rule's
Python, without looking anything up, without new memory.

What is known beforehand is not written down: what only depends on shapes and settings, and what was computed before. A
rule cannot look at a value, which would be that of one step only: it gets an error, and is called anew in each step.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn

import numpy as np

Array = np.ndarray[Any, Any]
Line = Callable[[], object]


class NotRecordedError(TypeError):
    """A rule did what cannot be recorded."""


class TooLargeError(MemoryError):
    """What is recorded would keep more memory than it is worth."""


def _refuse(self: object, *_: object) -> NoReturn:
    raise NotRecordedError("the value of one step says nothing of the next")


class Memory:
    """What all that see the same memory have in common.

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
    """What arrays and numbers have in common: operators."""

    __array_ufunc__ = None  # NumPy's arrays leave an operation to these
    __slots__ = ()
    __hash__ = None  # pyright: ignore[reportAssignmentType]
    __array__ = __bool__ = __float__ = __int__ = __index__ = __len__ = __iter__ = _refuse


class Number(Value):
    """A number that is given anew in every step (the learning rate), or that is computed from such.

    Numbers among themselves are computed by Python, as without a recording; beside an array they take its dtype.
    """

    __slots__ = ("arrays", "calls", "value")

    def __init__(self, calls: Calls, value: Any) -> None:
        self.calls, self.value = calls, value
        self.arrays: dict[Any, Array] = {}

    def array(self, dtype: Any) -> Array:
        """The number as an array without axes, which the next lines find filled."""
        if dtype not in self.arrays:
            made = self.arrays[dtype] = np.empty((), dtype)

            def fill() -> None:
                made[()] = self.value

            self.calls.now(fill)
        return self.arrays[dtype]


class Recorded(Value):
    """An array.

    Attributes:
        calls: where it is written down.
        array: its memory.
        memory: what it shares with all that see this memory.
        lines: makes the lines that compute it, for any array that it may go to; None for what is given, seen, constant.
        last: the last of its lines.
    """

    __slots__ = ("array", "calls", "last", "lines", "memory")

    def __init__(
        self, calls: Calls, array: Array, memory: Memory, lines: Callable[[Array], list[Line]] | None = None
    ) -> None:
        self.calls, self.array, self.memory, self.lines = calls, array, memory, lines
        self.last = None if lines is None else calls.lines[-1]

    def __array_namespace__(self) -> Calls:
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

    def __getitem__(self, at: Any) -> Recorded:
        array: Any = self.array[at]
        if not np.may_share_memory(array, self.array):
            raise NotRecordedError("only what is seen where it lies can be picked")
        return self.seen(array)

    def __setitem__(self, at: Any, value: Recorded) -> None:
        there = self.array[at]
        if _place(there) != _place(value.array):  # `a[at] += b` ends with a[at] = a[at]
            self.change()
            self.calls.now(partial(np.copyto, there, value.array))

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


def _place(array: Array) -> tuple[Any, ...]:
    """Where an array lies and how it is read: the same for two that are the same."""
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype


class Calls:
    """NumPy's functions, as a rule finds them (`rules.arrays.namespace`), and the lines that were recorded.

    Args:
        scratch: the arrays that the results of an earlier recording of the same steps went to, to be used again.
        most: as many bytes may be kept.

    Attributes:
        lines: to be called in order.
        made: the array of every result, in order; None where it was given another place.
    """

    records_numpy = True

    def __init__(self, scratch: Sequence[Array | None] = (), most: float = np.inf) -> None:
        self.lines: list[Line] = []
        self.made: list[Array | None] = []
        self._scratch = scratch
        self._most = most
        self._known: dict[Any, Recorded] = {}
        self._numbers: dict[Any, Number] = {}
        self._constants: dict[Any, Array] = {}

    # -- recording ---------------------------------------------------------------------------------------------------

    def now(self, line: Line) -> None:
        """Calls a line, and writes it down."""
        line()
        self.lines.append(line)

    def given(self, array: Array) -> Recorded:
        """An array whose values are given anew in every step, in the same memory."""
        return Recorded(self, array, Memory())

    def place(self, compute: Callable[[], Any], write: Callable[[Array], list[Line]]) -> Array:
        """Computes a result: into the memory that it had in an earlier recording, or into memory of its own."""
        before = self._scratch[len(self.made)] if len(self.made) < len(self._scratch) else None
        if before is None:
            before = np.asarray(compute())
            self._most -= before.nbytes
            if self._most < 0:
                raise TooLargeError
        else:
            for line in write(before):
                line()
        self.made.append(before)
        return before

    def _result(
        self, key: Any, operands: Sequence[Memory], compute: Callable[[], Any], write: Callable[[Array], list[Line]]
    ) -> Recorded:
        """The result of a call: found where it was computed before, and written down unless it is constant.

        Args:
            key: tells calls apart, together with their operands.
            operands: of the memory that is read.
            compute: the call, for the first time.
            write: the lines of the call for the array that the result goes to.
        """
        written = any(o.written for o in operands)
        if not written and key in self._known:
            return self._known[key]
        constant = all(o.constant for o in operands)
        array = self.place(compute, write)
        if not constant:
            self.lines += write(array)
        result = Recorded(self, array, Memory(constant=constant), None if constant else write)
        if not written:
            self._known[key] = result
        return result

    def move(self, result: Recorded, to: Array, since: int) -> None:
        """Has a result written to another array: by the lines that compute it, where they are the last.

        Args:
            result: what is computed.
            to: where it has to go.
            since: before this many lines nobody has seen the result.
        """
        lines = [] if result.lines is None else result.lines(to)
        last = bool(lines) and self.lines[-1] is result.last and len(self.lines) - len(lines) >= since
        if last and self.made[-1] is result.array and not result.memory.written:
            self.lines[-len(lines) :] = lines
            self.made[-1] = None
            np.copyto(to, result.array)
            result.array = to
        else:
            self.now(partial(np.copyto, to, result.array))

    def number(self, python: Callable[..., Any], *operands: Any) -> Number:
        """A number computed from numbers."""
        key = (python, *(id(o) if isinstance(o, Number) else repr(o) for o in operands))
        if key not in self._numbers:
            made = self._numbers[key] = Number(self, None)

            def compute() -> None:
                made.value = python(*[o.value if isinstance(o, Number) else o for o in operands])

            self.now(compute)
        return self._numbers[key]

    def _constant(self, value: Any, dtype: Any) -> Array:
        key = repr(value), dtype
        if key not in self._constants:
            self._constants[key] = np.asarray(value, dtype)
        return self._constants[key]

    def _arrays(self, operands: Sequence[Any]) -> tuple[list[Array], list[Memory]]:
        """The operands as arrays: a number takes the dtype that it has beside them (NEP 50)."""
        beside = next((o.array.dtype for o in operands if isinstance(o, Recorded)), None)
        if beside is None:
            raise NotRecordedError("no array among the operands")
        arrays: list[Array] = []
        memory: list[Memory] = []
        for operand in operands:
            match operand:
                case Recorded():
                    arrays.append(operand.array)
                    memory.append(operand.memory)
                case Number():
                    arrays.append(operand.array(np.result_type(beside, operand.value)))
                    memory.append(Memory())
                case int() | float():
                    arrays.append(self._constant(operand, np.result_type(beside, operand)))
                case _:
                    raise NotRecordedError(f"{type(operand).__name__} beside an array")
        return arrays, memory

    def call(self, ufunc: np.ufunc, *operands: Any) -> Recorded:
        """A function that works element by element, or a matrix product."""
        arrays, memory = self._arrays(operands)

        def write(out: Array) -> list[Line]:
            if ufunc in (np.maximum, np.minimum):  # the two that want it named
                return [partial(ufunc, *arrays, out=out)]
            return [partial(ufunc, *arrays, out)]

        return self._result((ufunc, *map(_place, arrays)), memory, partial(ufunc, *arrays), write)

    def copied(self, x: Recorded, copy: Array) -> Recorded:
        """A copy that lies in one piece: of x's elements in their order, in any shape."""
        return self._result(
            (np.copyto, _place(x.array), copy.shape),
            [x.memory],
            lambda: copy,
            lambda out: [partial(np.copyto, out.reshape(x.array.shape), x.array)],
        )

    def _reduced(self, ufunc: np.ufunc, x: Recorded, axis: Any, keepdims: bool) -> Recorded:
        reduce: Any = ufunc.reduce
        return self._result(
            (ufunc, "reduce", _place(x.array), axis, keepdims),
            [x.memory],
            lambda: reduce(x.array, axis=axis, keepdims=keepdims),
            lambda out: [partial(reduce, x.array, axis, None, out, keepdims)],
        )

    # -- what rules call ---------------------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Callable[..., Recorded]:
        ufunc = getattr(np, name, None)
        if not isinstance(ufunc, np.ufunc):
            raise AttributeError(f"numpy.{name} is not recorded")
        return partial(self.call, ufunc)

    def sum(self, x: Recorded, axis: Any = None, keepdims: bool = False) -> Recorded:
        return self._reduced(np.add, x, axis, keepdims)

    def max(self, x: Recorded, axis: Any = None, keepdims: bool = False) -> Recorded:
        return self._reduced(np.maximum, x, axis, keepdims)

    def mean(self, x: Recorded, axis: Any = None, keepdims: bool = False) -> Recorded:
        total = self.sum(x, axis, keepdims)
        count = x.array.size // max(total.array.size, 1)
        if x.array.dtype.kind != "f" or not 0 < count < 2**24:  # a count that float32 holds as NumPy's integer does
            raise NotRecordedError("the mean of other than floating-point numbers, or of very many")
        return self.call(np.true_divide, total, count)

    def argmax(self, x: Recorded, axis: int) -> Recorded:
        return self._result(
            ("argmax", _place(x.array), axis),
            [x.memory],
            lambda: x.array.argmax(axis),
            lambda out: [partial(x.array.argmax, axis, out)],
        )

    def where(self, condition: Recorded, a: Any, b: Any) -> Recorded:
        (first, second), memory = self._arrays((a, b))
        return self._result(
            ("where", *map(_place, (condition.array, first, second))),
            [condition.memory, *memory],
            lambda: np.where(condition.array, first, second),
            lambda out: [partial(np.copyto, out, second), partial(np.copyto, out, first, where=condition.array)],
        )

    def clip(self, x: Recorded, low: float, high: float) -> Recorded:
        arrays, memory = self._arrays((x, low, high))
        return self._result(
            ("clip", *map(_place, arrays)),
            memory,
            partial(np.clip, *arrays),
            lambda out: [partial(np.clip, *arrays, out)],
        )

    def full(self, shape: tuple[int, ...], value: float, dtype: Any) -> Recorded:
        array = self.place(lambda: np.full(shape, value, dtype), lambda out: [partial(out.fill, value)])
        return Recorded(self, array, Memory(constant=True, fill=partial(array.fill, value)))

    def zeros(self, shape: tuple[int, ...], dtype: Any) -> Recorded:
        return self.full(shape, 0, dtype)

    def arange(self, count: int) -> Recorded:
        return Recorded(self, np.arange(count), Memory(constant=True))

    def broadcast_to(self, x: Recorded, shape: tuple[int, ...]) -> Recorded:
        return x.seen(np.broadcast_to(x.array, shape))

    def ascontiguousarray(self, x: Recorded) -> Recorded:
        return x if x.array.flags.c_contiguous else self.copied(x, np.ascontiguousarray(x.array))

    def ndarray(
        self, shape: tuple[int, ...], dtype: Any, buffer: Recorded, offset: int, strides: tuple[int, ...]
    ) -> Recorded:
        return buffer.seen(np.ndarray(shape, dtype, buffer.array, offset, strides))
