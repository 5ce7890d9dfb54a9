"""The samples of a table, read in blocks: by NumPy's parser, or line by line where that finds a fault."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from ..base.errors import DataError
from ..base.text import visible
from .cells import DECIMAL_COMMA, is_missing, is_not_finite, number, quoted
from .dataset import Array
from .layout import Layout, check_width, opened

BLOCK = 2**20
"""So many numbers are read at a time."""
MOST_WORDS = 100_000
"""A target column may hold so many different words."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The samples of a table.

    Attributes:
        blocks: arrays (n, columns), float64, one after the other; the target column holds numbers, or the places of its
            words among `words`.
        words: the target's words, in the order of the file; empty where they are all numbers.
    """

    blocks: list[Array]
    words: tuple[str, ...]


def read_rows(path: Path, layout: Layout, target: int, *, mixed: bool = False, as_words: bool = False) -> Rows:
    """The samples of a table, all of them.

    Args:
        path: the file.
        layout: its layout.
        target: the place of the target column.
        mixed: whether words may stand among targets that are mostly numbers.
        as_words: whether targets are read as words even where they are numbers.

    Raises:
        DataError: where a row is longer or shorter than the first, or a cell is no finite number; it names both.
    """
    if not as_words:
        try:
            return Rows(list(_parse(path, layout)), ())
        except (ValueError, csv.Error):  # a word, or a fault
            pass
    if layout.decimal == ".":
        words: dict[str, int] = {}
        try:
            rows = Rows(list(_parse(path, layout, target, words)), tuple(words))
            return _check(path, layout, target, rows, mixed)
        except DataError:
            raise
        except (ValueError, csv.Error):
            pass
    return _check(path, layout, target, _read_slowly(path, layout, target, as_words), mixed)


def _parse(
    path: Path, layout: Layout, target: int | None = None, words: dict[str, int] | None = None
) -> Iterator[Array]:
    """The blocks as NumPy's parser reads them, which takes the numbers that `cells.number` takes.

    Raises:
        ValueError: where it meets anything else.
    """

    def place(text: str) -> float:
        places: dict[str, int] = words if words is not None else {}
        index = places.setdefault(text.strip(), len(places))
        if index >= MOST_WORDS or "\n" in text:
            raise ValueError
        return float(index)

    width = len(layout.titles)
    rows = max(1, BLOCK // width)
    with _lines(path, layout) as lines, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # blank lines, and the file's end
        numbers = _with_points(lines) if layout.decimal == "," else lines
        while True:
            block: Array = np.loadtxt(
                numbers,
                delimiter=layout.separator,
                comments=None,
                quotechar='"',
                converters=None if target is None else {target: place},
                max_rows=rows,
                ndmin=2,
            )
            if not block.size:
                return
            if block.shape[1] != width or not np.isfinite(block).all():
                raise ValueError
            yield block


def _read_slowly(path: Path, layout: Layout, target: int, as_words: bool) -> Rows:
    """The rows as Python's parser reads them, cell by cell; an error says where the fault lies."""
    words: dict[str, int] = {}
    blocks: list[Array] = []
    rows: list[list[float]] = []
    for line, row in _split(path, layout):
        values: list[float] = []
        for column, cell in enumerate(row):
            value = number(cell, layout.decimal)
            if column == target and as_words:
                value = float(words.setdefault(cell.strip(), len(words)))
            elif column == target and value is None:
                return _read_slowly(path, layout, target, as_words=True)
            if value is None:
                text = f"{_place(path, layout, line, column)}: {_no_number(cell, layout)}"
                if cell.strip().isalpha() and not is_missing(cell):
                    text += "; inputs are numbers: give each word a number, or a column of 0 and 1 of its own"
                raise DataError(text)
            values.append(value)
        if len(words) > MOST_WORDS:
            raise DataError(f"{_place(path, layout, line, target)}: more than {MOST_WORDS:,} different words")
        rows.append(values)
        if len(rows) * len(row) >= BLOCK // 8:  # Python's numbers are larger
            blocks.append(np.array(rows))
            rows = []
    return Rows([*blocks, np.array(rows)] if rows else blocks, tuple(words))


def _check(path: Path, layout: Layout, target: int, rows: Rows, mixed: bool) -> Rows:
    """The rows, if the words among their targets are meant: none is missing, and few targets are numbers."""
    others = [w for w in rows.words if number(w, layout.decimal) is None]
    if not others:
        return rows
    counts = sum(np.bincount(b[:, target].astype(int), minlength=len(rows.words)) for b in rows.blocks)
    numbers = sum(int(c) for w, c in zip(rows.words, np.atleast_1d(counts), strict=True) if w not in set(others))
    mostly = not mixed and numbers > sum(map(len, rows.blocks)) // 2
    wrong = {w for w in others if mostly or not w or is_not_finite(w)}
    if wrong:
        for line, row in _split(path, layout):
            if row[target].strip() in wrong:
                text = f"the target {_no_number(row[target], layout)}"
                text += "; --task classes reads all targets as classes" * (row[target].strip() != "" and mostly)
                raise DataError(f"{_place(path, layout, line, target)}: {text}")
    return rows


@contextmanager
def _lines(path: Path, layout: Layout) -> Generator[Iterator[str]]:
    """The lines of a table from its first sample on."""
    with opened(path) as file:
        yield islice(file, layout.skipped, None)


def _split(path: Path, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table with their lines' numbers, each as long as the first."""
    where, width = visible(str(path)), len(layout.titles)
    with _lines(path, layout) as lines:
        line = layout.skipped
        reader = csv.reader(_of_width(where, lines, layout), delimiter=layout.separator)
        try:
            for row in reader:
                line = layout.skipped + reader.line_num
                if not row or (len(row) == 1 and not row[0].strip()):
                    continue
                if any("\n" in c for c in row):
                    raise DataError(f"{where}, line {line}: a quoted cell goes over lines; is a quote missing?")
                check_width(where, line, row, width, layout.separator)
                yield line, row
        except csv.Error as error:
            raise DataError(f"{where}, line {line + 1} is no line of a CSV file: {error}") from None


def _of_width(where: str, lines: Iterable[str], layout: Layout) -> Iterator[str]:
    """The lines; one that is far longer than the others is refused before its cells are made."""
    width = len(layout.titles)
    for place, text in enumerate(lines, start=layout.skipped + 1):
        if text.count(layout.separator) > 2 * width and '"' not in text:
            count = text.count(layout.separator) + 1
            raise DataError(f"{where}, line {place}: {count:,} cells, where the first line has {width:,}")
        yield text


def _with_points(lines: Iterable[str]) -> Iterator[str]:
    """Lines with decimal commas as NumPy reads them; ValueError where a point or a quote makes that unsure."""
    for text in lines:
        if "." in text or '"' in text:
            raise ValueError
        yield text.replace(",", ".")


def _no_number(cell: str, layout: Layout) -> str:
    cure = ""
    if layout.decimal == "," and "." in cell:
        cure = "; the table's numbers have decimal commas"
    elif layout.separator != "," and DECIMAL_COMMA.fullmatch(cell.strip()):
        cure = "; write decimal points, or decimal commas from the first lines on"
    elif DECIMAL_COMMA.fullmatch(cell.strip()):
        cure = "; decimal commas are read where semicolons or tabs are between the cells; else write decimal points"
    elif is_missing(cell):
        cure = "; fill it in, or leave the row out"
    return f"{quoted(cell)} is no finite number{cure}"


def _place(path: Path, layout: Layout, line: int, column: int) -> str:
    return f"{visible(str(path))}, line {line}, column {visible(layout.titles[column])}"
