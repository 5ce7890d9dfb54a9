"""The squared error of every sample: scale times the sum over the outputs."""

from __future__ import annotations

from .arrays import features, namespace
from .rule import Array, Operation, mistake, rule


@rule(
    "l[n] = scale * sum_{...} (y_hat[n,...] - y[n,...])^2",
    source="Rumelhart, Hinton and Williams, 1986, Nature 323, (3) (with scale 1/2)",
)
def squared_error(y_hat: Array, y: Array, *, scale: float) -> Array:
    """l (N,) of prediction y_hat and target y (N, ...); the unit is the outputs' unit squared."""
    difference = y_hat - y
    return scale * namespace(y_hat).sum(difference * difference, axis=features(y_hat))


@rule(
    "dy_hat[n,...] = dl[n] * 2 * scale * (y_hat[n,...] - y[n,...])",
    source="Rumelhart, Hinton and Williams, 1986, Nature 323, (4) (with scale 1/2)",
)
def squared_error_dy_hat(dl: Array, y_hat: Array, y: Array, *, scale: float) -> Array:
    """dy_hat (N, ...) of dl (N,), y_hat and y (N, ...)."""
    return dl.reshape((-1,) + (1,) * (y_hat.ndim - 1)) * (2 * scale) * (y_hat - y)


@mistake(
    squared_error_dy_hat,
    "dy_hat[n,...] = dl[n] * scale * (y_hat[n,...] - y[n,...])",
    "the factor 2 of the square is left out",
)
def squared_error_dy_hat_halved(dl: Array, y_hat: Array, y: Array, *, scale: float) -> Array:
    return squared_error_dy_hat(dl, y_hat, y, scale=scale) / 2


@mistake(
    squared_error_dy_hat,
    "dy_hat[n,...] = dl[n] * 2 * scale * (y[n,...] - y_hat[n,...])",
    "target and output are swapped",
)
def squared_error_dy_hat_swapped(dl: Array, y_hat: Array, y: Array, *, scale: float) -> Array:
    return -squared_error_dy_hat(dl, y_hat, y, scale=scale)


operation = Operation("squared error", (squared_error,), (squared_error_dy_hat,), input="y_hat", output="l")
