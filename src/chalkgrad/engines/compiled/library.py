"""Calling a compiled program: its state as the C side knows it, its buffers, and the threads that run it."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from functools import cache
from queue import SimpleQueue
from typing import Any

import numpy as np

from ...pixels import Pixels
from ..stepping import MOST_THREADS
from .compiler import Built
from .layouts import Layout
from .source import Source

Array = np.ndarray[Any, Any]
THREADS = "CHALKGRAD_THREADS"
"""Names an environment variable that says how many threads there are at most."""


def threads() -> int:
    """How many threads compute: as many as there are processors for this process, or as the environment says."""
    given = os.environ.get(THREADS, "")
    if given.isdecimal() and int(given) > 0:
        return min(int(given), MOST_THREADS)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def rows_of(x: Array | Pixels) -> Array:
    """The samples as one block of memory, row after row: bytes, where they are bytes."""
    return np.ascontiguousarray(x.stored if isinstance(x, Pixels) else x)


def move_apart(number: int, count: int) -> None:
    """Moves this thread, of as many as there are processors, to one of its own, where it is not held.

    Threads that wake on one processor and wait for each other by turns, microseconds each, may stay together for tens
    of milliseconds: Linux moves no thread that ran just now.
    """
    if count == 1 or not hasattr(os, "sched_setaffinity"):
        return
    allowed = os.sched_getaffinity(0)  # 0: of this thread
    if count == len(allowed):
        with suppress(OSError):
            os.sched_setaffinity(0, {sorted(allowed)[number]})
            os.sched_setaffinity(0, allowed)


class _Call:
    """One call of a compiled program, until it is done."""

    def __init__(self, function: Callable[..., None], address: int, count: int) -> None:
        self.function, self.address, self.count = function, address, count
        self.taken = False
        self.done = threading.Event()

    def run(self, pool: ThreadPoolExecutor) -> None:
        """Runs it on this thread and others."""
        others = [pool.submit(self.compute, k) for k in range(1, self.count)]
        self.compute(0)
        wait(others)

    def compute(self, number: int) -> None:
        move_apart(number, self.count)
        self.function(self.address, number, self.count)


@cache
def _calls() -> SimpleQueue[_Call]:
    """Where calls are left for the thread that serves them, one after another.

    An interruption reaches the main thread wherever it is, also in the middle of starting threads that then wait for
    each other, and use buffers. So a thread of its own starts them, which nothing interrupts.
    """
    calls: SimpleQueue[_Call] = SimpleQueue()

    def serve() -> None:
        pool = ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="chalkgrad")
        while True:
            call = calls.get()
            if not call.taken:  # an interruption may have left it here twice
                call.taken = True
                try:
                    call.run(pool)
                finally:
                    call.done.set()

    threading.Thread(target=serve, name="chalkgrad", daemon=True).start()
    return calls


if hasattr(os, "register_at_fork"):  # a child process has none of its parent's threads
    os.register_at_fork(after_in_child=_calls.cache_clear)


def aligned(count: int, dtype: Any) -> Array:
    """Zeros that begin at a multiple of 64 bytes."""
    size = np.dtype(dtype).itemsize
    raw = np.zeros(count * size + 64, np.uint8)
    begin = -raw.ctypes.data % 64
    return raw[begin : begin + count * size].view(dtype)


def strided(buffer: Array, begin: int, layout: Layout) -> Array:
    """A value in its buffer as an array of its own shape; writing into it writes into the buffer."""
    size = buffer.itemsize
    if layout.block is None:
        return np.lib.stride_tricks.as_strided(
            buffer[begin + layout.offset :], layout.shape, tuple(s * size for s in layout.strides)
        )
    rows, columns = layout.shape
    blocks = -(-columns // layout.block)
    strides = tuple(s * size for s in (layout.strides[0], layout.block_stride, 1))
    return np.lib.stride_tricks.as_strided(buffer[begin:], (rows, blocks, layout.block), strides)


def places(buffer: Array, begin: int, layout: Layout) -> list[tuple[Array, Any]]:
    """Where a value lies in its buffer: views of it, each with the part of the value that stands there."""
    view = strided(buffer, begin, layout)
    if layout.block is None:
        return [(view, ...)]
    found: list[tuple[Array, Any]] = []
    for block in range(view.shape[1]):
        first, last = block * layout.block, min((block + 1) * layout.block, layout.shape[1])
        found.append((view[:, block, : last - first], (slice(None), slice(first, last))))
    return found


def store(buffer: Array, begin: int, layout: Layout, value: Array) -> None:
    """Writes a value into its buffer."""
    for view, part in places(buffer, begin, layout):
        view[...] = value[part]


def fetch(buffer: Array, begin: int, layout: Layout, into: Array) -> None:
    """Reads a value out of its buffer."""
    for view, part in places(buffer, begin, layout):
        into[part] = view


class Program:
    """A compiled program with its buffers.

    Args:
        source: what was printed.
        built: what was compiled.
        count: how many threads compute.
    """

    def __init__(self, source: Source, built: Built, count: int) -> None:
        self.source = source
        self.built = built
        parts = source.parts
        self.count = min(count, parts)
        sizes, real = source.sizes, source.real
        self.carried = aligned(sizes["carried"], real)
        batch = aligned(sizes["batch"], real)
        chunk = aligned(sizes["chunk"] * self.count, real)
        part = aligned(sizes["part"] * parts, real)
        own = aligned(sizes["own"] * self.count, real)
        numbers = aligned(max(sizes["numbers"], 1) * self.count, np.float64)
        part_numbers = aligned(max(sizes["numbers"], 1) * parts, np.float64)
        rows = {n: aligned(source.batch * self.count, np.int64) for n in source.given}
        read = {"x_read": aligned(sizes["read"], real)} if sizes["read"] else {}
        if sizes["nonzero"]:
            read["nonzero"] = aligned(sizes["nonzero"] * self.count, np.uint32)
            read["rows_ahead"] = aligned(source.batch * self.count, np.int64)
        self.kept: dict[str, Any] = {"batch": batch, "chunk": chunk, "part": part, "own": own, "numbers": numbers,
                     "part_numbers": part_numbers, **read, **{f"rows_of_{n}": r for n, r in rows.items()}}  # fmt: skip
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
            *((n, ctypes.c_void_p) for n in read),
            *((n, ctypes.c_void_p) for n in source.results),
            ("stop", ctypes.c_int), ("halt", ctypes.c_int), ("stopped", ctypes.c_int),
            ("waiting", ctypes.c_int), ("turn", ctypes.c_int), ("late", ctypes.c_int64),
        ]  # fmt: skip
        kind = type("Training", (ctypes.Structure,), {"_fields_": fields})
        self.state: Any = kind()
        self.state.carried = self.carried.ctypes.data
        for name, buffer in self.kept.items():
            setattr(self.state, name, buffer.ctypes.data)
        self._places = [
            (name, *place)
            for name, (begin, layout) in source.carried.items()
            for place in places(self.carried, begin, layout)
        ]
        self.function = built.library.train
        self.function.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
        self.function.restype = None

    def give(self, **arrays: Array) -> None:
        """Sets pointers of the state to arrays, which are kept."""
        for name, array in arrays.items():
            self.kept[name] = array
            setattr(self.state, name, array.__array_interface__["data"][0])  # quicker than array.ctypes.data

    def load(self, values: Mapping[str, Array]) -> None:
        """Puts the carried values into their buffer."""
        for name, view, part in self._places:
            view[...] = values[name][part]

    def fetch(self, name: str, into: Array) -> None:
        """Reads one carried value."""
        begin, layout = self.source.carried[name]
        fetch(self.carried, begin, layout, into)

    def call(self) -> bool:
        """Runs the program on its threads.

        Returns:
            Whether the user interrupted it: it then ended after the step that it was in.
        """
        call = _Call(self.function, ctypes.addressof(self.state), self.count)
        left, interrupted = False, False
        while not call.done.is_set():
            try:
                if interrupted:
                    self.state.stop = 1
                if not left:
                    _calls().put(call)
                    left = True
                call.done.wait()
            except KeyboardInterrupt:
                interrupted = True
        return interrupted

    def call_here(self) -> None:
        """Runs the program on this thread alone."""
        self.function(ctypes.addressof(self.state), 0, 1)
