"""Max-pooling: the largest value of every window. A tie goes to the first, counted row by row.

`win` says which place u*kw+v of its window won. Padding is never chosen: it counts as minus infinity.
"""

from __future__ import annotations

import math

from .arrays import add_windows, counted, in_windows, namespace, windows
from .rule import Array, Operation, kinks, mistake, rule


@rule("win[n,c,i,j] = argmax_{u,v} z[n,c,i*sh+u-pt,j*sw+v-pl] for i<P, j<Q, u<kh, v<kw", helper=True, exact=True)
def max_pool2d_win(z: Array, *, P: int, Q: int, kh: int, kw: int, sh: int, sw: int, pt: int, pl: int) -> Array:
    """win (N, C, P, Q), integers 0 to kh*kw-1, of z (N, C, H, W): the winner's place, row by row from 0."""
    return namespace(z).argmax(windows(z, (P, Q), (kh, kw), (sh, sw), pt, pl, -math.inf), axis=2)


@rule(
    "p[n,c,i,j] = max_{u,v} z[n,c,i*sh+u-pt,j*sw+v-pl] for i<P, j<Q, u<kh, v<kw",
    source="Goodfellow, Bengio and Courville, 2016, 9.3; Neural Network Forward and Backward Propagation",
    exact=True,
    ties=True,
)
def max_pool2d(z: Array, *, P: int, Q: int, kh: int, kw: int, sh: int, sw: int, pt: int, pl: int) -> Array:
    """p (N, C, P, Q) of z (N, C, H, W)."""
    return namespace(z).max(windows(z, (P, Q), (kh, kw), (sh, sw), pt, pl, -math.inf), axis=2)


@kinks(max_pool2d)
def max_pool2d_sides(z: Array, *, P: int, Q: int, kh: int, kw: int, sh: int, sw: int, pt: int, pl: int) -> Array:
    return max_pool2d_win(z, P=P, Q=Q, kh=kh, kw=kw, sh=sh, sw=sw, pt=pt, pl=pl)


@rule(
    "dz[n,c,i*sh+u-pt,j*sw+v-pl] += dp[n,c,i,j] * [win[n,c,i,j] = u*kw+v] for u<kh, v<kw",
    source="Neural Network Forward and Backward Propagation, Gradients for Convolutional Kernel Weights",
)
def max_pool2d_dz(
    dp: Array, win: Array, *, height: int, width: int, kh: int, kw: int, sh: int, sw: int, pt: int, pl: int
) -> Array:
    """dz (N, C, height, width) of dp and win (N, C, P, Q): only the winner of a window moves its maximum."""
    won = win[:, :, None] == counted(kh * kw, win)[:, None, None]
    return add_windows(dp[:, :, None] * won, (height, width), (kh, kw), (sh, sw), pt, pl)


@mistake(
    max_pool2d_dz,
    "dz[n,c,i*sh+u-pt,j*sw+v-pl] += dp[n,c,i,j] for u<kh, v<kw",
    "the gradient is sent to every position of the window",
)
def max_pool2d_dz_everywhere(
    dp: Array, *, height: int, width: int, kh: int, kw: int, sh: int, sw: int, pt: int, pl: int
) -> Array:
    return add_windows(in_windows(dp, kh * kw), (height, width), (kh, kw), (sh, sw), pt, pl)


@mistake(
    max_pool2d_dz,
    "dz[n,c,i*sh+u-pt,j*sw+v-pl] += dp[n,c,i,j] / (kh * kw) for u<kh, v<kw",
    "the gradient is averaged over the window",
)
def max_pool2d_dz_averaged(
    dp: Array, *, height: int, width: int, kh: int, kw: int, sh: int, sw: int, pt: int, pl: int
) -> Array:
    return add_windows(in_windows(dp / (kh * kw), kh * kw), (height, width), (kh, kw), (sh, sw), pt, pl)


@mistake(
    max_pool2d_dz,
    "dz[n,c,i*sh+u-pt,j*sw+v-pl] += dp[n,c,i,j] * [u*kw+v = 0] for u<kh, v<kw",
    "the gradient is sent to the first position of every window, not to the largest",
)
def max_pool2d_dz_first(
    dp: Array, *, height: int, width: int, kh: int, kw: int, sh: int, sw: int, pt: int, pl: int
) -> Array:
    first = (counted(kh * kw, dp) == 0)[:, None, None]
    return add_windows(dp[:, :, None] * first, (height, width), (kh, kw), (sh, sw), pt, pl)


operation = Operation("max-pooling", (max_pool2d_win, max_pool2d), (max_pool2d_dz,), input="z", output="p")
