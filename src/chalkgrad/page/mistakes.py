"""The usual mistakes of a program's lines, as further lines that a page can compute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..base.errors import ChalkgradError
from ..diagnosis.slips.slip import Slip
from ..diagnosis.slips.usual import slips
from ..explain.trace import Trace
from ..formula import Shape
from ..program import Program
from .lines import formula_record, line_of

MOST_NUMBERS = 2_000
"""A pass of more numbers than this has no mistakes in its page: they are computed element by element."""
MOST = 160
"""The most mistakes of a page; the rest are the least usual."""


def mistake_records(trace: Trace) -> list[dict[str, Any]]:
    """The usual mistakes that a page can show, in the order of the lines; none for a large pass.

    Each has its words, the value that comes out wrong, and a line to compute it, or a factor of the right one.

    Args:
        trace: the pass.
    """
    program = trace.program
    if sum(trace[name].size for name in trace) > MOST_NUMBERS:
        return []
    samples = len(trace["y"])
    shapes = program.shapes
    found: list[tuple[float, dict[str, Any]]] = []
    said: set[tuple[str, str]] = set()
    for slip in slips(program, None, samples):
        if slip.further or slip.members or slip.carried.name != "COMPUTED":
            continue
        record = _record(slip, program, shapes)
        if record is not None and (slip.output, slip.text) not in said:
            said.add((slip.output, slip.text))
            found.append((slip.weight, record))
    usual = sorted(found, key=lambda pair: pair[0])[:MOST]
    kept = {id(record) for _, record in usual}
    return [record for _, record in found if id(record) in kept]


def _record(slip: Slip, program: Program, shapes: Mapping[str, Shape]) -> dict[str, Any] | None:
    known = {"output": slip.output, "words": slip.text}
    if slip.factor is not None:
        return {**known, "factor": slip.factor}
    if slip.mistaken is None or slip.mistaken.formula is None:
        return None
    order = {step.output: place for place, step in enumerate(program)}
    late = [i for i in slip.mistaken.inputs if i in order and order[i] >= order[slip.output]]
    if late and slip.output not in program.recurrent:
        return None  # it takes what is computed after it
    try:
        return {**known, "line": formula_record(line_of(slip.mistaken, shapes))}
    except (ChalkgradError, KeyError):
        return None  # its shapes do not fit here
