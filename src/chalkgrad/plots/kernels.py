"""The first layer's weights as small pictures."""

from __future__ import annotations

import math

import numpy as np

from ..model.model import Model
from .figure import new_figure, plain, png, short

MAX_TILES = 64


@plain()
def first_layer(model: Model) -> bytes | None:
    """The first layer's weights as small pictures, one for every unit or kernel; None where they are none.

    Dense weights are drawn where the input is an image of one channel, kernels always; blue is negative, red
    positive, the same scale everywhere.
    """
    name = next((n for n in model.parameters if n == "W1" or n.endswith(".W")), None)
    if name is None:
        return None
    W = model.parameters[name]
    if W.ndim == 4:
        tiles = W.reshape(-1, *W.shape[2:])
    elif (
        len(model.layout.sample_shape) == 3
        and model.layout.sample_shape[0] == 1
        and len(W) == math.prod(model.layout.sample_shape)
    ):
        tiles = W.T.reshape(-1, *model.layout.sample_shape[1:])
    else:
        return None
    pictures = tiles[:MAX_TILES]
    columns = math.ceil(math.sqrt(len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    figure = new_figure(max(0.85 * columns, 3.6), 0.85 * rows + 0.7)
    axes = figure.subplots(rows, columns, squeeze=False)
    limit = float(np.abs(pictures).max()) or 1.0
    for axis in axes.flat:
        axis.axis("off")
    for axis, tile in zip(axes.flat, pictures, strict=False):
        axis.imshow(tile, cmap="RdBu_r", vmin=-limit, vmax=limit)
    of = f"the first {len(pictures)} of {len(tiles)}" if len(pictures) < len(tiles) else f"all {len(tiles)}"
    title = f"{short(name)}: the weights of {of} units or kernels\nblue negative, red positive, one scale"
    figure.suptitle(title, fontsize=8, parse_math=False)
    return png(figure)
