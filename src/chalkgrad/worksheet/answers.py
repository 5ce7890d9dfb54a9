"""Answers: numbers by address or label, as students write them down."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..address import Address
from ..checks import as_list, as_table
from ..errors import ChalkgradError, DataError, UnknownNameError, nearest
from ..files import read_bounded
from .names import shown

if TYPE_CHECKING:
    from .worksheet import Worksheet

MOST_BYTES = 2**20
NAME = "name"
"""The key of an answer sheet that is the student's name."""
_DECIMAL = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?")
_POWER = re.compile(r"(?P<front>.+?)\s*[*·\u00d7xX]\s*10\s*(?:\^|\*\*)\s*[({]?\s*(?P<power>[-+]?\d{1,3})\s*[)}]?")
_FRACTION = re.compile(r"(?P<above>[-+]?\d{1,15})\s*/\s*(?P<below>\d{1,15})")
_CSV_LINE = re.compile(r'\s*("(?:[^"]|"")*"|[^\[,;\t"]+(?:\[[^\]]*\])?)\s*[,;\t]\s*(.*?)\s*')


@dataclass(frozen=True, slots=True)
class Answer:
    """A number that somebody wrote down.

    Attributes:
        text: as it was written.
        value: the number.
        plain: the number as a decimal with the digits that it was given to.
    """

    text: str
    value: float
    plain: str


@dataclass(frozen=True, slots=True)
class Answers:
    """What came back.

    Attributes:
        by_address: the answers that were given.
        student: the name on the sheet; may be empty.
    """

    by_address: Mapping[Address, Answer] = field(default_factory=dict[Address, Answer])
    student: str = ""


def read_number(text: object) -> Answer | None:
    """The number that a text writes ("0.0821", "0,0821", "1/3", "3e-4", "3·10^-4") or that was given; None for none.

    Raises:
        ValueError: where it is no number; the message says what it is taken for.
    """
    if text is None:
        return None
    if isinstance(text, bool):
        raise ValueError("is no number")
    if not isinstance(text, str):
        try:
            value = float(text)  # pyright: ignore[reportArgumentType]
        except (TypeError, ValueError, OverflowError):
            raise ValueError("is no number") from None
        if not math.isfinite(value):
            raise ValueError("is no finite number")
        return Answer(repr(text), value, repr(value))
    bare = text.strip().replace("\u2212", "-").replace("\u2013", "-").lstrip("=≈~").strip()
    if not bare or not bare.strip("_. "):
        return None
    fraction = _FRACTION.fullmatch(bare)
    if fraction is not None:
        if not int(fraction["below"]):
            raise ValueError("divides by 0")
        value = float(Fraction(int(fraction["above"]), int(fraction["below"])))
        return Answer(text.strip(), value, repr(value))
    power = _POWER.fullmatch(bare)
    if power is not None:
        bare = f"{power['front']}e{power['power']}"
    if "," in bare:
        if bare.count(",") > 1 or "." in bare:
            raise ValueError("has several points or commas: write 1234.5, without separators of thousands")
        bare = bare.replace(",", ".")
    if _DECIMAL.fullmatch(bare) is None:
        raise ValueError("is no number")
    value = float(bare)
    if not math.isfinite(value):
        raise ValueError("is no finite number")
    return Answer(text.strip(), value, bare)


def as_answers(given: Answers | Mapping[str, Any], sheet: Worksheet) -> Answers:
    """The answers by address.

    Args:
        given: numbers or text by address or label; whole values as rows of numbers; "name" is the student's.
        sheet: the worksheet.

    Raises:
        UnknownNameError: where an answer belongs to no blank; it suggests the nearest.
        DataError: where an answer is no number, or given twice; it names the blank.
    """
    if isinstance(given, Answers):
        return given
    table = as_table(given if isinstance(given, dict) else dict(given))
    if table is None:
        raise DataError('answers are numbers by address or label, {"dW1[0, 0]": "0.0821"}')
    found: dict[Address, Answer] = {}
    student = ""
    by_word = {w: a for a, w in sheet.words.items()}
    for key, value in table.items():
        if key == NAME and key not in by_word and key not in sheet.trace:
            if not isinstance(value, str):
                raise DataError(f"{NAME} must be text, not {value!r}")
            student = " ".join(value.split())[:100]
            continue
        for address, one in _elements(key, value, sheet, by_word):
            if address not in sheet.words:
                raise UnknownNameError(f"{key} is no blank of this worksheet; {nearest(key, _known(sheet))}")
            try:
                answer = read_number(one)
            except ValueError as error:
                which = shown(address, sheet.trace)
                number = [b.address for b in sheet.blanks].index(address) + 1
                raise DataError(f"the answer to blank {number} ({which}) {error}: {str(one)[:60]!r}") from None
            if answer is None:
                continue
            if address in found:
                raise DataError(f"{key} is answered twice")
            found[address] = answer
    return Answers(found, student)


def _known(sheet: Worksheet) -> list[str]:
    return list(dict.fromkeys([*sheet.words.values(), *map(str, sheet.words), *(a.name for a in sheet.words)]))


def _elements(key: str, value: Any, sheet: Worksheet, by_word: Mapping[str, Address]) -> list[tuple[Address, Any]]:
    """The elements that a key stands for, with what is given for each."""
    if key in by_word and as_list(value) is None:
        return [(by_word[key], value)]
    name = sheet.trace.program.aliases.get(key, key)
    if name in sheet.trace and (sheet.trace[name].ndim or as_list(value) is not None):
        array = sheet.trace[name]
        listed = _flat(value, array.shape)
        if listed is None:
            shape = " x ".join(map(str, array.shape)) or "one number"
            raise DataError(f"{key} must be numbers in rows, {shape}, or be given element by element, {key}[0, ...]")
        places = [Address(name, tuple(map(int, p))) for p in np.ndindex(array.shape)]
        return [(a, v) for a, v in zip(places, listed, strict=True) if a in sheet.words or v not in ("", None)]
    try:
        return [(sheet.trace.address(key), value)]
    except ChalkgradError:
        raise UnknownNameError(f"{key} is no blank of this worksheet; {nearest(key, _known(sheet))}") from None


def _flat(value: Any, shape: Sequence[int]) -> list[Any] | None:
    """Rows of rows as one list, where they have this shape; else None."""
    if isinstance(value, np.ndarray):
        value = value.tolist()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not shape:
        return None if as_list(value) is not None else [value]
    rows = as_list(value)
    if rows is None or len(rows) != shape[0]:
        return None
    flat: list[Any] = []
    for row in rows:
        inner = _flat(row, shape[1:])
        if inner is None:
            return None
        flat.extend(inner)
    return flat


def read_answers(path: str | Path, sheet: Worksheet) -> Answers:
    """The answers in a TOML, JSON or CSV file; numbers keep the digits that they are written with.

    Raises:
        DataError: where the file cannot be read, is none of these, or an answer is no number.
        UnknownNameError: where an answer belongs to no blank; it suggests the nearest.
    """
    path = Path(path)
    content = read_bounded(path, MOST_BYTES, DataError)
    kind = path.suffix.lower()
    try:
        text = content.decode("utf-8-sig")
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
        raise DataError(f"{path} cannot be read as {kind[1:]}: {error}{hint}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key, value in pairs:
        if key in table:
            raise DataError(f"{key} is answered twice")
        table[key] = value
    return table


def _read_csv(text: str) -> dict[str, Any]:
    """Lines of an address or label and a number, between them a comma, a semicolon or a tab."""
    pairs: list[tuple[str, Any]] = []
    for place, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _CSV_LINE.fullmatch(line)
        if match is None:
            raise DataError(f"line {place} is no address and number: {line[:60]!r}")
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


def template(sheet: Worksheet) -> str:
    """An empty answer sheet as TOML, in the order of the program."""
    lines = [
        f"# Answers to: {' '.join(sheet.title.split())}{'' if sheet.seed is None else f' (sheet {sheet.seed})'}",
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
        lines.append(f'{key} = ""  # {place}. {shown(blank.address, sheet.trace)}')
    return "\n".join(lines) + "\n"
