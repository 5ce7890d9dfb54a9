"""Values side by side: features after features, or channels after channels; each gets its own part back."""

from __future__ import annotations

from .arrays import namespace
from .rule import Array, Operation, mistake, rule

SOURCE = "Szegedy et al., arXiv:1409.4842, 4 (filter concatenation)"


@rule(
    "c[n,k,...] = x1[n,k-o1,...] + x2[n,k-o2,...] + x3[n,k-o3,...] + x4[n,k-o4,...] for k<K",
    source=SOURCE,
    exact=True,
    helper=True,
)
def concat(
    x1: Array, x2: Array, x3: Array = None, x4: Array = None, *, o1: int, o2: int, o3: int, o4: int, K: int
) -> Array:
    """c (N, K, ...) of two to four values (N, I, ...), of which each begins at its own place o."""
    xp = namespace(x1)
    both = xp.concat((x1, x2), axis=1)
    if x3 is not None:
        both = xp.concat((both, x3), axis=1)
    return both if x4 is None else xp.concat((both, x4), axis=1)


@rule("dx1[n,i,...] = dc[n,i+o1,...]", shape_of="x1", source=SOURCE, exact=True)
def concat_dx1(dc: Array, x1: Array, *, o1: int) -> Array:
    """dx1 (N, I, ...), its part of dc (N, K, ...)."""
    return dc[:, o1 : o1 + x1.shape[1]]


@rule("dx2[n,i,...] = dc[n,i+o2,...]", shape_of="x2", source=SOURCE, exact=True)
def concat_dx2(dc: Array, x2: Array, *, o2: int) -> Array:
    """dx2 (N, I, ...), its part of dc (N, K, ...)."""
    return dc[:, o2 : o2 + x2.shape[1]]


@rule("dx3[n,i,...] = dc[n,i+o3,...]", shape_of="x3", source=SOURCE, exact=True)
def concat_dx3(dc: Array, x3: Array, *, o3: int) -> Array:
    """dx3 (N, I, ...), its part of dc (N, K, ...)."""
    return dc[:, o3 : o3 + x3.shape[1]]


@rule("dx4[n,i,...] = dc[n,i+o4,...]", shape_of="x4", source=SOURCE, exact=True)
def concat_dx4(dc: Array, x4: Array, *, o4: int) -> Array:
    """dx4 (N, I, ...), its part of dc (N, K, ...)."""
    return dc[:, o4 : o4 + x4.shape[1]]


@mistake(concat_dx1, "dx1[n,i,...] = dc[n,i+K-|i|,...]", "the part at the end is taken, not that at the start")
def concat_dx1_from_the_end(dc: Array, x1: Array, *, K: int) -> Array:
    return dc[:, K - x1.shape[1] :]


@mistake(concat_dx2, "dx2[n,i,...] = dc[n,i+o1,...]", "the part of the first value is taken")
def concat_dx2_from_the_first(dc: Array, x2: Array, *, o1: int) -> Array:
    return dc[:, o1 : o1 + x2.shape[1]]


@mistake(concat_dx3, "dx3[n,i,...] = dc[n,i+o1,...]", "the part of the first value is taken")
def concat_dx3_from_the_first(dc: Array, x3: Array, *, o1: int) -> Array:
    return dc[:, o1 : o1 + x3.shape[1]]


@mistake(concat_dx4, "dx4[n,i,...] = dc[n,i+o1,...]", "the part of the first value is taken")
def concat_dx4_from_the_first(dc: Array, x4: Array, *, o1: int) -> Array:
    return dc[:, o1 : o1 + x4.shape[1]]


operation = Operation(
    "concatenation",
    (concat,),
    (concat_dx1, concat_dx2, concat_dx3, concat_dx4),
    input="x1",
    output="c",
    others=("x2", "x3", "x4"),
)
