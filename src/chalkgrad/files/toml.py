"""TOML files: one way to read them all, with a cure for common faults."""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Collection, Mapping
from typing import Any

from ..base.checks import as_list, as_table
from ..base.errors import ChalkgradError, DataError

MOST_BITS = 1024
"""Whole numbers of more bits are larger than any number that a network can hold."""
_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")
_WORD = re.compile(r"[A-Za-z_][\w.\-]*")
_KEY = re.compile(r"([\w.\-\"']+)\s*=\s*$")
_COMMA = re.compile(r"(?<![\w.])([-+]?\d+),(\d+)")
_WORDS = {"True": "true", "False": "false", "NaN": "nan", "Infinity": "inf", "Inf": "inf"}
_QUOTES = "\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb"


def parse_toml(content: bytes, where: str, raises: type[ChalkgradError], *, as_written: bool = False) -> dict[str, Any]:
    """TOML as a table; a byte order mark, as some editors write, is passed over.

    Args:
        content: the file's bytes.
        where: its name, for messages.
        raises: the kind of error.
        as_written: whether numbers with a point or an exponent stay text, digit by digit.

    Raises:
        ChalkgradError: of the given kind, where it is no TOML.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise raises(f"{where} is no TOML file: it is written in UTF-16; save it as UTF-8")
    text = ""
    try:
        text = content.decode("utf-8-sig")
        table = tomllib.loads(text, parse_float=str if as_written else float)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise raises(f"{where} is no TOML file: line {line} is not written in UTF-8; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise raises(f"{where} is no TOML file: {error}{_cure(text, str(error))}") from None
    except RecursionError:
        raise raises(f"{where} is no TOML file: its brackets are nested too deeply") from None
    except ValueError as error:  # whole numbers of thousands of digits, impossible dates
        reason = "a whole number in it is far too large" if "integer string" in str(error) else str(error)
        raise raises(f"{where} is no TOML file: {reason}") from None
    _check_numbers(table, "", where, raises)
    return table


def _check_numbers(value: object, name: str, where: str, raises: type[ChalkgradError]) -> None:
    """Raises where a whole number is too large to be used or printed."""
    stack = [(name, value)]
    while stack:
        name, value = stack.pop()
        table = as_table(value)
        if table is not None:
            entries = [(f"{name}.{key}".lstrip("."), entry) for key, entry in table.items()]
        else:
            entries = ((name, entry) for entry in as_list(value) or ())
        for key, entry in entries:
            if isinstance(entry, int) and entry.bit_length() > MOST_BITS:
                raise raises(f"{where}: {key} is far too large: a whole number of {entry.bit_length():,} bits")
            if as_table(entry) is not None or as_list(entry) is not None:
                stack.append((key, entry))


def _cure(text: str, message: str) -> str:
    """The cure as the end of a message, where the fault is a common one."""
    place = _PLACE.search(message)
    lines = text.split("\n")
    if place is None or int(place[1]) > len(lines):
        return ""
    line, at = lines[int(place[1]) - 1], int(place[2]) - 1
    near = [c for c in _COMMA.finditer(line) if c.start() <= at <= c.end() + 1 and _outside(line, c.start())]
    if near:
        return f"; a number has a decimal point, not a comma: {near[0][1]}.{near[0][2]}"
    before, rest = line[:at], line[at:]
    if any(q in rest[:1] or before.rstrip()[-1:] == q for q in _QUOTES):
        return '; quotation marks are straight: "..."'
    word = _WORD.match(rest)
    key = _KEY.search(before)
    if word is not None and "Invalid value" in message:
        right = _WORDS.get(word[0], f'"{word[0]}"')
        what = "write" if word[0] in _WORDS else "text stands in quotation marks"
        return f"; {what}: {key[1]} = {right}" if key else f"; {what}: {right}"
    if re.match(r"[-+]?\.\d", rest):
        number = re.match(r"([-+]?)(\.\d+)", rest)
        return f"; a number begins with a digit: {number[1]}0{number[2]}" if number else ""
    last = re.search(r"(\d+)\.?$", before)
    if last is not None and (before + rest[:1]).endswith(".") and not re.match(r"\.?\d", rest):
        return f"; a number ends with a digit: {last[1]}.0"
    return ""


def _outside(line: str, at: int) -> bool:
    """Whether this place of a line stands in no quotation marks."""
    before = line[:at]
    return before.count('"') % 2 == 0 and before.count("'") % 2 == 0


def check_places(table: Mapping[str, Any], keys: Collection[str], where: str, settings: Mapping[str, Any]) -> None:
    """Checks that no key of the whole file stands below the head of a table, where TOML takes it for the table's own.

    Args:
        table: the file.
        keys: the keys of the whole file.
        where: its name.
        settings: for each table of settings ("loss", "layers", ...), the classes by name that it may describe.

    Raises:
        DataError: where one does; it says where it belongs.
    """
    for name, content in table.items():
        single = as_table(content)
        head = f"[{name}]" if single is not None else f"[[{name}]]"
        for inner in (as_table(entry) for entry in (as_list(content) or [content])):
            for key, value in (inner or {}).items():
                if key in keys and _misplaced(name, key, value, inner or {}, settings):
                    raise DataError(
                        f"{where}: {key} stands below {head}, where it belongs to that table; put it above {head}, "
                        "at the top of the file"
                    )


def _misplaced(name: str, key: str, value: object, inner: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    if name in settings:
        kind = settings[name].get(inner.get("type"))
        return kind is not None and key != name and key not in kind.__dataclass_fields__
    if name == "labels" and key in ("x", "y"):  # which are values too
        first: object = value
        while items := as_list(first):
            first = items[0]
        return not isinstance(first, str)
    return True
