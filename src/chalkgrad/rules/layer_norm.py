"""Layer normalisation: every sample to mean 0 and variance 1 over its own values, then scaled.

Ba, Kiros and Hinton, arXiv:1607.06450; the backward rules follow the pattern of batch normalisation.
"""

from __future__ import annotations

import math

from .arrays import features, namespace, per_sample
from .rule import Array, Operation, mistake, rule

SOURCE = "Ba, Kiros and Hinton, arXiv:1607.06450"


@rule("mu[n] = mean_{...} x[n,...]", source=SOURCE)
def layer_mean(x: Array) -> Array:
    """mu (N,) of x (N, ...)."""
    return namespace(x).mean(x, axis=features(x))


@rule("var[n] = mean_{...} (x[n,...] - mu[n])^2", source=SOURCE)
def layer_variance(x: Array, mu: Array) -> Array:
    """var (N,) of x (N, ...) and mu (N,)."""
    return namespace(x).mean((x - per_sample(mu, x)) ** 2, axis=features(x))


@rule("x_hat[n,...] = (x[n,...] - mu[n]) / sqrt(var[n] + eps)", source=SOURCE)
def layer_normalise(x: Array, mu: Array, var: Array, *, eps: float) -> Array:
    """x_hat (N, ...) of x (N, ...), mu and var (N,)."""
    return (x - per_sample(mu, x)) / per_sample(namespace(x).sqrt(var + eps), x)


@rule("z[n,...] = x_hat[n,...] * gamma[...] + beta[...]", source=SOURCE)
def layer_scale(x_hat: Array, gamma: Array, beta: Array) -> Array:
    """z (N, ...) of x_hat (N, ...), gamma and beta (...)."""
    return x_hat * gamma + beta


@rule("dgamma[...] = sum_n dz[n,...] * x_hat[n,...]")
def layer_scale_dgamma(dz: Array, x_hat: Array) -> Array:
    """dgamma (...) of dz and x_hat (N, ...)."""
    return namespace(dz).sum(dz * x_hat, axis=0)


@rule("dbeta[...] = sum_n dz[n,...]")
def layer_scale_dbeta(dz: Array) -> Array:
    """dbeta (...) of dz (N, ...)."""
    return namespace(dz).sum(dz, axis=0)


@rule("dx_hat[n,...] = dz[n,...] * gamma[...]")
def layer_scale_dx_hat(dz: Array, gamma: Array) -> Array:
    """dx_hat (N, ...) of dz (N, ...) and gamma (...)."""
    return dz * gamma


@rule("dvar[n] = -sum_{...} dx_hat[n,...] * (x[n,...] - mu[n]) / (2 * (var[n] + eps)^1.5)")
def layer_normalise_dvar(dx_hat: Array, x: Array, mu: Array, var: Array, *, eps: float) -> Array:
    """dvar (N,) of dx_hat and x (N, ...), mu and var (N,)."""
    total = namespace(x).sum(dx_hat * (x - per_sample(mu, x)), axis=features(x))
    return -total / (2 * (var + eps) ** 1.5)


@rule("dmu[n] = -sum_{...} dx_hat[n,...] / sqrt(var[n] + eps)")
def layer_normalise_dmu(dx_hat: Array, var: Array, *, eps: float) -> Array:
    """dmu (N,) of dx_hat (N, ...) and var (N,); the way through var adds nothing, as x - mu sums to 0."""
    xp = namespace(dx_hat)
    return -xp.sum(dx_hat, axis=features(dx_hat)) / xp.sqrt(var + eps)


@rule(
    "dx[n,...] = dx_hat[n,...] / sqrt(var[n] + eps) + (dvar[n] * 2 * (x[n,...] - mu[n]) + dmu[n]) / |...|",
    form="dx[n,...] = (dx_hat[n,...] - mean_{...} dx_hat[n,...]"
    " - x_hat[n,...] * mean_{...} dx_hat[n,...] * x_hat[n,...]) / sqrt(var[n] + eps)",
)
def layer_normalise_dx(dx_hat: Array, x: Array, mu: Array, var: Array, dvar: Array, dmu: Array, *, eps: float) -> Array:
    """dx (N, ...): directly, through the variance and through the mean."""
    count = math.prod(x.shape[1:])
    direct = dx_hat / per_sample(namespace(x).sqrt(var + eps), x)
    return direct + (per_sample(dvar, x) * 2 * (x - per_sample(mu, x)) + per_sample(dmu, x)) / count


@mistake(
    layer_normalise_dx,
    "dx[n,...] = dx_hat[n,...] / sqrt(var[n] + eps)",
    "mean and variance are treated as constants",
)
def layer_normalise_dx_constant(dx_hat: Array, var: Array, *, eps: float) -> Array:
    return dx_hat / per_sample(namespace(dx_hat).sqrt(var + eps), dx_hat)


@mistake(layer_scale_dgamma, "dgamma[...] = sum_n dz[n,...] * x[n,...]", "x is taken instead of x_hat")
def layer_scale_dgamma_of_x(dz: Array, x: Array) -> Array:
    return namespace(dz).sum(dz * x, axis=0)


@mistake(layer_scale_dbeta, "dbeta[...] = mean_n dz[n,...]", "averaged instead of summed")
def layer_scale_dbeta_averaged(dz: Array) -> Array:
    return namespace(dz).mean(dz, axis=0)


@mistake(layer_scale_dx_hat, "dx_hat[n,...] = dz[n,...]", "gamma is left out")
def layer_scale_dx_hat_without_gamma(dz: Array) -> Array:
    return dz * 1


@mistake(
    layer_normalise_dvar,
    "dvar[n] = -sum_{...} dx_hat[n,...] * (x[n,...] - mu[n]) / (var[n] + eps)^1.5",
    "the factor 1/2 is left out",
)
def layer_normalise_dvar_doubled(dx_hat: Array, x: Array, mu: Array, var: Array, *, eps: float) -> Array:
    return 2 * layer_normalise_dvar(dx_hat, x, mu, var, eps=eps)


@mistake(layer_normalise_dmu, "dmu[n] = sum_{...} dx_hat[n,...] / sqrt(var[n] + eps)", "the sign is flipped")
def layer_normalise_dmu_positive(dx_hat: Array, var: Array, *, eps: float) -> Array:
    return -layer_normalise_dmu(dx_hat, var, eps=eps)


_NORMALISE = (layer_mean, layer_variance, layer_normalise)
_NORMALISE_BACKWARD = (layer_normalise_dvar, layer_normalise_dmu, layer_normalise_dx)

operation = Operation(
    "layer normalisation",
    (*_NORMALISE, layer_scale),
    (layer_scale_dgamma, layer_scale_dbeta, layer_scale_dx_hat, *_NORMALISE_BACKWARD),
    input="x",
    output="z",
)
unscaled = Operation("layer normalisation without scale", _NORMALISE, _NORMALISE_BACKWARD, "x", "x_hat")
