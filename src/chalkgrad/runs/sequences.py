"""What a test shows of networks over sequences: attention weights, and gradients back in time."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data import Dataset
from ..data.dataset import IGNORED
from ..describe.layers import Attention
from ..diagram.attention import attention
from ..diagram.back_in_time import BackInTime, back_in_time, has_time
from ..model.model import Array
from ..network import Network

SAMPLES = 32
"""So many samples of the test set are looked at, the first."""
BEGIN = "\u00b7"


def sizes_back_in_time(network: Network, data: Dataset) -> BackInTime | None:
    """How large the derivative is at each step back in time; None for networks without recurrent layers."""
    if not has_time(network):
        return None
    x, y = _counting(data, SAMPLES)
    return back_in_time(network, x, y)


def weights_of_a_sample(network: Network, data: Dataset) -> str | None:
    """The attention weights of one sample as SVG, the longest of the first of the test set; None without attention.

    What comes after its last target that counts, padding, is left out. A dot stands for the begin of a text.
    """
    if not any(isinstance(line.layer, Attention) for line in network.layout.lines):
        return None
    x, y = _counting(data, SAMPLES)
    sample, steps, tokens = 0, None, None
    if data.classes and y.ndim == 2:
        lengths = y.shape[1] - (y != IGNORED)[:, ::-1].argmax(axis=1)
        sample = int(lengths.argmax())
        steps = int(lengths[sample])
    if (vocabulary := data.vocabulary) is not None:
        tokens = (BEGIN,) * vocabulary.ends + tuple(vocabulary.characters)
    trace = network.trace(x[sample : sample + 1], y[sample : sample + 1], training=False)
    return attention(network, trace, tokens=tokens, steps=steps).svg


def _counting(data: Dataset, most: int) -> tuple[Any, Array]:
    """The first samples of the test set with a target that counts."""
    y = data.y_test
    places = np.flatnonzero((y != IGNORED).reshape(len(y), -1).any(axis=1)) if data.classes else np.arange(len(y))
    return data.x_test[places[:most]], y[places[:most]]
