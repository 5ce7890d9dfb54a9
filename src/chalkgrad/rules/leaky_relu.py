"""The leaky ReLU: z above 0, slope * z below. Its derivative at 0 is taken as the slope."""

from __future__ import annotations

from .arrays import namespace
from .rule import Array, Operation, kinks, mistake, rule


@rule("a[...] = z[...] * ([z[...] > 0] + slope * [z[...] <= 0])", source="Maas, Hannun and Ng, 2013", choosing=True)
def leaky_relu(z: Array, *, slope: float) -> Array:
    """a of z, any shape."""
    return namespace(z).where(z > 0, z, slope * z)


@kinks(leaky_relu, at=(0.0,))
def leaky_relu_sides(z: Array, *, slope: float) -> Array:
    return z > 0


@rule("dz[...] = da[...] * ([z[...] > 0] + slope * [z[...] <= 0])", choosing=True)
def leaky_relu_dz(da: Array, z: Array, *, slope: float) -> Array:
    """dz of da and z, any shape."""
    return namespace(da).where(z > 0, da, slope * da)


@mistake(leaky_relu_dz, "dz[...] = da[...] * [z[...] > 0]", "the slope below 0 is left out")
def leaky_relu_dz_as_relu(da: Array, z: Array) -> Array:
    return namespace(da).where(z > 0, da, 0.0)


@mistake(leaky_relu_dz, "dz[...] = da[...]", "the activation's derivative is left out")
def leaky_relu_dz_left_out(da: Array) -> Array:
    return da * 1


operation = Operation("leaky ReLU", (leaky_relu,), (leaky_relu_dz,), input="z", output="a")
