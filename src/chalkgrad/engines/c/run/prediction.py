"""Predictions by the compiled engine: the forward pass for many samples, each thread some of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ....data.pixels import Pixels
from ....program import Program
from ...stepping import Array
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
