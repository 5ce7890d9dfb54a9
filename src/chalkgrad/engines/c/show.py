"""The stages of the compiled engine for a network, as text."""

from __future__ import annotations

import math

from ...base.columns import table
from ...program.statement import Statement, statement_of
from .loops.phases import lower
from .print.plain import PlainPrinter
from .print.source import print_source
from .schedule.plan import Plan, plan
from .schedule.products import Machine, Product
from .schedule.request import Request

STAGES = ("statements", "plan", "loops", "c")
"""The stages, in the order in which one is made from another."""
WIDTH = 100


def show(stage: str, request: Request, machine: Machine) -> str:
    """One stage as text.

    Args:
        stage: one of `STAGES`.
        request: what is computed.
        machine: the machine that runs it.
    """
    if stage == "statements":
        return _statements(request)
    if stage == "c":
        return print_source(request, machine).text
    schedule = plan(request, machine)
    if stage == "plan":
        return _plan(schedule)
    loops, printer = lower(schedule, request), PlainPrinter()
    routines = [*loops.tiles.values(), *(r for pieces in loops.phases.values() for r in pieces)]
    return "\n\n".join("\n".join(printer.routine(routine)) for routine in routines)


def _statements(request: Request) -> str:
    statements = [statement_of(step, request.shapes) for step in request.steps]
    return table(("statement", "indices"), [(s.text, _ranges(s)) for s in statements], width=WIDTH)


def _ranges(statement: Statement) -> str:
    return " ".join(f"{index}<{size}" for index, size in statement.sizes.items())


def _plan(schedule: Plan) -> str:
    lines = [f"{schedule.chunk} samples are taken together, vectors hold up to {schedule.machine.lanes} numbers"]
    for at, phase in enumerate(schedule.phases):
        if phase.statements:
            rows = [(s.text, _how(schedule.products.get(s.output))) for s in phase.statements]
            lines += ["", table((f"{phase.kind} {at + 1}", "computed by"), rows, width=WIDTH)]
    values = [
        (v.name, v.home, "one number" if v.layout is None else _layout(schedule, v.name))
        for v in schedule.values.values()
    ]
    shared = [(name, f"as {root}", "") for name, root in schedule.aliases.items()]
    return "\n".join([*lines, "", table(("value", "home", "lies"), [*values, *shared], width=WIDTH)])


def _how(product: Product | None) -> str:
    if product is None:
        return "plain loops"
    rows, columns = product.tile
    kind = "across" if product.across else "along"
    zeros = ", zeros skipped" if product.skips else ""
    return f"tiles of {rows} x {columns}, vectors of {product.lanes} {kind} {product.vector}{zeros}"


def _layout(schedule: Plan, name: str) -> str:
    layout = schedule.values[name].layout
    assert layout is not None
    shape = " x ".join(map(str, layout.shape)) or "1"
    if layout.block is not None:
        return f"{shape}, in blocks of {layout.block} columns"
    if layout.compact:
        more = layout.size - math.prod(layout.shape)
        return f"{shape}, row by row" + (f", {more} zeros after it" if more else "")
    return f"{shape}, neighbours {', '.join(map(str, layout.strides))} apart, from {layout.offset} of {layout.size}"
