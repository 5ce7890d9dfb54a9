"""A compiled program that can be called: its state as the C side knows it, and its buffers."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from ....data.class_numbers import ClassNumbers
from ....data.pixels import Pixels
from ...blas import most_threads
from ...room import aligned, readable, roomy
from ..print.source import Source
from ..schedule.buffers import fetch, places
from .compiler import Built
from .workers import Call

Array = np.ndarray[Any, Any]
FUNCTIONS = ("train", "together")
"""The functions of a compiled program that are called."""


def threads() -> int:
    """The number of threads that compute: the processors of this process, or as the environment says."""
    limit = most_threads()
    if limit is not None:
        return limit
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def rows_of(x: Array | Pixels | ClassNumbers) -> Array:
    """The samples as one block of memory, row after row: bytes, or class numbers, where they are kept as these."""
    if isinstance(x, ClassNumbers):
        return x.numbers
    return np.ascontiguousarray(x.stored if isinstance(x, Pixels) else x)


class CompiledProgram:
    """A compiled program with its buffers.

    Args:
        source: the C file.
        built: its compiled form.
        count: the number of threads that compute.
    """

    def __init__(self, source: Source, built: Built, count: int) -> None:
        self.source = source
        self.built = built
        parts = source.parts
        self.count = min(count, parts)
        sizes, real = source.sizes, source.real
        self._carried = aligned(sizes["carried"], real)
        batch = aligned(sizes["batch"], real)
        chunk = aligned(sizes["chunk"] * self.count, real)
        part = aligned(sizes["part"] * parts, real)
        own = aligned(sizes["own"] * self.count, real)
        numbers = aligned(max(sizes["numbers"], 1) * self.count, np.float64)
        part_numbers = aligned(max(sizes["numbers"], 1) * parts, np.float64)
        rows = {n: aligned(source.batch * self.count, np.int64) for n in source.given}
        buffers = {f"{n}_read": aligned(size, real) for n, size in (("x", sizes["read"]), ("y", sizes["rows"])) if size}
        if sizes["nonzero"]:
            buffers["nonzero"] = aligned(sizes["nonzero"] * self.count, np.uint32)
            buffers["rows_ahead"] = aligned(source.batch * self.count, np.int64)
        self.kept: dict[str, Any] = {
            "batch": batch, "chunk": chunk, "part": part, "own": own, "numbers": numbers, "part_numbers": part_numbers,
            **buffers, **{f"rows_of_{n}": r for n, r in rows.items()},
        }  # fmt: skip
        fields: list[tuple[str, Any]] = [
            ("order", ctypes.c_void_p), ("count", ctypes.c_int64), ("between", ctypes.c_int64),
            ("at", ctypes.c_int64), ("steps", ctypes.c_int64), ("done", ctypes.c_int64),
            ("clock", ctypes.c_double), ("t", ctypes.c_double), ("rate", ctypes.c_double),
            ("rates", ctypes.c_void_p), ("stop_below", ctypes.c_double), ("losses", ctypes.c_void_p),
            ("data_losses", ctypes.c_void_p), ("carried", ctypes.c_void_p), ("batch", ctypes.c_void_p),
            ("chunk", ctypes.c_void_p), ("part", ctypes.c_void_p), ("own", ctypes.c_void_p),
            ("numbers", ctypes.c_void_p), ("part_numbers", ctypes.c_void_p),
            *((n, ctypes.c_void_p) for n in source.given),
            *((f"rows_of_{n}", ctypes.c_void_p) for n in source.given),
            *((n, ctypes.c_void_p) for n in buffers),
            *((n, ctypes.c_void_p) for n in source.results),
            *((n, ctypes.c_void_p) for n in source.kept.values()),
            ("stop", ctypes.c_int), ("halt", ctypes.c_int), ("stopped", ctypes.c_int),
            ("waiting", ctypes.c_int), ("turn", ctypes.c_int), ("late", ctypes.c_int64),
        ]  # fmt: skip
        kind = type("Training", (ctypes.Structure,), {"_fields_": fields})
        self.state: Any = kind()
        self.state.carried = self._carried.ctypes.data
        for name, buffer in self.kept.items():
            setattr(self.state, name, buffer.ctypes.data)
        self._places = [
            (name, *place)
            for name, (begin, layout) in source.carried.items()
            for place in places(self._carried, begin, layout)
        ]
        self._seen: dict[str, Array | None] = dict.fromkeys(source.kept)
        self._copies: list[tuple[str, Array]] = []  # of what cannot be read where it lies
        self._address = ctypes.addressof(self.state)
        self.function, self._together = (getattr(built.library, n) for n in FUNCTIONS)
        self.function.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
        self.function.restype = None
        self._together.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
        self._together.restype = ctypes.c_int
        self._call: Call | None = None  # that may be under way: an exception can end the wait for it

    @property
    def carried(self) -> Array:
        """The values that last from step to step."""
        self.settle()
        return self._carried

    def give(self, **arrays: Array) -> None:
        """Sets pointers of the state to arrays, which are kept."""
        self.settle()
        for name, array in arrays.items():
            self.kept[name] = array
            setattr(self.state, name, array.__array_interface__["data"][0])  # quicker than array.ctypes.data

    def load(self, values: Mapping[str, Array]) -> None:
        """Puts the carried values into their buffer."""
        self.settle()
        for name, view, part in self._places:
            view[...] = values[name][part]
        for name, seen in self._seen.items():
            if values[name] is not seen:
                self._find(name, values[name])
        for name, copy in self._copies:
            copy[...] = values[name]

    def _find(self, name: str, value: Array) -> None:
        """Has a value read where it lies, or where it is copied to in every call."""
        self._seen[name] = value
        self._copies = [(other, copy) for other, copy in self._copies if other != name]
        place = value
        if not readable(value, self.source.real):
            place = roomy(value.size, self.source.real).reshape(value.shape)
            self._copies.append((name, place))
        self.kept[name] = place
        setattr(self.state, self.source.kept[name], place.ctypes.data)

    def fetch(self, name: str, into: Array) -> None:
        """Reads one carried value."""
        begin, layout = self.source.carried[name]
        fetch(self.carried, begin, layout, into)

    def call(self) -> bool:
        """Runs the program on its threads, or on fewer where not all can be had; the numbers are the same.

        Returns:
            Whether the user interrupted it: it then ended after the step that it was in.
        """
        self._call = Call(self._together, self.state, self.count, self)
        exception = self.settle()
        if exception is not None and not isinstance(exception, KeyboardInterrupt):
            raise exception
        return exception is not None

    def settle(self) -> BaseException | None:
        """Waits for the end of a call that is under way; returns what came meanwhile."""
        if self._call is None:
            return None
        exception = self._call.run()
        self._call = None
        return exception

    def call_here(self) -> None:
        """Runs the program on this thread alone."""
        self.function(self._address, 0, 1)
