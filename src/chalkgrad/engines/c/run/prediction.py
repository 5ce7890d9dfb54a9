"""Predictions by the compiled engine: the forward pass for many samples, each thread some of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ....data.pixels import Pixels
from ....program import Program
from ...stepping import Array
from ...work import AT_HAND
from ..print.source import print_source
from ..schedule.request import prediction_request
from .compiler import PATIENCE, Built, build, compiler
from .library import FUNCTIONS, CompiledProgram, rows_of, threads

BATCH = 1024
"""Samples for which pointers are kept at a time."""
FEW = 64
"""So few samples are computed by the thread that asks for them."""


class CompiledPrediction:
    """A compiled forward pass.

    Args:
        program: the prediction's program.
        carried: parameters and running averages.
        results: the values to compute, "y_hat" or "y_hat" and "l".
        title: the C file's first line.
        dtype: the numbers' type.
        of_bytes: whether x comes as bytes (`Pixels`).
        patience: the most seconds that compiling may take.

    Raises:
        CompilerError: where there is no compiler, or it does not compile.
    """

    def __init__(
        self,
        program: Program,
        carried: Mapping[str, Array],
        results: tuple[str, ...],
        title: str,
        dtype: np.dtype[Any],
        of_bytes: bool = False,
        patience: float = PATIENCE,
    ) -> None:
        count = threads()
        request = prediction_request(program, list(carried), results, BATCH, count, title, dtype, of_bytes=of_bytes)
        source = print_source(request, compiler().machine(dtype.itemsize))
        self.built: Built = build(source.text, patience, FUNCTIONS)
        self._source, self._count = source, count
        self._runs = {k: CompiledProgram(source, self.built, k) for k in {1, count}}
        self._shapes = {n: tuple(s for s in program.shapes[program.resolve(n)] if isinstance(s, int)) for n in results}

    def __call__(self, values: Mapping[str, Array], x: Array | Pixels, y: Array | None = None) -> dict[str, Array]:
        """The results for samples x (N, ...) and targets y, with the parameters in `values`."""
        count = 1 if len(x) <= FEW else self._count
        # taken out while it is used: another thread that asks meanwhile, or whoever asks after an exception, or in a
        # process that was forked, gets buffers of its own, and waits for nobody
        run = self._runs.pop(count, None) or CompiledProgram(self._source, self.built, count)
        samples: dict[str, Any] = {"x": rows_of(x), "y": y if y is None else np.ascontiguousarray(y)}
        results = {n: np.empty((len(x), *shape), run.source.real) for n, shape in self._shapes.items()}
        order = np.arange(len(x), dtype=np.int64)
        rows = {**{n: samples[n] for n in run.source.given}, **{f"{n}_out": a for n, a in results.items()}}
        run.load(values)
        run.give(**rows, order=order)
        run.state.count, run.state.stop = len(x), 0
        if run.count == 1:
            run.call_here()
        elif run.call():
            raise KeyboardInterrupt
        self._runs[count] = run
        return results


class CompiledPredictionOfFew:
    """A compiled forward pass for at most `AT_HAND` samples at a time, which does without all that takes time.

    Parameters are read where they lie, samples are copied into a buffer of its own, and one thread computes. The
    arguments and errors are those of `CompiledPrediction`, and so are the results, to the bit.
    """

    def __init__(
        self,
        program: Program,
        carried: Mapping[str, Array],
        results: tuple[str, ...],
        title: str,
        dtype: np.dtype[Any],
        of_bytes: bool = False,
        patience: float = PATIENCE,
    ) -> None:
        request = prediction_request(
            program, list(carried), results, AT_HAND, 1, title, dtype, of_bytes=of_bytes, in_place=True
        )
        self._source = print_source(request, compiler().machine(dtype.itemsize))
        self.built: Built = build(self._source.text, patience, FUNCTIONS)
        self._shapes = {
            name: tuple(s for s in program.shapes[program.resolve(name)] if isinstance(s, int))
            for name in (*self._source.given, *results)
        }
        self._results, self._of_bytes = results, of_bytes
        self._free = [self._made()]

    def _made(self) -> tuple[CompiledProgram, list[tuple[str, Array]], list[tuple[str, Array]]]:
        """A program with buffers for its samples and for what it computes."""
        run, source = CompiledProgram(self._source, self.built, 1), self._source
        kinds = {n: np.dtype(np.int64) if n in source.ids else source.real for n in source.given}
        if self._of_bytes and "x" in kinds:
            kinds["x"] = np.dtype(np.uint8)
        given = {n: np.zeros((AT_HAND, *self._shapes[n]), kind) for n, kind in kinds.items()}
        made = {n: np.empty((AT_HAND, *self._shapes[n]), source.real) for n in self._results}
        order = np.arange(AT_HAND, dtype=np.int64)
        run.give(**given, **{f"{n}_out": a for n, a in made.items()}, order=order)
        return run, list(given.items()), list(made.items())

    def __call__(self, values: Mapping[str, Array], x: Array | Pixels, y: Array | None = None) -> dict[str, Array]:
        """The results for samples x (N, ...) and targets y, with the parameters in `values`."""
        try:
            own = self._free.pop()  # for the reasons of `CompiledPrediction`
        except IndexError:
            own = self._made()
        run, given, made = own
        count = len(x)
        for name, buffer in given:
            rows = y if name == "y" else x
            buffer[:count] = rows.stored if isinstance(rows, Pixels) else rows
        run.load(values)
        run.state.count = count
        run.call_here()
        results = {name: buffer[:count].copy() for name, buffer in made}
        self._free.append(own)
        return results
