"""RMSProp: every step divided by the root of a running mean of squared gradients."""

from __future__ import annotations

from .arrays import namespace
from .rule import Array, Operation, mistake, rule


@rule("v_new[...] = rho * v[...] + (1 - rho) * g[...]^2", source="Tieleman and Hinton, 2012, lecture 6e")
def rmsprop_v(v: Array, g: Array, *, rho: float) -> Array:
    """v_new of the running mean v and g, any shape."""
    return rho * v + (1 - rho) * (g * g)


@rule("W_new[...] = W[...] - lr * g[...] / (sqrt(v_new[...]) + eps)", source="Tieleman and Hinton, 2012, lecture 6e")
def rmsprop_step(W: Array, g: Array, v_new: Array, lr: float, *, eps: float) -> Array:
    """W_new of W, g and v_new, any shape."""
    return W - lr * g / (namespace(W).sqrt(v_new) + eps)


@mistake(rmsprop_step, "W_new[...] = W[...] - lr * g[...] / (v_new[...] + eps)", "the square root is left out")
def rmsprop_step_without_root(W: Array, g: Array, v_new: Array, lr: float, *, eps: float) -> Array:
    return W - lr * g / (v_new + eps)


@mistake(rmsprop_step, "W_new[...] = W[...] + lr * g[...] / (sqrt(v_new[...]) + eps)", "the step goes up the gradient")
def rmsprop_step_up(W: Array, g: Array, v_new: Array, lr: float, *, eps: float) -> Array:
    return 2 * W - rmsprop_step(W, g, v_new, lr, eps=eps)


@mistake(rmsprop_v, "v_new[...] = rho * v[...] + (1 - rho) * g[...]", "the gradient is not squared")
def rmsprop_v_unsquared(v: Array, g: Array, *, rho: float) -> Array:
    return rho * v + (1 - rho) * g


operation = Operation("RMSProp", (rmsprop_v, rmsprop_step), (), input="g", output="W_new")
