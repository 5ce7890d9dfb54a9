"""The derivative of a value that is used in several places: the sum of what comes back from each of them."""

from __future__ import annotations

from .rule import Array, Operation, mistake, rule

MOST = 8
"""How many shares one step adds; of more, the sum of the first ones is a share of the next step's."""


@rule(
    "dv[...] = p1[...] + p2[...] + p3[...] + p4[...] + p5[...] + p6[...] + p7[...] + p8[...]",
    source="the chain rule for several variables",
)
def sum_of_shares(
    p1: Array,
    p2: Array,
    p3: Array = None,
    p4: Array = None,
    p5: Array = None,
    p6: Array = None,
    p7: Array = None,
    p8: Array = None,
) -> Array:
    """dv (any shape) of two to eight shares of its shape: every way on which v moves the loss counts."""
    total = p1 + p2
    if p3 is not None:
        total = total + p3
    if p4 is not None:
        total = total + p4
    if p5 is not None:
        total = total + p5
    if p6 is not None:
        total = total + p6
    if p7 is not None:
        total = total + p7
    return total if p8 is None else total + p8


@mistake(sum_of_shares, "dv[...] = p1[...]", "only {p1} is left: the sum is assigned instead of added")
def sum_of_shares_assigned(p1: Array) -> Array:
    return p1 * 1


operation = Operation("shares", (), (sum_of_shares,), input="v", output="v")
