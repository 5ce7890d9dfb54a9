"""The places of what is computed for the samples that are taken together: memory that nobody reads any more is used
again, so that more of it is in the cache. Values that need zeros around them keep theirs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from ....program.statement import SAMPLES, Statement
from .layouts import multiple
from .plan import Plan
from .products import once_each

ALWAYS = (0, 2**31)
"""The lifetime of what is never given up."""


def places_of(plan: Plan, line: int) -> tuple[dict[str, int], int]:
    """The beginning of every such value in its buffer, and the buffer's size, in numbers.

    Args:
        plan: the plan.
        line: values begin at multiples of so many numbers.
    """
    lives = _lifetimes(plan)
    placed: list[tuple[int, int, int, int]] = []  # from, to, first, last
    places: dict[str, int] = {}
    values = [v for v in plan.values.values() if v.home == "chunk"]
    for value in sorted(values, key=lambda v: lives[v.name][0]):  # those that stay come first
        assert value.layout is not None
        size, (first, last) = multiple(value.layout.size * plan.chunk, line), lives[value.name]
        at = 0
        for begin, end, other_first, other_last in sorted(placed):
            if other_first <= last and first <= other_last:
                if at + size <= begin:
                    break
                at = max(at, end)
        places[value.name] = at
        placed.append((at, at + size, first, last))
    return places, max((end for _, end, _, _ in placed), default=0)


def _lifetimes(plan: Plan) -> dict[str, tuple[int, int]]:
    """The first and the last group of statements that set or read each value of the samples that are taken together."""
    used: dict[str, tuple[int, int]] = {}
    kept: set[str] = set()
    for number, group in enumerate(_groups(plan)):
        for statement in group:
            for name in _names(plan, statement):
                root = plan.aliases.get(name, name)
                used[root] = (used.get(root, (number, number))[0], number)
            if _fills(plan, statement):
                kept.add(statement.output)
    return {v: used[v] if v in kept else ALWAYS for v, value in plan.values.items() if value.home == "chunk"}


def _groups(plan: Plan) -> Iterator[list[Statement]]:
    """The statements in groups that are computed one after another.

    A product is computed for all samples that are taken together, and so is a loop over time. What stands between them
    goes through the samples: for one its last statement comes before the first of the next, and they share loops.
    """
    for phase in plan.phases:
        beside: list[Statement] = []
        for group in plan.together(phase.statements):
            if group[0].output not in plan.loops and group[0].output not in plan.products:
                beside += group
                continue
            if beside:
                yield beside
            beside = []
            yield group
        if beside:
            yield beside


def _names(plan: Plan, statement: Statement) -> set[str]:
    """The values that a statement sets or reads."""
    names = {statement.output, *statement.reads}
    product = plan.products.get(statement.output)
    for tiling in (product, *product.others) if product is not None else ():
        names |= {tiling.left.name, tiling.right.name, *tiling.statement.reads}
        names |= {tiling.bias.name} if tiling.bias is not None else set()
    return names


def _fills(plan: Plan, statement: Statement) -> bool:
    """Whether a statement sets every number of its value's memory, whatever stood there."""
    product, value = plan.products.get(statement.output), plan.values.get(statement.output)
    if value is None or value.layout is None or (product is not None and product.others):
        return False
    setting, layout = statement if product is None else product.statement, value.layout
    whole = layout.compact and layout.size == math.prod(layout.shape)
    return whole and not setting.adds and once_each(setting, (SAMPLES, *layout.shape))
