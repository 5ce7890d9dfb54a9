"""What a network is given, checked: its settings, parameters and samples, with errors that say the cure."""

from __future__ import annotations

import contextlib
import math
import warnings
from typing import Any

import numpy as np

from .checks import as_list, said, whole
from .errors import DataError, OptionError, ShapeError
from .layers import Layer
from .losses import LOSSES, Loss

Array = np.ndarray[Any, Any]


def read_layers(layers: Any) -> tuple[Layer, ...]:
    """The layers as a tuple, each of them one and at least one of them computing something."""
    if isinstance(layers, Layer):
        layers = [layers]
    try:
        listed = tuple(layers)
    except TypeError:
        raise OptionError(f"layers must be a list of layers, not {said(layers)}") from None
    for place, layer in enumerate(listed):
        if isinstance(layer, type):
            raise OptionError(f"layer {place + 1} is the class {layer.__name__}; write {layer.__name__}(...)")
        if not isinstance(layer, Layer):
            raise OptionError(f"layer {place + 1} is {said(layer)}, which is no layer")
    if not any(layer.operation(training=False) for layer in listed):
        raise OptionError("the network has no layer that computes anything")
    return listed


def read_loss(loss: Any) -> Loss:
    """The loss, if it is one."""
    if isinstance(loss, type):
        raise OptionError(f"loss is the class {loss.__name__}; write {loss.__name__}()")
    if not isinstance(loss, Loss):
        raise OptionError(f"loss is {said(loss)}, which is no loss; known: {', '.join(LOSSES)}")
    return loss


def read_input_shape(given: Any) -> tuple[int, ...]:
    """The shape of one sample; a number is (number,)."""
    sizes = as_list(given)
    try:
        shape = tuple(whole("Network", "input_shape", s) for s in ([given] if sizes is None else sizes))
    except OptionError:
        shape = ()
    if not 1 <= len(shape) <= 3:
        raise OptionError(
            f"input_shape is the shape of one sample, (inputs,) or (channels, height, width), not {said(given)}"
        )
    return shape


def read_dtype(given: Any) -> np.dtype[Any]:
    """float32 or float64."""
    with contextlib.suppress(Exception):  # NumPy reads many things as dtypes, and fails in many ways
        dtype = np.dtype(given)
        if given is not None and dtype in (np.dtype("float32"), np.dtype("float64")):
            return dtype
    raise OptionError(f"dtype is 'float32' or 'float64', not {said(given)}")


def shown(value: Any) -> str:
    """The beginning of a value, in one line."""
    try:
        return " ".join(str(value).split())[:80]
    except ValueError:  # a whole number of thousands of digits
        return said(value)


def fitting(name: str, value: Any, target: Array) -> Array:
    """A parameter's new value as an array of its shape and dtype; errors name the parameter and the cure."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is wrong is said below
            kind = np.asarray(value).dtype.kind
            array = np.asarray(value, dtype=target.dtype)
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"{name} must hold numbers in rows of equal length, not {shown(value)}") from None
    if kind not in "biuf":
        raise DataError(f"{name} must hold real numbers, not {shown(value)}")
    if array.shape != target.shape:
        cure = ""
        if array.T.shape == target.shape:
            cure = f"; it looks transposed ({name} is inputs x outputs here): give its transpose"
        elif array.size == target.size:
            cure = f"; reshape it to {target.shape}"
        raise ShapeError(f"{name} has shape {target.shape} in this network, but {array.shape} was given{cure}")
    if not np.isfinite(array).all():
        raise DataError(f"{name} holds NaN or infinity (or numbers too large for {target.dtype})")
    if name.rpartition(".")[2].startswith("running_var") and (array < 0).any():
        raise DataError(f"{name} is a variance and cannot be negative")
    return array


def input_message(came: tuple[int, ...], expected: tuple[int, ...], first: str) -> str:
    """What to say of samples of another shape than the network takes, with the cure."""
    wanted = f"(N{''.join(f', {s}' for s in expected)})"
    cure = ""
    if came == expected:
        cure = "; for a single sample use x[None]"
    elif len(came) > 1 and math.prod(came[1:]) == math.prod(expected):
        cure = f"; use x.reshape(len(x), {', '.join(map(str, expected))})"
    elif len(came) == 4 and len(expected) == 3 and (came[3], came[1], came[2]) == expected:
        cure = "; channels come first: use x.transpose(0, 3, 1, 2)"
    return (
        f"x has shape {came}, but {first} takes {wanted}, "
        f"as input_shape={expected} fixed when the network was built{cure}"
    )
