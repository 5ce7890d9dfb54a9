"""AdaGrad: every step divided by the root of the sum of all squared gradients so far."""

from __future__ import annotations

from .arrays import namespace
from .rule import Array, Operation, mistake, rule


@rule("v_new[...] = v[...] + g[...]^2", source="Duchi, Hazan and Singer, 2011")
def adagrad_v(v: Array, g: Array) -> Array:
    """v_new of the sum v and g, any shape."""
    return v + g * g


@rule("W_new[...] = W[...] - lr * g[...] / (sqrt(v_new[...]) + eps)", source="Duchi, Hazan and Singer, 2011")
def adagrad_step(W: Array, g: Array, v_new: Array, lr: float, *, eps: float) -> Array:
    """W_new of W, g and v_new, any shape."""
    return W - lr * g / (namespace(W).sqrt(v_new) + eps)


@mistake(adagrad_step, "W_new[...] = W[...] - lr * g[...] / (v_new[...] + eps)", "the square root is left out")
def adagrad_step_without_root(W: Array, g: Array, v_new: Array, lr: float, *, eps: float) -> Array:
    return W - lr * g / (v_new + eps)


@mistake(adagrad_step, "W_new[...] = W[...] + lr * g[...] / (sqrt(v_new[...]) + eps)", "the step goes up the gradient")
def adagrad_step_up(W: Array, g: Array, v_new: Array, lr: float, *, eps: float) -> Array:
    return 2 * W - adagrad_step(W, g, v_new, lr, eps=eps)


@mistake(adagrad_v, "v_new[...] = v[...] + g[...]", "the gradient is not squared")
def adagrad_v_unsquared(v: Array, g: Array) -> Array:
    return v + g


operation = Operation("AdaGrad", (adagrad_v, adagrad_step), (), input="g", output="W_new")
