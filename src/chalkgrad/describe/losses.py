"""Losses: how far predictions are from targets, summed or averaged over the samples.

Every loss of one sample is multiplied by `scale` (1/2 for the textbook's halved square, "mean" for 1/outputs);
the samples' losses are then averaged (`reduction="mean"`, 1/N) or summed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import rules
from ..base.checks import as_array, choice, flag, number, plain, said
from ..base.errors import DataError, OptionError, ShapeError
from ..data.class_numbers import NONE, ClassNumbers
from ..rules import Operation
from .foreign import refuse_settings
from .layers import Layer, SampleShape, Sigmoid, Softmax, Unstandardize
from .layers.layer import rows_text

Values = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Loss:
    """Base of all losses.

    Attributes:
        scale: the factor of every sample's loss: a number, or "mean" for 1/outputs.
        reduction: "mean" (1/N, the default) or "sum" over the samples.
    """

    scale: float | str = field(default=1.0, kw_only=True)
    reduction: str = field(default="mean", kw_only=True)

    if not TYPE_CHECKING:  # type checkers know the fields

        def __new__(cls, *_: Any, **settings: Any) -> Any:
            refuse_settings(cls, settings)
            return object.__new__(cls)

    def __post_init__(self) -> None:
        plain(self)
        choice(self.kind, "reduction", self.reduction, ("mean", "sum"))
        if self.scale not in self.scales:
            number(self.kind, "scale", self.scale, 0.0)
        self.check()

    def check(self) -> None:
        """Raises OptionError where a setting is invalid."""

    @property
    def scales(self) -> tuple[str, ...]:
        """The words that the scale may be."""
        return ("mean",)

    @property
    def of_last(self) -> tuple[str, ...]:
        """The states of the last line that the loss takes, by their formal names."""
        return ()

    @property
    def kind(self) -> str:
        """The loss's class name."""
        return type(self).__name__

    def operation(self, outputs: SampleShape) -> Operation:
        """The operation from the prediction y_hat to the samples' losses l."""
        raise NotImplementedError

    def fused(self, last: Layer) -> Operation | None:
        """The operation that stands for the last layer and the loss together, from logits; or None."""
        return None

    def options(self, outputs: SampleShape) -> dict[str, Any]:
        """Settings for the rules, by the rules' names."""
        return {"scale": 1 / math.prod(outputs) if isinstance(self.scale, str) else float(self.scale)}

    def shape_check(self, outputs: SampleShape) -> None:
        """Raises ShapeError where the loss takes no predictions of this shape."""

    def last_layer_check(self, last: Layer) -> None:
        """Raises OptionError where the last layer (dropout aside) does not give what the loss takes."""

    def dtype_check(self, dtype: np.dtype[Any]) -> None:
        """Raises OptionError where a setting means nothing in this dtype."""

    def target_check(self, y: Values) -> Values:
        """The targets (N, ...) as the rules take them. Raises DataError where they are invalid for this loss."""
        return y

    def of_zeros(self, y: Values | ClassNumbers) -> float:
        """A sample's mean loss against targets y (N, ...) where every output is 0; for probabilities, every logit."""
        scale = float(self.options(of_one_step(y.shape[1:]))["scale"])
        return scale * self._of_zeros(_rows(y if isinstance(y, np.ndarray) else y[:1]))  # any class has the same

    def _of_zeros(self, y: Values) -> float:
        """The mean loss for rows y (N, outputs), without the scale."""
        raise NotImplementedError

    @property
    def ignores(self) -> bool:
        """Whether targets may be ignored: their rows are all 0."""
        return False

    @property
    def smoothing(self) -> float:
        """The share of a target that is spread evenly over all classes."""
        return 0.0

    @property
    def of_classes(self) -> bool:
        """Whether the outputs are scores of classes, so that accuracy means something."""
        return False

    @property
    def yes_or_no(self) -> bool:
        """Whether every output is a yes-or-no of its own."""
        return False

    @property
    def threshold(self) -> float:
        """The prediction above which a yes-or-no output says yes."""
        return 0.5

    @property
    def target_threshold(self) -> float:
        """The target above which a yes-or-no output should say yes."""
        return 0.5

    def weights(self, y: Values | ClassNumbers, given: Values | None = None) -> Values | None:
        """The weights of the samples' losses, (N,) or (N, T) for sequences; None where all count alike.

        Args:
            y: targets (N, ...), as the rules take them.
            given: the samples' own weights, of that shape.
        """
        if not self.ignores:
            return given
        counts = y.counts if isinstance(y, ClassNumbers) else y.sum(axis=-1)
        return counts if given is None else given * counts

    def hits(self, y_hat: Values, y: Values, *, by_number: bool) -> Values:
        """Whether predictions are right: by the largest output, (N,), or each output by itself, (N, outputs).

        Args:
            y_hat: predictions (N, ...).
            y: targets (N, ...), as the rules take them.
            by_number: whether the targets were given as class numbers (N,). What the rows hold decides nothing: a
                few samples would then be counted otherwise than many.
        """
        rows, truth = _rows(y_hat), _rows(y)
        if rows.shape[1] > 1 and (by_number or not self.yes_or_no):
            return rows.argmax(axis=1) == truth.argmax(axis=1)
        return (rows > self.threshold) == (truth > self.target_threshold)


@dataclass(frozen=True, slots=True)
class SquaredError(Loss):
    """scale * sum over the outputs of (y_hat - y)^2. Textbooks have 1 or 0.5 as the scale.

    With scale="variance" every square is divided by the targets' variance, and the outputs are averaged: L is then the
    share of the variance that is not explained, 1 - R^2, it has no unit, and neither has the gradient that comes to the
    line before. The standard deviations are those of the last line, which is an Unstandardize.
    """

    @property
    def scales(self) -> tuple[str, ...]:
        return ("mean", "variance")

    @property
    def of_last(self) -> tuple[str, ...]:
        return ("sigma",) if self.scale == "variance" else ()

    def operation(self, outputs: SampleShape) -> Operation:
        return rules.standardize.squared_error if self.of_last else rules.squared_error.operation

    def last_layer_check(self, last: Layer) -> None:
        if self.of_last and not isinstance(last, Unstandardize):
            raise OptionError(
                f"SquaredError(scale='variance') takes the targets' standard deviations from an Unstandardize layer, "
                f"but the network ends with {last.kind}; end with Unstandardize(), or use SquaredError()"
            )

    def _of_zeros(self, y: Values) -> float:
        if self.of_last:
            variance = np.var(y, axis=0, dtype=np.float64)
            return float((np.square(y, dtype=np.float64).mean(axis=0) / np.where(variance > 0, variance, 1)).sum())
        return float(np.square(y, dtype=np.float64).sum(axis=1).mean())


@dataclass(frozen=True, slots=True)
class AbsoluteError(Loss):
    """scale * sum over the outputs of |y_hat - y|."""

    def operation(self, outputs: SampleShape) -> Operation:
        return rules.absolute_error.operation

    def _of_zeros(self, y: Values) -> float:
        return float(np.abs(y).sum(axis=1, dtype=np.float64).mean())


@dataclass(frozen=True, slots=True)
class _Entropy(Loss):
    """Base of the two cross-entropies: of probabilities or logits, fused with their last layer or expanded."""

    from_logits: bool = False
    fuse: bool = True
    clip: float = 1e-7

    def check(self) -> None:
        flag(self.kind, "from_logits", self.from_logits)
        flag(self.kind, "fuse", self.fuse)
        number(self.kind, "clip", self.clip, 0.0, 0.5)

    @property
    def ending(self) -> type[Layer]:
        """The layer that makes the probabilities, and that the loss is fused with."""
        raise NotImplementedError

    @property
    def operations(self) -> tuple[Operation, Operation]:
        """The operation from probabilities, and the fused one from logits."""
        raise NotImplementedError

    def operation(self, outputs: SampleShape) -> Operation:
        return self.operations[1 if self.from_logits else 0]

    def fused(self, last: Layer) -> Operation | None:
        fits = isinstance(last, self.ending) and self.fuse and not self.from_logits
        return self.operations[1] if fits else None

    def options(self, outputs: SampleShape) -> dict[str, Any]:
        return {**Loss.options(self, outputs), "clip": self.clip}

    def last_layer_check(self, last: Layer) -> None:
        probabilities = isinstance(last, (Softmax, Sigmoid))
        if self.from_logits and probabilities:
            raise OptionError(
                f"{self.kind}(from_logits=True) takes logits, but the network ends with {last.kind}, which gives "
                f"probabilities; leave out {last.kind}() or from_logits=True"
            )
        if not self.from_logits and not probabilities:
            raise OptionError(
                f"{self.kind} takes probabilities, but the network ends with {last.kind}; end with "
                f"{self.ending.__name__}(), or use {self.kind}(from_logits=True)"
            )

    def dtype_check(self, dtype: np.dtype[Any]) -> None:
        kind: Any = dtype.type
        if not kind(self.clip) > 0 or not kind(1 - self.clip) < 1:
            raise OptionError(f"{self.kind}: clip={self.clip:g} is too small for {dtype}; 1e-7 holds in float32")

    @property
    def of_classes(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class CrossEntropy(_Entropy):
    """Minus the logarithm of the probability given to the right class, in nats.

    After a Softmax layer the two are one fused step, unless `fuse=False` asks for the expanded form.

    Attributes:
        from_logits: the network ends without a softmax; its outputs are logits.
        fuse: whether Softmax and this loss become one step.
        clip: in the expanded form, probabilities are held between clip and 1 - clip.
        ignore: the class number of targets that do not count: padding. They are in neither the loss nor its mean, which
            is that of the others, nor in the accuracy (PyTorch's ignore_index). As rows, such targets are all 0.
        label_smoothing: this share of the target is spread evenly over all classes (PyTorch's and Keras's
            label_smoothing): (1 - label_smoothing) * y + label_smoothing / K.
    """

    ignore: int | None = None
    label_smoothing: float = 0.0

    def check(self) -> None:
        _Entropy.check(self)
        if self.ignore is not None and (isinstance(self.ignore, bool) or not isinstance(self.ignore, int)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise OptionError(f"CrossEntropy: ignore is a class number, such as -1, not {said(self.ignore)}")
        number("CrossEntropy", "label_smoothing", self.label_smoothing, 0.0, 1.0)

    @property
    def ignores(self) -> bool:
        return self.ignore is not None

    @property
    def smoothing(self) -> float:
        return self.label_smoothing

    @property
    def ending(self) -> type[Layer]:
        return Softmax

    @property
    def operations(self) -> tuple[Operation, Operation]:
        return rules.cross_entropy.operation, rules.cross_entropy.fused

    def shape_check(self, outputs: SampleShape) -> None:
        if len(outputs) != 1 or outputs[0] < 2:
            raise ShapeError(
                f"CrossEntropy compares rows of at least two classes, (N, K), but the network gives "
                f"{rows_text(outputs)}; end with Dense(classes), "
                "or take BinaryCrossEntropy for one output"
            )

    def target_check(self, y: Values) -> Values:
        sums = y.sum(axis=1, keepdims=True)
        if self.ignores:
            sums[(y == 0).all(axis=1)] = 1
        if (y < 0).any() or (y > 2).any() or not np.allclose(sums, 1, atol=1e-4):
            y = y.astype(np.float64)
            sums = y.sum(axis=1)
            wrong = (y < 0).any(axis=1) | (np.abs(sums - 1) > 1e-4)
            row = int(np.argmax(wrong & y.any(axis=1) if self.ignores else wrong))
            raise DataError(
                f"CrossEntropy needs class numbers (N,) or rows of probabilities that sum to 1; row {row} of "
                f"the targets sums to {y[row].sum():.6g}"
            )
        return y / sums  # the fused gradient holds where rows sum to 1 exactly

    def _of_zeros(self, y: Values) -> float:
        return math.log(y.shape[1])


@dataclass(frozen=True, slots=True)
class BinaryCrossEntropy(_Entropy):
    """The cross-entropy of yes-or-no outputs, each on its own, in nats; summed over the outputs.

    After a Sigmoid layer the two are one fused step, unless `fuse=False` asks for the expanded form.

    Attributes:
        from_logits, fuse, clip: as for CrossEntropy, with the sigmoid in place of the softmax.
    """

    @property
    def ending(self) -> type[Layer]:
        return Sigmoid

    @property
    def operations(self) -> tuple[Operation, Operation]:
        return rules.binary_cross_entropy.operation, rules.binary_cross_entropy.fused

    def target_check(self, y: Values) -> Values:
        if y.min() < 0 or y.max() > 1:
            raise DataError(
                f"BinaryCrossEntropy needs targets between 0 and 1; they go from {y.min():.6g} to {y.max():.6g}"
            )
        return y

    def _of_zeros(self, y: Values) -> float:
        return y.shape[1] * math.log(2)

    @property
    def yes_or_no(self) -> bool:
        return True

    @property
    def threshold(self) -> float:
        return 0.0 if self.from_logits else 0.5


@dataclass(frozen=True, slots=True)
class Hinge(Loss):
    """The hinge loss: none where a score is right by `margin`.

    One output: max(margin - y * y_hat, 0) with targets -1 and 1 (0 is read as -1). Several: the sum over the
    wrong classes of max(their score - the right class's score + margin, 0).
    """

    margin: float = 1.0

    def check(self) -> None:
        number(self.kind, "margin", self.margin, 0.0)

    def operation(self, outputs: SampleShape) -> Operation:
        return rules.hinge.operation if outputs == (1,) else rules.hinge.classes

    def options(self, outputs: SampleShape) -> dict[str, Any]:
        return {**Loss.options(self, outputs), "margin": self.margin}

    def shape_check(self, outputs: SampleShape) -> None:
        if len(outputs) != 1:
            raise ShapeError(f"Hinge compares rows of scores, (N, K), but the network gives {rows_text(outputs)}")

    def target_check(self, y: Values) -> Values:
        if y.shape[1] == 1:
            signs = np.where(y == 0, np.asarray(-1, dtype=y.dtype), y)
            if not np.isin(signs, (-1, 1)).all():
                raise DataError("Hinge with one output needs targets -1 and 1 (or 0 and 1)")
            return signs
        if not (np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all()):
            raise DataError("Hinge needs class numbers (N,) or one-hot rows (N, K)")
        return y

    def _of_zeros(self, y: Values) -> float:
        return self.margin * max(y.shape[1] - 1, 1)

    @property
    def of_classes(self) -> bool:
        return True

    @property
    def threshold(self) -> float:
        return 0.0

    @property
    def target_threshold(self) -> float:
        return 0.0


def of_one_step(outputs: SampleShape) -> SampleShape:
    """What a loss compares at once: a sample's outputs; of a sequence (T, K) those of one step, (K,)."""
    return outputs[1:] if len(outputs) == 2 else outputs


def _rows(values: Values) -> Values:
    """Predictions or targets (N, ...) as one row for each sample, or for each step of each sequence."""
    return values.reshape(-1, values.shape[2]) if values.ndim == 3 else values.reshape(len(values), -1)


LOSSES: dict[str, type[Loss]] = {
    kind.__name__: kind for kind in (SquaredError, AbsoluteError, CrossEntropy, BinaryCrossEntropy, Hinge)
}


def are_classes(y: Any, outputs: SampleShape) -> bool:
    """Whether targets are class numbers, (N,) or (N, T), for a network with several outputs."""
    y = as_array("y", y)
    return y.ndim == len(outputs) <= 2 and y.dtype.kind in "biu" and outputs[len(outputs) - 1] > 1


def prepare_targets(loss: Loss, y: Any, outputs: SampleShape, dtype: np.dtype[Any]) -> Values:
    """Targets as the rules take them: (N, *outputs) of the network's dtype.

    Class numbers (N,) of an integer dtype become one-hot rows where the network has several outputs, and so do (N, T)
    for sequences (T, K); one that the loss ignores becomes a row of zeros. (N,) becomes (N, 1) where it has one output.

    Raises:
        ShapeError: where the shape does not fit the network's outputs.
        DataError: where the values are invalid as targets of this loss.
    """
    y = as_array("y", y)
    if y.dtype.kind not in "biuf":
        kind = "text" if y.dtype.kind in "US" else y.dtype
        raise DataError(f"targets must be numbers, not {kind}; turn class names into class numbers first")
    if len(outputs) == 2 and y.shape[1:] in (outputs, outputs[:1]):
        if y.ndim == 2 and outputs[1] > 1:
            return class_numbers(loss, y, outputs, dtype)[...]
        steps = prepare_targets(loss, y.reshape((-1, *y.shape[2:])), outputs[1:], dtype)
        return steps.reshape((len(y), *outputs))
    if len(outputs) == 1 and outputs[0] > 1 and y.ndim == 1:
        return class_numbers(loss, y[:, None], (1, *outputs), dtype)[...].reshape((len(y), *outputs))
    if outputs == (1,) and y.ndim == 1:
        y = y[:, None]
    if y.shape[1:] != outputs or y.ndim == 0:
        shape = rows_text(outputs)
        numbers = rows_text(outputs[:-1]).replace("(N)", "(N,)")
        also = f" or class numbers {numbers}" if len(outputs) <= 2 and outputs[len(outputs) - 1] > 1 else ""
        cure = "; use y.ravel()" if also and y.ndim == 2 and y.shape[1] == 1 else ""
        raise ShapeError(
            f"the targets have shape {y.shape}, but the network gives {shape}: expected {shape}{also}{cure}"
        )
    with np.errstate(over="ignore"):
        y = y.astype(dtype, copy=False)
    if not np.isfinite(y).all():
        raise DataError(f"the targets hold NaN or infinity (or numbers too large for {dtype})")
    return loss.target_check(y) if len(y) else y


def class_numbers(loss: Loss, y: Values, outputs: SampleShape, dtype: np.dtype[Any]) -> ClassNumbers:
    """Class numbers (N, T) as targets of sequences (T, K).

    Raises:
        DataError: where they are no integers, or out of range.
    """
    classes = outputs[1]
    given = "(N,)" if outputs[0] == 1 else rows_text(outputs[:1])
    if y.dtype.kind not in "biu":
        raise DataError(
            f"class numbers must be integers, but the targets {given} are {y.dtype}; use y.astype(int), or write "
            "them without a point"
        )
    ignored = getattr(loss, "ignore", None)
    counting = y if ignored is None else y[y != ignored]
    if counting.size and (counting.min() < 0 or counting.max() >= classes):
        bad = (y < 0) | (y >= classes)
        first = np.argwhere(bad if ignored is None else bad & (y != ignored))[0]
        wrong, steps = int(y[tuple(first)]), y.shape[1] > 1 or outputs[0] > 1
        at = ", ".join(map(str, first if steps else first[:1]))
        also = "" if ignored is None else f", and {ignored} where nothing counts"
        if wrong < 0 and ignored is None and isinstance(loss, CrossEntropy):
            also = f"; if it stands for padding, take CrossEntropy(ignore={wrong})"
        raise DataError(
            f"class number {wrong} is out of range at y[{at}]: the network has {classes} outputs, "
            f"so classes are 0 to {classes - 1}{also}"
        )
    numbers = y.astype(np.int32)
    return ClassNumbers(numbers if ignored is None else np.where(y == ignored, NONE, numbers), classes, dtype)
