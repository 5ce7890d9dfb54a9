"""The rectified linear unit, max(z, 0). Its derivative at 0 is taken as 0."""

from __future__ import annotations

from .arrays import namespace
from .rule import Array, Operation, kinks, mistake, rule


@rule("a[...] = max(z[...], 0)", source="Nair and Hinton, 2010", exact=True, off_below=0.0)
def relu(z: Array) -> Array:
    """a of z, any shape."""
    return namespace(z).maximum(z, 0)


@kinks(relu, at=(0.0,))
def relu_sides(z: Array) -> Array:
    return z > 0


@rule(
    "dz[...] = da[...] * [z[...] > 0]", source="Backpropagation of a Layer, Activation_ReLU.derivative", choosing=True
)
def relu_dz(da: Array, z: Array) -> Array:
    """dz of da and z, any shape: passed on where z is above 0."""
    return da * (z > 0)


@mistake(relu_dz, "dz[...] = da[...]", "the mask is left out")
def relu_dz_unmasked(da: Array) -> Array:
    return da * 1


@mistake(relu_dz, "dz[...] = da[...] * [da[...] > 0]", "the mask is taken from the gradient instead of z")
def relu_dz_masked_by_gradient(da: Array) -> Array:
    return da * (da > 0)


@mistake(relu_dz, "dz[...] = -da[...] * [z[...] > 0]", "the sign is flipped")
def relu_dz_negative(da: Array, z: Array) -> Array:
    return -relu_dz(da, z)


@mistake(
    relu_dz,
    "dz[...] = da[...] * [z_unbiased[...] > 0]",
    "the mask is taken at the pre-activation without its bias",
)
def relu_dz_without_bias(da: Array, z_unbiased: Array) -> Array:
    return da * (z_unbiased > 0)


operation = Operation("ReLU", (relu,), (relu_dz,), input="z", output="a")
