"""The setting `shards` of a training: into how many parts each batch is split, and who computes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..base.checks import whole
from ..base.errors import OptionError
from ..model.model import Array


@dataclass(frozen=True, slots=True)
class Shards:
    """Batches that are split into so many shards, whose gradients are computed by themselves and then added up.

    How many shards there are, and nothing else, decides the bits of the result: who computes them does not.

    Attributes:
        count: the shards of a batch; the first may have one sample more than the last.
        workers: so many processes compute them, or with `ray` so many actors; 0: this process, one shard after another.
        ray: the address of a Ray cluster: "auto" for the one that this machine belongs to, "host:port", or "local" to
            start one here.

    Raises:
        OptionError: where a setting is invalid.
    """

    count: int
    workers: int = 0
    ray: str | None = None

    def __post_init__(self) -> None:
        whole("Shards", "count", self.count)
        whole("Shards", "workers", self.workers, 0)
        if self.ray is not None and not isinstance(self.ray, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise OptionError(f'Shards: ray is an address, such as "auto", not {self.ray!r}')

    @property
    def hands(self) -> int:
        """How many compute at a time: no more than there are shards."""
        return min(self.count, max(self.workers, 1))

    @property
    def where(self) -> str:
        """Who computes, in words."""
        if self.ray is not None:
            return f"{self.hands} actor{'s' * (self.hands > 1)} on Ray"
        return f"{self.hands} process{'es' * (self.hands > 1)}" if self.workers else "one after another"

    def split(self, rows: Array) -> list[Array]:
        """The rows of every shard of a batch with these rows, in order; those without any are left out."""
        return [part for part in np.array_split(rows, self.count) if len(part)]


def read_shards(shards: Shards | int) -> Shards | None:
    """The setting; None where a batch is computed as one.

    Raises:
        OptionError: where it is neither a number nor `Shards`.
    """
    setting = shards if isinstance(shards, Shards) else Shards(whole("fit", "shards", shards))
    if setting.count == 1 and (setting.workers or setting.ray):
        raise OptionError("fit: one shard is computed by one process: leave workers and ray out, or take more shards")
    return None if setting.count == 1 else setting


def shares(parts: Sequence[Array], weights: Any, *, averaged: bool) -> list[float]:
    """What every shard's loss and gradients count in the batch's, so that their sum is that of the batch.

    Args:
        parts: the rows of the shards.
        weights: the weight of every sample (N,); None where all count alike.
        averaged: whether the loss is a mean over the samples, not their sum.
    """
    if not averaged:
        return [1.0] * len(parts)
    sizes = [float(len(part)) if weights is None else float(weights[part].sum()) for part in parts]
    whole_size = sum(sizes)
    return [size / whole_size for size in sizes]
