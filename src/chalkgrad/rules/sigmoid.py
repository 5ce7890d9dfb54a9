"""The sigmoid, 1 / (1 + exp(-z))."""

from __future__ import annotations

from .arrays import namespace
from .rule import Array, Operation, mistake, rule


@rule("a[...] = 1 / (1 + exp(-z[...]))", source="Rumelhart, Hinton and Williams, 1986, Nature 323, (2)", saturates=True)
def sigmoid(z: Array) -> Array:
    """a of z, any shape. exp may overflow to infinity for z below -88 (float32); a is then 0, as it should be."""
    return 1 / (1 + namespace(z).exp(-z))


@rule("dz[...] = da[...] * a[...] * (1 - a[...])", source="Rumelhart, Hinton and Williams, 1986, Nature 323, (5)")
def sigmoid_dz(da: Array, a: Array) -> Array:
    """dz of da and a, any shape: the sigmoid's derivative is a (1 - a)."""
    return da * a * (1 - a)


@mistake(sigmoid_dz, "dz[...] = da[...]", "the activation's derivative is left out")
def sigmoid_dz_left_out(da: Array) -> Array:
    return da * 1


@mistake(sigmoid_dz, "dz[...] = da[...] * a[...]", "the factor 1 - {a} is left out")
def sigmoid_dz_of_a(da: Array, a: Array) -> Array:
    return da * a


@mistake(sigmoid_dz, "dz[...] = da[...] * z[...] * (1 - z[...])", "{z} (1 - {z}) is taken instead of {a} (1 - {a})")
def sigmoid_dz_of_z(da: Array, z: Array) -> Array:
    return da * z * (1 - z)


@mistake(
    sigmoid_dz,
    "dz[...] = da[...] * (1 / (1 + exp(-a[...]))) * (1 - 1 / (1 + exp(-a[...])))",
    "the derivative is taken at the activation instead of the pre-activation",
)
def sigmoid_dz_at_a(da: Array, a: Array) -> Array:
    again = sigmoid(a)
    return da * again * (1 - again)


@mistake(
    sigmoid_dz,
    "dz[...] = da[...] * (1 / (1 + exp(-z_unbiased[...]))) * (1 - 1 / (1 + exp(-z_unbiased[...])))",
    "the derivative is taken at the pre-activation without its bias",
)
def sigmoid_dz_without_bias(da: Array, z_unbiased: Array) -> Array:
    again = sigmoid(z_unbiased)
    return da * again * (1 - again)


operation = Operation("sigmoid", (sigmoid,), (sigmoid_dz,), input="z", output="a")
