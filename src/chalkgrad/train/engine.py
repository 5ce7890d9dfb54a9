"""The engine that a training runs on, and how it was chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..base.checks import as_table
from ..engines.choice import compiled_wanted
from ..engines.numpy.steps import NumPySteps
from ..engines.stepping import MOST_THREADS, Steps
from ..engines.work import worth
from ..files.checkpoint import Checkpoint


def steps_of(
    engine: str,
    expected: float,
    found: Checkpoint | None,
    title: str,
    arguments: tuple[Any, ...],
    *,
    check_finite: bool,
) -> Steps:
    """The steps of the engine that was asked for, or that the work is worth.

    Args:
        engine: "auto", "numpy" or "compiled".
        expected: about how many seconds the training would take on the reference engine.
        found: the checkpoint that is gone on from, if any: the same engine, and as many parts, give the same bits.
        title: the first line of a C file.
        arguments: what the steps are made with (`NumPySteps`, `CompiledSteps`).
        check_finite: whether every value is looked at, which the reference engine does.

    Raises:
        OptionError: where the engine is not known, or cannot be used.
    """
    before: Mapping[str, Any] = (as_table(found.table.get("engine")) if found else None) or {}
    compiled, parts = before.get("compiled"), before.get("parts")
    if found and engine == "auto":
        expected = math.inf if compiled else 0.0
    why = ""
    if compiled_wanted("fit", engine, expected, worth(arguments[0])):
        from ..engines.c.run.compiler import CompilerError, patience
        from ..engines.c.run.training import CompiledSteps

        split = max(1, min(parts, MOST_THREADS)) if compiled and isinstance(parts, int) else None
        try:
            return CompiledSteps(*arguments, title=title, parts=split, patience=patience(engine, expected))
        except CompilerError as error:
            if engine == "compiled":
                raise
            why = f" ({error})"
    made = NumPySteps(*arguments, check_finite=check_finite)
    made.name += why
    return made
