"""Weights of classes, which become weights of the samples that are trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from ..base.checks import number, said
from ..base.errors import OptionError
from ..data.class_numbers import NONE, ClassNumbers
from ..model.model import Array, Model
from ..model.named import CLASSES

BALANCED = "balanced"


def weights_of_classes(
    model: Model, setting: Any, y: Array | ClassNumbers, chosen: Array | None, *, by_number: bool
) -> Array:
    """The weight of each sample's class (N,), or of each step's (N, T).

    Args:
        model: what is trained.
        setting: "balanced", or weights by class number; a class that is not named weighs 1. Balanced is n / (K * n_c),
            where n of the samples that are trained on are of the K classes that occur, and n_c of class c: every class
            then weighs the same in all (as scikit-learn's compute_class_weight).
        y: the targets (N, ...), as the rules take them.
        chosen: the rows that are trained on; None for all.
        by_number: whether the targets were given as class numbers.

    Raises:
        OptionError: where the targets are no classes, or the setting is invalid.
    """
    reading = model.reading(by_number=by_number)
    if reading.kind != CLASSES:
        raise OptionError(
            "fit: class_weight is for samples that are of one class each; give the samples' own weights, sample_weight="
        )
    if isinstance(y, ClassNumbers):
        classes, counts = np.maximum(y.numbers, 0), y.numbers != NONE
    else:
        steps = model.layout.steps_shape
        rows = y.reshape(-1, reading.outputs)
        classes = reading.truth(rows).reshape((len(y), *steps))
        counts = np.ones(classes.shape, bool)
        if model.loss_function.ignores:
            counts = np.any(rows != 0, axis=1).reshape(classes.shape)
    if isinstance(setting, str) and setting == BALANCED:
        trained = slice(None) if chosen is None else chosen
        occurring = np.bincount(classes[trained][counts[trained]], minlength=reading.classes)
        by_class = occurring.sum() / (np.count_nonzero(occurring) * np.maximum(occurring, 1))
    else:
        by_class = np.ones(reading.classes)
        for name, weight in _table(setting).items():
            if not 0 <= name < reading.classes:
                raise OptionError(
                    f"fit: class_weight has the class {name}, but the classes are 0 to {reading.classes - 1}"
                )
            by_class[name] = number("fit", f"class_weight of class {name}", weight, 0.0)
    return by_class[classes].astype(model.dtype)


def _table(setting: Any) -> Mapping[int, Any]:
    table: dict[Any, Any] = dict(cast("Mapping[Any, Any]", setting)) if isinstance(setting, Mapping) else {None: None}
    if not all(isinstance(k, (int, np.integer)) and not isinstance(k, bool) for k in table):
        raise OptionError(
            f"fit: class_weight is 'balanced', or weights by class number, {{0: 1.0, 1: 5.0}}; not {said(setting)}"
        )
    return table
