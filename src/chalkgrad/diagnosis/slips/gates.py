"""Slips of layers that compute several things alike, as gates do: the derivative of another one is taken."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import partial

from ...program import Program, Role, Step
from ...rules import Rule
from ...rules.derived import Derived
from .slip import Slip


def of_other_gates(program: Program) -> Iterator[Slip]:
    """Parameters whose derivative is computed of what comes back to another gate: dbi of dzf."""
    alike: dict[tuple[str, Rule], list[Step]] = {}
    for step in program.part("backward"):
        if step.value.of in program.parameters and step.value.role in (Role.DERIVATIVE, Role.SHARE):
            alike.setdefault((step.owner.text, _base(step.rule)), []).append(step)
    for steps in alike.values():
        for step in steps:
            for other in steps:
                differ = [k for k, (i, j) in enumerate(zip(step.inputs, other.inputs, strict=True)) if i != j]
                if other is step or other.shape != step.shape or len(differ) != 1:
                    continue
                own, taken = step.inputs[differ[0]], other.inputs[differ[0]]
                wrong = dataclasses.replace(step, inputs=other.inputs)
                function = partial(step.rule.function, **step.options)
                text = f"what comes back to another gate is taken: {taken}, not {own}"
                yield Slip(step.output, step, text, 1.1, other.inputs, function, wrong)


def _base(rule: Rule) -> Rule:
    """The rule that a derived one is made from."""
    while isinstance(rule, Derived):
        rule = rule.base
    return rule
