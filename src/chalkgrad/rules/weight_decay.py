"""Weight decay coupled to the gradient: it is as if half the decay times the square of W stood in the loss."""

from __future__ import annotations

from .rule import Array, mistake, rule


@rule("g[...] = dW[...] + decay * W[...]", source="Hanson and Pratt, 1988")
def weight_decay(dW: Array, W: Array, *, decay: float) -> Array:
    """g, the gradient that the optimizer uses, of dW and W (any shape)."""
    return dW + decay * W


@mistake(weight_decay, "g[...] = dW[...] - decay * W[...]", "the sign of the decay is flipped")
def weight_decay_negative(dW: Array, W: Array, *, decay: float) -> Array:
    return dW - decay * W


@mistake(weight_decay, "g[...] = dW[...]", "the weight decay is left out")
def weight_decay_left_out(dW: Array) -> Array:
    return dW * 1
