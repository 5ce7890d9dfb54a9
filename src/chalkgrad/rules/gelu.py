"""The Gaussian error linear unit, z times the normal distribution function at z, exact and approximated."""

from __future__ import annotations

import math

from .arrays import erfc, namespace
from .rule import Array, Operation, mistake, rule

SLOPE = math.sqrt(2 / math.pi)
CUBIC = 0.044715


@rule("a[...] = z[...] * erfc(-z[...] / sqrt(2)) / 2", source="Hendrycks and Gimpel, arXiv:1606.08415, 2")
def gelu(z: Array) -> Array:
    """a of z, any shape: erfc(-z / sqrt(2)) is 1 + erf(z / sqrt(2)), but keeps its digits where z is far below 0."""
    return z * erfc(-z / math.sqrt(2)) / 2


@rule("dz[...] = da[...] * (erfc(-z[...] / sqrt(2)) / 2 + z[...] * exp(-z[...]^2 / 2) / sqrt(2 * 3.141592653589793))")
def gelu_dz(da: Array, z: Array) -> Array:
    """dz of da and z, any shape: the distribution function plus z times the density."""
    density = namespace(z).exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return da * (erfc(-z / math.sqrt(2)) / 2 + z * density)


@mistake(gelu_dz, "dz[...] = da[...] * erfc(-z[...] / sqrt(2)) / 2", "the term with the density is left out")
def gelu_dz_without_density(da: Array, z: Array) -> Array:
    return da * erfc(-z / math.sqrt(2)) / 2


@rule("u[...] = tanh(slope * (z[...] + cubic * z[...]^3))", source="Hendrycks and Gimpel, arXiv:1606.08415, 2")
def gelu_tanh_u(z: Array, *, slope: float, cubic: float) -> Array:
    """u of z, any shape: the tanh that stands for 2 Phi(z) - 1; slope is sqrt(2/pi), cubic 0.044715."""
    return namespace(z).tanh(slope * (z + cubic * z**3))


@rule("a[...] = z[...] * (1 + u[...]) / 2")
def gelu_tanh(z: Array, u: Array) -> Array:
    """a of z and u, any shape."""
    return z * (1 + u) / 2


@rule("dz[...] = da[...] * ((1 + u[...]) / 2 + z[...] / 2 * (1 - u[...]^2) * slope * (1 + 3 * cubic * z[...]^2))")
def gelu_tanh_dz(da: Array, z: Array, u: Array, *, slope: float, cubic: float) -> Array:
    """dz of da, z and u, any shape: the product rule on z (1 + u) / 2."""
    return da * ((1 + u) / 2 + z / 2 * (1 - u * u) * slope * (1 + 3 * cubic * z * z))


@mistake(gelu_tanh_dz, "dz[...] = da[...] * (1 + u[...]) / 2", "the derivative of u is left out")
def gelu_tanh_dz_without_du(da: Array, u: Array) -> Array:
    return da * (1 + u) / 2


@mistake(gelu_dz, "dz[...] = da[...]", "the activation's derivative is left out")
def gelu_dz_left_out(da: Array) -> Array:
    return da * 1


@mistake(gelu_tanh_dz, "dz[...] = da[...]", "the activation's derivative is left out")
def gelu_tanh_dz_left_out(da: Array) -> Array:
    return da * 1


operation = Operation("GELU", (gelu,), (gelu_dz,), input="z", output="a")
tanh_operation = Operation("GELU by tanh", (gelu_tanh_u, gelu_tanh), (gelu_tanh_dz,), input="z", output="a")
