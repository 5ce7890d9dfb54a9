"""NumPy's functions for a rule that is recorded, and the recorded lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from .recorded import Array, Line, Memory, NotRecordedError, Number, Recorded, place_of


class TooLargeError(MemoryError):
    """A recording would keep more memory than it is worth."""


class Calls:
    """NumPy's functions, as a rule finds them (`rules.arrays.namespace`), and the lines that were recorded.

    Args:
        scratch: the arrays of the results of an earlier recording of the same steps, to be used again.
        most: the most bytes that may be kept.

    Attributes:
        lines: the recorded lines, in order.
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
        """Calls a line, and records it."""
        line()
        self.lines.append(line)

    def given(self, array: Array) -> Recorded:
        """An array with new values in every step, in the same memory."""
        return Recorded(self, array, Memory())

    def place(self, compute: Callable[[], Any], write: Callable[[Array], list[Line]]) -> Array:
        """The array of a result, computed into its memory of an earlier recording, or into its own."""
        array = self._scratch[len(self.made)] if len(self.made) < len(self._scratch) else None
        if array is None:
            array = np.asarray(compute())
            self._most -= array.nbytes
            if self._most < 0:
                raise TooLargeError
        else:
            for line in write(array):
                line()
        self.made.append(array)
        return array

    def _result(
        self, key: Any, operands: Sequence[Memory], compute: Callable[[], Any], write: Callable[[Array], list[Line]]
    ) -> Recorded:
        """The result of a call: the earlier one where it was computed before; recorded unless it is constant.

        Args:
            key: tells calls apart, together with their operands.
            operands: of the memory that is read.
            compute: the call, for the first time.
            write: the lines of the call for the array that the result goes to.
        """
        changes = any(o.written for o in operands)
        if not changes and key in self._known:
            return self._known[key]
        constant = all(o.constant for o in operands)
        array = self.place(compute, write)
        if not constant:
            self.lines += write(array)
        result = Recorded(self, array, Memory(constant=constant), None if constant else write)
        if not changes:
            self._known[key] = result
        return result

    def move(self, result: Recorded, to: Array, since: int) -> None:
        """Redirects a result to another array: by the lines that compute it, where they are the last.

        Args:
            result: the result.
            to: the other array.
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
            result = self._numbers[key] = Number(self, None)

            def compute() -> None:
                result.value = python(*[o.value if isinstance(o, Number) else o for o in operands])

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

        return self._result((ufunc, *map(place_of, arrays)), memory, partial(ufunc, *arrays), write)

    def copied(self, x: Recorded, copy: Array) -> Recorded:
        """A copy that lies in one piece: of x's elements in their order, in any shape."""
        return self._result(
            (np.copyto, place_of(x.array), copy.shape),
            [x.memory],
            lambda: copy,
            lambda out: [partial(np.copyto, out.reshape(x.array.shape), x.array)],
        )

    def _reduced(self, ufunc: np.ufunc, x: Recorded, axis: Any, keepdims: bool) -> Recorded:
        reduce: Any = ufunc.reduce
        return self._result(
            (ufunc, "reduce", place_of(x.array), axis, keepdims),
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
            ("argmax", place_of(x.array), axis),
            [x.memory],
            lambda: x.array.argmax(axis),
            lambda out: [partial(x.array.argmax, axis, out)],
        )

    def where(self, condition: Recorded, a: Any, b: Any) -> Recorded:
        (first, second), memory = self._arrays((a, b))
        return self._result(
            ("where", *map(place_of, (condition.array, first, second))),
            [condition.memory, *memory],
            lambda: np.where(condition.array, first, second),
            lambda out: [partial(np.copyto, out, second), partial(np.copyto, out, first, where=condition.array)],
        )

    def clip(self, x: Recorded, low: float, high: float) -> Recorded:
        arrays, memory = self._arrays((x, low, high))
        return self._result(
            ("clip", *map(place_of, arrays)),
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
        array = self._constants.setdefault(("arange", count), np.arange(count))  # kept, as memory tells calls apart
        return Recorded(self, array, Memory(constant=True))

    def broadcast_to(self, x: Recorded, shape: tuple[int, ...]) -> Recorded:
        return x.seen(np.broadcast_to(x.array, shape))

    def ascontiguousarray(self, x: Recorded) -> Recorded:
        return x if x.array.flags.c_contiguous else self.copied(x, np.ascontiguousarray(x.array))

    def ndarray(
        self, shape: tuple[int, ...], dtype: Any, buffer: Recorded, offset: int, strides: tuple[int, ...]
    ) -> Recorded:
        return buffer.seen(np.ndarray(shape, dtype, buffer.array, offset, strides))
