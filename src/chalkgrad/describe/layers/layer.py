"""The base of all layers: shapes, parameters, states, and the operation that a layer stands for.

Shapes here are those of one sample: (I,) for a vector, (C, H, W) for an image.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from ...base.checks import as_list, flag, number, plain, said
from ...base.errors import OptionError, ShapeError
from ...rules import Operation
from ..foreign import refuse_settings
from ..initializers import Initializer, initializer

SampleShape: TypeAlias = tuple[int, ...]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One array of weights that a layer asks for.

    Attributes:
        shape: its shape.
        initial: its initialiser; None is "auto", as it fits the next layers.
        fan_in, fan_out: see `chalkgrad.describe.initializers`.
        penalised: whether L1 and L2 penalties count it (weights, not biases).
    """

    shape: SampleShape
    initial: Initializer | None = None
    fan_in: int = 1
    fan_out: int = 1
    penalised: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """One running average that a layer keeps: its shape and its value at the start."""

    shape: SampleShape
    initial: float


@dataclass(frozen=True, slots=True)
class Layer:
    """Base of all layers.

    Attributes:
        name: replaces the layer's number in the names of its values (`hidden.W` instead of `W1`).
        of: its input, in place of the output of the line before: the name of an earlier layer or value; "x" is the
            input. Layers that combine several values may take several names.
    """

    weighted: ClassVar[bool] = False
    """Whether its output is a weighted sum, with weights that start at random."""

    per_step: ClassVar[bool] = False
    """Whether it takes every step of a sequence (N, T, D) as a sample, and so works on the last axis."""
    learns: ClassVar[str] = ""
    """What its states mu and sigma are learned from before a training: "inputs", what comes in, or "targets"."""
    of_ids: ClassVar[bool] = False
    """Whether it takes whole numbers, (N, T), and not values."""
    shares_with: ClassVar[tuple[str, ...]] = ()
    """The kinds of layers whose weights W it can use."""

    masked: ClassVar[str] = "step"
    """What a padding mask has a number for: "step" or "key"."""

    name: str | None = field(default=None, kw_only=True)
    of: str | Sequence[str] | None = field(default=None, kw_only=True)

    if not TYPE_CHECKING:  # type checkers know the fields

        def __new__(cls, *_: Any, **settings: Any) -> Any:
            refuse_settings(cls, settings)
            return object.__new__(cls)

    def __post_init__(self) -> None:
        plain(self)
        if self.name is not None and (not isinstance(self.name, str) or not _NAME.match(self.name)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise OptionError(f"{self.kind}: a name is letters, digits and _, a letter first; not {self.name!r}")
        names = names_of(self.kind, "of", self.of)
        if self.of is not None and not names:
            raise OptionError(f"{self.kind}: of is an empty list; leave it out to take what the line before gives")
        if len(names) > self.takes:
            raise OptionError(
                f"{self.kind} takes one value, not {said(self.of)}; combine several by Add, Multiply or Concat"
            )
        self.check()

    @classmethod
    def owns(cls) -> bool:
        """Whether such layers have parameters of their own."""
        return cls.parameters is not Layer.parameters

    def check(self) -> None:
        """Raises OptionError where a setting is invalid."""

    @property
    def kind(self) -> str:
        """The layer's class name."""
        return type(self).__name__

    @property
    def by_step(self) -> bool:
        """Whether it takes every step as a sample with the settings that it has."""
        return self.per_step

    @property
    def takes(self) -> int:
        """The most values that it takes."""
        return 1

    @property
    def padding_mask(self) -> str | None:
        """The name of the input that says which steps count, 1, and which are padding, 0."""
        return None

    @property
    def beside(self) -> tuple[str, ...]:
        """The names of further values that it takes, beside what `of` names or the line before gives."""
        return ()

    def output_shape(self, shape: SampleShape) -> SampleShape:
        """The output's shape for an input of this shape. Raises ShapeError where the layer takes no such input."""
        return shape

    def operation(self, training: bool) -> Operation | None:
        """The operation it stands for; None where it does nothing (dropout in prediction)."""
        raise NotImplementedError

    def options(self, shape: SampleShape) -> dict[str, Any]:
        """Settings for the rules, by the rules' names."""
        return {}

    def combined_shape(self, shapes: Sequence[SampleShape]) -> SampleShape:
        """The output's shape for inputs of these shapes. Raises ShapeError where the layer takes no such inputs."""
        return self.output_shape(shapes[0])

    def combined_options(self, shapes: Sequence[SampleShape]) -> dict[str, Any]:
        """Settings for the rules where the inputs have these shapes."""
        return self.options(shapes[0])

    def shared_operation(self, own: SampleShape, other: SampleShape) -> Operation | None:
        """The operation with another line's weights; None where their shape does not fit.

        Args:
            own: the shape that its own weights would have.
            other: the shape of the other line's weights.
        """
        return None

    def parameters(self, shape: SampleShape) -> dict[str, Parameter]:
        """The parameters by their formal names."""
        return {}

    def states(self, shape: SampleShape) -> dict[str, State]:
        """The running averages by their formal names."""
        return {}

    def bindings(self, training: bool) -> dict[str, str]:
        """Formal names of the operation that stand for states (prediction by running averages)."""
        return {}


def names_of(owner: str, setting: str, value: object) -> tuple[str, ...]:
    """The names in a setting, which may be one name alone. Raises OptionError where they are no names."""
    names = (value,) if isinstance(value, str) else tuple(as_list(value) or ()) if value is not None else ()
    if (value is not None and as_list(value) is None and not isinstance(value, str)) or not all(
        isinstance(n, str) and n for n in names
    ):
        cure = ""
        if isinstance(value, Layer):
            cure = f"; give that layer a name, {value.kind}(..., name='a'), and write 'a'"
        raise OptionError(
            f"{owner}: {setting} is the name of an earlier line, or a list of names, not {said(value)}{cure}"
        )
    return names


def check_mask(owner: str, mask: object) -> None:
    """Raises OptionError where a setting is no name of a mask, nor None."""
    if mask is not None and (not isinstance(mask, str) or not mask):
        raise OptionError(f"{owner}: mask is the name of an input of the network, not {said(mask)}")


def check_mask_shape(layer: Layer, shape: SampleShape, steps: int) -> None:
    """Raises ShapeError where the mask that a layer takes has not a number for each of the steps."""
    if layer.padding_mask is not None and shape != (steps,):
        raise ShapeError(
            f"the mask {layer.padding_mask!r} must have one number for every {layer.masked}, {rows_text((steps,))}, "
            f"not {rows_text(shape)}"
        )


def rows_text(shape: SampleShape) -> str:
    """The shape of a batch of samples for messages: (N, 3)."""
    return f"(N{''.join(f', {s}' for s in shape)})"


def flat(layer: Layer, shape: SampleShape) -> int:
    """The number of inputs of a layer that takes a row per sample. Raises ShapeError for samples of another shape."""
    if len(shape) != 1:
        raise ShapeError(
            f"{layer.kind} takes one row of numbers per sample, shape (N, inputs), but (N, "
            f"{', '.join(map(str, shape))}) comes in; put a Flatten() layer before it"
        )
    return shape[0]


def image(layer: Layer, shape: SampleShape) -> tuple[int, int, int]:
    """Channels, height and width of an image. Raises ShapeError for samples that are no images."""
    if len(shape) != 3:
        cure = (
            f"give the network input_shape=(1, {shape[0]}, {shape[1]})"
            if len(shape) == 2
            else "give the network input_shape=(channels, height, width), and put Flatten() after this layer"
        )
        raise ShapeError(f"{layer.kind} takes images, shape (N, C, H, W), but {rows_text(shape)} comes in; {cure}")
    return shape[0], shape[1], shape[2]


def initial(weights: str | Initializer) -> Initializer | None:
    """The initialiser of weights; None for "auto", which depends on the next layers."""
    return None if weights == "auto" else initializer(weights)


def check_weighted(layer: Any) -> None:
    """Raises OptionError where a setting of a layer with weights is invalid."""
    if layer.weights_of is not None:
        if not isinstance(layer.weights_of, str):
            raise OptionError(f"{layer.kind}: weights_of is the name of an earlier line, not {said(layer.weights_of)}")
        if layer.weights != "auto" or layer.l1 is not None or layer.l2 is not None:
            raise OptionError(f"{layer.kind}: weights, l1 and l2 belong to the line that weights_of names")
    initial(layer.weights)
    initializer(layer.biases)
    flag(layer.kind, "bias", layer.bias)
    for name in ("l1", "l2"):
        if getattr(layer, name) is not None:
            number(layer.kind, name, getattr(layer, name), 0.0)
