"""Standardising by fixed numbers: every feature (or channel) less a mean mu, divided by a standard deviation sigma; and
the way back, from standardised values to those in a unit.

mu and sigma are states: they are learned from samples before a training, and no gradient goes to them.
"""

from __future__ import annotations

from .arrays import namespace, per_channel
from .rule import Array, Operation, mistake, rule


@rule("x_hat[n,c,...] = (x[n,c,...] - mu[c]) / sigma[c]")
def standardize(x: Array, mu: Array, sigma: Array) -> Array:
    """x_hat (N, C, ...) of x (N, C, ...), mu and sigma (C,); it has no unit."""
    return (x - per_channel(mu, x)) / per_channel(sigma, x)


@rule("dx[n,c,...] = dx_hat[n,c,...] / sigma[c]")
def standardize_dx(dx_hat: Array, sigma: Array) -> Array:
    """dx (N, C, ...) of dx_hat (N, C, ...) and sigma (C,)."""
    return dx_hat / per_channel(sigma, dx_hat)


@mistake(standardize_dx, "dx[n,c,...] = dx_hat[n,c,...]", "the division by sigma is left out")
def standardize_dx_undivided(dx_hat: Array) -> Array:
    return dx_hat * 1


@mistake(standardize_dx, "dx[n,c,...] = dx_hat[n,c,...] * sigma[c]", "it is multiplied by sigma instead of divided")
def standardize_dx_multiplied(dx_hat: Array, sigma: Array) -> Array:
    return dx_hat * per_channel(sigma, dx_hat)


@rule("z[n,c,...] = u[n,c,...] * sigma[c] + mu[c]")
def unstandardize(u: Array, mu: Array, sigma: Array) -> Array:
    """z (N, C, ...) of u (N, C, ...), mu and sigma (C,); its unit is that of mu and sigma."""
    return u * per_channel(sigma, u) + per_channel(mu, u)


@rule("du[n,c,...] = dz[n,c,...] * sigma[c]")
def unstandardize_du(dz: Array, sigma: Array) -> Array:
    """du (N, C, ...) of dz (N, C, ...) and sigma (C,)."""
    return dz * per_channel(sigma, dz)


@mistake(unstandardize_du, "du[n,c,...] = dz[n,c,...]", "the factor sigma is left out")
def unstandardize_du_without_sigma(dz: Array) -> Array:
    return dz * 1


@mistake(unstandardize_du, "du[n,c,...] = dz[n,c,...] / sigma[c]", "it is divided by sigma instead of multiplied")
def unstandardize_du_divided(dz: Array, sigma: Array) -> Array:
    return dz / per_channel(sigma, dz)


@rule("l[n] = scale * sum_{k} ((y_hat[n,k] - y[n,k]) / sigma[k])^2")
def relative_squared_error(y_hat: Array, y: Array, sigma: Array, *, scale: float) -> Array:
    """l (N,) of prediction y_hat and target y (N, K) and the targets' deviations sigma (K,); it has no unit."""
    difference = (y_hat - y) / sigma
    return scale * namespace(y_hat).sum(difference * difference, axis=1)


@rule("dy_hat[n,k] = dl[n] * 2 * scale * (y_hat[n,k] - y[n,k]) / sigma[k]^2")
def relative_squared_error_dy_hat(dl: Array, y_hat: Array, y: Array, sigma: Array, *, scale: float) -> Array:
    """dy_hat (N, K) of dl (N,), y_hat and y (N, K) and sigma (K,)."""
    return dl.reshape((-1, 1)) * (2 * scale) * (y_hat - y) / sigma**2


@mistake(
    relative_squared_error_dy_hat,
    "dy_hat[n,k] = dl[n] * 2 * scale * (y_hat[n,k] - y[n,k]) / sigma[k]",
    "it is divided by sigma once instead of twice",
)
def relative_squared_error_dy_hat_once(dl: Array, y_hat: Array, y: Array, sigma: Array, *, scale: float) -> Array:
    return dl.reshape((-1, 1)) * (2 * scale) * (y_hat - y) / sigma


@mistake(
    relative_squared_error_dy_hat,
    "dy_hat[n,k] = dl[n] * scale * (y_hat[n,k] - y[n,k]) / sigma[k]^2",
    "the factor 2 of the square is left out",
)
def relative_squared_error_dy_hat_halved(dl: Array, y_hat: Array, y: Array, sigma: Array, *, scale: float) -> Array:
    return relative_squared_error_dy_hat(dl, y_hat, y, sigma, scale=scale) / 2


operation = Operation("standardising", (standardize,), (standardize_dx,), input="x", output="x_hat")
back = Operation("undoing a standardisation", (unstandardize,), (unstandardize_du,), input="u", output="z")
squared_error = Operation(
    "squared error by the variance",
    (relative_squared_error,),
    (relative_squared_error_dy_hat,),
    input="y_hat",
    output="l",
)
