"""Answers: numbers by address or label, as students write them down."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..base.address import Address
from ..base.checks import as_list, as_table
from ..base.errors import ChalkgradError, DataError, UnknownNameError, nearest
from ..base.text import visible
from ..diagnosis.claims.handwritten import Answer, read_number, short
from ..files.writing import read_bounded
from .exercise import Exercise
from .names import NAME, name_and_address
from .sheet import title

MOST_BYTES = 2**20
LONGEST_NAME = 100
MOST_NOTES = 20
DEEPEST = 8
"""No value has more axes."""
_CSV_LINE = re.compile(r'\s*("(?:[^"]|"")*"|[^\[,;\t"]+(?:\[[^\]]*\])?)\s*[,;\t]\s*(.*?)\s*')


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An answer that is no number.

    Attributes:
        text: as it was written, shortened where it is long.
        reason: what is wrong with it, without a full stop: "not a number: '?' is no number".
    """

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to a worksheet.

    Attributes:
        by_address: the answers that were given.
        student: the name on the sheet; may be empty.
        unreadable: what was written down and is no number.
        notes: what belongs to no blank and was passed over, a sentence each without a full stop.
    """

    by_address: Mapping[Address, Answer] = field(default_factory=dict[Address, Answer])
    student: str = ""
    unreadable: Mapping[Address, Unreadable] = field(default_factory=dict[Address, Unreadable])
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Twice:
    """A key of a file that stands there twice, with different answers."""

    first: Any
    second: Any


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a file that is no address and number."""

    number: int


def as_answers(answers: Answers | Mapping[str, Any], sheet: Exercise) -> Answers:
    """The answers by address. What cannot be read costs its own blanks and no others.

    Args:
        answers: numbers or text by address or label; whole values as rows of numbers; "name" is the student's.
        sheet: the worksheet.

    Raises:
        UnknownNameError: where none of the answers belongs to a blank; it suggests the nearest.
        DataError: where there are no answers by address or label.
    """
    if isinstance(answers, Answers):
        return answers
    table = as_table(answers if isinstance(answers, dict) else dict(answers))
    if table is None:
        raise DataError('answers are numbers by address or label, {"dW1[0, 0]": "0.0821"}')
    return _Reading(sheet).run(table)


class _Reading:
    """Goes through a table of answers."""

    def __init__(self, sheet: Exercise) -> None:
        self.sheet = sheet
        self.by_word = {w: a for a, w in sheet.words.items()}
        self.found: dict[Address, Answer] = {}
        self.unreadable: dict[Address, Unreadable] = {}
        self.notes: list[str] = []
        self.passed_over = 0

    def run(self, table: Mapping[str, Any]) -> Answers:
        student, count = "", 0
        for key, value in table.items():
            if key == NAME and key not in self.by_word and key not in self.sheet.trace:
                student = _name(value)
                continue
            count += self._take(key, value)
        if self.notes and not count:
            raise UnknownNameError(self.notes[0])
        if self.passed_over > MOST_NOTES:
            self.notes.append(f"{self.passed_over - MOST_NOTES} more answers belong to no blank")
        return Answers(self.found, student, self.unreadable, tuple(self.notes))

    def _take(self, key: str, value: Any) -> bool:
        """Takes what is given for a key; whether it belongs to any blank."""
        if isinstance(value, _Line):
            self._note(repr(key[:60]), f"in line {value.number} is no address and number", suggest=False)
            return False
        values = (value.first, value.second) if isinstance(value, _Twice) else (value,)
        blanks: dict[Address, bool] = {}
        for answer in values:
            for address, element in self._elements(key, answer):
                blanks[address] = address in self.sheet.words
                if blanks[address]:
                    self._put(address, element)
        if not any(blanks.values()):
            self._note(key, "is no blank of this worksheet")
        elif not all(blanks.values()):
            extra = next(a for a, is_blank in blanks.items() if not is_blank)
            self._note(key, f"has numbers that are no blanks of this worksheet, such as {extra}", suggest=False)
        return any(blanks.values())

    def _note(self, key: str, fault: str, *, suggest: bool = True) -> None:
        """Keeps what is to be said of a key; of very many only how many they are."""
        self.passed_over += 1
        if len(self.notes) < MOST_NOTES:
            hint = f"; {nearest(key[:100], self._known())}" if suggest else ""
            self.notes.append(f"{visible(key[:100])} {fault}{hint[:400]}")

    def _put(self, address: Address, value: Any) -> None:
        """Writes down what was given for a blank."""
        before = self.found.get(address) or self.unreadable.get(address)
        if isinstance(value, Unreadable):
            answer: Answer | Unreadable | None = value
        else:
            try:
                answer = read_number(value)
            except ValueError as error:
                text = short(value)
                answer = Unreadable(text, f"not a number: {text!r} {error}")
        if answer is None:
            return
        if before is not None:
            if isinstance(before, Answer) and isinstance(answer, Answer) and before.value == answer.value:
                return
            text = f"{before.text} and {answer.text}"
            answer = Unreadable(text, f"it is answered twice: {text}")
            self.found.pop(address, None)
        if isinstance(answer, Answer):
            self.found[address] = answer
        else:
            self.unreadable[address] = answer

    def _known(self) -> list[str]:
        words = self.sheet.words
        return list(dict.fromkeys([*words.values(), *map(str, words), *(a.name for a in words)]))

    def _elements(self, key: str, value: Any) -> list[tuple[Address, Any]]:
        """The elements that a key stands for, with what is given for each; none where there is no such value."""
        trace = self.sheet.trace
        if key in self.by_word and as_list(value) is None:
            return [(self.by_word[key], value)]
        name = trace.program.aliases.get(key, key)
        if name not in trace or not (trace[name].ndim or as_list(value) is not None):
            try:
                return [(trace.address(key), value)]
            except ChalkgradError:
                return []
        shape: tuple[int, ...] = trace[name].shape
        if isinstance(value, np.ndarray):
            value = value.tolist()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        places = [Address(name, tuple(map(int, p))) for p in np.ndindex(shape)]
        if _shape(value) == shape:
            pairs = zip(places, _flat(value), strict=True)
            return [(a, v) for a, v in pairs if a in self.sheet.words or v not in ("", None)]
        if _empty(value):
            return [(a, None) for a in places if a in self.sheet.words]
        mistaken = Unreadable(short(value), _shape_fault(key, value, shape))
        return [(a, mistaken) for a in places if a in self.sheet.words]


def _name(value: Any) -> str:
    """The student's name in one line that moves nothing on a terminal."""
    if isinstance(value, _Twice):
        value = value.first
    return visible(" ".join(value.split()))[:LONGEST_NAME] if isinstance(value, str) else short(value)


def _empty(value: Any) -> bool:
    try:
        return as_list(value) is None and read_number(value) is None
    except ValueError:
        return False


def _shape(value: Any, depth: int = 0) -> tuple[int, ...] | None:
    """How many rows, and rows of rows; None where they are not of equal length, or far too deep in each other."""
    rows = as_list(value)
    if rows is None:
        return ()
    inner = {_shape(row, depth + 1) for row in rows} if depth < DEEPEST else {None}
    if len(inner) > 1 or None in inner:
        return None
    return (len(rows), *(next(iter(inner), None) or ()))


def _flat(value: Any) -> list[Any]:
    """Rows of rows as one list."""
    rows = as_list(value)
    return [value] if rows is None else [item for row in rows for item in _flat(row)]


def _shape_fault(key: str, value: Any, shape: tuple[int, ...]) -> str:
    """The fault of a whole value that has another shape."""
    form, expected = _shape(value), " x ".join(map(str, shape)) or "one number"
    if form is None:
        return f"{key} must be numbers in rows, {expected}; its rows are not of equal length"
    if form == ():
        return f"not a number: {short(value)!r} is given for {key}, which is numbers in rows, {expected}"
    difference = f"{' x '.join(map(str, form))}{' numbers' * (len(form) == 1)} instead of {expected}"
    if len(form) == 2 and form[::-1] == shape:
        return f"{key} is transposed: {difference}"
    return f"{key} has another shape: {difference}"


def read_answers(path: str | Path, sheet: Exercise) -> Answers:
    """The answers in a TOML, JSON or CSV file; numbers keep the digits that they are written with.

    Raises:
        DataError: where the file cannot be read or is none of these.
        UnknownNameError: where none of the answers belongs to a blank; it suggests the nearest.
    """
    path = Path(path)
    content = read_bounded(path, MOST_BYTES, DataError)
    kind = path.suffix.lower()
    try:
        text = _decoded(content)
        if kind == ".json":
            table = json.loads(text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_once)
        elif kind in (".csv", ".tsv", ".txt"):
            table = _read_csv(text)
        elif kind == ".toml":
            table = tomllib.loads(text, parse_float=str)
        else:
            raise DataError(f"answers come as .toml, .json or .csv, not as {kind or 'a file without an ending'}")
        if as_table(table) is None:
            raise DataError('answers are numbers by address or label, {"dW1[0, 0]": "0.0821"}')
        return as_answers(table, sheet)
    except ChalkgradError as error:
        raise type(error)(f"{path}: {error}") from None
    except (ValueError, RecursionError) as error:
        hint = ""
        if kind == ".toml":
            hint = '; an answer is a line such as dw1 = "0.0821", with the number between quotation marks'
        reason = "its brackets are nested too deeply" if isinstance(error, RecursionError) else error
        raise DataError(f"{path} cannot be read as {kind[1:]}: {reason}{hint}") from None


def _decoded(content: bytes) -> str:
    """Text in UTF-8, or in UTF-16 where it says so; a letter in another encoding, as of a name in a table that a
    spreadsheet saved, costs itself and no number.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8-sig", "replace")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The pairs as a table; of a key that stands there twice both answers, where they differ."""
    table: dict[str, Any] = {}
    for key, value in pairs:
        if key not in table or _is_empty_text(table[key]):
            table[key] = value
        elif table[key] != value and not isinstance(table[key], _Twice) and not _is_empty_text(value):
            table[key] = _Twice(table[key], value)
    return table


def _is_empty_text(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _read_csv(text: str) -> dict[str, Any]:
    """Lines of an address or label and a number, between them a comma, a semicolon or a tab.

    A line that is none is kept as what belongs to no blank.
    """
    pairs: list[tuple[str, Any]] = []
    for place, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _CSV_LINE.fullmatch(line)
        if match is None:
            pairs.append((line.strip(), _Line(place)))
            continue
        key, value = (_unquoted(part) for part in match.groups())
        if place == 1 and value.lower() in ("value", "answer", "number", "wert", "zahl"):
            continue
        pairs.append((key, value))
    return _once(pairs)


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text.strip()
    row = next(csv.reader(io.StringIO(text)), [""])
    return ",".join(row).strip()


def template(sheet: Exercise) -> str:
    """An empty answer sheet as TOML, in the order of the program."""
    lines = [
        f"# Answers to: {title(sheet)}",
        f"# Write every number between the quotation marks, to {sheet.digits} significant digits. 0.0821, 0,0821,",
        "# 3e-4 and 1/3 are numbers; what is left empty counts as missing.",
        "",
        f'{NAME} = ""',
    ]
    before = ""
    for place, blank in enumerate(sheet.blanks, start=1):
        if blank.address.name != before:
            lines.append("")
            before = blank.address.name
        word = sheet.words[blank.address]
        key = word if re.fullmatch(r"[A-Za-z0-9_-]+", word) else json.dumps(word, ensure_ascii=False)
        lines.append(f'{key} = ""  # {place}. {visible(name_and_address(blank.address, sheet.trace))}')
    return "\n".join(lines) + "\n"
