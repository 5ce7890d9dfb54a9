"""Several inputs: the samples' rows hold one input after another; each is taken out of them."""

from __future__ import annotations

from .arrays import namespace, on_numpy
from .rule import Array, Operation, rule


@rule("f[n,i] = x[n,i+o] for i<I", helper=True, exact=True)
def take(x: Array, *, o: int, I: int) -> Array:
    """f (N, I), one input of x (N, K), the rows of all of them; it begins at place o."""
    return x[:, o : o + I]


@rule("f[n,i] = x[n,i+o] for i<I", helper=True, exact=True)
def take_ids(x: Array, *, o: int, I: int) -> Array:
    """f (N, I), whole numbers: an input of ids of x (N, K), as `take`; between values they stand as 3.0 for 3."""
    xp = namespace(x)
    return x[:, o : o + I].astype(int) if on_numpy(xp) else xp.astype(x[:, o : o + I], xp.int64)


@rule("v[n,...] = f[n,#...]", reshapes=True, helper=True, exact=True)
def unflatten(f: Array, *, shape: tuple[int, ...]) -> Array:
    """v (N, *shape) of f (N, I): the same numbers, counted row by row."""
    return f.reshape((f.shape[0], *shape))


row = Operation("input", (take,), (), input="x", output="f")
ids = Operation("input of ids", (take_ids,), (), input="x", output="f")
array = Operation("input of several axes", (take, unflatten), (), input="x", output="v")
