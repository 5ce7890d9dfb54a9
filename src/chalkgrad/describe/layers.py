"""What a user writes: layers as plain, frozen dataclasses.

A layer knows its shapes, its parameters and which operation it stands for; the rules know the mathematics.
Shapes here are those of one sample: (I,) for a vector, (C, H, W) for an image.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from .. import rules
from ..base.checks import choice, flag, number, pair, plain, said, whole
from ..base.errors import OptionError, ShapeError
from ..rules import Operation
from .foreign import refuse_settings
from .initializers import Initializer, initializer

SampleShape: TypeAlias = tuple[int, ...]
Pair: TypeAlias = "int | tuple[int, int]"
Padding: TypeAlias = "int | tuple[int, int] | str"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One array of weights that a layer asks for.

    Attributes:
        shape: its shape.
        initial: how it starts.
        fan_in, fan_out: see `chalkgrad.describe.initializers`.
        penalised: whether L1 and L2 penalties count it (weights, not biases).
    """

    shape: SampleShape
    initial: Initializer | None
    fan_in: int
    fan_out: int
    penalised: bool


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
    """

    name: str | None = field(default=None, kw_only=True)

    if not TYPE_CHECKING:  # type checkers know the fields

        def __new__(cls, *_: Any, **settings: Any) -> Any:
            refuse_settings(cls, settings)
            return object.__new__(cls)

    def __post_init__(self) -> None:
        plain(self)
        if self.name is not None and (not isinstance(self.name, str) or not _NAME.match(self.name)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise OptionError(f"{self.kind}: a name is letters, digits and _, a letter first; not {self.name!r}")
        self.check()

    def check(self) -> None:
        """Raises OptionError where a setting cannot be."""

    @property
    def kind(self) -> str:
        """The layer's class name."""
        return type(self).__name__

    def output_shape(self, shape: SampleShape) -> SampleShape:
        """The shape that comes out when `shape` comes in. Raises ShapeError where it cannot come in."""
        return shape

    def operation(self, training: bool) -> Operation | None:
        """The operation it stands for; None where it does nothing (dropout in prediction)."""
        raise NotImplementedError

    def options(self, shape: SampleShape) -> dict[str, Any]:
        """Settings for the rules, by the rules' names."""
        return {}

    def parameters(self, shape: SampleShape) -> dict[str, Parameter]:
        """The parameters by their formal names."""
        return {}

    def states(self, shape: SampleShape) -> dict[str, State]:
        """The running averages by their formal names."""
        return {}

    def bindings(self, training: bool) -> dict[str, str]:
        """Formal names of the operation that stand for states (prediction by running averages)."""
        return {}


def _flat(layer: Layer, shape: SampleShape) -> int:
    if len(shape) != 1:
        raise ShapeError(
            f"{layer.kind} takes one row of numbers per sample, shape (N, inputs), but (N, "
            f"{', '.join(map(str, shape))}) comes in; put a Flatten() layer before it"
        )
    return shape[0]


def _image(layer: Layer, shape: SampleShape) -> tuple[int, int, int]:
    if len(shape) != 3:
        cure = (
            f"give the network input_shape=(1, {shape[0]}, {shape[1]})"
            if len(shape) == 2
            else "give the network input_shape=(channels, height, width), and put Flatten() behind this layer"
        )
        inner = "".join(f", {s}" for s in shape)
        raise ShapeError(f"{layer.kind} takes images, shape (N, C, H, W), but (N{inner}) comes in; {cure}")
    return shape[0], shape[1], shape[2]


@dataclass(frozen=True, slots=True)
class Dense(Layer):
    """A fully connected layer, z = x @ W + b.

    Shapes: x (N, inputs), W (inputs, units), b (units,), z (N, units).

    Attributes:
        units: the number of outputs.
        bias: whether there is a b.
        weights: how W starts: an initialiser or its name. "auto" is "he" where a ReLU-like activation
            follows, else "glorot".
        biases: how b starts.
        l1, l2: penalties on W as part of the loss, l1 * sum|W| + l2 * sum(W^2); None takes the network's.
    """

    units: int
    bias: bool = True
    weights: str | Initializer = "auto"
    biases: str | Initializer = "zeros"
    l1: float | None = None
    l2: float | None = None

    def check(self) -> None:
        whole("Dense", "units", self.units)
        _check_weighted(self)

    def output_shape(self, shape: SampleShape) -> SampleShape:
        _flat(self, shape)
        return (self.units,)

    def operation(self, training: bool) -> Operation:
        return rules.dense.operation

    def parameters(self, shape: SampleShape) -> dict[str, Parameter]:
        inputs = shape[0]
        W = Parameter((inputs, self.units), _initial(self.weights), inputs, self.units, True)
        b = Parameter((self.units,), initializer(self.biases), inputs, self.units, False)
        return {"W": W, "b": b} if self.bias else {"W": W}


@dataclass(frozen=True, slots=True)
class Conv2D(Layer):
    """A two-dimensional convolution (cross-correlation).

    Shapes: x (N, C, H, W), W (filters, C, kh, kw), b (filters,), z (N, filters, P, Q).

    Attributes:
        filters: the number of output channels.
        kernel: kernel height and width; one number for both.
        stride: step down and across.
        padding: zeros on each side: a number, a pair (rows above and below, columns left and right),
            "valid" (none), or "same" (as many as make P = ceil(H / stride); an odd one goes below and right).
        bias, weights, biases, l1, l2: as for Dense.
    """

    filters: int
    kernel: Pair
    stride: Pair = 1
    padding: Padding = "valid"
    bias: bool = True
    weights: str | Initializer = "auto"
    biases: str | Initializer = "zeros"
    l1: float | None = None
    l2: float | None = None

    def check(self) -> None:
        whole("Conv2D", "filters", self.filters)
        _check_window(self, self.kernel, self.stride, self.padding)
        _check_weighted(self)

    def output_shape(self, shape: SampleShape) -> SampleShape:
        _image(self, shape)
        window = self.options(shape)
        return (self.filters, window["P"], window["Q"])

    def operation(self, training: bool) -> Operation:
        return rules.conv2d.operation

    def options(self, shape: SampleShape) -> dict[str, Any]:
        return _window(self, shape, self.kernel, self.stride, self.padding)

    def parameters(self, shape: SampleShape) -> dict[str, Parameter]:
        kh, kw = pair("Conv2D", "kernel", self.kernel)
        fan_in, fan_out = shape[0] * kh * kw, self.filters * kh * kw
        W = Parameter((self.filters, shape[0], kh, kw), _initial(self.weights), fan_in, fan_out, True)
        b = Parameter((self.filters,), initializer(self.biases), fan_in, fan_out, False)
        return {"W": W, "b": b} if self.bias else {"W": W}


@dataclass(frozen=True, slots=True)
class _Pool2D(Layer):
    window: Pair = 2
    stride: Pair | None = None
    padding: Padding = "valid"

    def check(self) -> None:
        _check_window(self, self.window, self.step, self.padding)

    @property
    def step(self) -> Pair:
        """The stride: the window itself where none was given."""
        return self.window if self.stride is None else self.stride

    def output_shape(self, shape: SampleShape) -> SampleShape:
        channels, _, _ = _image(self, shape)
        window = self.options(shape)
        return (channels, window["P"], window["Q"])

    def options(self, shape: SampleShape) -> dict[str, Any]:
        return _window(self, shape, self.window, self.step, self.padding)


@dataclass(frozen=True, slots=True)
class MaxPool2D(_Pool2D):
    """The largest value of every window; a tie goes to the first, counted row by row.

    Shapes: z (N, C, H, W), p (N, C, P, Q).

    Attributes:
        window: height and width; one number for both.
        stride: step down and across; None is the window itself.
        padding: as for Conv2D; padding never wins.
    """

    def operation(self, training: bool) -> Operation:
        return rules.max_pool2d.operation


@dataclass(frozen=True, slots=True)
class AvgPool2D(_Pool2D):
    """The mean of every window; zeros of the padding count.

    Shapes and attributes as for MaxPool2D.
    """

    def operation(self, training: bool) -> Operation:
        return rules.avg_pool2d.operation


@dataclass(frozen=True, slots=True)
class Flatten(Layer):
    """Every sample in one row: (N, C, H, W) becomes (N, C*H*W), counted row by row."""

    def output_shape(self, shape: SampleShape) -> SampleShape:
        return (math.prod(shape),)

    def operation(self, training: bool) -> Operation:
        return rules.flatten.operation


@dataclass(frozen=True, slots=True)
class Sum(Layer):
    """The sum of a sample's values: (N, I) becomes (N, 1)."""

    def output_shape(self, shape: SampleShape) -> SampleShape:
        _flat(self, shape)
        return (1,)

    def operation(self, training: bool) -> Operation:
        return rules.sum_outputs.operation


@dataclass(frozen=True, slots=True)
class Dropout(Layer):
    """In training, drops each value with probability `rate` and scales the others by 1 / (1 - rate)."""

    rate: float = 0.5

    def check(self) -> None:
        number("Dropout", "rate", self.rate, 0.0, 1.0)

    def operation(self, training: bool) -> Operation | None:
        return rules.dropout.operation if training and self.rate > 0 else None

    def options(self, shape: SampleShape) -> dict[str, Any]:
        return {"rate": self.rate}


@dataclass(frozen=True, slots=True)
class BatchNorm(Layer):
    """Batch normalisation of every feature of (N, C) or every channel of (N, C, H, W).

    Training uses the batch's mean and variance and moves running averages; prediction uses these.

    Attributes:
        momentum: how far a step moves the running averages towards the batch's (PyTorch's convention).
        eps: added to the variance.
        affine: whether the result is scaled by gamma (C,) and shifted by beta (C,).
    """

    momentum: float = 0.1
    eps: float = 1e-5
    affine: bool = True

    def check(self) -> None:
        number("BatchNorm", "momentum", self.momentum, 0.0, 1.0 + 1e-9)
        number("BatchNorm", "eps", self.eps, 1e-12, 1e30)
        flag("BatchNorm", "affine", self.affine)

    def operation(self, training: bool) -> Operation:
        module = rules.batch_norm
        if training:
            return module.operation if self.affine else module.unscaled
        return module.predicting if self.affine else module.predicting_unscaled

    def options(self, shape: SampleShape) -> dict[str, Any]:
        return {"eps": self.eps, "momentum": self.momentum}

    def parameters(self, shape: SampleShape) -> dict[str, Parameter]:
        return _scale_and_shift((shape[0],)) if self.affine else {}

    def states(self, shape: SampleShape) -> dict[str, State]:
        return {"running_mu": State((shape[0],), 0.0), "running_var": State((shape[0],), 1.0)}

    def bindings(self, training: bool) -> dict[str, str]:
        return {} if training else {"mu": "running_mu", "var": "running_var"}


@dataclass(frozen=True, slots=True)
class LayerNorm(Layer):
    """Layer normalisation: every sample to mean 0 and variance 1 over all its values.

    Attributes:
        eps: added to the variance.
        affine: whether the result is scaled by gamma and shifted by beta, of one sample's shape.
    """

    eps: float = 1e-5
    affine: bool = True

    def check(self) -> None:
        number("LayerNorm", "eps", self.eps, 1e-12, 1e30)
        flag("LayerNorm", "affine", self.affine)

    def operation(self, training: bool) -> Operation:
        return rules.layer_norm.operation if self.affine else rules.layer_norm.unscaled

    def options(self, shape: SampleShape) -> dict[str, Any]:
        return {"eps": self.eps}

    def parameters(self, shape: SampleShape) -> dict[str, Parameter]:
        return _scale_and_shift(shape) if self.affine else {}


@dataclass(frozen=True, slots=True)
class Sigmoid(Layer):
    """a = 1 / (1 + exp(-z)), element by element."""

    def operation(self, training: bool) -> Operation:
        return rules.sigmoid.operation


@dataclass(frozen=True, slots=True)
class Tanh(Layer):
    """a = tanh(z), element by element."""

    def operation(self, training: bool) -> Operation:
        return rules.tanh.operation


@dataclass(frozen=True, slots=True)
class ReLU(Layer):
    """a = max(z, 0), element by element; the derivative at 0 is taken as 0."""

    def operation(self, training: bool) -> Operation:
        return rules.relu.operation


@dataclass(frozen=True, slots=True)
class LeakyReLU(Layer):
    """a = z above 0, slope * z below; the derivative at 0 is taken as the slope."""

    slope: float = 0.01

    def check(self) -> None:
        number("LeakyReLU", "slope", self.slope, 0.0)

    def operation(self, training: bool) -> Operation:
        return rules.leaky_relu.operation

    def options(self, shape: SampleShape) -> dict[str, Any]:
        return {"slope": self.slope}


@dataclass(frozen=True, slots=True)
class ELU(Layer):
    """a = z above 0, alpha * (exp(z) - 1) below."""

    alpha: float = 1.0

    def check(self) -> None:
        number("ELU", "alpha", self.alpha, 0.0)

    def operation(self, training: bool) -> Operation:
        return rules.elu.operation

    def options(self, shape: SampleShape) -> dict[str, Any]:
        return {"alpha": self.alpha}


@dataclass(frozen=True, slots=True)
class GELU(Layer):
    """a = z * Phi(z), Phi the normal distribution function; exact, or `approximate="tanh"`."""

    approximate: str = "none"

    def check(self) -> None:
        choice("GELU", "approximate", self.approximate, ("none", "tanh"))

    def operation(self, training: bool) -> Operation:
        return rules.gelu.tanh_operation if self.approximate == "tanh" else rules.gelu.operation

    def options(self, shape: SampleShape) -> dict[str, Any]:
        return {"slope": rules.gelu.SLOPE, "cubic": rules.gelu.CUBIC} if self.approximate == "tanh" else {}


@dataclass(frozen=True, slots=True)
class Softplus(Layer):
    """a = log(1 + exp(z)), element by element."""

    def operation(self, training: bool) -> Operation:
        return rules.softplus.operation


@dataclass(frozen=True, slots=True)
class SiLU(Layer):
    """a = z / (1 + exp(-z)), element by element."""

    def operation(self, training: bool) -> Operation:
        return rules.silu.operation


@dataclass(frozen=True, slots=True)
class Softmax(Layer):
    """Rows of probabilities: a = exp(z) / sum(exp(z)) along the last axis of (N, K)."""

    def output_shape(self, shape: SampleShape) -> SampleShape:
        _flat(self, shape)
        return shape

    def operation(self, training: bool) -> Operation:
        return rules.softmax.operation


LAYERS: dict[str, type[Layer]] = {
    kind.__name__: kind
    for kind in (
        Dense,
        Conv2D,
        MaxPool2D,
        AvgPool2D,
        Flatten,
        Sum,
        Dropout,
        BatchNorm,
        LayerNorm,
        Sigmoid,
        Tanh,
        ReLU,
        LeakyReLU,
        ELU,
        GELU,
        Softplus,
        SiLU,
        Softmax,
    )
}
RECTIFIERS = (ReLU, LeakyReLU, ELU, GELU, Softplus, SiLU)
"""Activations that pass about half of their inputs: "auto" weights before them start by He's rule."""


def _initial(given: str | Initializer) -> Initializer | None:
    return None if given == "auto" else initializer(given)


def _scale_and_shift(shape: SampleShape) -> dict[str, Parameter]:
    ones, zeros = initializer("ones"), initializer("zeros")
    return {"gamma": Parameter(shape, ones, 1, 1, False), "beta": Parameter(shape, zeros, 1, 1, False)}


def _check_weighted(layer: Dense | Conv2D) -> None:
    _initial(layer.weights)
    initializer(layer.biases)
    flag(layer.kind, "bias", layer.bias)
    for name in ("l1", "l2"):
        if getattr(layer, name) is not None:
            number(layer.kind, name, getattr(layer, name), 0.0)


def _check_window(layer: Layer, kernel: Pair, stride: Pair, padding: Padding) -> None:
    pair(layer.kind, "window" if layer.kind != "Conv2D" else "kernel", kernel)
    pair(layer.kind, "stride", stride)
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise OptionError(f"{layer.kind}: padding is a number, a pair, 'same' or 'valid', not {said(padding)}")
    else:
        pair(layer.kind, "padding", padding, least=0)
        if layer.kind != "Conv2D":
            reach = zip(pair(layer.kind, "padding", padding, 0), pair(layer.kind, "window", kernel), strict=True)
            if any(2 * p > k for p, k in reach):
                raise OptionError(f"{layer.kind}: padding {padding} is more than half the window {kernel}")


def _window(layer: Layer, shape: SampleShape, kernel: Pair, stride: Pair, padding: Padding) -> dict[str, Any]:
    """The window's geometry, by the names that the rules use."""
    _, height, width = shape
    (kh, kw), (sh, sw) = pair(layer.kind, "kernel", kernel), pair(layer.kind, "stride", stride)
    if padding == "same":
        rows = max((math.ceil(height / sh) - 1) * sh + kh - height, 0)
        columns = max((math.ceil(width / sw) - 1) * sw + kw - width, 0)
        pt, pl, below, behind = rows // 2, columns // 2, rows - rows // 2, columns - columns // 2
    else:
        pt, pl = (0, 0) if isinstance(padding, str) else pair(layer.kind, "padding", padding, 0)
        below, behind = pt, pl
    P = (height + pt + below - kh) // sh + 1  # Dumoulin and Visin, arXiv:1603.07285, relation 6
    Q = (width + pl + behind - kw) // sw + 1
    if P < 1 or Q < 1:
        raise ShapeError(
            f"{layer.kind}: a {kh} x {kw} window does not fit into the {height} x {width} image that comes in"
            f"{f' with padding {padding}' if padding not in ('valid', 0) else ''}; "
            "take a smaller window, or padding='same'"
        )
    return {
        "P": P, "Q": Q, "kh": kh, "kw": kw, "sh": sh, "sw": sw, "pt": pt, "pl": pl,
        "height": height, "width": width,
    }  # fmt: skip
