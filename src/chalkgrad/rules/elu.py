"""The exponential linear unit: z above 0, alpha (exp(z) - 1) below."""

from __future__ import annotations

from .arrays import namespace
from .rule import Array, Operation, kinks, mistake, rule


@rule(
    "a[...] = max(z[...], 0) + alpha * (exp(min(z[...], 0)) - 1)",
    source="Clevert, Unterthiner and Hochreiter, arXiv:1511.07289",
)
def elu(z: Array, *, alpha: float) -> Array:
    """a of z, any shape."""
    xp = namespace(z)
    return xp.where(z > 0, z, alpha * xp.expm1(xp.minimum(z, 0)))


@kinks(elu, at=(0.0,))
def elu_sides(z: Array, *, alpha: float) -> Array:
    return z > 0


@rule("dz[...] = da[...] * ([z[...] > 0] + [z[...] <= 0] * alpha * exp(min(z[...], 0)))")
def elu_dz(da: Array, z: Array, *, alpha: float) -> Array:
    """dz of da and z, any shape: below 0 the derivative is alpha exp(z), which is a + alpha, but keeps its digits."""
    xp = namespace(da)
    return xp.where(z > 0, da, da * (alpha * xp.exp(xp.minimum(z, 0))))


@mistake(
    elu_dz,
    "dz[...] = da[...] * ([z[...] > 0] + [z[...] <= 0] * a[...])",
    "a is taken instead of a + alpha",
)
def elu_dz_without_alpha(da: Array, z: Array, a: Array) -> Array:
    return namespace(da).where(z > 0, da, da * a)


@mistake(elu_dz, "dz[...] = da[...] * [z[...] > 0]", "the part below 0 is left out")
def elu_dz_as_relu(da: Array, z: Array) -> Array:
    return namespace(da).where(z > 0, da, 0.0)


@mistake(elu_dz, "dz[...] = da[...]", "the activation's derivative is left out")
def elu_dz_left_out(da: Array) -> Array:
    return da * 1


operation = Operation("ELU", (elu,), (elu_dz,), input="z", output="a")
