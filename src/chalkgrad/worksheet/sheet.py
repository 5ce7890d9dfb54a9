"""The sheet that is filled in, as blocks on the board."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable
from dataclasses import fields
from typing import Any

import numpy as np

from ..base.address import Address
from ..base.digits import significant
from ..base.text import visible
from ..describe.optimizers import SGD, Optimizer
from ..diagnosis.slips.in_time import loops_of
from ..explain.derive import TITLES, equation
from ..explain.trace import Trace
from ..formula.expression import Quantity
from ..formula.nodes import Symbol
from ..program import Step
from ..render.blocks import Block, Equation, Heading, Line, Paragraph, Table
from ..render.board import Board
from .exercise import Exercise
from .names import name_and_address, style_of

Array = np.ndarray[Any, Any]
GAP = "________"
READING = (
    "Samples are rows. Products with ⊙, fractions, powers and functions are element by element; a vector beside a "
    "matrix stands in every one of its rows; T is the transpose. A derivative of the loss is written as a fraction, "
    "or as d with the value's name: dz1 has the shape of z1."
)
SHARES = (
    "A value that is used in several places gets a share of its derivative back from each of them, and its derivative "
    "is their sum. A share is called after where it comes from: {share} is what comes back to {of} through {user}."
)
TIME = (
    "t counts the steps of a sequence, from 0; what would stand before the first step or after the last is 0. Going "
    "back through time, the last step comes first."
)
OFF = (
    "A ReLU is off where its input is below 0: its output is 0 there, and nothing comes back through it, so that its "
    "input's derivative is 0 too. A blank may be 0."
)


def sheet_board(sheet: Exercise, *, hints: bool) -> Board:
    """Name, network, numbers, the derivation with blanks, and the list of the blanks."""
    trace = sheet.trace
    blocks: list[Block] = [Paragraph(f"Name: {'_' * 30}    Date: {'_' * 12}")]
    if sheet.example.text:
        blocks.append(Paragraph(visible(sheet.example.text)))
    blocks.append(Paragraph(task(sheet)))
    blocks.append(Heading("The network"))
    blocks.append(Paragraph(READING))
    blocks.extend(equation(s, trace.program, None) for s in needed(sheet, "forward", "loss"))
    share = next((s.value for s in needed(sheet, "backward") if s.value.through is not None), None)
    if share is not None:
        blocks.append(Paragraph(SHARES.format(share=share.name, of=share.of, user=share.through)))
    if loops_of(trace.program):
        blocks.append(Paragraph(TIME))
    if any(s.rule.off_below is not None for s in needed(sheet, "forward", "loss")):
        blocks.append(Paragraph(OFF))
    blocks.append(Paragraph(_update(sheet)))
    blocks.extend(equation(s, trace.program, None) for s in _update_lines(sheet))
    blocks.append(Heading("The numbers"))
    blocks.append(givens_table(sheet))
    names = known_values(sheet)
    if names:
        blocks.append(Heading("Computed already"))
        blocks.append(numbers_table(trace, names, sheet.digits + 2))
    blocks.extend(_pass(sheet, hints))
    blocks.append(Heading("Your answers"))
    blocks.append(answers_table(sheet))
    return Board(title(sheet), tuple(blocks), style_of(trace, sheet.digits + 2))


def title(sheet: Exercise) -> str:
    """The sheet's title in one line, with the number that tells one student's sheet from another's."""
    text = visible(" ".join(sheet.title.split()))
    return text if sheet.seed is None else f"{text} (sheet {sheet.seed})"


def task(sheet: Exercise) -> str:
    """The task in a sentence or two."""
    count = len(sheet.blanks)
    return (
        f"Fill in the {count} blank{'s' * (count != 1)}, {points(sheet.points)} in all. Give every number to "
        f"{sheet.digits} significant digits (0.01234 has four); you may round every step on the way to as many. "
        "A number that is right from your own earlier numbers counts."
    )


def points(count: float) -> str:
    """So many points."""
    return f"{count:g} point{'s' * (count != 1)}"


def needed(sheet: Exercise, *parts: str) -> list[Any]:
    """The steps of these parts that the blanks are computed from, blanks included."""
    outputs = {s.output for s in sheet.trace.program.needed_for({b.address.name for b in sheet.blanks})}
    if "forward" in parts:
        outputs |= {s.output for s in sheet.trace.program.needed_for(["L"])}
    return [s for s in sheet.trace.program if s.part in parts and s.output in outputs]


def known_values(sheet: Exercise) -> list[str]:
    """Values that the blanks are computed from and that follow from no blank: the sheet gives their numbers."""
    steps = needed(sheet, "forward", "loss", "backward", "update")
    dependent = {b.address.name for b in sheet.blanks}
    for step in steps:
        if any(i in dependent for i in step.inputs):
            dependent.add(step.output)
    operands = {i for s in steps for i in s.inputs}
    return [s.output for s in steps if s.output not in dependent and s.output in operands]


def _update(sheet: Exercise) -> str:
    optimizer = sheet.example.optimizer
    if not any(b.address.name in {s.output for s in sheet.trace.program.part("update")} for b in sheet.blanks):
        return "The derivatives are those of the loss L."
    rate = significant(float(optimizer.learning_rate), 12)
    frozen = sheet.example.network.frozen
    note = f" {', '.join(frozen)} {'stays' if len(frozen) == 1 else 'stay'} as given." if frozen else ""
    if optimizer == SGD(optimizer.learning_rate):
        return f"The update is plain gradient descent with the learning rate {rate}: W_new = W - {rate} dW.{note}"
    operands = {i for s in needed(sheet, "update") for i in s.inputs}
    states = [n for n in sheet.trace.program.given if n in operands and n not in ("x", "y", "clock", "lr", "t")]
    start = ""
    if states and sheet.example.optimizer_state:
        start = f" What it carries from the steps before is given: {', '.join(states)}."
    elif states:
        start = f" Before it {', '.join(states)} {'is' if len(states) == 1 else 'are'} 0."
    step = f"step t = {sheet.example.steps_before + 1}"
    return f"The update is {step} of {optimizer.kind} with {settings_of(optimizer)}.{start}{note}"


def settings_of(optimizer: Optimizer) -> str:
    """An optimizer's settings in words, all that its formulas use."""
    settings = [f"the learning rate lr = {significant(float(optimizer.learning_rate), 12)}"]
    for setting in fields(optimizer):
        value = getattr(optimizer, setting.name)
        if setting.name == "learning_rate" or (setting.name in ("weight_decay", "clip_norm") and not value):
            continue
        name = setting.name.replace("_", " ")
        if isinstance(value, bool):
            settings += [f"{name[0].upper()}{name[1:]}'s momentum"] if value else []
        else:
            settings.append(f"{name} {significant(float(value), 12)}")
    return ", ".join(settings)


def _update_lines(sheet: Exercise) -> list[Step]:
    """The update's formulas where they are not said in words: of every parameter that has others, one."""
    optimizer = sheet.example.optimizer
    if optimizer == SGD(optimizer.learning_rate):
        return []
    program = sheet.trace.program
    lines: list[Step] = []
    combinations: set[tuple[str, ...]] = set()
    outputs = {s.output for s in needed(sheet, "update")}
    for name in program.parameters:
        steps = [s for s in program.part("update") if s.bound.get("W") == name and s.output in outputs]
        kinds = tuple(s.rule.name for s in steps)
        if steps and kinds not in combinations:
            combinations.add(kinds)
            lines += steps
    common = [s for s in program.part("update") if s.owner.kind == "optimizer" and s.bound.get("W") is None]
    wanted = {s.output for s in (*lines, *common)} & outputs
    return [s for s in program.part("update") if s.output in wanted]


def givens_table(sheet: Exercise) -> Table:
    """The given values with all of their numbers."""
    trace = sheet.trace
    operands = {i for s in needed(sheet, "forward", "loss", "backward", "update") for i in s.inputs}
    outputs = {s.output for s in trace.program}
    names = [n for n in trace if n in operands and n not in outputs and n not in ("clock", "t")]
    return numbers_table(trace, names, 15)


def numbers_table(trace: Trace, names: Iterable[str], precision: int) -> Table:
    """Values with all of their numbers, and what their elements are called."""
    rows = [
        (n, " x ".join(map(str, trace[n].shape)) or "number", in_rows(trace[n], precision), _labels(trace, n))
        for n in names
    ]
    if not any(row[3] for row in rows):
        return Table(("value", "shape", "numbers"), tuple(row[:3] for row in rows))
    return Table(("value", "shape", "called", "numbers"), tuple((n, s, c, v) for n, s, v, c in rows))


def in_rows(array: Array, precision: int) -> str:
    """All of an array's numbers as text, row by row in brackets."""
    if array.ndim == 0:
        return significant(float(array), precision)
    if array.ndim == 1:
        return f"[{', '.join(significant(float(v), precision) for v in array)}]"
    return f"[{', '.join(in_rows(row, precision) for row in array)}]"


def _labels(trace: Trace, name: str) -> str:
    array = trace[name]
    labels = {a.place: label for a, label in ((Address.parse(k), v) for k, v in trace.labels.items()) if a.name == name}
    if not labels:
        return ""

    def rows(place: tuple[int, ...]) -> str:
        if len(place) == array.ndim:
            return labels.get(place, "-")
        return f"[{', '.join(rows((*place, i)) for i in range(array.shape[len(place)]))}]"

    return rows(())


def _pass(sheet: Exercise, hints: bool) -> list[Block]:
    """The blanks in the order of the pass, each with what it is equal to where hints are asked for."""
    trace = sheet.trace
    numbered = list(enumerate(sheet.blanks, start=1))
    parts = {s.output: s.part for s in trace.program}
    steps = {s.output: s for s in trace.program}
    shown: set[str] = set()
    loops = loops_of(trace.program)
    blocks: list[Block] = []
    time = ""
    for part, of_part in itertools.groupby(numbered, key=lambda entry: parts[entry[1].address.name]):
        blocks.append(Heading(TITLES[part]))
        for (name, _), blanks in itertools.groupby(of_part, key=lambda entry: _of_a_time(entry[1].address, loops)):
            step = steps[name]
            blanks = list(blanks)
            now = f"Step t = {blanks[0][1].address.place[1]}" if name in loops else ""
            if now and now != time:
                blocks.append(Heading(now, 3))
            time = now
            if hints and name not in shown:
                shown.add(name)
                blocks.append(equation(step, trace.program, None))
            for place, blank in blanks:
                address = blank.address
                lines: list[Line] = []
                if hints:
                    derivation = trace.explain(str(address), steps=1, terms=16)
                    if derivation.expression is not None:
                        lines.append(Line(derivation.expression))
                lines.append(Line(Symbol(GAP)))
                head = Quantity(address, float(trace[name][address.place]))
                worth = f", {points(blank.points)}" if blank.points != 1 else ""
                blocks.append(Equation(head, tuple(lines), "", (f"blank {place}{worth}",)))
    return blocks


def _of_a_time(address: Address, loops: Collection[str]) -> tuple[str, int]:
    """The value's name, and in a loop the time."""
    return address.name, address.place[1] if address.name in loops else 0


def answers_table(sheet: Exercise) -> Table:
    """The blanks in a list, with room for the numbers."""
    rows = [
        (str(place), sheet.words[b.address], name_and_address(b.address, sheet.trace), f"{b.points:g}", GAP)
        for place, b in enumerate(sheet.blanks, start=1)
    ]
    return Table(("no.", "name", "which is", "points", "your number"), tuple(rows), (0, 3))
