"""The activations among the operations: those of one line each way, element by element."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from ...rules import OPERATIONS, Operation, Rule


@cache
def activations() -> Mapping[Rule, Operation]:
    """The activations by each of their rules."""
    found: dict[Rule, Operation] = {}
    for operation in OPERATIONS:
        formula = operation.backward[0].formula if len(operation.backward) == 1 else None
        if operation.input != "z" or operation.output != "a" or formula is None or len(operation.forward) != 1:
            continue
        if formula.text.startswith("dz[...]"):
            found[operation.forward[0]] = found[operation.backward[0]] = operation
    return found
