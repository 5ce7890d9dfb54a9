"""A worked example as a table for a TOML file, and with other numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..describe.optimizers import SGD
from ..describe.settings import to_table
from ..examples.example import Example
from ..program.names import SAMPLE_WEIGHT

Array = np.ndarray[Any, Any]


def table_of(example: Example, digits: int) -> dict[str, Any]:
    """The example as a table that `chalkgrad.examples.example.example` reads back; an empty text is left out.

    Args:
        example: the worked example.
        digits: to how many significant digits its numbers are kept: a sheet's numbers are those printed on it.
    """
    network, optimizer = example.network, example.optimizer
    table: dict[str, Any] = {"title": example.title}
    if example.text:
        table["text"] = example.text
    table |= {k: v for k, v in network.to_table().items() if k != "dtype"}
    table["x"], table["y"] = _rows(example.x, digits), _rows(example.y, digits)
    if example.sample_weight is not None:
        table[SAMPLE_WEIGHT] = _rows(example.sample_weight, digits)
    if optimizer == SGD(optimizer.learning_rate):
        table["learning_rate"] = float(optimizer.learning_rate)
    else:
        table["optimizer"] = to_table(optimizer)
    if example.steps_before:
        table["steps_before"] = example.steps_before
    if example.optimizer_state:
        table["optimizer_state"] = {n: _rows(a, digits) for n, a in example.optimizer_state.items()}
    table["parameters"] = {n: _rows(a, digits) for n, a in {**network.parameters, **network.states}.items()}
    if example.labels:
        table["labels"] = dict(example.labels)
    return table


def with_numbers(table: Mapping[str, Any], numbers: Mapping[str, Array]) -> dict[str, Any]:
    """The table with other numbers for x, y and parameters; its text is left out, as it may speak of the old ones."""
    result = {k: v for k, v in table.items() if k != "text"}
    result |= {n: _rows(numbers[n], 15) for n in ("x", "y")}
    parameters = dict(table.get("parameters", {}))
    parameters |= {n: _rows(numbers[n], 15) for n in parameters if n in numbers}
    result["parameters"] = parameters
    return result


def _rows(array: Array, digits: int) -> Any:
    if array.dtype.kind in "iu":  # ids
        return array.tolist()

    def short(value: Any) -> float:
        return float(f"{float(value):.{digits}g}")

    return np.reshape([short(v) for v in array.ravel()], array.shape).tolist()
