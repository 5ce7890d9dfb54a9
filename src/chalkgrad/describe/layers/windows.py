"""Layers that look at an image or a sequence through windows, or at the whole of it: convolution and pooling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from ... import rules
from ...base.checks import pair, said, whole
from ...base.errors import OptionError, ShapeError
from ...rules import Operation
from ..initializers import Initializer, initializer
from .layer import (
    Layer,
    Parameter,
    SampleShape,
    check_mask,
    check_mask_shape,
    check_weighted,
    image,
    initial,
)
from .sequences import steps

Pair: TypeAlias = "int | tuple[int, int]"
Padding: TypeAlias = "int | tuple[int, int] | str"


@dataclass(frozen=True, slots=True)
class Conv2D(Layer):
    """A two-dimensional convolution (cross-correlation).

    Shapes: x (N, C, H, W), W (filters, C, kh, kw), b (filters,), z (N, filters, P, Q).

    Attributes:
        filters: the number of output channels.
        kernel: kernel height and width; one number for both.
        stride: the step down and across.
        padding: zeros on each side: a number, a pair (rows above and below, columns left and right),
            "valid" (none), or "same" (as many as make P = ceil(H / stride); an odd one goes below and right).
        bias, weights, biases, l1, l2: as for Dense.
        weights_of: the name of an earlier line whose W, of the same shape, it uses too; b is its own.
    """

    weighted: ClassVar[bool] = True
    shares_with: ClassVar[tuple[str, ...]] = ("Conv2D",)

    filters: int
    kernel: Pair
    stride: Pair = 1
    padding: Padding = "valid"
    bias: bool = True
    weights: str | Initializer = "auto"
    biases: str | Initializer = "zeros"
    l1: float | None = None
    l2: float | None = None
    weights_of: str | None = field(default=None, kw_only=True)

    def check(self) -> None:
        whole("Conv2D", "filters", self.filters)
        _check_window(self, self.kernel, self.stride, self.padding)
        check_weighted(self)

    def output_shape(self, shape: SampleShape) -> SampleShape:
        image(self, shape)
        window = self.options(shape)
        return (self.filters, window["P"], window["Q"])

    def operation(self, training: bool) -> Operation:
        return rules.conv2d.operation

    def options(self, shape: SampleShape) -> dict[str, Any]:
        return _window(self, shape, self.kernel, self.stride, self.padding)

    def parameters(self, shape: SampleShape) -> dict[str, Parameter]:
        kh, kw = pair("Conv2D", "kernel", self.kernel)
        fan_in, fan_out = shape[0] * kh * kw, self.filters * kh * kw
        W = Parameter((self.filters, shape[0], kh, kw), initial(self.weights), fan_in, fan_out, True)
        b = Parameter((self.filters,), initializer(self.biases), fan_in, fan_out, False)
        return {"W": W, "b": b} if self.bias else {"W": W}

    def shared_operation(self, own: SampleShape, other: SampleShape) -> Operation | None:
        return rules.conv2d.operation if other == own else None


@dataclass(frozen=True, slots=True)
class Conv1D(Layer):
    """A one-dimensional convolution (cross-correlation) over the steps of sequences.

    Shapes: x (N, T, D), W (filters, D, k), b (filters,), z (N, P, filters).

    Attributes:
        filters: the number of output features.
        kernel: k, the number of steps in a window.
        stride: the step from window to window.
        padding: zero steps on each side: a number, "valid" (none), "same" (as many as make P = ceil(T / stride); an odd
            one goes behind), or "causal" (k - 1 before: no window sees a later step).
        bias, weights, biases, l1, l2: as for Dense.
        weights_of: the name of an earlier line whose W, of the same shape, it uses too; b is its own.
    """

    weighted: ClassVar[bool] = True
    shares_with: ClassVar[tuple[str, ...]] = ("Conv1D",)

    filters: int
    kernel: int
    stride: int = 1
    padding: int | str = "valid"
    bias: bool = True
    weights: str | Initializer = "auto"
    biases: str | Initializer = "zeros"
    l1: float | None = None
    l2: float | None = None
    weights_of: str | None = field(default=None, kw_only=True)

    def check(self) -> None:
        for name in ("filters", "kernel", "stride"):
            whole("Conv1D", name, getattr(self, name))
        if isinstance(self.padding, str):
            if self.padding not in ("same", "valid", "causal"):
                raise OptionError(f"Conv1D: padding is a number, 'same', 'valid' or 'causal', not {said(self.padding)}")
        else:
            whole("Conv1D", "padding", self.padding, 0)
        check_weighted(self)

    def output_shape(self, shape: SampleShape) -> SampleShape:
        steps(self, shape)
        return (self.options(shape)["P"], self.filters)

    def operation(self, training: bool) -> Operation:
        return rules.conv1d.operation

    def options(self, shape: SampleShape) -> dict[str, Any]:
        T, k, s = shape[0], self.kernel, self.stride
        if self.padding == "same":
            zeros = max((math.ceil(T / s) - 1) * s + k - T, 0)
            before, behind = zeros // 2, zeros - zeros // 2
        elif self.padding == "causal":
            before, behind = k - 1, 0
        else:
            before = behind = 0 if isinstance(self.padding, str) else self.padding
        P = (T + before + behind - k) // s + 1
        if P < 1:
            raise ShapeError(
                f"Conv1D: a window of {k} steps does not fit into the {T} steps that come in; take a smaller kernel, "
                "or padding='same'"
            )
        return {"P": P, "k": k, "s": s, "before": before, "T": T}

    def parameters(self, shape: SampleShape) -> dict[str, Parameter]:
        fan_in, fan_out = shape[1] * self.kernel, self.filters * self.kernel
        W = Parameter((self.filters, shape[1], self.kernel), initial(self.weights), fan_in, fan_out, True)
        b = Parameter((self.filters,), initializer(self.biases), fan_in, fan_out, False)
        return {"W": W, "b": b} if self.bias else {"W": W}

    def shared_operation(self, own: SampleShape, other: SampleShape) -> Operation | None:
        return rules.conv1d.operation if other == own else None


@dataclass(frozen=True, slots=True)
class GlobalAvgPool1D(Layer):
    """The mean over all steps of a sequence, or over those that count: z (N, T, D) becomes p (N, D).

    Attributes:
        mask: the name of an input of the network, (N, T), that says which steps count: 1, and 0 for padding.
    """

    mask: str | None = None

    def check(self) -> None:
        check_mask("GlobalAvgPool1D", self.mask)

    @property
    def padding_mask(self) -> str | None:
        return self.mask

    @property
    def beside(self) -> tuple[str, ...]:
        return () if self.mask is None else (self.mask,)

    def combined_shape(self, shapes: Sequence[SampleShape]) -> SampleShape:
        T, D = steps(self, shapes[0])
        check_mask_shape(self, shapes[-1], T)
        return (D,)

    def operation(self, training: bool) -> Operation:
        pool = rules.global_avg_pool
        return pool.of_sequences if self.mask is None else pool.of_masked_sequences


@dataclass(frozen=True, slots=True)
class GlobalAvgPool2D(Layer):
    """The mean over all pixels of an image: z (N, C, H, W) becomes p (N, C)."""

    def output_shape(self, shape: SampleShape) -> SampleShape:
        return (image(self, shape)[0],)

    def operation(self, training: bool) -> Operation:
        return rules.global_avg_pool.of_images


@dataclass(frozen=True, slots=True)
class _Pool2D(Layer):
    window: Pair = 2
    stride: Pair | None = None
    padding: Padding = "valid"

    def check(self) -> None:
        _check_window(self, self.window, self.step, self.padding)

    @property
    def step(self) -> Pair:
        """The stride: the window itself where there is none."""
        return self.window if self.stride is None else self.stride

    def output_shape(self, shape: SampleShape) -> SampleShape:
        channels, _, _ = image(self, shape)
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
        stride: the step down and across; None is the window itself.
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
        pt, pl, below, right = rows // 2, columns // 2, rows - rows // 2, columns - columns // 2
    else:
        pt, pl = (0, 0) if isinstance(padding, str) else pair(layer.kind, "padding", padding, 0)
        below, right = pt, pl
    P = (height + pt + below - kh) // sh + 1  # Dumoulin and Visin, arXiv:1603.07285, relation 6
    Q = (width + pl + right - kw) // sw + 1
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
