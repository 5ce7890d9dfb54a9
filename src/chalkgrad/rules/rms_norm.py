"""RMS normalisation: every sample divided by the root of the mean of its squares, then scaled; no mean is taken off.

Zhang and Sennrich, arXiv:1910.07467, (4). The scale's derivatives are those of layer normalisation.
"""

from __future__ import annotations

import math

from .arrays import features, namespace, per_sample
from .layer_norm import layer_scale_dgamma, layer_scale_dx_hat
from .rule import Array, Operation, mistake, rule

SOURCE = "Zhang and Sennrich, arXiv:1910.07467, (4)"


@rule("ms[n] = mean_{...} x[n,...]^2", source=SOURCE)
def mean_square(x: Array) -> Array:
    """ms (N,) of x (N, ...)."""
    return namespace(x).mean(x**2, axis=features(x))


@rule("x_hat[n,...] = x[n,...] / sqrt(ms[n] + eps)", source=SOURCE)
def rms_normalise(x: Array, ms: Array, *, eps: float) -> Array:
    """x_hat (N, ...) of x (N, ...) and ms (N,)."""
    return x / per_sample(namespace(x).sqrt(ms + eps), x)


@rule("z[n,...] = x_hat[n,...] * gamma[...]", source=SOURCE)
def rms_scale(x_hat: Array, gamma: Array) -> Array:
    """z (N, ...) of x_hat (N, ...) and gamma (...)."""
    return x_hat * gamma


@rule("dms[n] = -sum_{...} dx_hat[n,...] * x[n,...] / (2 * (ms[n] + eps)^1.5)")
def rms_normalise_dms(dx_hat: Array, x: Array, ms: Array, *, eps: float) -> Array:
    """dms (N,) of dx_hat and x (N, ...) and ms (N,)."""
    return -namespace(x).sum(dx_hat * x, axis=features(x)) / (2 * (ms + eps) ** 1.5)


@rule(
    "dx[n,...] = dx_hat[n,...] / sqrt(ms[n] + eps) + dms[n] * 2 * x[n,...] / |...|",
    form="dx[n,...] = (dx_hat[n,...] - x_hat[n,...] * mean_{...} dx_hat[n,...] * x_hat[n,...]) / sqrt(ms[n] + eps)",
)
def rms_normalise_dx(dx_hat: Array, x: Array, ms: Array, dms: Array, *, eps: float) -> Array:
    """dx (N, ...): directly, and through the mean square that all of a sample share."""
    direct = dx_hat / per_sample(namespace(x).sqrt(ms + eps), x)
    return direct + per_sample(dms, x) * 2 * x / math.prod(x.shape[1:])


@mistake(rms_normalise_dx, "dx[n,...] = dx_hat[n,...] / sqrt(ms[n] + eps)", "the mean square is treated as a constant")
def rms_normalise_dx_constant(dx_hat: Array, ms: Array, *, eps: float) -> Array:
    return dx_hat / per_sample(namespace(dx_hat).sqrt(ms + eps), dx_hat)


@mistake(
    rms_normalise_dx,
    "dx[n,...] = dx_hat[n,...] / sqrt(ms[n] + eps) + dms[n] * 2 * x[n,...]",
    "the division by the number of values, of the mean, is left out",
)
def rms_normalise_dx_summed(dx_hat: Array, x: Array, ms: Array, dms: Array, *, eps: float) -> Array:
    return rms_normalise_dx_constant(dx_hat, ms, eps=eps) + per_sample(dms, x) * 2 * x


@mistake(
    rms_normalise_dms,
    "dms[n] = -sum_{...} dx_hat[n,...] * x[n,...] / (ms[n] + eps)^1.5",
    "the factor 1/2 is left out",
)
def rms_normalise_dms_doubled(dx_hat: Array, x: Array, ms: Array, *, eps: float) -> Array:
    return 2 * rms_normalise_dms(dx_hat, x, ms, eps=eps)


@mistake(
    rms_normalise_dms,
    "dms[n] = sum_{...} dx_hat[n,...] * x[n,...] / (2 * (ms[n] + eps)^1.5)",
    "the sign is flipped",
)
def rms_normalise_dms_positive(dx_hat: Array, x: Array, ms: Array, *, eps: float) -> Array:
    return -rms_normalise_dms(dx_hat, x, ms, eps=eps)


@mistake(rms_normalise, "x_hat[n,...] = x[n,...] / (ms[n] + eps)", "the root is left out")
def rms_normalise_without_root(x: Array, ms: Array, *, eps: float) -> Array:
    return x / per_sample(ms + eps, x)


_NORMALISE = (mean_square, rms_normalise)
_NORMALISE_BACKWARD = (rms_normalise_dms, rms_normalise_dx)

operation = Operation(
    "RMS normalisation",
    (*_NORMALISE, rms_scale),
    (layer_scale_dgamma, layer_scale_dx_hat, *_NORMALISE_BACKWARD),
    input="x",
    output="z",
)
unscaled = Operation("RMS normalisation without scale", _NORMALISE, _NORMALISE_BACKWARD, "x", "x_hat")
