"""A grading as the files that graders read: Gradescope's results.json, plain JSON, and an Otter-Grader test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base.text import as_json
from .names import shown
from .otter import packed
from .report import said, summary

if TYPE_CHECKING:
    from .grading import Grading
    from .worksheet import Worksheet

OTTER_NAME = "worksheet"
"""The name of the test and of its file, worksheet.py; Otter wants them to be the same."""


def gradescope(grading: Grading) -> str:
    """Gradescope's results.json: the score, and a test for every blank. The right numbers are not in it."""
    tests: list[dict[str, Any]] = []
    for mark in grading.marks:
        output = said(mark, grading, tell=False)
        tests.append(
            {
                "name": shown(mark.blank.address, grading.sheet.trace),
                "number": str(mark.number),
                "score": _short(mark.score),
                "max_score": _short(mark.blank.points),
                "status": "passed" if mark.verdict in ("right", "follows") else "failed",
                "output": f"{output}. Your number: {mark.answer}" if mark.answer else output,
                "output_format": "text",
                "visibility": "visible",
            }
        )
    table = {
        "score": _short(grading.score),
        "output": " ".join([summary(grading), *(f"{note}." for note in grading.notes)]),
        "output_format": "text",
        "visibility": "visible",
        "tests": tests,
    }
    return as_json(table) + "\n"


def plain_json(grading: Grading) -> str:
    """Every blank with its answer, its right number and its verdict, and the mistakes."""
    sheet = grading.sheet
    table = {
        "title": sheet.title,
        "seed": sheet.seed,
        "student": grading.student,
        "score": _short(grading.score),
        "points": _short(grading.points),
        "digits": sheet.digits,
        "follow_credit": grading.follow_credit,
        "blanks": [
            {
                "number": m.number,
                "address": str(m.blank.address),
                "name": sheet.words[m.blank.address],
                "verdict": m.verdict,
                "score": _short(m.score),
                "points": _short(m.blank.points),
                "answer": m.answer or None,
                "right": m.right,
                "from own numbers": m.expected,
                "mistake": m.cause or None,
            }
            for m in grading.marks
        ],
        "notes": list(grading.notes),
        "mistakes": [{"mistake": c.text, "blanks": [str(a) for a in c.blanks]} for c in grading.causes],
    }
    return as_json(table) + "\n"


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
    held = packed(sheet)
    cases = [
        "                {\n"
        f'                    "code": {CASE.format(number=number, packed=held)!r},\n'
        f'                    "points": {_short(blank.points)!r},\n'
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


def _short(number: float) -> float | int:
    """A whole number without its point; no digits that only rounding made."""
    number = round(number, 6)
    return int(number) if number == int(number) else number
