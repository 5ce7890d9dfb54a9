"""Which class was read as which, and the images that were misread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data.pixels import Pixels
from .figure import INK, new_figure, plain, png, short

Array = np.ndarray[Any, Any]


@plain()
def confusion_picture(confusion: Array, names: Sequence[str]) -> bytes:
    """The confusion matrix: rows the true class, columns the class that was found."""
    size = max(4.0, min(0.5 * len(names) + 1.5, 14.0))
    figure = new_figure(size, size)
    axis = figure.subplots()
    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    axis.imshow(np.sqrt(share), cmap="Blues", vmin=0, vmax=1)
    if len(names) <= 30:
        axis.set_xticks(range(len(names)), [short(n) for n in names], parse_math=False)
        axis.set_yticks(range(len(names)), [short(n) for n in names], parse_math=False)
        for (i, j), count in np.ndenumerate(confusion):
            if count:
                axis.text(
                    j,
                    i,
                    str(count),
                    ha="center",
                    va="center",
                    fontsize=8,
                    color="white" if share[i, j] > 0.3 else INK,
                )
    axis.set_xlabel("read as")
    axis.set_ylabel("true class")
    axis.set_title("how often each class was read as which (darker: a larger share of its row)", fontsize=8)
    return png(figure)


@plain()
def misread_sheet(
    x: Array | Pixels, truth: Array, predicted: Array, certainty: Array | None, names: Sequence[str], most: int = 60
) -> bytes:
    """The misread images (N, C, H, W), the surest mistakes first: true class, found class, how sure."""
    wrong = np.flatnonzero(truth != predicted)
    if certainty is not None:
        wrong = wrong[np.argsort(-certainty[wrong], kind="stable")]
    samples = wrong[:most]
    columns = min(10, max(len(samples), 5))
    rows = max(math.ceil(len(samples) / columns), 1)
    figure = new_figure(0.95 * columns, 1.2 * rows + 0.6)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, i in zip(axes.flat, samples, strict=False):
        image: Any = np.clip(x[i].transpose(1, 2, 0), 0, 1) if x.shape[1] == 3 else x[i][0]
        axis.imshow(image, cmap="gray_r")
        pair = f"{short(names[int(truth[i])])} read as {short(names[int(predicted[i])])}"
        sure = "" if certainty is None else f"\n{certainty[i]:.0%} sure"
        axis.set_title(f"{pair}{sure}", fontsize=7, parse_math=False)
    figure.suptitle(
        f"{len(wrong)} of {len(x)} misread" + (f", {len(samples)} shown" if len(samples) < len(wrong) else ""),
        fontsize=9,
    )
    return png(figure)
