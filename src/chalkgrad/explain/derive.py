"""The derivation of a whole pass: every step of a program in matrix form, with shapes, and with numbers if asked."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..base.digits import significant
from ..formula.expression import AtTime, Named, Rows
from ..formula.nodes import Element, Function, Node, Number, Position, Symbol, walk
from ..program import PARTS, Loop, Program, Segment, Step, segments
from ..program.statement import WRITTEN, Statement, statement_of
from ..render.blocks import Block, Equation, Heading, Line, Paragraph, Style, Table
from ..render.board import Board
from .matrix import TIME, matrix_form, sides
from .moments import at_step

TITLES = {
    "forward": "Forward pass",
    "loss": "Loss",
    "backward": "Backward pass",
    "update": "Update",
}
SEQUENCES = (
    "Of sequences, z[t] (or z with the index t) are the values at step t, a row for each sample; before the first step "
    "and after the last they are 0."
)
SMALL = 6
"""A matrix with more rows or columns than this is shown by its name, not by its numbers."""

Array = np.ndarray[Any, Any]


def derive(program: Program, values: Mapping[str, Array] | None, style: Style, title: str) -> Board:
    """The board of a program, with every step as an equation.

    Args:
        program: the steps.
        values: every named value, shown where it is small; None for symbols only.
        style: precision and labels.
        title: the board's title.
    """
    names = {i for step in program for i in step.inputs}
    inputs = {**program.given, **program.parameters, **program.states}
    about = (
        "Samples are rows. ⊙, fractions, powers and functions are element by element; a vector beside a matrix "
        "stands in every one of its rows. T is the transpose, @ (or standing side by side) the product of "
        "matrices, ones (or a bold 1) a column of ones."
    )
    blocks: list[Block] = [
        Paragraph(about),
        _given({n: s for n, s in inputs.items() if n in names}, values, style),
    ]
    for part in PARTS:
        steps = program.part(part)
        if not steps:
            continue
        blocks.append(Heading(TITLES[part]))
        for owner, group in itertools.groupby(segments(steps), key=lambda s: _steps(s)[0].owner):
            layer = owner.text
            blocks.append(Heading(layer[0].upper() + layer[1:], 3))
            members = list(group)
            for place, segment in enumerate(members):
                if isinstance(segment, Loop):
                    blocks.append(Paragraph(_times(segment)))
                elif place and isinstance(members[place - 1], Loop):
                    blocks.append(Paragraph("Then:"))
                order = segment.order if isinstance(segment, Loop) else None
                blocks += [block for step in _steps(segment) for block in equations(step, program, values, order)]
    if any(isinstance(block, Equation) and isinstance(block.left, AtTime) for block in blocks):
        blocks[0] = Paragraph(f"{about} {SEQUENCES}")
    return Board(title, tuple(blocks), style)


def _steps(segment: Segment) -> tuple[Step, ...]:
    return segment.steps if isinstance(segment, Loop) else (segment,)


def _times(loop: Loop) -> str:
    """The times of a loop in order, in words."""
    first, last = loop.order[0], loop.order[-1]
    if loop.times < 4:
        return f"For t = {', '.join(map(str, loop.order))}:"
    return f"For t = {first}, {loop.order[1]}, ..., {last}, one after the other:"


def _given(shapes: Mapping[str, Any], values: Mapping[str, Array] | None, style: Style) -> Table:
    """The table of the values that are not computed: names, shapes, and the numbers of small ones."""
    if values is None:
        return Table(("given", "shape"), tuple((n, _shape(s)) for n, s in shapes.items()))
    lines = [(n, _shape(values[n].shape), in_rows(values[n], style.precision)) for n in shapes]
    return Table(("given", "shape", "numbers"), tuple(lines))


def in_rows(array: Array, precision: int) -> str:
    """The text of a small array's numbers, row by row in brackets; of a larger one's first numbers."""
    numbers = rows(array)
    if numbers is None or array.ndim > 2:
        flat = array.ravel()[:SMALL]
        return " ".join(significant(float(v), precision) for v in flat) + (" ..." if array.size > SMALL else "")
    lines = [", ".join(significant(v, precision) for v in row) for row in numbers]
    if array.ndim == 0:
        return lines[0]
    inner = ", ".join(f"[{line}]" for line in lines)
    return f"[{inner}]" if array.ndim == 2 else inner


def equations(
    step: Step, program: Program, values: Mapping[str, Array] | None, order: range | None = None
) -> list[Equation]:
    """The equation of one step, and behind it, of one that stands with its time, the numbers of each time.

    Args:
        step: the step.
        program: its program.
        values: every named value; None for symbols only.
        order: the times in their order, where that is not the usual one.
    """
    first = equation(step, program, values)
    made = [first]
    if values is None or not isinstance(first.left, AtTime):
        return made
    array = values[step.output]
    times = array.shape[1]
    for t in (order or range(times)) if times <= SMALL else ():
        form = at_step(first.lines[0].node, t, times, values, rows)
        result = rows(array[:, t])
        if form is None or result is None:
            return [first]
        left, numbers = AtTime(Named(step.output), Number(float(t))), Named(step.output, result)
        made.append(Equation(left, (Line(form, numbers=True), Line(numbers, numbers=True))))
    return made


def equation(step: Step, program: Program, values: Mapping[str, Array] | None) -> Equation:
    """The equation of one step, in matrix form where it has one, else by its index formula."""
    shapes = program.shapes
    symbols: dict[str, Named] = {}
    for name in (step.output, *step.inputs):
        if name is not None:
            symbols[name] = Named(name, None if values is None else rows(values.get(name)), shapes[name] == ())
    shape = step.shape if values is None else values[step.output].shape
    notes = [f"shape {_shape(shape)}, rule {step.rule.name}"]
    if step.rule.reason:
        notes.append(step.rule.reason)
    formula = step.formula
    if formula is not None and formula.bounds:
        sizes = formula.sizes({}, step.options)
        notes.insert(0, "for " + ", ".join(f"{index} < {size}" for index, size in sizes.items()))
    left: Node = Named(step.output)
    sign = "="
    lines: list[Line] = []
    if formula is None:
        operands: list[Node] = [Symbol(i) for i in step.inputs if i is not None]
        lines.append(Line(Function(step.rule.output, tuple(operands))))
        notes.append("drawn at random, keyed by seed, layer and training step")
    elif any(isinstance(node, Position) for node in formula.nodes):
        flat = isinstance(formula.left, Element) and any(isinstance(i, Position) for i in formula.left.indices)
        pairs = zip(step.rule.operands, step.inputs, strict=True)
        operands = [symbols[i] for o, i in pairs if i is not None and o != step.rule.shape_of]
        lines.append(Line(Function("flatten" if flat else "unflatten", tuple(operands))))
    else:
        statement = statement_of(step, shapes, WRITTEN)
        element, right = sides(
            statement, {n: _constant(program, n) or symbols[n] for n in step.inputs if n is not None}
        )
        forms = matrix_form(statement, right, symbols, recurrent=step.output in program.recurrent)
        if forms is None:
            left, sign = element, "+=" if statement.adds else "="
            lines.append(Line(right))
        else:
            left, form = forms
            lines.append(Line(form))
            if values is not None and not isinstance(left, AtTime) and not isinstance(form, (AtTime, Named)):
                lines += _numbers(statement, form, right, symbols, values)
    result = rows(values.get(step.output)) if values is not None and not isinstance(left, AtTime) else None
    if result is not None:
        lines.append(Line(Named(step.output, result), numbers=True))
    inputs = tuple(i for i in step.inputs if i is not None)
    return Equation(left, tuple(lines), step.output, tuple(notes), inputs, sign=sign)


def _numbers(
    statement: Statement, form: Node, right: Node, symbols: Mapping[str, Named], values: Mapping[str, Array]
) -> list[Line]:
    """The right side in numbers, a sum over the steps of sequences written out; none where a matrix is too large."""
    arrays = [n for n in walk(right) if isinstance(n, (Element, Named))]
    times = statement.sizes.get(TIME)
    if isinstance(times, int) and arrays:
        known = at_step(form, 0, times, values, rows) if times <= SMALL else None
        return [] if known is None else [Line(known, numbers=True)]
    shown = arrays and all(symbols[n.name].rows is not None for n in arrays)
    return [Line(form, numbers=True)] if shown else []


def _constant(program: Program, name: str) -> Node | None:
    """The expression of a value that is the same for every element (1/N); None for other values."""
    step = program.by_output.get(name)
    formula = step.formula if step is not None else None
    if step is None or formula is None or formula.arrays or formula.symbols:
        return None
    body = statement_of(step, program.shapes, WRITTEN).body
    return None if any(isinstance(n, Symbol) for n in walk(body)) else body


def rows(array: Array | None) -> Rows | None:
    """The numbers of a small array in rows; None for larger ones and those without rows."""
    if array is None or array.dtype.kind not in "fiub":
        return None
    matrix = np.asarray(array, dtype=np.float64)
    while matrix.ndim > 2 and matrix.shape[0] == 1:
        matrix = matrix[0]
    if matrix.ndim > 2 or any(s > SMALL for s in matrix.shape) or not matrix.size:
        return None
    return tuple(tuple(float(v) for v in row) for row in np.atleast_2d(matrix))


def _shape(shape: tuple[Any, ...]) -> str:
    return " x ".join(map(str, shape)) or "one number"
