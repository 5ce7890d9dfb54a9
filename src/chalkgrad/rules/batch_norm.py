"""Batch normalisation: every feature (or channel) to mean 0 and variance 1 over the batch, then scaled.

Ioffe and Szegedy, arXiv:1502.03167, algorithm 1; the backward rules are those of its section 3. For images
the mean and the variance go over positions too.
"""

from __future__ import annotations

import math

from .arrays import namespace, per_channel
from .rule import Array, Operation, mistake, rule

SOURCE = "Ioffe and Szegedy, arXiv:1502.03167"


def _others(x: Array) -> tuple[int, ...]:
    return (0, *range(2, x.ndim))


@rule("mu[c] = mean_{n,...} x[n,c,...]", source=SOURCE)
def batch_mean(x: Array) -> Array:
    """mu (C,) of x (N, C, ...)."""
    return namespace(x).mean(x, axis=_others(x))


@rule("var[c] = mean_{n,...} (x[n,c,...] - mu[c])^2", source=SOURCE)
def batch_variance(x: Array, mu: Array) -> Array:
    """var (C,) of x (N, C, ...) and mu (C,); the biased variance."""
    return namespace(x).mean((x - per_channel(mu, x)) ** 2, axis=_others(x))


@rule("x_hat[n,c,...] = (x[n,c,...] - mu[c]) / sqrt(var[c] + eps)", source=SOURCE)
def batch_normalise(x: Array, mu: Array, var: Array, *, eps: float) -> Array:
    """x_hat (N, C, ...) of x (N, C, ...), mu and var (C,)."""
    xp = namespace(x)
    return (x - per_channel(mu, x)) / per_channel(xp.sqrt(var + eps), x)


@rule("z[n,c,...] = x_hat[n,c,...] * gamma[c] + beta[c]", source=SOURCE)
def batch_scale(x_hat: Array, gamma: Array, beta: Array) -> Array:
    """z (N, C, ...) of x_hat (N, C, ...), gamma and beta (C,)."""
    return x_hat * per_channel(gamma, x_hat) + per_channel(beta, x_hat)


@rule("dgamma[c] = sum_{n,...} dz[n,c,...] * x_hat[n,c,...]", source=SOURCE)
def batch_scale_dgamma(dz: Array, x_hat: Array) -> Array:
    """dgamma (C,) of dz and x_hat (N, C, ...)."""
    return namespace(dz).sum(dz * x_hat, axis=_others(dz))


@rule("dbeta[c] = sum_{n,...} dz[n,c,...]", source=SOURCE)
def batch_scale_dbeta(dz: Array) -> Array:
    """dbeta (C,) of dz (N, C, ...)."""
    return namespace(dz).sum(dz, axis=_others(dz))


@rule("dx_hat[n,c,...] = dz[n,c,...] * gamma[c]", source=SOURCE)
def batch_scale_dx_hat(dz: Array, gamma: Array) -> Array:
    """dx_hat (N, C, ...) of dz (N, C, ...) and gamma (C,)."""
    return dz * per_channel(gamma, dz)


@rule(
    "dvar[c] = -sum_{n,...} dx_hat[n,c,...] * (x[n,c,...] - mu[c]) / (2 * (var[c] + eps)^1.5)",
    source=SOURCE,
)
def batch_normalise_dvar(dx_hat: Array, x: Array, mu: Array, var: Array, *, eps: float) -> Array:
    """dvar (C,) of dx_hat and x (N, C, ...), mu and var (C,)."""
    total = namespace(x).sum(dx_hat * (x - per_channel(mu, x)), axis=_others(x))
    return -total / (2 * (var + eps) ** 1.5)


@rule("dmu[c] = -sum_{n,...} dx_hat[n,c,...] / sqrt(var[c] + eps)", source=SOURCE)
def batch_normalise_dmu(dx_hat: Array, var: Array, *, eps: float) -> Array:
    """dmu (C,) of dx_hat (N, C, ...) and var (C,); the way through var adds nothing, as x - mu sums to 0."""
    xp = namespace(dx_hat)
    return -xp.sum(dx_hat, axis=_others(dx_hat)) / xp.sqrt(var + eps)


@rule(
    "dx[n,c,...] = dx_hat[n,c,...] / sqrt(var[c] + eps)"
    " + (dvar[c] * 2 * (x[n,c,...] - mu[c]) + dmu[c]) / (|n| * |...|)",
    source=SOURCE,
    form="dx[n,c,...] = (dx_hat[n,c,...] - mean_{n,...} dx_hat[n,c,...]"
    " - x_hat[n,c,...] * mean_{n,...} dx_hat[n,c,...] * x_hat[n,c,...]) / sqrt(var[c] + eps)",
)
def batch_normalise_dx(dx_hat: Array, x: Array, mu: Array, var: Array, dvar: Array, dmu: Array, *, eps: float) -> Array:
    """dx (N, C, ...): directly, through the variance and through the mean."""
    count = math.prod(x.shape) // x.shape[1]
    direct = dx_hat / per_channel(namespace(x).sqrt(var + eps), x)
    return direct + (per_channel(dvar, x) * 2 * (x - per_channel(mu, x)) + per_channel(dmu, x)) / count


@rule("dx[n,c,...] = dx_hat[n,c,...] / sqrt(var[c] + eps)")
def batch_normalise_dx_fixed(dx_hat: Array, var: Array, *, eps: float) -> Array:
    """dx (N, C, ...) of dx_hat (N, C, ...) and var (C,) where mean and variance are fixed numbers."""
    return dx_hat / per_channel(namespace(dx_hat).sqrt(var + eps), dx_hat)


@rule("running_mu_new[c] = (1 - momentum) * running_mu[c] + momentum * mu[c]")
def running_mean(running_mu: Array, mu: Array, *, momentum: float) -> Array:
    """The running mean (C,) that prediction uses, moved towards the batch's mean mu (C,)."""
    return (1 - momentum) * running_mu + momentum * mu


@rule(
    "running_var_new[c] = (1 - momentum * [|n| * |...| > 1]) * running_var[c]"
    " + momentum * sum_{n,...} (x[n,c,...] - mu[c])^2 / max(|n| * |...| - 1, 1)",
    source=SOURCE + ", algorithm 2 (the unbiased variance)",
)
def running_variance(running_var: Array, x: Array, mu: Array, *, momentum: float) -> Array:
    """The running variance (C,), moved towards the unbiased variance of x (N, C, ...) about mu (C,).

    One value alone has no variance; the running variance then stays.
    """
    count = math.prod(x.shape) // x.shape[1]
    unbiased = namespace(x).sum((x - per_channel(mu, x)) ** 2, axis=_others(x)) / max(count - 1, 1)
    return (1 - momentum * (count > 1)) * running_var + momentum * unbiased


@mistake(
    batch_normalise_dx,
    "dx[n,c,...] = dx_hat[n,c,...] / sqrt(var[c] + eps)",
    "mean and variance are treated as constants",
)
def batch_normalise_dx_constant(dx_hat: Array, var: Array, *, eps: float) -> Array:
    return batch_normalise_dx_fixed(dx_hat, var, eps=eps)


@mistake(batch_scale_dgamma, "dgamma[c] = sum_{n,...} dz[n,c,...] * x[n,c,...]", "x is taken instead of x_hat")
def batch_scale_dgamma_of_x(dz: Array, x: Array) -> Array:
    return namespace(dz).sum(dz * x, axis=_others(dz))


@mistake(batch_scale_dbeta, "dbeta[c] = mean_{n,...} dz[n,c,...]", "averaged instead of summed")
def batch_scale_dbeta_averaged(dz: Array) -> Array:
    return namespace(dz).mean(dz, axis=_others(dz))


@mistake(batch_scale_dx_hat, "dx_hat[n,c,...] = dz[n,c,...]", "gamma is left out")
def batch_scale_dx_hat_without_gamma(dz: Array) -> Array:
    return dz * 1


@mistake(
    batch_normalise_dvar,
    "dvar[c] = -sum_{n,...} dx_hat[n,c,...] * (x[n,c,...] - mu[c]) / (var[c] + eps)^1.5",
    "the factor 1/2 is left out",
)
def batch_normalise_dvar_doubled(dx_hat: Array, x: Array, mu: Array, var: Array, *, eps: float) -> Array:
    return 2 * batch_normalise_dvar(dx_hat, x, mu, var, eps=eps)


@mistake(batch_normalise_dmu, "dmu[c] = sum_{n,...} dx_hat[n,c,...] / sqrt(var[c] + eps)", "the sign is flipped")
def batch_normalise_dmu_positive(dx_hat: Array, var: Array, *, eps: float) -> Array:
    return -batch_normalise_dmu(dx_hat, var, eps=eps)


@mistake(batch_normalise_dx_fixed, "dx[n,c,...] = dx_hat[n,c,...]", "the division by the deviation is left out")
def batch_normalise_dx_fixed_undivided(dx_hat: Array) -> Array:
    return dx_hat * 1


_NORMALISE = (batch_mean, batch_variance, batch_normalise)
_NORMALISE_BACKWARD = (batch_normalise_dvar, batch_normalise_dmu, batch_normalise_dx)
_SCALE_BACKWARD = (batch_scale_dgamma, batch_scale_dbeta, batch_scale_dx_hat)
_RUNNING = (running_mean, running_variance)

operation = Operation(
    "batch normalisation", (*_NORMALISE, batch_scale), (*_SCALE_BACKWARD, *_NORMALISE_BACKWARD), "x", "z", _RUNNING
)
unscaled = Operation("batch normalisation without scale", _NORMALISE, _NORMALISE_BACKWARD, "x", "x_hat", _RUNNING)
predicting = Operation(
    "batch normalisation by running averages",
    (batch_normalise, batch_scale),
    (*_SCALE_BACKWARD, batch_normalise_dx_fixed),
    "x",
    "z",
)
predicting_unscaled = Operation(
    "batch normalisation by running averages, without scale",
    (batch_normalise,),
    (batch_normalise_dx_fixed,),
    "x",
    "x_hat",
)
