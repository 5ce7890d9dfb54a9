"""A count that is off by one in a layer's statistics, on the way back only: N - 1 there and N in the forward pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ...formula.nodes import Binary, Count, Number, walk
from ...program import Program, Role, Step, Value
from .slip import Further, Get, Slip

FARTHER = 0.2
ONLY = "on the way back only"


def on_the_way_back(slips: Sequence[Slip], program: Program) -> Iterator[Slip]:
    """The slips that are forward ones of a count, seen by the backward lines of their layer and by no other line.

    Args:
        slips: those of single steps.
        program: the steps.
    """
    for slip in slips:
        step = slip.step
        if step.part != "forward" or step.owner.kind != "layer" or slip.members or not _off_by_one(slip):
            continue
        chain = _chain(step, program)
        back = [s for s in program.part("backward") if s.owner == step.owner]
        outside = [s for s in back if s.value.of not in program.parameters]
        for among in (outside, back):
            members = [m for s in among if (m := _member(slip, s, chain)) is not None]
            if members and (among is outside or len(among) > len(outside)):
                weight = slip.weight + FARTHER + 0.01 * (among is back)
                where = ONLY if among is outside else f"{ONLY}, for the parameters too"
                yield dataclasses.replace(
                    members[0], mistake=slip.mistake, weight=weight, where=where, members=tuple(members)
                )


def _off_by_one(slip: Slip) -> bool:
    formula = None if slip.mistaken is None else slip.mistaken.rule.formula
    if formula is None:
        return False
    return any(
        isinstance(n, Binary) and n.operator == "-" and n.right == Number(1.0) and any(
            isinstance(c, Count) for c in walk(n.left)
        )
        for n in walk(formula.right)
    )  # fmt: skip


def _chain(first: Step, program: Program) -> list[Step]:
    """A step and those of its layer's forward pass that follow from it, in order."""
    found = [first]
    for step in program.part("forward"):
        if step.owner == first.owner and any(s.output in step.inputs for s in found):
            found.append(step)
    return found


def _member(slip: Slip, step: Step, chain: Sequence[Step]) -> Slip | None:
    """A backward step that takes what comes of the forward mistake; None where it takes nothing of it."""
    names = {s.output: f"{s.output} of the way back" for s in chain}
    further = tuple(
        Further(Value(names[s.output], s.shape, Role.GIVEN), _computed(slip, chain, s.output))
        for s in chain
        if s.output in step.inputs
    )
    if not further:
        return None
    inputs = tuple(names.get(i or "", i) for i in step.inputs)
    wrong = f"{step.output} with {slip.output}: {slip.mistake}"

    def function(*arrays: Any) -> Any:
        return step.rule.function(*arrays, **step.options)

    return Slip(step.output, step, slip.mistake, slip.weight, inputs, function, wrong=wrong, further=further, made=True)


def _computed(slip: Slip, chain: Sequence[Step], name: str) -> Callable[[Get], Any]:
    def compute(get: Get) -> Any:
        values = {slip.output: slip.replacement(get)}
        for step in chain[1:]:
            values[step.output] = step.computed(lambda i: values[i] if i in values else get(i))
        return values[name]

    return compute
