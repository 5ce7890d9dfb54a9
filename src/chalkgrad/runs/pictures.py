"""The pictures of a run: learning curves, first-layer weights, confusion matrix, misread samples.

matplotlib is imported here and nowhere else, when a picture is drawn; what the user has set it to (a backend, styles,
fonts, LaTeX) changes nothing here, and stays. Every function returns the PNG's bytes.
"""

from __future__ import annotations

import importlib
import io
import logging
import math
import os
import sys
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..base.text import visible
from ..data.pixels import Pixels
from ..network import Network
from ..train.history import History

Array = np.ndarray[Any, Any]

INK = "#1f2a30"
CHALK = ("#0b6e99", "#d9730d")
MAX_TILES = 64


@contextmanager
def _plain() -> Generator[None]:
    """matplotlib as it comes, and silent: a missing glyph or a cache that cannot be written is no reason to speak."""
    log = logging.getLogger("matplotlib")
    level, backend = log.level, None if "matplotlib" in sys.modules else os.environ.pop("MPLBACKEND", None)
    log.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mpl: Any = importlib.import_module("matplotlib")
            ours = {k: v for k, v in mpl.rcParamsDefault.items() if not k.startswith("backend")}
            with mpl.rc_context(ours):
                yield
    finally:
        log.setLevel(level)
        if backend is not None:
            os.environ["MPLBACKEND"] = backend


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=110, layout="constrained")


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": "chalkgrad"})
    return buffer.getvalue()


def _short(name: str, most: int = 16) -> str:
    name = visible(name)
    return name if len(name) <= most else name[: most - 1] + "\u2026"


@_plain()
def learning_curves(history: History) -> bytes:
    """Loss (and accuracy, where there is one) over the epochs."""
    epochs = [r.epoch for r in history.records]
    accuracy = history.column("val_accuracy")
    figure = _figure(9 if accuracy else 5, 3.6)
    axes = figure.subplots(1, 2 if accuracy else 1, squeeze=False)[0]
    marker = "o" if len(epochs) < 40 else None
    axes[0].plot(epochs, history.column("loss"), color=CHALK[0], marker=marker, ms=3, label="training")
    if validation := history.column("val_loss"):
        axes[0].plot(epochs, validation, color=CHALK[1], marker=marker, ms=3, label="validation")
    axes[0].set_title("loss")
    if min(history.column("loss"), default=0) > 0:
        from matplotlib.ticker import LogLocator, StrMethodFormatter

        axes[0].set_yscale("log")
        axes[0].yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes[0].yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes[0].yaxis.set_minor_formatter("")
    if accuracy:
        axes[1].plot(epochs, [100 * a for a in accuracy], color=CHALK[1], marker=marker, ms=3, label="validation")
        axes[1].set_title("accuracy, %")
    for axis in axes:
        axis.set_xlabel("epoch")
        axis.grid(alpha=0.3)
        axis.xaxis.get_major_locator().set_params(integer=True)
        if history.best_epoch is not None:
            axis.axvline(history.best_epoch, color=INK, lw=0.8, ls=":", label=f"best, epoch {history.best_epoch}")
        axis.legend(frameon=False, fontsize=8)
    return _png(figure)


@_plain()
def first_layer(network: Network) -> bytes | None:
    """The first layer's weights as small pictures, one for every unit or kernel; None where they are none.

    Dense weights are drawn where the input is an image of one channel, kernels always; blue is negative, red
    positive, the same scale everywhere.
    """
    name = next((n for n in network.parameters if n == "W1" or n.endswith(".W")), None)
    if name is None:
        return None
    W = network.parameters[name]
    if W.ndim == 4:
        tiles = W.reshape(-1, *W.shape[2:])
    elif (
        len(network.layout.sample_shape) == 3
        and network.layout.sample_shape[0] == 1
        and len(W) == math.prod(network.layout.sample_shape)
    ):
        tiles = W.T.reshape(-1, *network.layout.sample_shape[1:])
    else:
        return None
    pictures = tiles[:MAX_TILES]
    columns = math.ceil(math.sqrt(len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    figure = _figure(max(0.85 * columns, 3.2), 0.85 * rows + 0.5)
    axes = figure.subplots(rows, columns, squeeze=False)
    limit = float(np.abs(pictures).max()) or 1.0
    for axis in axes.flat:
        axis.axis("off")
    for axis, tile in zip(axes.flat, pictures, strict=False):
        axis.imshow(tile, cmap="RdBu_r", vmin=-limit, vmax=limit)
    of = f"the first {len(pictures)} of {len(tiles)}" if len(pictures) < len(tiles) else f"all {len(tiles)}"
    title = f"{_short(name)}: the weights of {of} units or kernels, blue negative, red positive, one scale"
    figure.suptitle(title, fontsize=9, parse_math=False)
    return _png(figure)


@_plain()
def confusion_picture(confusion: Array, names: Sequence[str]) -> bytes:
    """The confusion matrix: rows the true class, columns the class that was found."""
    size = max(4.0, min(0.5 * len(names) + 1.5, 14.0))
    figure = _figure(size, size)
    axis = figure.subplots()
    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    axis.imshow(np.sqrt(share), cmap="Blues", vmin=0, vmax=1)
    if len(names) <= 30:
        axis.set_xticks(range(len(names)), [_short(n) for n in names], parse_math=False)
        axis.set_yticks(range(len(names)), [_short(n) for n in names], parse_math=False)
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
    return _png(figure)


@_plain()
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
    figure = _figure(0.95 * columns, 1.2 * rows + 0.6)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, i in zip(axes.flat, samples, strict=False):
        image: Any = np.clip(x[i].transpose(1, 2, 0), 0, 1) if x.shape[1] == 3 else x[i][0]
        axis.imshow(image, cmap="gray_r")
        pair = f"{_short(names[int(truth[i])])} read as {_short(names[int(predicted[i])])}"
        sure = "" if certainty is None else f"\n{certainty[i]:.0%} sure"
        axis.set_title(f"{pair}{sure}", fontsize=7, parse_math=False)
    figure.suptitle(
        f"{len(wrong)} of {len(x)} misread" + (f", {len(samples)} shown" if len(samples) < len(wrong) else ""),
        fontsize=9,
    )
    return _png(figure)
