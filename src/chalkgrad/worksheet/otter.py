"""A worksheet's Otter-Grader test, and what it runs: it grades a notebook's answers as `chalkgrad grade` does."""

from __future__ import annotations

import base64
import tomllib
import zlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ..base.errors import DataError
from .answers import Answers, as_answers
from .grading import grade
from .outcome import Mark
from .report import verdict_text
from .results import short
from .worksheet import Worksheet, as_worksheet

MOST_UNPACKED = 2**22
"""A sheet that holds more bytes than this is none that chalkgrad packed."""
OTTER_NAME = "worksheet"
"""The name of the test and of its file, worksheet.py; Otter wants them to be the same."""
CASE = """>>> try:
...     from chalkgrad.worksheet.otter import counts as chalkgrad_counts
... except ImportError:
...     raise ImportError("this test needs chalkgrad where it runs, which is not installed here") from None
... else:
...     print(chalkgrad_counts(answers, {number}, {packed!r}))
True
"""


def otter_test(sheet: Worksheet) -> str:
    """An Otter-Grader test in the OK format: a hidden case for every blank that looks into a notebook's `answers`.

    Every case grades as `grade` does, so that chalkgrad must be installed where it runs, and holds the packed sheet, as
    Otter runs each by itself. The right numbers stand nowhere in it.
    """
    text = pack(sheet)
    cases = [
        "                {\n"
        f'                    "code": {CASE.format(number=number, packed=text)!r},\n'
        f'                    "points": {short(blank.points)!r},\n'
        '                    "hidden": True,\n'
        '                    "locked": False,\n'
        "                },\n"
        for number, blank in enumerate(sheet.blanks, start=1)
    ]
    return (
        "# An Otter-Grader test made by chalkgrad, which must be installed where it runs.\n"
        "OK_FORMAT = True\n\n"
        "test = {\n"
        f'    "name": {OTTER_NAME!r},\n'
        '    "points": None,\n'
        '    "suites": [\n'
        "        {\n"
        '            "cases": [\n'
        f"{''.join(cases)}"
        "            ],\n"
        '            "scored": True,\n'
        '            "setup": "",\n'
        '            "teardown": "",\n'
        '            "type": "doctest",\n'
        "        },\n"
        "    ],\n"
        "}\n"
    )


def pack(sheet: Worksheet) -> str:
    """The sheet in ASCII, as a test holds it: what grading needs, in no form that can be read as it stands."""
    return base64.b85encode(zlib.compress(sheet.to_toml().encode(), 9)).decode()


@lru_cache(maxsize=8)
def _unpack(text: str) -> Worksheet:
    try:
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(base64.b85decode(text), MOST_UNPACKED)
        if not unpacking.eof:
            raise ValueError("it does not end")
        table = tomllib.loads(content.decode())
    except (ValueError, zlib.error) as error:
        raise DataError(f"the test's sheet cannot be read ({error}): make the test again") from None
    return as_worksheet(table, "the test's sheet")


def counts(answers: Mapping[str, Any], number: int, sheet: str) -> bool | str:
    """Whether the answer to a blank earns its points; if not, its verdict in words, without the right number.

    Args:
        answers: the notebook's `answers`: numbers or text by address or label.
        number: which blank, from 1.
        sheet: the worksheet, as `pack` gives it.

    Raises:
        ChalkgradError: where none of the answers belongs to the sheet, or the sheet cannot be read.
    """
    worksheet = _unpack(sheet)
    reading = as_answers(answers, worksheet)
    mark, text = _marks(sheet, _HashedAnswers(reading))[number - 1]
    return mark.verdict in ("right", "follows") or text


class _HashedAnswers:
    """Answers, told apart by what was written: every case of a test asks for the same ones."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.key = (frozenset(answers.by_address.items()), frozenset(answers.unreadable.items()))

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _HashedAnswers) and self.key == other.key


@lru_cache(maxsize=8)
def _marks(sheet: str, answers: _HashedAnswers) -> list[tuple[Mark, str]]:
    grading = grade(_unpack(sheet), answers.answers)
    return [(mark, verdict_text(mark, grading, tell=False)) for mark in grading.marks]
