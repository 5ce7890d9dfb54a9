"""A program's lines as data for the page: every line with its formula as a tree, every value with its shape."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

from ..base.errors import OptionError
from ..formula import Shape, Size
from ..formula.nodes import (
    Binary,
    Count,
    Element,
    Function,
    Indicator,
    Negative,
    Node,
    Number,
    Reduction,
    Symbol,
)
from ..formula.rewrite import folded, rewritten
from ..formula.text import text
from ..program import Loop, Program, Step
from ..program.statement import SAMPLES, Spelling, Statement, sizes_of, statement_of
from ..render.glyphs import glyph

READABLE = Spelling("ijkchwrst", "n", False)
"""The spelling of the page's lines: as a reader has them, each index with a letter of its own."""
DRAWN = "dropout_mask"
"""The one rule that draws at random whose generator the page knows."""

Json: TypeAlias = Any


def line_of(step: Step, shapes: Mapping[str, Shape]) -> Statement:
    """A step's formula in the network's names, every count of indices a number or a product with N.

    Args:
        step: the step.
        shapes: the shape of every value.

    Raises:
        OptionError: where the step draws random numbers in a way that the page does not know.
    """
    if step.formula is None and step.rule.name != DRAWN:
        raise OptionError(f"{step.output} is drawn at random by {step.rule.name}, which a page cannot do")
    line = statement_of(step, shapes, READABLE)
    if step.formula is None:
        return line
    sizes = sizes_of(step, step.formula, shapes)

    def counted(node: Node) -> Node:
        return _count(sizes[node.index]) if isinstance(node, Count) else node

    body = rewritten(line.body, counted)
    return Statement(line.output, line.place, body, line.sizes, line.loops, line.adds, line.text, step)


def _count(size: Size | tuple[Size, ...]) -> Node:
    """How many values an index takes; N is the number of samples."""
    sizes = size if isinstance(size, tuple) else (size,)
    product: Node = Number(float(math.prod(s for s in sizes if isinstance(s, int))))
    for _ in range(sum(s == SAMPLES for s in sizes)):
        product = folded("*", Symbol(SAMPLES), product)
    return product


def tree(node: Node) -> Json:
    """A formula's tree as JSON: a number, an index or a value's name, or a list that begins with what it is."""
    match node:
        case Number(value=value):
            return number(value)
        case Symbol(name=name):
            return name
        case Element(name=name, indices=indices):
            return ["at", name, *map(tree, indices)]
        case Negative(body=body):
            return ["minus", tree(body)]
        case Binary(operator=operator, left=left, right=right):
            return [operator, tree(left), tree(right)]
        case Function(name=name, arguments=arguments):
            return ["call", name, *map(tree, arguments)]
        case Indicator(comparison=comparison, left=left, right=right):
            return ["holds", comparison, tree(left), tree(right)]
        case Reduction(kind=kind, indices=indices, body=body):
            return [kind, list(indices), tree(body)]
        case _:
            raise TypeError(f"{type(node).__name__} cannot stand in a page's line")


def number(value: float) -> Json:
    """A number as JSON; what is not finite by its name, in a list."""
    if math.isfinite(value):
        return int(value) if value == int(value) and abs(value) < 2**53 else value
    return ["infinite", "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"]


def line_record(line: Statement) -> dict[str, Json]:
    """A line as JSON: the value that it sets, where, and the tree of its right side."""
    step = line.step
    formula = step.formula
    record: dict[str, Json] = {
        "output": line.output,
        "inputs": [i for i in step.inputs if i is not None],
        "part": step.part,
        "owner": step.owner.text,
        "kind": step.owner.kind,
        "rule": step.rule.name,
        "formula": formula.text if formula is not None else "",
        "source": step.rule.source,
        "reason": step.rule.reason,
    }
    if formula is None:
        return {**record, "text": line.text, "draw": {name: step.options[name] for name in ("rate", "seed", "layer")}}
    return {**record, **formula_record(line)}


def formula_record(line: Statement) -> dict[str, Json]:
    """A line's formula as JSON."""
    return {
        "output": line.output,
        "text": f"{text(line.left)} {'+=' if line.adds else '='} {text(line.body)}",
        "place": [tree(index) for index in line.place],
        "body": tree(line.body),
        "sizes": dict(line.sizes),
        "adds": line.adds,
    }


def value_records(program: Program, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, dict[str, Json]]:
    """Every value of a program by its name: shape, role, and what it belongs to.

    Args:
        program: the program.
        shapes: the shapes of the values that there are.
    """
    records: dict[str, dict[str, Json]] = {}
    for name, value in program.values.items():
        if name not in shapes:
            continue
        records[name] = {
            "shape": list(value.shape),
            "role": str(value.role),
            "of": program.partials.get(name),
            "through": value.through,
            "updates": value.of if value.role.value == "updated" else None,
            "whole": value.dtype == "int",
            "glyph": asdict(glyph(name)),
        }
    return records


def segment_records(program: Program, lines: Sequence[str]) -> list[Json]:
    """The lines in the order in which they run, by their places; those of a loop over time together."""
    place = {output: at for at, output in enumerate(lines)}
    records: list[Json] = []
    for segment in program.segments:
        if isinstance(segment, Loop):
            records.append(
                {
                    "lines": [place[s.output] for s in segment.steps],
                    "times": segment.times,
                    "backward": segment.backward,
                }
            )
        else:
            records.append(place[segment.output])
    return records
