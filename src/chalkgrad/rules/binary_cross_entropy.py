"""Binary cross-entropy, every output a yes-or-no of its own: from probabilities, or fused with the sigmoid."""

from __future__ import annotations

from .arrays import features, namespace
from .rule import Array, Operation, kinks, mistake, rule
from .sigmoid import sigmoid
from .softplus import softplus


@rule(
    "l[n] = -scale * sum_{...} (y[n,...] * log(min(max(y_hat[n,...], clip), 1 - clip))"
    " + (1 - y[n,...]) * log(1 - min(max(y_hat[n,...], clip), 1 - clip)))",
    source="Bishop, 1995, Neural Networks for Pattern Recognition, 6.7",
)
def binary_cross_entropy(y_hat: Array, y: Array, *, scale: float, clip: float) -> Array:
    """l (N,), in nats, of probabilities y_hat and targets y (N, ...) between 0 and 1."""
    xp = namespace(y_hat)
    q = xp.clip(y_hat, clip, 1 - clip)
    return -scale * xp.sum(y * xp.log(q) + (1 - y) * xp.log(1 - q), axis=features(y))


@kinks(binary_cross_entropy)
def binary_cross_entropy_sides(y_hat: Array, y: Array, *, scale: float, clip: float) -> Array:
    return (y_hat > clip) * 1 + (y_hat > 1 - clip) * 1


@rule(
    "dy_hat[n,...] = dl[n] * scale * (y_hat[n,...] - y[n,...])"
    " / (max(y_hat[n,...], clip) * (1 - min(y_hat[n,...], 1 - clip)))"
    " * [y_hat[n,...] >= clip] * [y_hat[n,...] <= 1 - clip]"
)
def binary_cross_entropy_dy_hat(dl: Array, y_hat: Array, y: Array, *, scale: float, clip: float) -> Array:
    """dy_hat (N, ...) of dl (N,), y_hat and y (N, ...); 0 where y_hat was clipped."""
    xp = namespace(y_hat)
    inside = (y_hat >= clip) & (y_hat <= 1 - clip)
    q = xp.where(inside, y_hat, 0.5)
    dl = dl.reshape((-1,) + (1,) * (y.ndim - 1))
    return xp.where(inside, dl * scale * (q - y) / (q * (1 - q)), 0.0)


@mistake(
    binary_cross_entropy_dy_hat,
    "dy_hat[n,...] = dl[n] * scale * (y_hat[n,...] - y[n,...]) * [y_hat[n,...] >= clip] * [y_hat[n,...] <= 1 - clip]",
    "the division by y_hat (1 - y_hat) is left out",
)
def binary_cross_entropy_dy_hat_undivided(dl: Array, y_hat: Array, y: Array, *, scale: float, clip: float) -> Array:
    return binary_cross_entropy_dy_hat(dl, y_hat, y, scale=scale, clip=clip) * y_hat * (1 - y_hat)


@rule("a[...] = 1 / (1 + exp(-z[...]))")
def probability(z: Array) -> Array:
    """a, the probability that the logit z stands for, any shape."""
    return sigmoid(z)


@rule(
    "l[n] = scale * sum_{...} (y[n,...] * log(1 + exp(-z[n,...])) + (1 - y[n,...]) * log(1 + exp(z[n,...])))",
    source="binary cross-entropy with the sigmoid put in",
)
def sigmoid_cross_entropy(z: Array, y: Array, *, scale: float) -> Array:
    """l (N,), in nats, of logits z and targets y (N, ...) between 0 and 1: nothing is subtracted from log(1 + exp(z)),
    so a small loss keeps its digits, and nothing overflows, however large z.
    """
    return scale * namespace(z).sum(y * softplus(-z) + (1 - y) * softplus(z), axis=features(z))


@rule("dz[n,...] = dl[n] * scale * (a[n,...] - y[n,...])", source="Bishop, 1995, 6.7")
def sigmoid_cross_entropy_dz(dl: Array, a: Array, y: Array, *, scale: float) -> Array:
    """dz (N, ...) of dl (N,), probabilities a and targets y (N, ...)."""
    return dl.reshape((-1,) + (1,) * (y.ndim - 1)) * scale * (a - y)


@mistake(
    sigmoid_cross_entropy_dz,
    "dz[n,...] = dl[n] * scale * (a[n,...] - y[n,...]) * a[n,...] * (1 - a[n,...])",
    "the sigmoid is differentiated a second time, although it is fused with the cross-entropy",
)
def sigmoid_cross_entropy_dz_twice(dl: Array, a: Array, y: Array, *, scale: float) -> Array:
    return sigmoid_cross_entropy_dz(dl, a, y, scale=scale) * a * (1 - a)


@mistake(
    sigmoid_cross_entropy_dz,
    "dz[n,...] = dl[n] * scale * (a[n,...] - y[n,...]) / (a[n,...] * (1 - a[n,...]))",
    "the sigmoid is not differentiated: the derivative by the probabilities is taken for that by z",
)
def sigmoid_cross_entropy_dz_of_the_probabilities(dl: Array, a: Array, y: Array, *, scale: float) -> Array:
    return sigmoid_cross_entropy_dz(dl, a, y, scale=scale) / (a * (1 - a))


@mistake(sigmoid_cross_entropy_dz, "dz[n,...] = dl[n] * scale * (y[n,...] - a[n,...])", "target and output are swapped")
def sigmoid_cross_entropy_dz_swapped(dl: Array, a: Array, y: Array, *, scale: float) -> Array:
    return -sigmoid_cross_entropy_dz(dl, a, y, scale=scale)


operation = Operation(
    "binary cross-entropy", (binary_cross_entropy,), (binary_cross_entropy_dy_hat,), input="y_hat", output="l"
)
fused = Operation(
    "sigmoid with binary cross-entropy",
    (probability, sigmoid_cross_entropy),
    (sigmoid_cross_entropy_dz,),
    input="z",
    output="l",
)
