"""Gradient clipping by norm: where all gradients together are longer than a limit, all are shortened to it.

The norm is that of one vector, all gradients one behind the other, so that their direction stays.
"""

from __future__ import annotations

from .arrays import namespace
from .rule import Array, Operation, mistake, rule

SOURCE = "Pascanu, Mikolov and Bengio, 2013, On the difficulty of training recurrent neural networks, algorithm 1"


@rule("squares = before + sum_{...} g[...]^2", source=SOURCE)
def squares(g: Array, before: Array = None) -> Array:
    """squares, one number, of a gradient g (any shape), and those of the gradients before it: every element counts."""
    total = namespace(g).sum(g * g)
    return total if before is None else before + total


@rule("norm = sqrt(squares)", source=SOURCE)
def norm(squares: Array) -> Array:
    """norm, the length of all gradients as one vector, of the sum of their squares (any shape)."""
    return namespace(squares).sqrt(squares)


@rule("factor = limit / max(norm, limit)", source=SOURCE)
def factor(norm: Array, *, limit: float) -> Array:
    """factor of the norm (any shape): min(1, limit / norm), written so that a norm of 0 is no division by 0."""
    return limit / namespace(norm).maximum(norm, limit)


@rule("clipped[...] = factor * g[...]", source=SOURCE)
def clipped(g: Array, factor: Array) -> Array:
    """clipped, of a gradient g (any shape) and the factor that all gradients share."""
    return factor * g


@mistake(squares, "squares = before + sum_{...} abs(g[...])", "the gradients are not squared")
def squares_absolute(g: Array, before: Array = None) -> Array:
    total = namespace(g).sum(namespace(g).abs(g))
    return total if before is None else before + total


@mistake(squares, "squares = sum_{...} g[...]^2", "the gradients before it are left out: the norm is not that of all")
def squares_of_one(g: Array) -> Array:
    return squares(g)


@mistake(norm, "norm = squares", "the root is left out")
def norm_without_root(squares: Array) -> Array:
    return squares * 1


@mistake(factor, "factor = limit / norm", "the minimum with 1 is left out: short gradients are made longer")
def factor_without_minimum(norm: Array, *, limit: float) -> Array:
    return limit / norm


@mistake(
    clipped,
    "clipped[...] = min(max(g[...], -limit), limit)",
    "every element is clipped by itself, which changes the direction",
)
def clipped_by_element(g: Array, *, limit: float) -> Array:
    return namespace(g).clip(g, -limit, limit)


@mistake(clipped, "clipped[...] = g[...]", "the gradient is not clipped")
def clipped_left_out(g: Array) -> Array:
    return g * 1


operation = Operation("clipping by norm", (squares, norm, factor, clipped), (), input="g", output="clipped")
