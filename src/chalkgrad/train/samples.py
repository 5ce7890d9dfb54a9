"""The samples that a training takes, checked and split before the first step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from ..base.checks import number
from ..base.errors import DataWarning, OptionError
from ..base.messages import warn
from ..data.class_numbers import ClassNumbers
from ..data.pixels import Pixels
from ..data.record import fingerprint
from ..data.rounding import merged
from ..data.splits import split_indices
from ..describe.losses import Loss, are_classes
from ..model.arguments import check_counts
from ..model.model import Array, Model
from .class_weights import weights_of_classes

PART = 8192
"""Samples are taken out so many at a time, where not all are trained on."""
Kept = TypeVar("Kept", Array, Pixels, ClassNumbers, Array | Pixels, Array | ClassNumbers)


@dataclass(frozen=True, slots=True)
class Validation:
    """The samples that a training is validated on.

    Attributes:
        samples: x (V, *input_shape), y (V, *output_shape), and their weights, if they have any.
        by_number: whether the targets were given as class numbers (V,).
        described: which they are, as checkpoints have it: the share that was set aside, or words.
        chosen: the rows left to train on (count,), where a share was set aside.
    """

    samples: tuple[Array | Pixels, Array | ClassNumbers, Array | None]
    by_number: bool
    described: float | str
    chosen: Array | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples of a training.

    Attributes:
        x: (N, *input_shape), those set aside included; bytes stay bytes.
        y: (N, *output_shape); the classes of sequences stay their numbers.
        validation: what to validate on; None where nothing is.
        weights: their weights, (N,) or (N, T); None where they have none.
        by_number: whether the targets were given as class numbers.
    """

    x: Array | Pixels
    y: Array | ClassNumbers
    validation: Validation | None = None
    weights: Array | None = None
    by_number: bool = False

    @classmethod
    def read(
        cls,
        model: Model,
        x: Any,
        y: Any,
        validation: tuple[Any, ...] | float | None,
        seed: int,
        sample_weight: Any = None,
        class_weight: Any = None,
    ) -> Samples:
        """The samples as the model takes them. A warning says where rounding made different ones the same.

        Args:
            model: what is trained.
            x: (N, *input_shape).
            y: targets (N, *output_shape) or class numbers (N,).
            validation: samples to validate on, or the share of x and y to set aside.
            seed: where the split comes from.
            sample_weight: the samples' weights, (N,) or (N, T).
            class_weight: "balanced", or weights by class number; they count in training, and not in validation.

        Raises:
            ShapeError, DataError: where x, y or the validation samples do not fit.
            OptionError: where `validation` is neither, or the weights of classes are invalid.
        """
        by_number = are_classes(y, model.output_shape)
        pair = model.samples_and_targets(x, y)
        weights = model.sample_weights(sample_weight, pair[1])
        for text in (*merged(x, model.dtype, "x"), *merged(y, model.dtype, "y")):
            warn(text, DataWarning)
        if isinstance(validation, (tuple, list)):
            aside = _pair(model, validation)
        else:
            share = 0.0 if validation is None else number("fit", "validation", validation, 0.0, 1.0)
            aside = _set_aside(model, (*pair, weights), share, seed, by_number=by_number) if share else None
        if class_weight is not None:
            chosen = None if aside is None else aside.chosen
            of_classes = weights_of_classes(model, class_weight, pair[1], chosen, by_number=by_number)
            weights = of_classes if weights is None else weights * of_classes
            check_counts(model.loss_function, pair[1], weights)
        return cls(*pair, aside, weights, by_number)

    @property
    def chosen(self) -> Array | None:
        """The rows to train on (count,); None for all."""
        return None if self.validation is None else self.validation.chosen

    @property
    def count(self) -> int:
        """How many samples are trained on."""
        return len(self.x) if self.chosen is None else len(self.chosen)

    def parts(self) -> Iterator[tuple[Array | Pixels, Array | ClassNumbers, Array | None]]:
        """Those that are trained on, with targets and weights; a part at a time where others lie between them."""
        if self.chosen is None:
            yield self.x, self.y, self.weights
            return
        for begin in range(0, len(self.chosen), PART):
            rows = self.chosen[begin : begin + PART]
            yield (
                _chosen(self.x, rows),
                _chosen(self.y, rows),
                None if self.weights is None else self.weights[rows],
            )

    def idle(self, loss: Loss) -> int:
        """How many samples that are trained on weigh nothing, or have no target that counts."""
        y, weights = self.y, self.weights
        if self.chosen is not None and (weights is not None or loss.ignores):
            y, weights = _chosen(y, self.chosen), None if weights is None else weights[self.chosen]
        counting = loss.weights(y, weights)
        return 0 if counting is None else int((counting.reshape(len(y), -1).sum(axis=1) == 0).sum())

    def digest(self) -> str:
        """SHA-256 of all samples and targets, those to validate on too."""
        further = () if self.validation is None or self.chosen is not None else self.validation.samples
        arrays = (self.x, self.y, self.weights, *further)
        return fingerprint(*(array for array in arrays if array is not None))


def _pair(model: Model, pair: tuple[Any, ...] | list[Any]) -> Validation:
    if len(pair) not in (2, 3):
        raise OptionError(
            "validation is a pair (x, y), or (x, y, sample_weight), or the share of the samples to set aside"
        )
    x, y = model.samples_and_targets(*pair[:2])
    return Validation(
        (x, y, model.sample_weights(pair[2] if pair[2:] else None, y)),
        are_classes(pair[1], model.output_shape),
        f"{len(x)} samples of its own",
    )


def _set_aside(
    model: Model,
    samples: tuple[Array | Pixels, Array | ClassNumbers, Array | None],
    share: float,
    seed: int,
    *,
    by_number: bool,
) -> Validation:
    x, y, weights = samples
    by_class = by_number or model.loss_function.of_classes
    training, aside = split_indices(len(x), share, seed, _classes(y) if by_class else None)
    kept = None if weights is None else weights[aside]
    targets = _chosen(y, aside)
    check_counts(model.loss_function, targets, kept)
    return Validation((_chosen(x, aside), targets, kept), by_number, share, training)


def _classes(y: Array | ClassNumbers) -> Array:
    """What the parts have alike shares of: each sample's class, or the first of a sequence's."""
    if isinstance(y, ClassNumbers):
        return y.firsts
    flat = y.reshape(len(y), -1)
    return flat.argmax(axis=1) if flat.shape[1] > 1 else flat[:, 0] > 0.5


def _chosen(samples: Kept, indices: Array) -> Kept:
    """Some of the samples, kept as all of them are."""
    return samples[indices] if isinstance(samples, np.ndarray) else samples.rows(indices)
