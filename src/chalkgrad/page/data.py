"""The data of a page: a program's lines and values, the numbers that it begins with, and names for them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..base.errors import OptionError
from ..explain.trace import Trace
from ..program import Role
from ..render.glyphs import label_glyph
from .javascript import functions_of
from .lines import line_of, line_record, number, segment_records, value_records

LISTED = 64
"""An array of so many numbers at most is a list in the page; a larger one is stored as bytes."""
MOST_NUMBERS = 2_000_000
"""The most numbers of one pass that a page computes."""
CLOCKS = ("clock", "t")


@dataclass(frozen=True)
class PageData:
    """What a page is made of.

    Attributes:
        table: the lines, the values and the first numbers, as JSON.
        functions: the lines' functions, the text of a JavaScript object.
    """

    table: dict[str, Any]
    functions: str


def page_data(trace: Trace, title: str, text: str = "") -> PageData:
    """The data of a page that begins with the numbers of a pass.

    Args:
        trace: the pass, with its update where the page is to train.
        title: the page's heading.
        text: a paragraph below it; may be empty.

    Raises:
        OptionError: where the pass is too large for a page, or a line cannot be computed in one.
    """
    program = trace.program
    total = sum(trace[name].size for name in trace)
    if total > MOST_NUMBERS:
        raise OptionError(
            f"the page would compute {total:,} numbers in a pass, more than {MOST_NUMBERS:,}: give it fewer samples"
        )
    shapes = program.shapes
    lines = [line_of(step, shapes) for step in program]
    given = [n for n in program.values if n in trace and n not in program.by_output]
    labels = dict(trace.labels)
    table = {
        "title": title,
        "text": text,
        "samples": len(trace["y"]),
        "dtype": str(next(trace[n].dtype for n, v in program.values.items() if v.role is Role.PARAMETER)),
        "values": value_records(program, {name: trace[name].shape for name in trace}),
        "lines": [line_record(line) for line in lines],
        "segments": segment_records(program, [line.output for line in lines]),
        "aliases": dict(program.aliases),
        "labels": labels,
        "labelGlyphs": _glyphs(labels),
        "numbers": {name: stored(trace[name]) for name in given},
        "clocks": [name for name in CLOCKS if name in given],
    }
    functions = functions_of([line for line in lines if line.step.formula is not None], shapes, program.recurrent)
    return PageData(table, functions)


def _glyphs(labels: Mapping[str, str]) -> dict[str, Any]:
    parts = {label: label_glyph(label) for label in labels.values()}
    return {label: asdict(part) if part is not None else None for label, part in parts.items()}


def stored(array: np.ndarray[Any, Any]) -> Any:
    """An array's numbers, row by row, for the page: a list, or bytes in base64 under their kind.

    The kinds are u8 (whole numbers up to 255), f32 and f64, in little-endian order.
    """
    flat = np.ravel(array)
    if flat.size <= LISTED:
        return [number(float(value)) if np.isfinite(value) else number(float(value))[1] for value in flat]
    whole = bool(np.isfinite(flat).all()) and bool((flat == np.floor(flat)).all())
    if whole and flat.min() >= 0 and flat.max() <= 255:
        return {"u8": base64.b64encode(flat.astype(np.uint8).tobytes()).decode("ascii")}
    kind, dtype = ("f32", "<f4") if flat.dtype == np.float32 else ("f64", "<f8")
    return {kind: base64.b64encode(flat.astype(dtype).tobytes()).decode("ascii")}
