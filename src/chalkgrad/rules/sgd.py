"""Stochastic gradient descent: plain, with momentum, with Nesterov's momentum.

`g` is the gradient dW, with weight decay added where there is any; `lr` is the learning rate of this step.
"""

from __future__ import annotations

from .rule import Array, Operation, mistake, rule


@rule(
    "W_new[...] = W[...] - lr * g[...]",
    source="Rumelhart, Hinton and Williams, 1986, Nature 323, (8); Neural Network from Scratch, 5.3",
)
def sgd(W: Array, g: Array, lr: float) -> Array:
    """W_new of W and g, any shape."""
    return W - lr * g


@rule(
    "v_new[...] = momentum * v[...] + g[...]",
    source="Polyak, 1964; Sutskever et al., 2013 (lr outside, as in PyTorch)",
)
def velocity(v: Array, g: Array, *, momentum: float) -> Array:
    """v_new of the velocity v and g, any shape."""
    return momentum * v + g


@rule("W_new[...] = W[...] - lr * v_new[...]", source="Polyak, 1964")
def momentum_step(W: Array, v_new: Array, lr: float) -> Array:
    """W_new of W and v_new, any shape."""
    return W - lr * v_new


@rule("W_new[...] = W[...] - lr * (g[...] + momentum * v_new[...])", source="Sutskever et al., 2013")
def nesterov_step(W: Array, g: Array, v_new: Array, lr: float, *, momentum: float) -> Array:
    """W_new of W, g and v_new, any shape."""
    return W - lr * (g + momentum * v_new)


@mistake(sgd, "W_new[...] = W[...] - g[...]", "the learning rate is left out")
def sgd_without_rate(W: Array, g: Array) -> Array:
    return W - g


@mistake(sgd, "W_new[...] = W[...] + lr * g[...]", "the step goes up the gradient")
def sgd_uphill(W: Array, g: Array, lr: float) -> Array:
    return W + lr * g


@mistake(
    velocity,
    "v_new[...] = momentum * v[...] + (1 - momentum) * g[...]",
    "the gradient is averaged in instead of added",
)
def velocity_averaged(v: Array, g: Array, *, momentum: float) -> Array:
    return momentum * v + (1 - momentum) * g


@mistake(momentum_step, "W_new[...] = W[...] + lr * v_new[...]", "the step goes up the gradient")
def momentum_step_uphill(W: Array, v_new: Array, lr: float) -> Array:
    return W + lr * v_new


@mistake(nesterov_step, "W_new[...] = W[...] - lr * v_new[...]", "plain momentum instead of Nesterov's")
def nesterov_step_plain(W: Array, v_new: Array, lr: float) -> Array:
    return W - lr * v_new


plain = Operation("SGD", (sgd,), (), input="g", output="W_new")
momentum = Operation("SGD with momentum", (velocity, momentum_step), (), input="g", output="W_new")
nesterov = Operation("SGD with Nesterov momentum", (velocity, nesterov_step), (), input="g", output="W_new")
