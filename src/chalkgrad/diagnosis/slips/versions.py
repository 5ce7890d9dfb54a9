"""The versions of a value that mistakes take: of this pass, after the update, of an earlier pass, without its bias."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...program import Program, Role, Step, Value
from ...program import names as spelled
from ...rules import shares
from ...rules.rule import Operand, Version
from .slip import Further


def version_of(
    operand: Operand, step: Step, program: Program, before: Mapping[str, Any], *, looped: bool
) -> str | Further | None:
    """The version of the network's value that a mistake's operand stands for, or its name; None where there is none."""
    name = step.bound.get(operand.formal)
    if name is None or name not in program.values:
        return None
    match operand.version:
        case Version.OWN:
            return name
        case Version.UPDATED:
            return updated_value(name, step, program, looped=looped)
        case Version.BEFORE:
            if name not in before:
                return None
            return Further(_like(name, spelled.earlier(name), program), lambda get: before[name])
        case Version.UNBIASED:
            maker = program.by_output.get(name)
            if maker is None or not maker.rule.weighted or maker.inputs[2] is None:
                return None
            x, W, _ = maker.inputs
            value = _like(name, spelled.unbiased(name), program)
            return Further(value, lambda get: maker.rule.function(get(x or ""), get(W or ""), None, **maker.options))


def updated_value(name: str, step: Step, program: Program, *, looped: bool) -> str | None:
    """The value after the update; None where there is none, or where it comes of this very step: of shared weights, of
    gradients clipped by their common norm, of a loop.
    """
    new = program.updated.get(name)
    total = program.by_output.get(program.derivative_of.get(name, ""))
    if new is None or total is None:
        return new
    summed = (total, *(program.by_output.get(i or "") for i in total.inputs))  # a penalty may come after the sum
    shared = any(s is not None and s.rule is shares.sum_of_shares for s in summed)
    if not shared and not looped and spelled.GRADIENT_NORM not in program.values:
        return new
    return None if step in program.needed_for([new]) else new


def _like(name: str, label: str, program: Program) -> Value:
    """A value of the shape of another, from outside the program."""
    return Value(label, program.shapes[name], Role.GIVEN)
