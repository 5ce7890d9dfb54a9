"""Hinge losses: no loss where a score is right by a margin. At the margin itself the derivative is 0.

For one output, targets are -1 and 1. For several, every wrong class whose score comes within the margin of
the right class's score counts (Weston and Watkins, 1999).
"""

from __future__ import annotations

from .arrays import namespace
from .rule import Array, Operation, kinks, mistake, rule


@rule(
    "l[n] = scale * sum_k max(margin - y[n,k] * y_hat[n,k], 0)",
    source="Cortes and Vapnik, 1995",
)
def hinge(y_hat: Array, y: Array, *, scale: float, margin: float) -> Array:
    """l (N,) of scores y_hat (N, K) and targets y (N, K), -1 or 1."""
    xp = namespace(y_hat)
    return scale * xp.sum(xp.maximum(margin - y * y_hat, 0), axis=1)


@kinks(hinge)
def hinge_sides(y_hat: Array, y: Array, *, scale: float, margin: float) -> Array:
    return margin - y * y_hat > 0


@rule("dy_hat[n,k] = -dl[n] * scale * y[n,k] * [margin - y[n,k] * y_hat[n,k] > 0]")
def hinge_dy_hat(dl: Array, y_hat: Array, y: Array, *, scale: float, margin: float) -> Array:
    """dy_hat (N, K) of dl (N,), y_hat and y (N, K)."""
    return namespace(y_hat).where(margin - y * y_hat > 0, -dl[:, None] * scale * y, 0.0)


@mistake(hinge_dy_hat, "dy_hat[n,k] = -dl[n] * scale * y[n,k]", "the condition of the margin is left out")
def hinge_dy_hat_everywhere(dl: Array, y: Array, *, scale: float) -> Array:
    return -dl[:, None] * scale * y


@rule("c[n] = sum_k y[n,k] * y_hat[n,k]")
def right_score(y_hat: Array, y: Array) -> Array:
    """c (N,), the score of the right class, of scores y_hat and one-hot rows y (N, K)."""
    return namespace(y_hat).sum(y * y_hat, axis=1)


@rule(
    "l[n] = scale * sum_k (1 - y[n,k]) * max(y_hat[n,k] - c[n] + margin, 0)",
    source="Weston and Watkins, 1999",
)
def class_hinge(y_hat: Array, y: Array, c: Array, *, scale: float, margin: float) -> Array:
    """l (N,) of scores y_hat and one-hot rows y (N, K) and the right class's score c (N,)."""
    xp = namespace(y_hat)
    return scale * xp.sum((1 - y) * xp.maximum(y_hat - c[:, None] + margin, 0), axis=1)


@kinks(class_hinge)
def class_hinge_sides(y_hat: Array, y: Array, c: Array, *, scale: float, margin: float) -> Array:
    return y_hat - c[:, None] + margin > 0


@rule("g[n,k] = dl[n] * scale * (1 - y[n,k]) * [y_hat[n,k] - c[n] + margin > 0]", source="Weston and Watkins, 1999")
def class_hinge_g(dl: Array, y_hat: Array, y: Array, c: Array, *, scale: float, margin: float) -> Array:
    """g (N, K), what the wrong classes within the margin get, of dl and c (N,), y_hat and y (N, K)."""
    return namespace(y_hat).where(y_hat - c[:, None] + margin > 0, dl[:, None] * scale * (1 - y), 0.0)


@rule("dy_hat[n,k] = g[n,k] - y[n,k] * sum_j g[n,j]", source="Weston and Watkins, 1999")
def class_hinge_dy_hat(g: Array, y: Array) -> Array:
    """dy_hat (N, K) of g and y (N, K): the right class is pulled as hard as all the wrong ones are pushed."""
    return g - y * namespace(g).sum(g, axis=1, keepdims=True)


@mistake(class_hinge_dy_hat, "dy_hat[n,k] = g[n,k]", "the right class's share is left out")
def class_hinge_dy_hat_without_right(g: Array) -> Array:
    return g * 1


@mistake(class_hinge_g, "g[n,k] = dl[n] * scale * (1 - y[n,k])", "the condition of the margin is left out")
def class_hinge_g_everywhere(dl: Array, y: Array, *, scale: float) -> Array:
    return dl[:, None] * scale * (1 - y)


operation = Operation("hinge", (hinge,), (hinge_dy_hat,), input="y_hat", output="l")
classes = Operation(
    "hinge over classes",
    (right_score, class_hinge),
    (class_hinge_g, class_hinge_dy_hat),
    input="y_hat",
    output="l",
)
