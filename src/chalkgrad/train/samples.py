"""The samples that a training takes, checked and split before the first step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..base.checks import number
from ..base.errors import DataWarning, OptionError
from ..base.messages import warn
from ..data.pixels import Pixels
from ..data.record import fingerprint
from ..data.rounding import merged
from ..data.splits import split_indices
from ..describe.losses import are_classes
from ..model.model import Array, Model

Pair = tuple[Array | Pixels, Array]


@dataclass(frozen=True, slots=True)
class Validation:
    """The samples that a training is validated on.

    Attributes:
        samples: x (V, *input_shape) and y (V, *output_shape).
        by_number: whether the targets were given as class numbers (V,).
        described: which they are, as checkpoints have it: the share that was set aside, or words.
        chosen: the rows left to train on (count,), where a share was set aside.
    """

    samples: Pair
    by_number: bool
    described: float | str
    chosen: Array | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples of a training.

    Attributes:
        x: (N, *input_shape), those set aside included; bytes stay bytes.
        y: (N, *output_shape).
        validation: what to validate on; None where nothing is.
    """

    x: Array | Pixels
    y: Array
    validation: Validation | None = None

    @classmethod
    def read(cls, model: Model, x: Any, y: Any, validation: tuple[Any, Any] | float | None, seed: int) -> Samples:
        """The samples as the model takes them. A warning says where rounding made different ones the same.

        Args:
            model: what is trained.
            x: (N, *input_shape).
            y: targets (N, *output_shape) or class numbers (N,).
            validation: samples to validate on, or the share of x and y to set aside.
            seed: where the split comes from.

        Raises:
            ShapeError, DataError: where x, y or the validation samples do not fit.
            OptionError: where `validation` is neither.
        """
        by_number = are_classes(y, model.output_shape)
        pair = model.samples_and_targets(x, y)
        for text in (*merged(x, model.dtype, "x"), *merged(y, model.dtype, "y")):
            warn(text, DataWarning)
        if isinstance(validation, (tuple, list)):
            return cls(*pair, _pair(model, validation))
        share = 0.0 if validation is None else number("fit", "validation", validation, 0.0, 1.0)
        return cls(*pair, _set_aside(model, pair, share, seed, by_number=by_number) if share else None)

    @property
    def chosen(self) -> Array | None:
        """The rows to train on (count,); None for all."""
        return None if self.validation is None else self.validation.chosen

    @property
    def count(self) -> int:
        """How many samples are trained on."""
        return len(self.x) if self.chosen is None else len(self.chosen)

    def digest(self) -> str:
        """SHA-256 of all samples and targets, those to validate on too."""
        further = () if self.validation is None or self.chosen is not None else self.validation.samples
        return fingerprint(self.x, self.y, *further)


def _pair(model: Model, pair: tuple[Any, ...] | list[Any]) -> Validation:
    if len(pair) != 2:
        raise OptionError("validation is a pair (x, y), or the share of the samples to set aside")
    x, y = model.samples_and_targets(*pair)
    return Validation((x, y), are_classes(pair[1], model.output_shape), f"{len(x)} samples of its own")


def _set_aside(model: Model, samples: Pair, share: float, seed: int, *, by_number: bool) -> Validation:
    x, y = samples
    flat = y.reshape(len(y), -1)
    by_class = by_number or model.loss_function.of_classes
    classes = (flat.argmax(axis=1) if flat.shape[1] > 1 else flat[:, 0] > 0.5) if by_class else None
    training, aside = split_indices(len(x), share, seed, classes)
    rows = x.rows(aside) if isinstance(x, Pixels) else x[aside]
    return Validation((rows, y[aside]), by_number, share, training)
