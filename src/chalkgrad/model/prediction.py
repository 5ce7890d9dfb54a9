"""The forward pass as in prediction, by the engine that was asked for or that the work is worth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..data.class_numbers import ClassNumbers
from ..data.pixels import Pixels
from ..engines.choice import compiled_wanted
from ..engines.numpy.runner import Runner
from ..engines.work import AT_HAND, WORTH_PREDICTING, seconds
from ..program import Program

Array = np.ndarray[Any, Any]
CHUNK = 1024
"""How many samples are taken at a time."""
MOST_AT_ONCE = 2**20
"""The most numbers of targets over time that are rows at once."""


class Prediction:
    """A program without dropout and batch statistics, ready to run on any number of samples.

    Args:
        program: the prediction's program.
        carried: parameters and running averages by name, read anew in every run.
        dtype: the numbers' type.
        title: the first line of a C file.
    """

    def __init__(
        self, program: Program, carried: Mapping[str, Array], dtype: np.dtype[Any], title: Callable[[], str]
    ) -> None:
        self.program = program
        self._carried = carried
        self._dtype = dtype
        self._title = title
        self._runners: dict[tuple[str, ...], Runner] = {}
        self._compiled: dict[tuple[tuple[str, ...], bool, bool], Any] = {}
        self._cost: dict[tuple[str, ...], tuple[float, float]] = {}

    def run(
        self, names: tuple[str, ...], x: Array | Pixels, y: Array | None, clock: int, owner: str, engine: str
    ) -> dict[str, Array]:
        """Values of the forward pass, (N, ...) each, of all samples at once.

        Args:
            names: the values.
            x: the samples (N, ...); bytes stay bytes.
            y: their targets (N, ...), where a value depends on them.
            clock: the network's updates so far, plus one.
            owner: who asks, for messages.
            engine: "numpy", "compiled" or "auto".

        Raises:
            OptionError: where the engine is not known, or "compiled" was asked for and there is no compiler.
        """
        compiled = self._compiled_pass(names, x, owner, engine)
        return self._run(names, x, y, clock) if compiled is None else compiled(self._carried, x, y)

    def in_parts(
        self,
        names: tuple[str, ...],
        x: Array | Pixels,
        y: Array | ClassNumbers,
        clock: int,
        owner: str,
        engine: str,
    ) -> Iterator[dict[str, Array]]:
        """The same with targets that are too many as rows: of some samples after the other where they are numbers."""
        if not isinstance(y, ClassNumbers):
            yield self.run(names, x, y, clock, owner, engine)
            return
        compiled = self._compiled_pass(names, x, owner, engine)
        size = min(max(1, MOST_AT_ONCE // math.prod(y.shape[1:])), CHUNK)
        for i in range(0, max(len(x), 1), size):
            part = slice(i, i + size)
            rows = x.rows(part) if isinstance(x, Pixels) else x[part]
            yield self._run(names, rows, y[part], clock) if compiled is None else compiled(self._carried, rows, y[part])

    def _run(self, names: tuple[str, ...], x: Array | Pixels, y: Array | None, clock: int) -> dict[str, Array]:
        """The values of some samples by the reference engine."""
        if names not in self._runners:
            self._runners[names] = Runner(self.program.needed_for(names))
        run = self._runners[names].run
        parts: dict[str, list[Array]] = {name: [] for name in names}
        for i in range(0, len(x), CHUNK):
            inputs: dict[str, Any] = {"x": x[i : i + CHUNK], "clock": clock, **self._carried}
            if y is not None:
                inputs["y"] = y[i : i + CHUNK]
            values = run(inputs)
            for name in names:
                parts[name].append(values[name])
        shapes = {n: [s for s in self.program.shapes[self.program.resolve(n)] if isinstance(s, int)] for n in names}
        return {n: np.concatenate(p) if p else np.zeros((0, *shapes[n]), self._dtype) for n, p in parts.items()}

    def _compiled_pass(self, names: tuple[str, ...], x: Array | Pixels, owner: str, engine: str) -> Any:
        """The compiled forward pass, where it was asked for or is worth its while; else None."""
        kind = names, isinstance(x, Pixels), len(x) <= AT_HAND
        program = self._compiled.get(kind)
        if engine == "compiled" and program is not None and len(x):
            return program
        if engine == "auto" and names not in self._cost:
            steps = self.program.needed_for(names)
            once = seconds(self.program, steps, 0)
            self._cost[names] = once, seconds(self.program, steps, CHUNK) - once
        once, more = self._cost.get(names, (0.0, 0.0))
        if not len(x) or not compiled_wanted(owner, engine, once + more * len(x) / CHUNK, WORTH_PREDICTING):
            return None
        return program or self._compile(kind, engine)

    def _compile(self, kind: tuple[tuple[str, ...], bool, bool], engine: str) -> Any:
        """The forward pass by the compiled engine; None where that was not asked for and there is no compiler."""
        from ..engines.c.run.compiler import CompilerError, patience
        from ..engines.c.run.prediction import CompiledPrediction, CompiledPredictionOfFew

        names, of_bytes, few = kind
        try:
            compiled = (CompiledPredictionOfFew if few else CompiledPrediction)(
                self.program,
                self._carried,
                names,
                self._title(),
                self._dtype,
                of_bytes=of_bytes,
                patience=patience(engine),
            )
        except CompilerError:
            if engine == "compiled":
                raise
            return None
        self._compiled[kind] = compiled
        return compiled
