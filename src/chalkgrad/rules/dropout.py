"""Dropout: in training every value is kept with probability 1 - rate, and what is kept is scaled up.

The mask comes from a counter-based generator (Philox), keyed by the network's seed and the layer, with the
number of the training step as its counter: every engine draws the same masks, and a step can be repeated.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import namespace
from .rule import Array, Operation, mistake, rule


@rule(output="mask", source="Srivastava et al., 2014, 4; Salmon et al., 2011 (the generator)")
def dropout_mask(z: Array, clock: Any, *, rate: float, seed: int, layer: int) -> Array:
    """mask, zeros and ones of the shape and dtype of z (N, ...), for the training step that the clock counts.

    Each 64-bit draw gives two 32-bit numbers; a value is kept where its number reaches rate * 2**32.
    """
    count = 1
    for size in z.shape:
        count *= size
    draws = np.random.Philox(key=[seed, layer], counter=[0, 0, int(clock), 0]).random_raw((count + 1) // 2)
    numbers = draws.view(np.uint32)[:count].reshape(tuple(z.shape))
    kept = numbers >= round(rate * 2**32)
    xp = namespace(z)
    return kept.astype(z.dtype) if xp is np else xp.astype(xp.asarray(kept, device=z.device), z.dtype)


@rule("h[...] = z[...] * mask[...] / (1 - rate)", source="Srivastava et al., 2014, 10 (scaled while training)")
def dropout(z: Array, mask: Array, *, rate: float) -> Array:
    """h (N, ...) of z and mask (N, ...): the expected value of h is z."""
    return z * mask * (1 / (1 - rate))


@rule("dz[...] = dh[...] * mask[...] / (1 - rate)", source="Srivastava et al., 2014, 5.1")
def dropout_dz(dh: Array, mask: Array, *, rate: float) -> Array:
    """dz (N, ...) of dh and mask (N, ...): what was dropped gets nothing back."""
    return dh * mask * (1 / (1 - rate))


@mistake(dropout_dz, "dz[...] = dh[...] / (1 - rate)", "the mask is left out")
def dropout_dz_unmasked(dh: Array, *, rate: float) -> Array:
    return dh / (1 - rate)


@mistake(dropout_dz, "dz[...] = dh[...] * mask[...]", "the scale 1/(1-rate) is left out")
def dropout_dz_unscaled(dh: Array, mask: Array) -> Array:
    return dh * mask


operation = Operation("dropout", (dropout_mask, dropout), (dropout_dz,), input="z", output="h")
