"""The layout of a table's file: its separator, its decimal mark, and whether its first line holds titles."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ..base.errors import DataError
from ..base.text import visible
from ..files.writing import open_plain
from .cells import DECIMAL_COMMA, WHOLE, is_missing, number, quoted

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
EXCEL_SEPARATOR = re.compile(r'"?sep=([,;\t])"?\s*')
"""A first line by which Excel names a file's separator."""
MOST_COLUMNS = 1_000_000
LOOKED_AT = 20
"""The layout is found from so many lines,"""
MOST_CELLS = 200_000
"""or two, where they hold more cells than this."""
ENOUGH = 4
"""So many whole numbers in order, 0, 1, 2, 3, are titles above whole numbers too."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of a table's file.

    Attributes:
        separator: what stands between cells: "," or ";" or a tab.
        decimal: the mark before a number's fraction: "." or ",".
        titles: the columns' names; "1", "2", ... where the file has none.
        titled: whether the names stand in the file.
        unnamed: whether the first column has none there.
        skipped: the number of lines before the first sample.
        notes: the choices made while reading, a sentence each.
    """

    separator: str
    decimal: str
    titles: tuple[str, ...]
    titled: bool
    unnamed: bool
    skipped: int
    notes: tuple[str, ...]


@contextmanager
def opened(path: Path) -> Generator[TextIO]:
    """A table's file, open to be read as text.

    Raises:
        DataError: where it cannot be read or, inside the block, is no text in UTF-8.
    """
    try:
        with open_plain(path) as raw:
            head = raw.read(4096)
            if head.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise DataError(f"{_name(path)} is no CSV file in UTF-8 but in UTF-16; save it as CSV in UTF-8")
            if b"\0" in head:
                raise DataError(f"{_name(path)} is no CSV file: it holds zero bytes, which no text has")
            raw.seek(0)
            with io.TextIOWrapper(raw, encoding="utf-8-sig") as file:
                yield file
    except UnicodeDecodeError:
        raise DataError(
            f"{_name(path)}, line {_undecoded(path)} is no text in UTF-8 (it may be Windows-1252 or Latin-1); "
            "save it as CSV in UTF-8"
        ) from None
    except OSError as error:
        raise DataError(f"{_name(path)} cannot be read: {error.strerror or error}") from None


def read_layout(path: Path, header: bool | None = None, target: object = None) -> Layout:
    """The layout of a table's file, found from its first lines.

    Args:
        path: the file.
        header: whether the first line holds titles; None to find out.
        target: the name of the target column, if it is known: a first line that holds it is one of titles.

    Raises:
        DataError: where it cannot be read, holds less than two lines or columns, or names a column twice.
    """
    where = _name(path)
    with opened(path) as file:
        declaration, lines = _first_lines(where, file)
    if not lines:
        raise DataError(f"{where} is empty")
    if len(lines) < 2:
        raise DataError(f"{where} holds one line: no samples under a header, or one sample; 5 are needed")
    separator = declaration or _separator([text for _, text in lines])
    rows = [cells(text, separator) for _, text in lines]
    if len(rows[0]) < 2:
        raise DataError(
            f"{where} has one column; it needs at least one input and one target, in cells separated by "
            f"{', '.join(list(SEPARATORS.values())[:-1])} or tabs"
        )
    for (place, _), row in zip(lines, rows, strict=True):
        check_width(where, place, row, len(rows[0]), separator)
    notes: list[str] = []
    decimal = "."
    if separator != "," and (commas := [c for row in rows for c in row if DECIMAL_COMMA.fullmatch(c.strip())]):
        decimal = ","
        notes.append(f"numbers such as {quoted(commas[0])} are read with a decimal comma")
    if header is None and isinstance(target, str) and number(target) is None and target.strip() in rows[0]:
        header = True
    titled, note = (header, "") if header is not None else _has_titles(rows, decimal)
    notes += [note] if note else []
    titles = tuple(_titles(where, lines[0][0], rows[0]) if titled else map(str, range(1, len(rows[0]) + 1)))
    unnamed = titled and not rows[0][0]
    return Layout(separator, decimal, titles, titled, unnamed, lines[0][0] - (not titled), tuple(notes))


def cells(line: str, separator: str) -> list[str]:
    """The cells of a line."""
    if '"' not in line:
        return [c.strip() for c in line.rstrip("\r\n").split(separator)]
    return [c.strip() for c in next(csv.reader([line], delimiter=separator))]


def check_width(where: str, line: int, row: list[str], width: int, separator: str) -> None:
    """Raises DataError where a row has not as many cells as the first line."""
    if len(row) == width:
        return
    cure = ""
    if row[0].startswith("#"):
        cure = "; lines of comment are not read: delete it"
    elif row[-1] == "" and len(row) == width + 1:
        cure = f"; the separator at its end, {separator!r}, begins another cell: delete it"
    raise DataError(f"{where}, line {line}: {len(row):,} cells, where the first line has {width:,}{cure}")


def _first_lines(where: str, file: TextIO) -> tuple[str | None, list[tuple[int, str]]]:
    """The separator that the file itself names, and its first lines that are not blank, with their numbers."""
    separator: str | None = None
    lines: list[tuple[int, str]] = []
    count = 0
    for place, text in enumerate(file, start=1):
        if not text.strip():
            continue
        if not lines and (match := EXCEL_SEPARATOR.fullmatch(text)):
            separator = match[1]
            continue
        if text.count('"') % 2:
            raise DataError(f"{where}, line {place}: a quoted cell does not end in its line; is a quote missing?")
        lines.append((place, text))
        width = max(map(text.count, SEPARATORS)) + 1
        count += width
        if width > MOST_COLUMNS and len(lines) > 1:
            raise DataError(f"{where}, line {place}: more than {MOST_COLUMNS:,} cells in a line; a line is a sample")
        if len(lines) == LOOKED_AT or (len(lines) >= 2 and count > MOST_CELLS):
            break
    return separator, lines


def _separator(lines: list[str]) -> str:
    """The separator: the one by which all lines have equally many cells, and most of them are numbers."""

    def worth(separator: str) -> tuple[bool, int, int]:
        if separator not in lines[0]:
            return (False, 0, 0)
        rows = [cells(line, separator) for line in lines]
        same = len({len(row) for row in rows}) == 1
        decimal = "." if separator == "," else ","
        numbers = sum(number(c) is not None or number(c, decimal) is not None for row in rows for c in row)
        return (same, numbers if same else 0, len(rows[0]))

    return max(SEPARATORS, key=worth)


def _titles(where: str, line: int, row: list[str]) -> tuple[str, ...]:
    """The names in a line of titles, each of them once; the column without one is called by its number."""
    names = [row[0].removeprefix("#").strip(), *row[1:]]  # numpy.savetxt begins its header with #
    if not any(names[-1:]):
        raise DataError(f"{where}, line {line}: the last column has no name; does the line end in a separator?")
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names, start=1):
        places.setdefault(name, []).append(place)
    for name, positions in places.items():
        if len(positions) > 1:
            at = f"columns {', '.join(map(str, positions[:-1]))} and {positions[-1]}"
            if not name:
                raise DataError(f"{where}, line {line}: {at} have no name; does the line end in separators?")
            raise DataError(f"{where}, line {line}: {at} are both called {quoted(name)}; give each a name of its own")
    return tuple(name or f"column {place}" for place, name in enumerate(names, start=1))


def _has_titles(rows: list[list[str]], decimal: str) -> tuple[bool, str]:
    """Whether the first line holds titles, and what to say of it where that is not plain.

    A cell that is no number above one that is makes it a line of titles, unless it stands for a missing number. Whole
    numbers in order (as pandas writes the titles of an array) are titles above numbers that all have a fraction, beside
    a word that does not come again, or where they are four and more; a sample where only two or three stand above
    whole numbers.
    """
    first, below = rows[0], rows[1:]
    numeric = [i for i in range(len(first)) if any(number(row[i], decimal) is not None for row in below)]
    words = [i for i in numeric if number(first[i], decimal) is None]
    numbers = [i for i in numeric if i not in set(words)]
    if not numeric:
        return False, ""
    line = visible(",".join(first) if len(first) <= 6 else ",".join((*first[:3], "...", *first[-2:])))
    note = f"the first line, {line}, is read as the columns' titles; --header no reads it as a sample"
    if not words:
        match _count_as_titles(rows, numbers, decimal):
            case True:
                return True, note
            case False:
                return False, ""
            case None:
                remark = f"the first line, {line}, is read as a sample, though it could be titles"
                return False, f"{remark}; --header yes reads it as titles"
    if not numbers:
        missing = all(is_missing(first[i]) for i in words)
        return True, note if missing else ""
    if all(is_missing(first[i]) for i in words) and not _in_order(first, numbers):
        return False, ""  # reading it will name the cell
    return True, note


def _in_order(first: list[str], columns: list[int]) -> bool:
    """Whether the cells are whole numbers that go up by 1."""
    if not all(WHOLE.fullmatch(first[i]) for i in columns):
        return False
    values = [int(float(first[i])) for i in columns]
    return values == list(range(values[0], values[0] + len(values)))


def _count_as_titles(rows: list[list[str]], columns: list[int], decimal: str) -> bool | None:
    """Whether the whole numbers of the first line are titles: what stands below is of another kind. None: perhaps."""
    first, below = rows[0], rows[1:]
    if not _in_order(first, columns):
        return False
    width, usual = len(columns), float(first[columns[0]]) in (0, 1)
    words = [i for i in range(len(first)) if i not in set(columns)]
    others = [{row[i] for row in below} for i in words]
    if any(first[i] in column for i, column in zip(words, others, strict=True)):
        return False
    repeats = bool(words) and all(2 * len(column) <= len(below) for column in others)
    points = any("." in first[i] for i in columns)
    fractions = not points and all(any(m in row[i] for m in (decimal, "e", "E")) for row in below for i in columns)
    continues = len({(number(below[0][i], decimal) or 0) - float(first[i]) for i in columns}) == 1
    if fractions and (width > 2 or (width > 1 and words) or (usual and repeats)):
        return True
    if usual and ((words and width > 1 and repeats) or (width >= ENOUGH and not continues)):
        return True
    return None if (usual or fractions) and (width > 1 or repeats) and not continues else False


def _name(path: Path) -> str:
    return visible(str(path))


def _undecoded(path: Path) -> int:
    """The number of the first line that is no UTF-8."""
    with open(path, encoding="utf-8-sig", errors="surrogateescape") as file:
        for place, text in enumerate(file, start=1):
            if any("\ud800" <= c <= "\udfff" for c in text):
                return place
    return 1
