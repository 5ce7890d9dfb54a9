"""L1 and L2 penalties on weights, as part of the loss: l1 times the sum of |W| plus l2 times the sum of W^2.

The derivative of |W| at 0 is taken as 0.
"""

from __future__ import annotations

from .arrays import namespace
from .rule import Array, Operation, kinks, mistake, rule


@rule(
    "Lp = L + l1 * sum_{...} abs(W[...]) + l2 * sum_{...} W[...]^2",
    source="Goodfellow, Bengio and Courville, 2016, 7.1",
)
def penalty(L: Array, W: Array, *, l1: float, l2: float) -> Array:
    """Lp, the loss L with the penalty on W (any shape) added."""
    xp = namespace(W)
    return L + l1 * xp.sum(xp.abs(W)) + l2 * xp.sum(W * W)


@kinks(penalty)
def penalty_sides(L: Array, W: Array, *, l1: float, l2: float) -> Array:
    return (W > 0) * (l1 != 0)


@rule(
    "dW[...] = dW_data[...] + l1 * sign(W[...]) + 2 * l2 * W[...]", source="Goodfellow, Bengio and Courville, 2016, 7.1"
)
def penalty_dW(dW_data: Array, W: Array, *, l1: float, l2: float) -> Array:
    """dW, of the data's part dW_data and of W (any shape)."""
    gradient = dW_data + (2 * l2) * W
    return gradient + l1 * namespace(W).sign(W) if l1 else gradient


@mistake(penalty_dW, "dW[...] = dW_data[...]", "the penalty's gradient is left out")
def penalty_dW_left_out(dW_data: Array) -> Array:
    return dW_data * 1


@mistake(
    penalty_dW,
    "dW[...] = dW_data[...] + l1 * sign(W[...]) + l2 * W[...]",
    "the factor 2 of the square is left out",
)
def penalty_dW_halved(dW_data: Array, W: Array, *, l1: float, l2: float) -> Array:
    return penalty_dW(dW_data, W, l1=l1, l2=l2 / 2)


operation = Operation("penalty", (penalty,), (penalty_dW,), input="L", output="Lp")
