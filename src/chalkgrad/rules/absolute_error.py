"""The absolute error of every sample: scale times the sum over the outputs. Its derivative at 0 is 0."""

from __future__ import annotations

from .arrays import features, namespace
from .rule import Array, Operation, kinks, mistake, rule


@rule(
    "l[n] = scale * sum_{...} abs(y_hat[n,...] - y[n,...])",
)
def absolute_error(y_hat: Array, y: Array, *, scale: float) -> Array:
    """l (N,) of prediction y_hat and target y (N, ...); the unit is the outputs' unit."""
    xp = namespace(y_hat)
    return scale * xp.sum(xp.abs(y_hat - y), axis=features(y_hat))


@kinks(absolute_error)
def absolute_error_sides(y_hat: Array, y: Array, *, scale: float) -> Array:
    return y_hat > y


@rule("dy_hat[n,...] = dl[n] * scale * sign(y_hat[n,...] - y[n,...])")
def absolute_error_dy_hat(dl: Array, y_hat: Array, y: Array, *, scale: float) -> Array:
    """dy_hat (N, ...) of dl (N,), y_hat and y (N, ...)."""
    return dl.reshape((-1,) + (1,) * (y_hat.ndim - 1)) * scale * namespace(y_hat).sign(y_hat - y)


@mistake(
    absolute_error_dy_hat,
    "dy_hat[n,...] = dl[n] * scale * sign(y[n,...] - y_hat[n,...])",
    "target and output are swapped",
)
def absolute_error_dy_hat_swapped(dl: Array, y_hat: Array, y: Array, *, scale: float) -> Array:
    return -absolute_error_dy_hat(dl, y_hat, y, scale=scale)


operation = Operation("absolute error", (absolute_error,), (absolute_error_dy_hat,), input="y_hat", output="l")
