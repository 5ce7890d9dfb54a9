"""The product of several values, element by element: each gets the derivative times the others back."""

from __future__ import annotations

from .rule import Array, Operation, mistake, rule

SOURCE = "the product rule"


@rule("g[n,...] = x1[n,...] * x2[n,...]", source=SOURCE)
def multiply(x1: Array, x2: Array) -> Array:
    """g (N, ...) of two values of its shape."""
    return x1 * x2


@rule("dx1[n,...] = dg[n,...] * x2[n,...]", source=SOURCE)
def multiply_dx1(dg: Array, x2: Array) -> Array:
    """dx1 (N, ...) of dg and x2 (N, ...): the other factor stays as it is."""
    return dg * x2


@rule("dx2[n,...] = dg[n,...] * x1[n,...]", source=SOURCE)
def multiply_dx2(dg: Array, x1: Array) -> Array:
    """dx2 (N, ...) of dg and x1 (N, ...)."""
    return dg * x1


@mistake(multiply_dx1, "dx1[n,...] = dg[n,...]", "the other factor is left out")
def multiply_dx1_alone(dg: Array) -> Array:
    return dg * 1


@mistake(multiply_dx1, "dx1[n,...] = dg[n,...] * x1[n,...]", "its own factor is taken instead of the other one")
def multiply_dx1_own(dg: Array, x1: Array) -> Array:
    return dg * x1


@mistake(multiply_dx2, "dx2[n,...] = dg[n,...]", "the other factor is left out")
def multiply_dx2_alone(dg: Array) -> Array:
    return dg * 1


@mistake(multiply_dx2, "dx2[n,...] = dg[n,...] * x2[n,...]", "its own factor is taken instead of the other one")
def multiply_dx2_own(dg: Array, x2: Array) -> Array:
    return dg * x2


operation = Operation(
    "multiplication", (multiply,), (multiply_dx1, multiply_dx2), input="x1", output="g", others=("x2",)
)
