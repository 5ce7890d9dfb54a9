"""Average-pooling: the mean of every window. Zeros of the padding count as elements of the window."""

from __future__ import annotations

from .arrays import add_windows, in_windows, namespace, windows
from .rule import Array, Operation, mistake, rule


@rule(
    "p[n,c,i,j] = sum_{u,v} z[n,c,i*sh+u-pt,j*sw+v-pl] / (kh * kw) for i<P, j<Q, u<kh, v<kw",
    source="LeCun et al., 1998, Gradient-based learning applied to document recognition (without its weight)",
)
def avg_pool2d(z: Array, *, P: int, Q: int, kh: int, kw: int, sh: int, sw: int, pt: int, pl: int) -> Array:
    """p (N, C, P, Q) of z (N, C, H, W)."""
    return namespace(z).sum(windows(z, (P, Q), (kh, kw), (sh, sw), pt, pl), axis=2) / (kh * kw)


@rule("dz[n,c,i*sh+u-pt,j*sw+v-pl] += dp[n,c,i,j] / (kh * kw) for u<kh, v<kw")
def avg_pool2d_dz(dp: Array, *, height: int, width: int, kh: int, kw: int, sh: int, sw: int, pt: int, pl: int) -> Array:
    """dz (N, C, height, width) of dp (N, C, P, Q): every position moves its windows' means equally."""
    return add_windows(in_windows(dp / (kh * kw), kh * kw), (height, width), (kh, kw), (sh, sw), pt, pl)


@mistake(
    avg_pool2d_dz,
    "dz[n,c,i*sh+u-pt,j*sw+v-pl] += dp[n,c,i,j] for u<kh, v<kw",
    "the division by the window's size is left out",
)
def avg_pool2d_dz_undivided(
    dp: Array, *, height: int, width: int, kh: int, kw: int, sh: int, sw: int, pt: int, pl: int
) -> Array:
    return add_windows(in_windows(dp, kh * kw), (height, width), (kh, kw), (sh, sw), pt, pl)


operation = Operation("average-pooling", (avg_pool2d,), (avg_pool2d_dz,), input="z", output="p")
