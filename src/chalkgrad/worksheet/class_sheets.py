"""The sheets of a class: one worksheet with the numbers of many seeds, made on all of the machine's cores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..examples.example import Example
from ..parallel.failure import Failure
from ..parallel.mapped import cores, mapped
from .files import sheet_files, solution_files
from .worksheet import make_worksheet

ALONE = 8
"""So few sheets are made by one process."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What all sheets of a class have alike.

    Attributes:
        example: the worked example.
        formats: those of the sheets and solutions.
        hints: whether the formula of every blank is shown.
        settings: those that `make_worksheet` takes, by name, but for the seed.
    """

    example: Example
    formats: tuple[str, ...]
    hints: bool
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Printed:
    """A sheet as files.

    Attributes:
        seed: that of its numbers; None for the example's own.
        blanks: how many there are.
        points: what they give together.
        files, solution: the texts by name, of the sheet and of its solution.
    """

    seed: int | None
    blanks: int
    points: float
    files: Mapping[str, str]
    solution: Mapping[str, str]


def make_sheets(wanted: Wanted, seeds: Sequence[int | None]) -> Iterator[Printed]:
    """A sheet for each seed, in their order; None is the example's own numbers.

    Raises:
        ChalkgradError: as `make_worksheet`.
    """
    workers = 0 if len(seeds) <= ALONE or cores() < 2 else cores()
    for sheet in mapped(partial(_print, wanted), seeds, workers=workers):
        if isinstance(sheet, Failure):
            raise sheet.error
        yield sheet


def _print(wanted: Wanted, seed: int | None) -> Printed:
    sheet = make_worksheet(wanted.example, seed=seed, **wanted.settings)
    files = sheet_files(sheet, wanted.formats, hints=wanted.hints)
    return Printed(sheet.seed, len(sheet.blanks), sheet.points, files, solution_files(sheet, wanted.formats))
