"""Adam and AdamW. `t` is the number of this step, counted from 1.

Kingma and Ba, arXiv:1412.6980, algorithm 1; Loshchilov and Hutter, arXiv:1711.05101, algorithm 2.
"""

from __future__ import annotations

from .arrays import namespace
from .rule import Array, Operation, mistake, rule

SOURCE = "Kingma and Ba, arXiv:1412.6980, algorithm 1"


@rule("m_new[...] = beta1 * m[...] + (1 - beta1) * g[...]", source=SOURCE)
def adam_m(m: Array, g: Array, *, beta1: float) -> Array:
    """m_new of the first moment m and g, any shape."""
    return beta1 * m + (1 - beta1) * g


@rule("v_new[...] = beta2 * v[...] + (1 - beta2) * g[...]^2", source=SOURCE)
def adam_v(v: Array, g: Array, *, beta2: float) -> Array:
    """v_new of the second moment v and g, any shape."""
    return beta2 * v + (1 - beta2) * (g * g)


@rule(
    "W_new[...] = W[...] - lr * (m_new[...] / (1 - beta1^t)) / (sqrt(v_new[...] / (1 - beta2^t)) + eps)",
    source=SOURCE,
)
def adam_step(
    W: Array, m_new: Array, v_new: Array, lr: float, t: float, *, beta1: float, beta2: float, eps: float
) -> Array:
    """W_new of W, m_new and v_new, any shape."""
    xp = namespace(W)
    return W - (lr / (1 - beta1**t)) * m_new / (xp.sqrt(v_new * (1 / (1 - beta2**t))) + eps)


@rule(
    "W_new[...] = W[...] - lr * decay * W[...]"
    " - lr * (m_new[...] / (1 - beta1^t)) / (sqrt(v_new[...] / (1 - beta2^t)) + eps)",
    source="Loshchilov and Hutter, arXiv:1711.05101, algorithm 2",
)
def adamw_step(
    W: Array,
    m_new: Array,
    v_new: Array,
    lr: float,
    t: float,
    *,
    beta1: float,
    beta2: float,
    eps: float,
    decay: float,
) -> Array:
    """W_new of W, m_new and v_new, any shape: the decay does not go through the moments."""
    return adam_step(W, m_new, v_new, lr, t, beta1=beta1, beta2=beta2, eps=eps) - lr * decay * W


@mistake(
    adam_step,
    "W_new[...] = W[...] - lr * m_new[...] / (sqrt(v_new[...]) + eps)",
    "the bias correction is left out",
)
def adam_step_uncorrected(W: Array, m_new: Array, v_new: Array, lr: float, *, eps: float) -> Array:
    return W - lr * m_new / (namespace(W).sqrt(v_new) + eps)


@mistake(
    adam_step,
    "W_new[...] = W[...] + lr * (m_new[...] / (1 - beta1^t)) / (sqrt(v_new[...] / (1 - beta2^t)) + eps)",
    "the step goes up the gradient",
)
def adam_step_up(
    W: Array, m_new: Array, v_new: Array, lr: float, t: float, *, beta1: float, beta2: float, eps: float
) -> Array:
    return 2 * W - adam_step(W, m_new, v_new, lr, t, beta1=beta1, beta2=beta2, eps=eps)


@mistake(
    adamw_step,
    "W_new[...] = W[...] - lr * decay * W[...]"
    " + lr * (m_new[...] / (1 - beta1^t)) / (sqrt(v_new[...] / (1 - beta2^t)) + eps)",
    "the step goes up the gradient",
)
def adamw_step_up(
    W: Array,
    m_new: Array,
    v_new: Array,
    lr: float,
    t: float,
    *,
    beta1: float,
    beta2: float,
    eps: float,
    decay: float,
) -> Array:
    return adam_step_up(W, m_new, v_new, lr, t, beta1=beta1, beta2=beta2, eps=eps) - lr * decay * W


@mistake(adam_v, "v_new[...] = beta2 * v[...] + (1 - beta2) * g[...]", "the gradient is not squared")
def adam_v_unsquared(v: Array, g: Array, *, beta2: float) -> Array:
    return beta2 * v + (1 - beta2) * g


@mistake(adam_m, "m_new[...] = beta1 * m[...] + g[...]", "the factor 1 - beta1 is left out")
def adam_m_unscaled(m: Array, g: Array, *, beta1: float) -> Array:
    return beta1 * m + g


@mistake(
    adamw_step,
    "W_new[...] = W[...] - decay * W[...]"
    " - lr * (m_new[...] / (1 - beta1^t)) / (sqrt(v_new[...] / (1 - beta2^t)) + eps)",
    "the decay is not multiplied by the learning rate",
)
def adamw_step_decay_without_rate(
    W: Array,
    m_new: Array,
    v_new: Array,
    lr: float,
    t: float,
    *,
    beta1: float,
    beta2: float,
    eps: float,
    decay: float,
) -> Array:
    return adam_step(W, m_new, v_new, lr, t, beta1=beta1, beta2=beta2, eps=eps) - decay * W


adam = Operation("Adam", (adam_m, adam_v, adam_step), (), input="g", output="W_new")
adamw = Operation("AdamW", (adam_m, adam_v, adamw_step), (), input="g", output="W_new")
