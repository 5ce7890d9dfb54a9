"""Softplus, log(1 + exp(z))."""

from __future__ import annotations

from .arrays import namespace, zeros
from .rule import Array, Operation, mistake, rule


@rule("a[...] = log(1 + exp(z[...]))", source="Dugas et al., 2001")
def softplus(z: Array) -> Array:
    """a of z, any shape; no overflow, however large z."""
    return namespace(z).logaddexp(z, zeros(z.shape, z))


@rule("dz[...] = da[...] / (1 + exp(-z[...]))")
def softplus_dz(da: Array, z: Array) -> Array:
    """dz of da and z, any shape: the derivative is the sigmoid."""
    return da / (1 + namespace(z).exp(-z))


@mistake(softplus_dz, "dz[...] = da[...] / (1 + exp(z[...]))", "the sign in the exponent is flipped")
def softplus_dz_flipped(da: Array, z: Array) -> Array:
    return da / (1 + namespace(z).exp(z))


@mistake(softplus_dz, "dz[...] = da[...]", "the activation's derivative is left out")
def softplus_dz_left_out(da: Array) -> Array:
    return da * 1


operation = Operation("softplus", (softplus,), (softplus_dz,), input="z", output="a")
