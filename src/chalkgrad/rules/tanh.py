"""The hyperbolic tangent."""

from __future__ import annotations

from .arrays import namespace
from .rule import Array, Operation, mistake, rule


@rule("a[...] = tanh(z[...])", source="LeCun et al., 1998, Efficient BackProp, 4.4", saturates=True)
def tanh(z: Array) -> Array:
    """a of z, any shape."""
    return namespace(z).tanh(z)


@rule("dz[...] = da[...] * (1 - a[...]^2)", source="LeCun et al., 1998, Efficient BackProp, 4.4")
def tanh_dz(da: Array, a: Array) -> Array:
    """dz of da and a, any shape: the derivative of tanh is 1 - a^2."""
    return da * (1 - a * a)


@mistake(tanh_dz, "dz[...] = da[...]", "the activation's derivative is left out")
def tanh_dz_left_out(da: Array) -> Array:
    return da * 1


@mistake(tanh_dz, "dz[...] = da[...] * (1 - a[...])", "the square in 1 - a^2 is left out")
def tanh_dz_unsquared(da: Array, a: Array) -> Array:
    return da * (1 - a)


@mistake(
    tanh_dz,
    "dz[...] = da[...] * (1 - tanh(a[...])^2)",
    "the derivative is taken at the activation instead of the pre-activation",
)
def tanh_dz_at_a(da: Array, a: Array) -> Array:
    return da * (1 - tanh(a) ** 2)


@mistake(
    tanh_dz,
    "dz[...] = da[...] * (1 - tanh(z_unbiased[...])^2)",
    "the derivative is taken at the pre-activation without its bias",
)
def tanh_dz_without_bias(da: Array, z_unbiased: Array) -> Array:
    return da * (1 - tanh(z_unbiased) ** 2)


operation = Operation("tanh", (tanh,), (tanh_dz,), input="z", output="a")
