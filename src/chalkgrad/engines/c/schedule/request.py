"""Requests to the compiled engine: a training, or predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....formula import Shape
from ....program import Program, Step


@dataclass(frozen=True, slots=True)
class Request:
    """A program that is to be printed.

    Attributes:
        title: the first line's comment.
        steps: the steps that are needed, in order.
        shapes: the shape of every named value.
        carried: the values that last from step to step, with their shapes.
        updated: for every new value that is carried on, the value that it takes the place of.
        results: values with samples that are handed out.
        batch: the most samples in a step.
        parts: the number of parts of a batch; each may have a thread of its own.
        real: "float32" or "float64".
        data_loss: the name of the loss without penalties; None where there is no loss.
        of_bytes: whether x comes as bytes, of which byte b stands for b / 255.
        sparse: whether x is mostly zeros, which products with it then skip.
        of_ids: whether x is of ids, whole numbers of 64 bits.
        of_classes: whether y comes as class numbers (N, T), of 32 bits, that stand for one-hot rows.
        in_place: whether parameters that lie row by row are read where the caller keeps them.
    """

    title: str
    steps: Sequence[Step]
    shapes: Mapping[str, Shape]
    carried: Mapping[str, Shape]
    updated: Mapping[str, str]
    results: tuple[str, ...]
    batch: int
    parts: int
    real: np.dtype[np.generic]
    data_loss: str | None
    of_bytes: bool = False
    sparse: bool = False
    of_ids: bool = False
    of_classes: bool = False
    in_place: bool = False


def training_request(
    program: Program,
    carried: Sequence[str],
    batch: int,
    parts: int,
    data_loss: str,
    title: str,
    dtype: np.dtype[Any],
    *,
    of_bytes: bool = False,
    sparse: bool = False,
    of_classes: bool = False,
) -> Request:
    """The request for a training.

    Args:
        program: the program with its update.
        carried: the values that last from step to step.
        batch: the number of samples in a step.
        parts: the number of parts of a batch.
        data_loss: the name of the loss without penalties.
        title: the file's first line.
        dtype: the numbers' type.
        of_bytes: whether x comes as bytes (`Pixels`).
        sparse: whether x is mostly zeros.
        of_classes: whether y comes as class numbers (`ClassNumbers`).
    """
    updated = {program.updated[name]: name for name in carried if name in program.updated}
    steps = program.needed_for(["L", data_loss, *updated])
    shapes = {name: program.shapes[name] for name in carried}
    return Request(
        title, steps, program.shapes, shapes, updated, (), batch, parts, dtype, data_loss, of_bytes, sparse,
        program.values["x"].dtype == "int", of_classes,
    )  # fmt: skip


def prediction_request(
    program: Program,
    carried: Sequence[str],
    results: tuple[str, ...],
    batch: int,
    parts: int,
    title: str,
    dtype: np.dtype[Any],
    *,
    of_bytes: bool = False,
    in_place: bool = False,
) -> Request:
    """The request for predictions, of any number of samples.

    Args:
        program: the prediction's program.
        carried: parameters and running averages.
        results: the values that are handed out: "y_hat", and with targets "l".
        batch: the number of samples in a step.
        parts: the number of parts of a batch.
        title: the file's first line.
        dtype: the numbers' type.
        of_bytes: whether x comes as bytes (`Pixels`).
        in_place: whether parameters are read where the caller keeps them, as far as they can.
    """
    steps = program.needed_for(results)
    names = {n for s in steps for n in s.inputs if n in carried}
    shapes = {n: program.shapes[n] for n in carried if n in names}
    return Request(
        title, steps, program.shapes, shapes, {}, results, batch, parts, dtype, None, of_bytes,
        of_ids=program.values["x"].dtype == "int", in_place=in_place,
    )  # fmt: skip
