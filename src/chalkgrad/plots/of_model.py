"""Pictures of a model: its kernels, and how it reads samples of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..base.checks import choice
from ..base.errors import OptionError
from ..data.pixels import Pixels
from ..describe.losses import are_classes
from ..model.metrics import certainties, confusion_matrix
from ..model.model import Model
from .boundary import boundary_picture
from .classes import confusion_picture, misread_sheet
from .kernels import first_layer
from .plot import Plot

Array = np.ndarray[Any, Any]
KINDS = ("kernels", "confusion", "misread", "boundary")


def plot_of(model: Model, kind: str, x: Any, y: Any, classes: Sequence[str], engine: str) -> Plot:
    """A picture of the model. Arguments and errors: see `Network.plot`."""
    if choice("plot", "kind", kind, KINDS) == "kernels":
        png = first_layer(model)
        if png is None:
            raise OptionError(
                "plot: kernels are those of a convolution of images, or the weights of a dense layer that sees an "
                "image of one channel; the first layer with weights has none of these"
            )
        return Plot(png, "the weights of the first layer")
    if x is None or y is None:
        raise OptionError(f"plot: {kind} takes samples and their classes: give x and y")
    samples, targets = model.samples_and_targets(x, y)
    if not (are_classes(y, model.output_shape) or model.loss_function.of_classes) or _several_answers(model, y):
        raise OptionError(f"plot: {kind} needs classes, but y holds other numbers; class numbers are integers, (N,)")
    if kind == "boundary":
        if samples.shape[1:] != (2,) or len(model.output_shape) != 1:
            raise OptionError(
                f"plot: boundary is drawn in the plane of two inputs, x (N, 2); this network takes samples of shape "
                f"{model.input_shape}"
            )
        rows = np.asarray(targets)
        truth = _classes(model, rows, model.loss_function.target_threshold)
        names = _names(model, classes)
        return Plot(boundary(model, np.asarray(samples), truth, names, engine=engine), "which class is found where")
    y_hat = model.predict(samples, engine=engine)
    truth, predicted = _classes(model, np.asarray(targets), model.loss_function.target_threshold), model.classes(y_hat)
    names = _names(model, classes)
    if kind == "misread":
        if samples.ndim != 4 or samples.shape[1] not in (1, 3):
            raise OptionError(
                f"plot: misread shows images (N, C, H, W) of one channel or three; x has shape {samples.shape}"
            )
        sure = certainties(y_hat, model.loss_function)
        images = samples if isinstance(samples, Pixels) else np.asarray(samples)
        return Plot(misread_sheet(images, truth, predicted, sure, names), "the images that were misread")
    counting = model.loss_function.weights(targets)
    counts = np.ones(truth.shape, bool) if counting is None else np.broadcast_to(counting != 0, truth.shape)
    matrix = confusion_matrix(truth[counts], predicted[counts], len(names))
    return Plot(confusion_picture(matrix, names), "how often each class was read as which")


def boundary(
    model: Model, x: Array, truth: Array, names: Sequence[str], axes: Sequence[str] = (), engine: str = "auto"
) -> bytes:
    """The decision regions of a model with two inputs, and samples x (N, 2) of the classes `truth` (N,), as PNG."""

    def read(points: Array) -> tuple[Array, Array | None]:
        y_hat = model.predict(points.astype(model.dtype), engine=engine)
        return model.classes(y_hat), certainties(y_hat, model.loss_function)

    return boundary_picture(x, truth, read, names, axes)


def _several_answers(model: Model, y: Any) -> bool:
    """Whether every output is a yes or no of its own, and there are several."""
    several = model.output_shape[-1] > 1
    return several and model.loss_function.yes_or_no and not are_classes(y, model.output_shape)


def _classes(model: Model, rows: Array, threshold: float) -> Array:
    """The class number of every target's row."""
    if model.output_shape[-1] > 1:
        return rows.argmax(axis=-1)
    return (rows.reshape(len(rows), -1)[:, 0] > threshold).astype(np.intp)


def _names(model: Model, classes: Sequence[str]) -> tuple[str, ...]:
    count = max(model.output_shape[-1], 2)
    if not classes:
        return tuple(map(str, range(count)))
    if isinstance(classes, str) or len(classes) != count:
        raise OptionError(f"plot: classes are the {count} names of the classes, not {classes!r}")
    return tuple(map(str, classes))
