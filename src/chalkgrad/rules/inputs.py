"""Several inputs: the samples' rows hold one input after another; each is taken out of them."""

from __future__ import annotations

from .rule import Array, Operation, rule


@rule("f[n,i] = x[n,i+o] for i<I")
def take(x: Array, *, o: int, I: int) -> Array:
    """f (N, I), one input of x (N, K), the rows of all of them; it begins at place o."""
    return x[:, o : o + I]


@rule("v[n,...] = f[n,#...]")
def unflatten(f: Array, *, shape: tuple[int, ...]) -> Array:
    """v (N, *shape) of f (N, I): the same numbers, counted row by row."""
    return f.reshape((f.shape[0], *shape))


row = Operation("input", (take,), (), input="x", output="f")
array = Operation("input of several axes", (take, unflatten), (), input="x", output="v")
