"""The record of the data that a network was trained on, by which other data are told apart."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..base.checks import as_list
from ..base.text import visible
from .class_numbers import ClassNumbers
from .dataset import Array, Dataset
from .pixels import Pixels

MOST_LETTERS = 100_000
"""More names than this together are remembered by their digest."""
SHOWN = 5


def fingerprint(*arrays: Array | Pixels | ClassNumbers) -> str:
    """SHA-256 of arrays, with their types and shapes."""
    digest = hashlib.sha256()
    for array in arrays:
        content = np.ascontiguousarray(_kept(array))
        digest.update(f"{content.dtype.str} {content.shape}\n".encode())
        digest.update(content.data)
    return digest.hexdigest()


def _kept(array: Array | Pixels | ClassNumbers) -> Array:
    if isinstance(array, Pixels):
        return array.stored
    return array.numbers if isinstance(array, ClassNumbers) else array


def record(data: Dataset, *, digests: bool = True) -> dict[str, Any]:
    """The record of the data, for run.toml: names, shapes, counts, and digests of the samples as they were split.

    Args:
        data: the data.
        digests: whether the numbers are the same on every machine; those that sines are drawn from are not.
    """
    table: dict[str, Any] = {}
    if data.columns:
        table["columns"] = _names(data.columns)
    if data.target:
        table["target"] = data.target
    if data.classes:
        table["classes"] = _names(data.classes)
    table["sample"] = _kind(data.x_train)
    table["answer"] = _kind(data.y_train)
    table["training_samples"], table["test_samples"] = len(data.x_train), len(data.x_test)
    if digests:
        table["training_sha256"] = fingerprint(data.x_train, data.y_train)
        table["test_sha256"] = fingerprint(data.x_test, data.y_test)
    return table


def _names(names: Sequence[str]) -> list[str]:
    text = "\n".join(names)
    return list(names) if len(text) <= MOST_LETTERS else [f"SHA-256 {hashlib.sha256(text.encode()).hexdigest()}"]


def _kind(array: Array | Pixels) -> str:
    content = array.stored if isinstance(array, Pixels) else array
    return f"{'x'.join(map(str, array.shape[1:])) or 1} {content.dtype}"


def difference(table: Mapping[str, Any], data: Dataset) -> str:
    """The first difference between data and a record, as half a sentence; "" if there is none.

    Args:
        table: what `record` gave for the earlier data, or a file says it did.
        data: the data.
    """
    own = record(data, digests="training_sha256" in table or "test_sha256" in table)
    for key, what in (("columns", "columns"), ("target", "target column"), ("classes", "classes")):
        if table.get(key) != own.get(key) and not (key == "target" and not data.target):
            return _other_names(what, as_list(table.get(key)), as_list(own.get(key)), table.get(key), own.get(key))
    for key, what in (("sample", "a sample is"), ("answer", "a target is")):
        if table.get(key) != own[key]:
            return f"{what} {own[key]}, and was {_text(table.get(key))}"
    counts = [(table.get(k), own[k]) for k in ("training_samples", "test_samples")]
    if any(a != b for a, b in counts):
        return f"there are {counts[0][1]:,} samples to train on and {counts[1][1]:,} to test on, and there were " + (
            " and ".join(_text(a) for a, _ in counts)
        )
    for key, what in (("training_sha256", "train"), ("test_sha256", "test")):
        if table.get(key) != own.get(key):
            return f"some of the samples to {what} on are others than they were, or stand in another order"
    return ""


def _other_names(what: str, old_names: list[Any] | None, new_names: list[Any] | None, old: Any, new: Any) -> str:
    if old_names is None or new_names is None:
        return f"the {what} {'are' if what.endswith('s') else 'is'} {_text(new)}, and was {_text(old)}"
    losses, additions = [n for n in old_names if n not in new_names], [n for n in new_names if n not in old_names]
    if not losses and not additions and len(old_names) == len(new_names):
        place = next(i for i, (a, b) in enumerate(zip(old_names, new_names, strict=True)) if a != b)
        change = f"number {place + 1} is {_text(new_names[place])}, and was {_text(old_names[place])}"
        return f"the {what} are in another order ({change})"
    parts = [f"{_list(additions)} new"] * bool(additions) + [f"{_list(losses)} gone"] * bool(losses)
    return f"the {what} are others: {', '.join(parts) or 'some stand there twice'}"


def _list(names: list[Any]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(_text(n) for n in names[:SHOWN])}{more} {'are' if len(names) > 1 else 'is'}"


def _text(value: Any) -> str:
    if value is None:
        return "none"
    try:
        text = visible(f"{value:,}" if type(value) is int else str(value))
    except ValueError:  # Python writes no number of thousands of digits
        text = "a number without end"
    return text if len(text) <= 40 else f"{text[:39]}\u2026"
