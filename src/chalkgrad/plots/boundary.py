"""The decision boundary of a network with two inputs: what it says of every point of the plane, and the samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .figure import INK, new_figure, plain, png, short

Array = np.ndarray[Any, Any]
POINTS = 300
"""The plane is looked at in so many places along each axis."""
MARGIN = 0.08
MOST_SAMPLES = 2000
MOST_NAMED = 20
COLOURS = (
    "#0b6e99", "#d9730d", "#3f8f7b", "#ad1a72", "#8f6a00", "#6940a5", "#c4302b", "#4d7c0f", "#0e7490", "#7c5c45",
)  # fmt: skip
MARKS = "osD^vP*X<>"


def _colour(k: int) -> str:
    return COLOURS[k % len(COLOURS)]


@plain()
def boundary_picture(
    x: Array,
    truth: Array,
    read: Callable[[Array], tuple[Array, Array | None]],
    names: Sequence[str],
    axes: Sequence[str] = (),
) -> bytes:
    """The regions in which each class is found, paler where that is less sure, and the samples over them, as PNG.

    Args:
        x: the samples (N, 2).
        truth: their classes (N,).
        read: gives the class numbers (M,) of points (M, 2), and how sure each is (M,), or None.
        names: the names of the classes.
        axes: the names of the two inputs.
    """
    from matplotlib.colors import to_rgb

    low, high = x.min(axis=0).astype(float), x.max(axis=0).astype(float)
    span = np.where(high > low, high - low, 1.0)
    low, high = low - MARGIN * span, high + MARGIN * span
    across, up = (np.linspace(float(low[k]), float(high[k]), POINTS) for k in range(2))
    grid: Any = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    found, sure = read(grid)
    found = found.reshape(POINTS, POINTS)
    colours = np.array([to_rgb(_colour(k)) for k in range(len(names))])[found]
    least = 1 / max(len(names), 2)
    share = np.ones(found.shape) if sure is None else (sure.reshape(found.shape) - least) / (1 - least)
    strength = 0.12 + 0.33 * np.clip(share, 0, 1)[..., None]
    image = 1 - strength * (1 - colours)
    figure = new_figure(5.6, 4.8)
    axis = figure.subplots()
    extent = (low[0], high[0], low[1], high[1])
    axis.imshow(image, extent=extent, origin="lower", aspect="auto", interpolation="nearest")
    for k in np.unique(found):
        inside = (found == k).astype(float)
        if 0 < inside.sum() < inside.size:
            axis.contour(across, up, inside, levels=[0.5], colors=[INK], linewidths=0.7)
    shown = np.linspace(0, len(x) - 1, min(len(x), MOST_SAMPLES)).astype(int)
    wrong = read(x[shown])[0] != truth[shown]
    for k in range(len(names)):
        for edge, rows in ((INK, shown[(truth[shown] == k) & wrong]), ("white", shown[(truth[shown] == k) & ~wrong])):
            axis.scatter(
                x[rows, 0], x[rows, 1], s=26 if edge == INK else 18, marker=MARKS[k % len(MARKS)], c=_colour(k),
                edgecolors=edge, linewidths=1.3 if edge == INK else 0.4, zorder=3 if edge == INK else 2,
            )  # fmt: skip
    if len(names) <= MOST_NAMED:
        handles = [
            axis.scatter([], [], s=26, marker=MARKS[k % len(MARKS)], c=_colour(k), label=short(name))
            for k, name in enumerate(names)
        ]
        legend = axis.legend(
            handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=8,
            ncols=math.ceil(len(names) / 12),
        )  # fmt: skip
        for text in legend.get_texts():
            text.set_parse_math(False)
    first, second = axes if len(axes) == 2 else ("first input", "second input")
    axis.set_xlabel(short(first, 40), parse_math=False)
    axis.set_ylabel(short(second, 40), parse_math=False)
    missed = f"{int(wrong.sum())} of {len(shown)} samples misread (dark edge)"
    sureness = "" if sure is None else "; paler: less sure"
    axis.set_title(f"which class is found where{sureness}\n{missed}", fontsize=8)
    return png(figure)
