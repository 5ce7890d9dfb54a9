"""The board of a derivation."""

from __future__ import annotations

from ..base.digits import significant
from ..formula.expression import Partial, Quantity, walk_expression
from ..formula.nodes import Indicator, Node, Number
from ..render.blocks import Block, Equation, Line, Paragraph, Style
from ..render.board import Board
from ..render.text import TextMath
from .origin import Origin

FORM_TEXT = {
    "delta": "Each derivative is opened into those that it follows from, down to the loss.",
    "paths": "Every path to the loss is a product of local derivatives; the gradient is their sum.",
}


def derivation_board(derivation: Origin) -> Board:
    """The board of a derivation: its steps as equations, what is not opened, and the check against the program."""
    settings = derivation.settings
    value = significant(printed(derivation), settings.precision)
    style = Style(settings.precision, settings.labels, settings.derivatives, through=settings.through)
    text = TextMath(style).inline(derivation.head)
    title = f"{text} = {value}" if text == derivation.address else f"{text} = {value}, that is {derivation.address}"
    blocks: list[Block] = []
    if derivation.expression is not None and derivation.part in ("backward", "update"):
        blocks.append(Paragraph(FORM_TEXT[settings.form]))
    if settings.moment:
        blocks.append(Paragraph(settings.moment))
    if settings.hand_rounding is not None:
        blocks.append(Paragraph(f"Every step is rounded to {settings.hand_rounding} significant digits."))
    blocks.extend(equation(step) for step in derivation.steps)
    if derivation.unopened:
        text = ", ".join(TextMath(style).named(a) for a in derivation.unopened[:4])
        more = f" and {len(derivation.unopened) - 4} more" if len(derivation.unopened) > 4 else ""
        blocks.append(Paragraph(f"Not opened here: {text}{more}."))
    blocks.append(Paragraph(checked(derivation)))
    return Board(title, tuple(blocks), style)


def equation(step: Origin) -> Equation:
    """The equation of one step: symbols, numbers, result; for a value from outside, its number."""
    settings = step.settings
    result = Line(Number(printed(step)))
    if step.expression is None:
        lines: tuple[Line, ...] = (result,)
    elif settings.style == "symbolic":
        lines = (Line(step.expression),)
    elif isinstance(step.expression, Number):
        lines = (result,)
    elif isinstance(step.expression, (Quantity, Partial)) or not _names_any(step.expression):
        lines = (Line(step.expression), result)  # put in numbers, it would be the result again
    else:
        lines = (Line(step.expression), Line(step.expression, numbers=True), result)
    notes = [f"{step.rule}: {step.formula}, {step.layer}"] if step.formula else []
    if step.expression is not None and any(isinstance(n, Indicator) for n in walk_expression(step.expression)):
        notes.append("[...] is 1 where it holds, else 0")
    if step.reason:
        notes.append(step.reason)
    if not step.check.agrees:
        notes.append(f"the program has {step.check.program!r}: the two do not agree")
    return Equation(
        step.head, lines, step.address, tuple(notes), step.input_addresses, one_line=settings.style == "short"
    )


def printed(step: Origin) -> float:
    """The number of a step to print: the program's where the two agree, so that it is the same everywhere."""
    return step.program if step.check.agrees and step.settings.hand_rounding is None else step.value


def _names_any(node: Node) -> bool:
    return any(isinstance(n, (Quantity, Partial)) for n in walk_expression(node))


def checked(derivation: Origin) -> str:
    """One sentence: whether the derivation's numbers are the program's."""
    steps = [s for s in derivation.steps if s.expression is not None]
    errors = [s.address for s in steps if not s.check.agrees]
    if not steps:
        return "Nothing had to be computed."
    if errors:
        return f"Checked against the program: {', '.join(errors)} not the same."
    count = f"the same {len(steps)} numbers" if len(steps) > 1 else "the same number"
    digits = derivation.settings.precision
    by_hand = (
        ""
        if derivation.settings.hand_rounding
        else (f" Shown to {digits} digits, computed with all of them: with a calculator the last digit may differ.")
    )
    return f"Checked: the network itself computed {count} (to rounding).{by_hand}"
