"""Softmax: exponentials divided by their sum, in named steps.

The row's largest value m is subtracted first, so that no exponential overflows; that changes nothing, since
it cancels in the quotient (and so has no derivative).
"""

from __future__ import annotations

from .arrays import namespace
from .rule import Array, Operation, mistake, rule


@rule("m[n] = max_k z[n,k]", source="Goodfellow, Bengio and Courville, 2016, 4.1", helper=True)
def softmax_max(z: Array) -> Array:
    """m (N,) of z (N, K)."""
    return namespace(z).max(z, axis=1)


@rule("e[n,k] = exp(z[n,k] - m[n])", source="Goodfellow, Bengio and Courville, 2016, 4.1", helper=True)
def softmax_exp(z: Array, m: Array) -> Array:
    """e (N, K) of z (N, K) and m (N,)."""
    return namespace(z).exp(z - m[:, None])


@rule("s[n] = sum_k e[n,k]", helper=True)
def softmax_sum(e: Array) -> Array:
    """s (N,) of e (N, K)."""
    return namespace(e).sum(e, axis=1)


@rule(
    "a[n,k] = e[n,k] / s[n]",
    source="Bridle, 1990, Probabilistic interpretation of feedforward classification network outputs",
    probabilities=True,
)
def softmax(e: Array, s: Array) -> Array:
    """a (N, K), rows that sum to 1, of e (N, K) and s (N,)."""
    return e / s[:, None]


@rule("c[n] = sum_k da[n,k] * a[n,k]")
def softmax_c(da: Array, a: Array) -> Array:
    """c (N,) of da and a (N, K): what all outputs of a row have in common, through their shared sum."""
    return namespace(da).sum(da * a, axis=1)


@rule(
    "dz[n,k] = a[n,k] * (da[n,k] - c[n])",
    source="Bridle, 1990, Probabilistic interpretation of feedforward classification network outputs",
)
def softmax_dz(da: Array, a: Array, c: Array) -> Array:
    """dz (N, K) of da and a (N, K) and c (N,)."""
    return a * (da - c[:, None])


@mistake(
    softmax_dz, "dz[n,k] = da[n,k] * a[n,k] * (1 - a[n,k])", "softmax is treated as elementwise: its diagonal only"
)
def softmax_dz_elementwise(da: Array, a: Array) -> Array:
    return da * a * (1 - a)


@mistake(softmax_dz, "dz[n,k] = da[n,k]", "the derivative of the softmax is left out")
def softmax_dz_left_out(da: Array) -> Array:
    return da * 1


@mistake(softmax_c, "c[n] = -sum_k da[n,k] * a[n,k]", "the sign is flipped")
def softmax_c_negative(da: Array, a: Array) -> Array:
    return -namespace(da).sum(da * a, axis=1)


FORWARD = (softmax_max, softmax_exp, softmax_sum, softmax)
operation = Operation("softmax", FORWARD, (softmax_c, softmax_dz), input="z", output="a")
