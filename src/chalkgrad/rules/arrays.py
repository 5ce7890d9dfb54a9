"""The few array functions that rules need beyond operators, for whichever library the array is from.

A rule is written once and runs on NumPy, PyTorch, CuPy and JAX arrays. NumPy arrays take the first branch, and so do
arrays whose NumPy calls are recorded (`engines/recorded.py`); others go through the Array API (PyTorch's through the
package array-api-compat).
"""

from __future__ import annotations

import importlib
import math
from functools import cache
from typing import Any

import numpy as np

from .rule import Array


def namespace(array: Array) -> Any:
    """The module whose functions work on `array`: numpy, or the array library's own."""
    if isinstance(array, (np.ndarray, np.generic, float, int)):
        return np
    try:
        return array.__array_namespace__()
    except AttributeError:
        compat: Any = importlib.import_module("array_api_compat")
        return compat.array_namespace(array)


def on_numpy(xp: Any) -> bool:
    """Whether a module's functions are NumPy's, called now or recorded."""
    return xp is np or getattr(xp, "records_numpy", False)


def per_channel(v: Array, x: Array) -> Array:
    """One number for each feature or channel, v (C,), as it goes with x (N, C, ...)."""
    return v.reshape((-1,) + (1,) * (x.ndim - 2))


def per_sample(v: Array, x: Array) -> Array:
    """One number for each sample, v (N,), as it goes with x (N, ...)."""
    return v.reshape((-1,) + (1,) * (x.ndim - 1))


def features(x: Array) -> tuple[int, ...]:
    """The axes of x (N, ...) but the first."""
    return tuple(range(1, x.ndim))


def seen_in_windows(x: Array, out: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int]) -> Array:
    """The elements of a NumPy array x (N, C, H, W) where they lie, seen window by window: (N, C, kh, kw, P, Q)."""
    xp = namespace(x)
    x = xp.ascontiguousarray(x)
    n, c, h, w = x.strides
    return xp.ndarray((*x.shape[:2], *kernel, *out), x.dtype, x, 0, (n, c, h, w, h * stride[0], w * stride[1]))


def windows(
    x: Array,
    out: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    pt: int,
    pl: int,
    outside: float = 0.0,
) -> Array:
    """Every window's elements, place by place: (N, C, kh*kw, P, Q), x[n, c, p*sh+u-pt, q*sw+v-pl] at u*kw+v.

    Args:
        x: (N, C, H, W).
        out: (P, Q), the number of windows down and across.
        kernel: (kh, kw), the size of a window.
        stride: (sh, sw), the step from window to window.
        pt: by how many rows the first window reaches beyond the upper edge.
        pl: by how many columns beyond the left one.
        outside: what stands beyond the edges.
    """
    (P, Q), (kh, kw), (sh, sw) = out, kernel, stride
    x = padded(x, pt, pl, (P - 1) * sh + kh, (Q - 1) * sw + kw, outside)
    N, C = x.shape[:2]
    xp = namespace(x)
    if on_numpy(xp):
        return seen_in_windows(x, out, kernel, stride).reshape((N, C, kh * kw, P, Q))
    places = ((u, v) for u in range(kh) for v in range(kw))
    parts = [x[:, :, u : u + (P - 1) * sh + 1 : sh, v : v + (Q - 1) * sw + 1 : sw] for u, v in places]
    return xp.stack(parts, axis=2)


def padded(x: Array, top: int, left: int, height: int, width: int, value: float = 0.0) -> Array:
    """`x` (N, C, H, W) inside a frame of `value`, x's corner at (top, left): at least `height` by `width`."""
    N, C, H, W = x.shape
    if top == 0 and left == 0 and height <= H and width <= W:
        return x
    xp = namespace(x)
    rows, columns = min(H, height - top), min(W, width - left)
    if on_numpy(xp):
        framed: Array = xp.full((N, C, height, width), value, dtype=x.dtype)
        framed[:, :, top : top + rows, left : left + columns] = x[:, :, :rows, :columns]
        return framed
    x = x[:, :, :rows, :columns]
    frame = {"dtype": x.dtype, "device": x.device}
    above = xp.full((N, C, top, columns), value, **frame)
    below = xp.full((N, C, height - top - rows, columns), value, **frame)
    x = xp.concat([above, x, below], axis=2)
    before = xp.full((N, C, height, left), value, **frame)
    after = xp.full((N, C, height, width - left - columns), value, **frame)
    return xp.concat([before, x, after], axis=3)


def zeros(shape: tuple[int, ...], like: Array) -> Array:
    """Zeros of the library, dtype and device of `like`."""
    xp = namespace(like)
    return xp.zeros(shape, dtype=like.dtype) if on_numpy(xp) else xp.zeros(shape, dtype=like.dtype, device=like.device)


def counted(count: int, like: Array) -> Array:
    """The numbers 0 to count - 1, of the library and device of `like`."""
    xp = namespace(like)
    return xp.arange(count) if on_numpy(xp) else xp.arange(count, device=like.device)


def turned(x: Array) -> Array:
    """x (N, T, ...) with its steps from the last to the first."""
    xp = namespace(x)
    return x[:, ::-1] if on_numpy(xp) else xp.flip(x, axis=1)


def in_windows(values: Array, count: int) -> Array:
    """One value for each window, (N, C, P, Q), at each of its places: (N, C, count, P, Q)."""
    N, C, P, Q = values.shape
    return namespace(values).broadcast_to(values[:, :, None], (N, C, count, P, Q))


def add_windows(
    shares: Array, size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], pt: int, pl: int
) -> Array:
    """The reverse of `windows`: what stands at each place of every window is added where it came from.

    Args:
        shares: (N, C, kh*kw, P, Q).
        size: (H, W) of the result.
        kernel: as for `windows`.
        stride: as for `windows`.
        pt: as for `windows`; what falls beyond the edges is dropped.
        pl: as for `windows`.

    Returns:
        (N, C, H, W).
    """
    (H, W), (kh, kw), (sh, sw) = size, kernel, stride
    N, C, _, P, Q = shares.shape
    tall, wide = max(H + pt, (P - 1) * sh + kh), max(W + pl, (Q - 1) * sw + kw)
    total = zeros((N, C, tall, wide), shares)
    if on_numpy(namespace(shares)):
        seen = seen_in_windows(total, (P, Q), kernel, stride)
        if sh >= kh and sw >= kw:  # no element is in two windows
            seen += shares.reshape((N, C, kh, kw, P, Q))
            return total[:, :, pt : pt + H, pl : pl + W]
        for place in range(kh * kw):
            seen[:, :, place // kw, place % kw] += shares[:, :, place]
        return total[:, :, pt : pt + H, pl : pl + W]
    for place in range(kh * kw):
        u, v = divmod(place, kw)
        there = (..., slice(u, u + (P - 1) * sh + 1, sh), slice(v, v + (Q - 1) * sw + 1, sw))
        if hasattr(total, "at"):  # JAX arrays cannot be changed
            total = total.at[there].add(shares[:, :, place])
        else:
            total[there] += shares[:, :, place]
    return total[:, :, pt : pt + H, pl : pl + W]


@cache
def _erfc_table() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    grid = np.arange(-6 * 64, 27 * 64 + 1) / 64.0
    return grid, np.array([math.erfc(g) for g in grid])


def erfc(z: Array) -> Array:
    """1 minus the error function, element by element, with all its digits where it is small (beyond 10 with ten).

    NumPy has none: erfc is known exactly on a grid of spacing 1/64, and its derivatives there are a Gaussian
    times Hermite polynomials (Abramowitz and Stegun, 7.1.19), so nine terms of the Taylor series reach
    the last digit. Below -6 it is 2 in float64, above 27 next to 0.
    """
    xp = namespace(z)
    if xp is not np:
        if hasattr(z, "erfc"):
            return z.erfc()
        home = "cupyx.scipy.special" if type(z).__module__.startswith("cupy") else "jax.scipy.special"
        special: Any = importlib.import_module(home)
        return special.erfc(z)
    grid, known = _erfc_table()
    inside = np.clip(np.asarray(z, dtype=np.float64), -6.0, 27.0)
    near = np.nan_to_num(np.rint(inside * 64)).astype(np.intp) + 6 * 64
    at = grid[near]
    step = inside - at
    total, before, here, power, factorial = np.zeros_like(step), np.zeros_like(step), np.ones_like(step), step, 1.0
    for n in range(1, 10):
        total = total + here * power / factorial
        before, here = here, -2 * at * here - 2 * (n - 1) * before
        power = power * step
        factorial *= n + 1
    return (known[near] - 2 / math.sqrt(math.pi) * np.exp(-at * at) * total).astype(np.asarray(z).dtype)
