"""SiLU (swish): z times its sigmoid."""

from __future__ import annotations

from .arrays import namespace
from .rule import Array, Operation, mistake, rule


@rule("g[...] = 1 / (1 + exp(-z[...]))", source="Elfwing, Uchibe and Doya, arXiv:1702.03118")
def silu_gate(z: Array) -> Array:
    """g of z, any shape: the sigmoid that gates z."""
    return 1 / (1 + namespace(z).exp(-z))


@rule("a[...] = z[...] * g[...]")
def silu(z: Array, g: Array) -> Array:
    """a of z and g, any shape."""
    return z * g


@rule("dz[...] = da[...] * (g[...] + a[...] * (1 - g[...]))")
def silu_dz(da: Array, g: Array, a: Array) -> Array:
    """dz of da, g and a, any shape: the product rule, g + z g (1 - g)."""
    return da * (g + a * (1 - g))


@mistake(silu_dz, "dz[...] = da[...] * g[...]", "the derivative of the gate is left out")
def silu_dz_without_gate(da: Array, g: Array) -> Array:
    return da * g


@mistake(silu_dz, "dz[...] = da[...]", "the activation's derivative is left out")
def silu_dz_left_out(da: Array) -> Array:
    return da * 1


operation = Operation("SiLU", (silu_gate, silu), (silu_dz,), input="z", output="a")
