"""The sum of several values, element by element: each of them gets the whole derivative back."""

from __future__ import annotations

from .rule import Array, Operation, mistake, rule

SOURCE = "He et al., arXiv:1512.03385, 3.2 (shortcut connections)"


@rule("s[n,...] = x1[n,...] + x2[n,...] + x3[n,...] + x4[n,...]", source=SOURCE)
def add(x1: Array, x2: Array, x3: Array = None, x4: Array = None) -> Array:
    """s (N, ...) of two to four values of its shape."""
    total = x1 + x2
    if x3 is not None:
        total = total + x3
    return total if x4 is None else total + x4


@rule("dx1[n,...] = ds[n,...]", source=SOURCE, exact=True)
def add_dx1(ds: Array) -> Array:
    """dx1 (N, ...) of ds (N, ...): a sum moves one to one with each of its terms."""
    return ds * 1


@rule("dx2[n,...] = ds[n,...]", source=SOURCE, exact=True)
def add_dx2(ds: Array) -> Array:
    """dx2 (N, ...) of ds (N, ...), as dx1."""
    return ds * 1


@rule("dx3[n,...] = ds[n,...]", source=SOURCE, exact=True)
def add_dx3(ds: Array) -> Array:
    """dx3 (N, ...) of ds (N, ...), as dx1."""
    return ds * 1


@rule("dx4[n,...] = ds[n,...]", source=SOURCE, exact=True)
def add_dx4(ds: Array) -> Array:
    """dx4 (N, ...) of ds (N, ...), as dx1."""
    return ds * 1


@mistake(add_dx1, "dx1[n,...] = -ds[n,...]", "the sign is flipped")
def add_dx1_negative(ds: Array) -> Array:
    return -ds


@mistake(add_dx1, "dx1[n,...] = ds[n,...] / 2", "the derivative is divided between the terms of the sum")
def add_dx1_divided(ds: Array) -> Array:
    return ds / 2


@mistake(add_dx2, "dx2[n,...] = -ds[n,...]", "the sign is flipped")
def add_dx2_negative(ds: Array) -> Array:
    return -ds


@mistake(add_dx2, "dx2[n,...] = ds[n,...] / 2", "the derivative is divided between the terms of the sum")
def add_dx2_divided(ds: Array) -> Array:
    return ds / 2


@mistake(add_dx1, "dx1[n,...] = ds[n,...] * x2[n,...]", "the sum is taken for a product: {x2} is a factor")
def add_dx1_multiplied(ds: Array, x2: Array) -> Array:
    return ds * x2


@mistake(add_dx2, "dx2[n,...] = ds[n,...] * x1[n,...]", "the sum is taken for a product: {x1} is a factor")
def add_dx2_multiplied(ds: Array, x1: Array) -> Array:
    return ds * x1


@mistake(add_dx3, "dx3[n,...] = -ds[n,...]", "the sign is flipped")
def add_dx3_negative(ds: Array) -> Array:
    return -ds


@mistake(add_dx3, "dx3[n,...] = ds[n,...] / 3", "the derivative is divided between the terms of the sum")
def add_dx3_divided(ds: Array) -> Array:
    return ds / 3


@mistake(add_dx4, "dx4[n,...] = -ds[n,...]", "the sign is flipped")
def add_dx4_negative(ds: Array) -> Array:
    return -ds


@mistake(add_dx4, "dx4[n,...] = ds[n,...] / 4", "the derivative is divided between the terms of the sum")
def add_dx4_divided(ds: Array) -> Array:
    return ds / 4


operation = Operation(
    "addition",
    (add,),
    (add_dx1, add_dx2, add_dx3, add_dx4),
    input="x1",
    output="s",
    others=("x2", "x3", "x4"),
)
