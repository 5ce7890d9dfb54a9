"""A diagnosis as blocks on the board, and as JSON."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base.digits import significant
from ..base.text import as_json
from ..explain.derive import equation
from ..formula.nodes import Binary, Number, Symbol
from ..render.blocks import Block, Equation, Heading, Line, Paragraph, Style, Table
from ..render.board import Board
from ..rules import shares
from .result import Cause, Result
from .slips.slip import Slip
from .slips.usual import sum_line
from .slips.wrong_line import wrong_line

VERDICTS = {
    "right": "right",
    "rounded by hand": "right, with every step rounded by hand",
    "wrong": "wrong",
    "follows": "wrong, but right from the claimed numbers before it",
}

MOST_NAMED = 4
"""With more values than this, a heading names the first of them."""


def diagnosis_board(diagnosis: Result) -> Board:
    """The findings as a table, then the causes with the right and the wrong line side by side."""
    rows: list[tuple[str, ...]] = []
    for f in diagnosis.findings:
        verdict = VERDICTS[f.verdict] + (f"; first {f.first}" if f.first and f.verdict == "wrong" else "")
        rows.append((f.name, f"{f.right} of {f.given}", str(f.digits), verdict))
    blocks: list[Block] = [Table(("value", "right", "digits", "verdict"), tuple(rows))]
    blocks.extend(Paragraph(note) for note in diagnosis.notes)
    style = Style(6, diagnosis.trace.labels, diagnosis.trace.program.partials, through=diagnosis.trace.through)
    if diagnosis.correct:
        return Board("Nothing is wrong", (*blocks, *_unseen(diagnosis)), style)
    for f in diagnosis.findings:
        if f.where:
            blocks.append(Paragraph(f"{f.name}: {f.where}."))
    for place, cause in enumerate(diagnosis.causes):
        blocks.extend(_cause(cause, diagnosis, place + 1 if len(diagnosis.causes) > 1 else 0))
    blocks.extend(_unexplained(diagnosis))
    title = "; ".join(f"{_values(s)}: {s.text}" for c in diagnosis.causes for s in c.slips)
    if not title and all(f.where for f in diagnosis.findings if f.verdict == "wrong"):
        title = "; ".join(dict.fromkeys(f.where for f in diagnosis.findings if f.verdict == "wrong"))
    if not title and diagnosis.too_few and set(diagnosis.too_few) == set(diagnosis.unexplained):
        title = "Wrong; too few digits to tell why"
    return Board(title or "Wrong, by no usual mistake", tuple(blocks), style)


def _unexplained(diagnosis: Result) -> list[Block]:
    """What is said of values that no mistake explains: where the fault lies, claimed and right, what fits in part."""
    if not diagnosis.unexplained:
        return []
    blocks: list[Block] = []
    few = [n for n in diagnosis.unexplained if n in diagnosis.too_few]
    none = [n for n in diagnosis.unexplained if n not in few]
    if none:
        names = ", ".join(none)
        blocks.append(Paragraph(f"No usual mistake, alone or together with others, makes the numbers of {names}."))
    if few:
        blocks.append(Paragraph(f"{', '.join(few)}: too few digits to tell; several mistakes would fit by chance."))
    if diagnosis.place:
        blocks.append(Paragraph(diagnosis.place))
    rows = [
        (f.farthest[0], significant(f.farthest[1], 6), significant(f.farthest[2], 6))
        for f in diagnosis.findings
        if f.verdict == "wrong" and f.farthest is not None
    ]
    if rows:
        blocks.append(Table(("farthest from right", "claimed", "right"), tuple(rows)))
    follows = [f.name for f in diagnosis.findings if f.verdict == "follows"]
    if follows:
        blocks.append(Paragraph(f"Right from the claimed numbers before: {', '.join(follows)}."))
    for cause in diagnosis.partly:
        text = f"{cause}, but most of the wrong numbers stay unexplained, so that it need not be the mistake"
        blocks.append(Paragraph(f"Only in part: {text}."))
    return blocks


def _unseen(diagnosis: Result) -> list[Block]:
    """The mistakes that right numbers could not have shown."""
    if not diagnosis.unseen:
        return []
    rows = tuple((u.slip.output, u.slip.text, u.why) for u in diagnosis.unseen)
    head = "These numbers would be the same with these mistakes:"
    return [Paragraph(head), Table(("value", "mistake", "why it does not show"), rows)]


def _cause(cause: Cause, diagnosis: Result, number: int) -> list[Block]:
    slip = cause.slips[0]
    head = f"Mistake {number}" if number else "The mistake"
    count = f"{cause.numbers} number{'s' * (cause.numbers != 1)}"
    blocks: list[Block] = [
        Heading(f"{head}: {slip.text}"),
        Paragraph(
            f"At {', '.join(slip.outputs)}, {slip.of}. It makes {count} of {', '.join(cause.explains)} come out, "
            f"{cause.accuracy}."
        ),
        *_side_by_side(slip, diagnosis),
    ]
    if cause.instead:
        mistakes = "; ".join(f"{_values(s)}: {s.text}" for s in cause.instead)
        blocks.append(Paragraph(f"These would give the same numbers here: {mistakes}."))
        if cause.apart is not None:
            x = " ".join(significant(float(v), 3) for v in np.ravel(cause.apart[0])[:12])
            more = " ..." if cause.apart[0].size > 12 else ""
            blocks.append(Paragraph(f"With the input x = {x}{more} they would differ."))
        else:
            blocks.append(Paragraph("No input that was tried tells them apart: they come to the same."))
    return blocks


def _values(slip: Slip) -> str:
    """The values at which a mistake was made, in short."""
    names = slip.outputs
    return ", ".join(names) if len(names) <= MOST_NAMED else f"{names[0]} and {len(names) - 1} others"


def _side_by_side(slip: Slip, diagnosis: Result) -> list[Block]:
    """The right line and the wrong one."""
    right = equation(slip.step, diagnosis.trace.program, None)
    blocks: list[Block] = [Equation(right.left, right.lines, "", ("right",), sign=right.sign)]
    wrong = wrong_line(slip, diagnosis.trace.program)
    if wrong is not None:
        return [*blocks, wrong]
    if slip.factor is not None and right.lines:
        factor = Symbol(slip.factor) if isinstance(slip.factor, str) else Number(slip.factor)
        line = Line(Binary("*", factor, right.lines[0].node))
        return [*blocks, Equation(right.left, (line,), "", ("wrong",), sign=right.sign)]
    return [*blocks, Paragraph(f"Wrong: {slip.wrong or slip.text}.")]


def diagnosis_json(diagnosis: Result) -> str:
    """Result and causes as JSON."""

    def slip(one: Slip) -> dict[str, Any]:
        formula = getattr(getattr(one.mistaken, "rule", None), "formula", None)
        right = "" if one.step.rule.formula is None else one.step.rule.formula.text
        if one.step.rule is shares.sum_of_shares:
            right = sum_line(one.step.output, [name for name in one.step.inputs if name is not None])
        return {
            "value": one.output,
            "values": list(one.outputs),
            "layer": one.of,
            "mistake": one.text,
            "right": right,
            "wrong": one.wrong or ("" if formula is None else formula.text),
        }

    report = {
        "correct": diagnosis.correct,
        "first_wrong": diagnosis.first_wrong,
        "findings": [
            {name: getattr(f, name) for name in ("name", "verdict", "right", "given", "digits", "first", "where")}
            for f in diagnosis.findings
        ],
        "causes": [
            {
                "slips": [slip(s) for s in c.slips],
                "explains": list(c.explains),
                "numbers": c.numbers,
                "digits": c.digits,
                "instead": [slip(s) for s in c.instead],
                "told apart by": None if c.apart is None else {"x": c.apart[0].tolist(), "y": c.apart[1].tolist()},
            }
            for c in diagnosis.causes
        ],
        "unexplained": list(diagnosis.unexplained),
        "too few digits": list(diagnosis.too_few),
        "place": diagnosis.place,
        "partly": [str(c) for c in diagnosis.partly],
        "unseen": [{"value": u.slip.output, "mistake": u.slip.text, "why": u.why} for u in diagnosis.unseen],
        "notes": list(diagnosis.notes),
    }
    return as_json(report)
