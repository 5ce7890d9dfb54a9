"""A grading as the files that graders read: Gradescope's results.json and plain JSON."""

from __future__ import annotations

from typing import Any

from ..base.text import as_json
from .names import name_and_address
from .outcome import Outcome
from .report import summary, verdict_text


def gradescope(grading: Outcome) -> str:
    """Gradescope's results.json: the score, and a test for every blank. The right numbers are not in it."""
    tests: list[dict[str, Any]] = []
    for mark in grading.marks:
        output = verdict_text(mark, grading, tell=False)
        tests.append(
            {
                "name": name_and_address(mark.blank.address, grading.sheet.trace),
                "number": str(mark.number),
                "score": short(mark.score),
                "max_score": short(mark.blank.points),
                "status": "passed" if mark.verdict in ("right", "follows") else "failed",
                "output": f"{output}. Your number: {mark.answer}" if mark.answer else output,
                "output_format": "text",
                "visibility": "visible",
            }
        )
    table = {
        "score": short(grading.score),
        "output": " ".join([summary(grading), *(f"{note}." for note in grading.notes)]),
        "output_format": "text",
        "visibility": "visible",
        "tests": tests,
    }
    return as_json(table) + "\n"


def plain_json(grading: Outcome) -> str:
    """Every blank with its answer, its right number and its verdict, and the mistakes."""
    sheet = grading.sheet
    table = {
        "title": sheet.title,
        "seed": sheet.seed,
        "student": grading.student,
        "score": short(grading.score),
        "points": short(grading.points),
        "digits": sheet.digits,
        "follow_credit": grading.follow_credit,
        "blanks": [
            {
                "number": m.number,
                "address": str(m.blank.address),
                "name": sheet.words[m.blank.address],
                "verdict": m.verdict,
                "score": short(m.score),
                "points": short(m.blank.points),
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


def short(number: float) -> float | int:
    """A whole number without its point; no digits that only rounding made."""
    number = round(number, 6)
    return int(number) if number == int(number) else number
