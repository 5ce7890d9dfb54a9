"""A worksheet: an exercise with its sheet and its solution; made from a worked example, or read from a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.checks import as_list, as_table, number, whole
from ..base.checks import seed as check_seed
from ..base.errors import ChalkgradError, DataError, OptionError, nearest
from ..examples.example import Example
from ..model.saved import read_toml
from ..render.board import Board
from ..render.shown import Displayed
from .blanks import choose
from .draw import draw
from .example_table import table_of
from .exercise import Blank, Exercise
from .sheet import sheet_board
from .solution import solution_board

MOST_POINTS = 1_000_000.0
"""The most points of a blank: more is a slip."""
KEYS = ("title", "seed", "digits", "blanks", "example")
MOST_DIGITS = 10
MOST_STEPS = 1000
"""So many updates at most are made before a sheet's step."""


@dataclass(frozen=True, eq=False)
class Worksheet(Exercise, Displayed):
    """An exercise with its sheet and its solution. Its attributes are those of `Exercise`."""

    def board(self, *, hints: bool = False) -> Board:
        """The sheet that is filled in; `hints` shows the formula of every blank."""
        return sheet_board(self, hints=hints)

    def solution(self) -> Board:
        """The sheet with its numbers and how they come about."""
        return solution_board(self)

    def __repr__(self) -> str:
        return f"<worksheet {self.title!r}: {len(self.blanks)} blanks, {self.points:g} points>"


def make_worksheet(
    example: Example,
    *,
    blanks: Sequence[str] | None = None,
    kind: str | None = None,
    seed: int | None = None,
    digits: int = 4,
    points: float = 1.0,
    step: int | None = None,
) -> Worksheet:
    """An exercise from a worked example: a step of its training.

    Args:
        example: the worked example.
        blanks: values ("dW1"), elements ("dW1[0, 0]") and labels ("dw1", "w1_new") that are left blank.
        kind: all of a kind: "forward", "loss", "backward", "update", "gradients" (of the parameters), "all". Without
            both, the backward pass and the update of a small network, the parameters' gradients of a larger one.
        seed: draws fresh round numbers of the same shapes; the example's own if not given.
        digits: how many significant digits are asked for.
        points: what every blank is worth.
        step: which step of the training, the example's first if not given; but with fresh numbers the second, where
            the update is asked for and the optimizer carries something on: in the first its momentum does nothing.

    Raises:
        UnknownNameError, ShapeError, OptionError: where a blank, a kind or a setting is invalid.
        DataError: where nothing is left blank, or no draw makes a good exercise.
    """
    _check_digits(digits)
    points = number("worksheet", "points", points, 0.0, MOST_POINTS)
    frozen = example.network.frozen
    first = example.steps_before + 1
    if step is not None and whole("worksheet", "step", step, first) - first > MOST_STEPS:
        raise OptionError(f"worksheet: step is at most {first + MOST_STEPS}; it is {step}")
    if seed is None:
        moment = example.at(0 if step is None else step - first)
        table = table_of(moment, digits + 2)
        sheet = Worksheet(example.title, table, (), digits)
        places = choose(sheet.trace, frozen, blanks, kind)
    else:
        check_seed("worksheet", seed)
        trace = example.trace()
        places = choose(trace, frozen, blanks, kind)  # faults of the blanks come before any draw
        if step is None:
            updates = {s.output for s in trace.program.part("update")}
            carries = any(trace.program.values[n].of in trace.program.kept for n in updates)
            step = first + (carries and first == 1 and any(a.name in updates for a in places))
        table = draw(example, table_of(example, digits + 2), seed, places, digits, after=step - first)
    return Worksheet(example.title, table, tuple(Blank(a, points) for a in places), digits, seed)


def read_worksheet(path: str | Path) -> Worksheet:
    """The worksheet in a worksheet.toml.

    Raises:
        CheckpointError: where the file is missing or no TOML.
        ChalkgradError: where it describes no worksheet; the message names the file.
    """
    path = Path(path)
    return as_worksheet(read_toml(path), path)


def as_worksheet(table: Mapping[str, Any], path: str | Path) -> Worksheet:
    """The worksheet that a table describes, as a worksheet.toml has it.

    Args:
        table: the table.
        path: where it is from, for messages.

    Raises:
        ChalkgradError: where it describes no worksheet; the message names where it is from.
    """
    if "blanks" not in table and {"x", "layers"} <= set(table):
        raise DataError(f"{path} is a worked example, no worksheet; make one with chalkgrad worksheet {path} --out DIR")
    for key in table:
        if key not in KEYS:
            raise DataError(f"{path}: there is no key {key!r}; {nearest(key, KEYS)}")
    for key in ("blanks", "example"):
        if key not in table:
            raise DataError(f"{path} lacks {key}; chalkgrad worksheet writes such files")
    described, entries = as_table(table["example"]), as_list(table["blanks"])
    if described is None or entries is None:
        raise DataError(f"{path}: example must be a table and blanks a list of tables")
    try:
        digits = _check_digits(table.get("digits", 4))
        seed = None if "seed" not in table else check_seed("worksheet", table["seed"])
        title = table.get("title", "")
        if not isinstance(title, str):
            raise DataError(f"title must be text, not {title!r}")
        sheet = Worksheet(title, described, (), digits, seed)
        blanks = tuple(_blank(entry, sheet) for entry in entries)
        places = [b.address for b in blanks]
        for place, address in enumerate(places):
            if address in places[:place]:
                raise DataError(f"{address} is left blank twice")
        order = {a: i for i, a in enumerate(choose(sheet.trace, (), [str(a) for a in places]))}
    except ChalkgradError as error:
        raise type(error)(f"{path}: {error}") from None
    blanks = tuple(sorted(blanks, key=lambda b: order[b.address]))
    return Worksheet(sheet.title or sheet.example.title, described, blanks, digits, seed)


def _blank(entry: object, sheet: Worksheet) -> Blank:
    table = as_table(entry)
    if table is None or not isinstance(table.get("address"), str):
        raise DataError(f'a blank is a table such as {{ address = "dW1[0, 0]", points = 1 }}, not {entry!r}')
    points = number("blank", "points", table.get("points", 1.0), 0.0, MOST_POINTS)
    return Blank(sheet.trace.address(table["address"]), points)


def _check_digits(digits: object) -> int:
    count = whole("worksheet", "digits", digits, 2)
    if count > MOST_DIGITS:
        raise OptionError(f"worksheet: digits are significant digits, 2 to {MOST_DIGITS}; it is {digits!r}")
    return count
