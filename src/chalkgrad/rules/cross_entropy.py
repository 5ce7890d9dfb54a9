"""Cross-entropy between target rows y (one-hot, or any probabilities that sum to 1) and predictions.

Two forms. From probabilities: the expanded form, whose gradient goes back through the softmax by the
softmax's own rules. From logits: softmax and cross-entropy as one fused step, which cannot overflow and whose
gradient is y_hat - y. Tests show that they are equal.
"""

from __future__ import annotations

from .arrays import namespace
from .rule import Array, Operation, kinks, mistake, rule
from .softmax import FORWARD


@rule(
    "l[n] = -scale * sum_k y[n,k] * log(min(max(y_hat[n,k], clip), 1 - clip))",
    source="Bishop, 1995, 6.9; Backpropagation of a Layer, Loss_CategoricalCrossEntropy (the clip)",
)
def cross_entropy(y_hat: Array, y: Array, *, scale: float, clip: float) -> Array:
    """l (N,), in nats, of probabilities y_hat (N, K) and target rows y (N, K)."""
    xp = namespace(y_hat)
    return -scale * xp.sum(y * xp.log(xp.clip(y_hat, clip, 1 - clip)), axis=1)


@kinks(cross_entropy)
def cross_entropy_sides(y_hat: Array, y: Array, *, scale: float, clip: float) -> Array:
    return (y_hat > clip) * 1 + (y_hat > 1 - clip) * 1


@rule("dy_hat[n,k] = -dl[n] * scale * y[n,k] / max(y_hat[n,k], clip) * [y_hat[n,k] >= clip] * [y_hat[n,k] <= 1 - clip]")
def cross_entropy_dy_hat(dl: Array, y_hat: Array, y: Array, *, scale: float, clip: float) -> Array:
    """dy_hat (N, K) of dl (N,), y_hat and y (N, K); 0 where y_hat was clipped."""
    xp = namespace(y_hat)
    inside = (y_hat >= clip) & (y_hat <= 1 - clip)
    return xp.where(inside, -dl[:, None] * scale * y / xp.where(inside, y_hat, 1.0), 0.0)


@mistake(
    cross_entropy_dy_hat,
    "dy_hat[n,k] = dl[n] * scale * y[n,k] / max(y_hat[n,k], clip) * [y_hat[n,k] >= clip] * [y_hat[n,k] <= 1 - clip]",
    "the sign is flipped",
)
def cross_entropy_dy_hat_positive(dl: Array, y_hat: Array, y: Array, *, scale: float, clip: float) -> Array:
    return -cross_entropy_dy_hat(dl, y_hat, y, scale=scale, clip=clip)


@rule(
    "l[n] = scale * sum_k y[n,k] * (log(s[n]) - (z[n,k] - m[n]))",
    source="Bishop, 1995, Neural Networks for Pattern Recognition, 6.9, with the softmax put in",
)
def softmax_cross_entropy(z: Array, m: Array, s: Array, y: Array, *, scale: float) -> Array:
    """l (N,), in nats, of logits z (N, K), their maxima m (N,), the sums s (N,) and target rows y (N, K): z - m
    comes first, since m + log(s) would round the logarithm away where logits are large.
    """
    xp = namespace(z)
    return scale * xp.sum(y * (xp.log(s)[:, None] - (z - m[:, None])), axis=1)


@rule(
    "dz[n,k] = dl[n] * scale * (a[n,k] - y[n,k])", source="Bishop, 1995, Neural Networks for Pattern Recognition, 6.9"
)
def softmax_cross_entropy_dz(dl: Array, a: Array, y: Array, *, scale: float) -> Array:
    """dz (N, K) of dl (N,), probabilities a (N, K) and target rows y (N, K) that sum to 1."""
    return dl[:, None] * scale * (a - y)


@mistake(softmax_cross_entropy_dz, "dz[n,k] = dl[n] * scale * (y[n,k] - a[n,k])", "target and output are swapped")
def softmax_cross_entropy_dz_swapped(dl: Array, a: Array, y: Array, *, scale: float) -> Array:
    return -softmax_cross_entropy_dz(dl, a, y, scale=scale)


@mistake(
    softmax_cross_entropy_dz,
    "dz[n,k] = dl[n] * scale * (a[n,k] - y[n,k]) * a[n,k] * (1 - a[n,k])",
    "the softmax is differentiated a second time, although it is fused with the cross-entropy",
)
def softmax_cross_entropy_dz_twice(dl: Array, a: Array, y: Array, *, scale: float) -> Array:
    return softmax_cross_entropy_dz(dl, a, y, scale=scale) * a * (1 - a)


@mistake(softmax_cross_entropy_dz, "dz[n,k] = scale * (a[n,k] - y[n,k])", "1/N is left out")
def softmax_cross_entropy_dz_summed(a: Array, y: Array, *, scale: float) -> Array:
    return scale * (a - y)


@mistake(
    softmax_cross_entropy_dz,
    "dz[n,k] = -dl[n] * scale * y[n,k] / a[n,k]",
    "the softmax is not differentiated: the derivative by the probabilities is taken for that by z",
)
def softmax_cross_entropy_dz_of_the_probabilities(dl: Array, a: Array, y: Array, *, scale: float) -> Array:
    return -dl[:, None] * scale * y / a


operation = Operation("cross-entropy", (cross_entropy,), (cross_entropy_dy_hat,), input="y_hat", output="l")
fused = Operation(
    "softmax with cross-entropy",
    (*FORWARD, softmax_cross_entropy),
    (softmax_cross_entropy_dz,),
    input="z",
    output="l",
)
