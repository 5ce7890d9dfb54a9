"""Positions: to every step of a sequence a row of its own is added, learnt or made of sines and cosines."""

from __future__ import annotations

import math

import numpy as np

from .arrays import namespace, on_numpy
from .rule import Array, Operation, mistake, rule

LEARNT = "Gehring et al., arXiv:1705.03122, 3.1 (learnt position embeddings)"
SOURCE = "Vaswani et al., arXiv:1706.03762, 3.5"
LONGEST = 10000.0
"""The wave lengths go from 2 pi to this times 2 pi."""
QUARTER = math.pi / 2
"""A cosine is a sine a quarter of a turn later."""


@rule(
    "P[t,2*i+p] = sin(t / longest^(i/H) + p * quarter) for t<T, i<H, p<2",
    shape_of="x",
    source=SOURCE,
    helper=True,
)
def sinusoids(x: Array, *, T: int, H: int, longest: float, quarter: float) -> Array:
    """P (T, D): row t has the sines of t by H wave lengths in its even columns, the cosines in its odd ones.

    Of x (N, T, D) it takes the kind of number only.
    """
    t, i, p = np.arange(T)[:, None, None], np.arange(H)[:, None], np.arange(2)
    rows = np.sin(t / longest ** (i / H) + p * quarter).reshape((T, 2 * H))
    xp = namespace(x)
    return rows.astype(x.dtype) if on_numpy(xp) else xp.asarray(rows, dtype=x.dtype, device=x.device)


@rule("z[n,t,d] = x[n,t,d] + P[t,d]", source=LEARNT)
def positions(x: Array, P: Array) -> Array:
    """z (N, T, D) of x (N, T, D) and a row for every step, P (T, D)."""
    return x + P


@rule("dP[t,d] = sum_n dz[n,t,d]", source=LEARNT)
def positions_dP(dz: Array) -> Array:
    """dP (T, D) of dz (N, T, D): all samples use the same rows."""
    return namespace(dz).sum(dz, axis=0)


@rule("dx[n,t,d] = dz[n,t,d]", source=LEARNT, exact=True)
def positions_dx(dz: Array) -> Array:
    """dx (N, T, D) of dz (N, T, D): a sum moves one to one with each of its terms."""
    return dz * 1


@mistake(positions, "z[n,t,d] = x[n,t,d] * P[t,d]", "the positions are multiplied, not added")
def positions_multiplied(x: Array, P: Array) -> Array:
    return x * P


@mistake(positions_dP, "dP[t,d] = mean_n dz[n,t,d]", "averaged over the samples instead of summed")
def positions_dP_averaged(dz: Array) -> Array:
    return namespace(dz).mean(dz, axis=0)


@mistake(positions_dP, "dP[t,d] = sum_n dz[n,|t|-1-t,d]", "the steps are taken from the last to the first")
def positions_dP_reversed(dz: Array) -> Array:
    return namespace(dz).flip(positions_dP(dz), axis=0)


@mistake(positions_dx, "dx[n,t,d] = dz[n,t,d] * P[t,d]", "the sum is taken for a product: {P} is a factor")
def positions_dx_multiplied(dz: Array, P: Array) -> Array:
    return dz * P


@mistake(positions_dx, "dx[n,t,d] = -dz[n,t,d]", "the sign is flipped")
def positions_dx_negative(dz: Array) -> Array:
    return -dz


learnt = Operation("learnt positions", (positions,), (positions_dP, positions_dx), input="x", output="z")
sinusoidal = Operation("sinusoidal positions", (sinusoids, positions), (positions_dx,), input="x", output="z")
