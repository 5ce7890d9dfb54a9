"""Targets: classes or numbers. Notes say what was decided, and which option decides otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..base.checks import choice
from ..base.errors import DataError
from ..base.text import visible
from .cells import is_not_finite, quoted
from .dataset import Array

TASKS = ("classes", "regression")
Task = Literal["classes", "regression"]
BY_LOSS = {
    "CrossEntropy": "classes",
    "BinaryCrossEntropy": "classes",
    "Hinge": "classes",
    "SquaredError": "regression",
    "AbsoluteError": "regression",
}
MAX_CLASSES = 1000
FEW = 10
"""So many different whole numbers are classes, where each comes twice on average,"""
MANY = 50
"""and so many where they are 0, 1, 2, ... or 1, 2, 3, ..., and each comes twice at least and five times on average."""
EXACT = 2.0**53
"""Below this, float64 tells all whole numbers apart."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Targets as a `Dataset` has them.

    Attributes:
        y: class numbers (N,), int64, or targets (N, K).
        classes: the classes' names; empty for regression.
        notes: the choices made, a sentence each.
    """

    y: Array
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_task(task: str | None) -> str | None:
    """The task, if it is one, or None."""
    return None if task is None else choice("data", "task", task, TASKS)


def of_words(where: str, texts: Array, task: str | None, names: Sequence[str] = ()) -> Targets:
    """Classes of the words (N,), named by them in the alphabet's order, or in that of `names`.

    Raises:
        DataError: where the words are invalid as classes: the task is regression, they are too many, all one, or not
            in `names`.
    """
    words = sorted({str(t) for t in np.unique(texts)})
    if task == "regression":
        raise DataError(f"{where}: the task is regression, but the targets hold words, such as {quoted(words[0])}")
    _check_count(where, words, "words")
    if names and (others := [w for w in words if w not in names]):
        raise DataError(f"{where}: the target {quoted(others[0])} is none of the classes that are named")
    classes = tuple(names) or tuple(words)
    order = np.argsort(classes, kind="stable")
    y = order[np.searchsorted(np.array(classes)[order], texts)]
    return Targets(y.astype(np.int64), classes)


def of_numbers(where: str, values: Array, task: str | None, loss: str | None, names: Sequence[str] = ()) -> Targets:
    """Classes or regression targets of the numbers (N,).

    Args:
        where: their name, for messages.
        values: the numbers, finite.
        task: "classes" or "regression", if it is known.
        loss: the name of the loss that the network will have, which decides where the numbers leave it open.
        names: names of the classes 0, 1, 2, ..., if there are any.

    Raises:
        DataError: where the numbers are invalid for the task: as classes too many or all one, or not in `names`.
    """
    distinct, counts = np.unique(values, return_counts=True)
    whole = bool((distinct == np.floor(distinct)).all())
    decision = task or ("classes" if names and whole else None) or (BY_LOSS.get(loss or "") if whole else "regression")
    kind = decision or ("classes" if _likely_classes(distinct, counts, values.dtype.kind in "biu") else "regression")
    many = f"{len(distinct):,} different {'whole ' * whole}numbers in {len(values):,} samples"
    if kind == "regression":
        notes = () if decision else (f"{where} holds {many}: regression; --task classes reads them as classes",)
        return Targets(values.astype(np.float64)[:, None], (), notes)
    if names:
        return _named(where, values, distinct, names)
    numbers = [as_text(v) for v in distinct]
    _check_count(where, numbers, "numbers")
    notes = [] if decision else [f"{where} holds {many}: classes; --task regression reads them as numbers"]
    if not np.array_equal(distinct, np.arange(len(distinct))):
        listing = ", ".join(numbers if len(numbers) <= 6 else [*numbers[:4], "...", numbers[-1]])
        notes.append(f"the classes {listing} are class numbers 0 to {len(numbers) - 1} of the network")
    return Targets(np.searchsorted(distinct, values).astype(np.int64), tuple(numbers), tuple(notes))


def of_array(where: str, y: Array, task: str | None, loss: str | None, names: Sequence[str] = ()) -> Targets:
    """Classes or regression targets of an array: words, numbers or class numbers (N,) or (N, 1), one-hot rows or
    targets (N, K).

    Raises:
        DataError: where it is none of these, or is invalid for the task.
    """
    if y.ndim not in (1, 2) or not len(y) or not y.size:
        raise DataError(f"{where} must be (N,) or (N, K) with at least one sample; it is {y.shape}")
    if len(set(names)) < len(names):
        twice = next(n for n in names if list(names).count(n) > 1)
        raise DataError(f"{where}: two classes are both called {quoted(twice)}; give each a name of its own")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.dtype.kind == "U":
        if y.ndim == 2:
            raise DataError(f"{where} holds words in rows; class names are (N,), not {y.shape}")
        _check_words(where, y, names)
        return of_words(where, y, task, names)
    if not np.isfinite(y).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(y))[0])
        raise DataError(f"{where} holds NaN or infinity, first in row {place[0]} (counted from 0)")
    if y.ndim == 1:
        return of_numbers(where, y.astype(np.int64) if y.dtype.kind == "b" else y, task, loss, names)
    zeros_and_ones = bool(np.isin(y, (0, 1)).all())
    if task != "regression" and zeros_and_ones and (y.sum(axis=1) == 1).all():
        if names and len(names) != y.shape[1]:
            raise DataError(f"{where} holds one-hot rows of {y.shape[1]}, but {len(names)} classes are named")
        cure = "--task regression reads them as numbers"
        note = f"{where} holds one-hot rows of {y.shape[1]}: classes; {cure}"
        classes = tuple(names) or tuple(map(str, range(y.shape[1])))
        return Targets(y.argmax(axis=1).astype(np.int64), classes, () if task else (note,))
    if task == "classes":
        raise DataError(
            f"{where}: the task is classes, but the rows of {y.shape[1]} are not one-hot; classes are words or "
            "numbers (N,), or one-hot rows"
        )
    note = f"{where} holds {y.shape[1]} numbers for each sample, no one-hot rows: regression"
    if zeros_and_ones:
        note += "; for several labels at a time use --loss BinaryCrossEntropy"
    return Targets(y.astype(np.float64), (), (note,) if y.dtype.kind in "biu" or zeros_and_ones else ())


def untrained(y_train: Array, classes: Sequence[str]) -> tuple[str, ...]:
    """A note on classes that have no sample to train on."""
    if not classes:
        return ()
    counts = np.bincount(y_train, minlength=len(classes))
    missing = [visible(name) for name, count in zip(classes, counts, strict=True) if not count]
    if not missing:
        return ()
    listing = ", ".join(missing if len(missing) <= 6 else [*missing[:5], "..."])
    return (f"no sample to train on is of class {listing}" if len(missing) == 1 else
            f"no sample to train on is of the classes {listing}",)  # fmt: skip


def _likely_classes(distinct: Array, counts: Array, integers: bool) -> bool:
    """Whether whole numbers are more likely classes than measurements or counts."""
    kinds, samples = len(distinct), int(counts.sum())
    if kinds <= FEW and samples >= 2 * kinds:
        return True
    in_order = bool(distinct[0] in (0, 1) and distinct[-1] - distinct[0] == kinds - 1)
    most, least = (MAX_CLASSES, 2) if integers else (MANY, 5)
    return in_order and kinds <= most and samples >= least * kinds and int(counts.min()) > 1


def _named(where: str, values: Array, distinct: Array, names: Sequence[str]) -> Targets:
    """Classes with names of their own: by their numbers 0, 1, 2, ..., or by names that are the numbers."""
    if len(names) > MAX_CLASSES:
        raise DataError(f"{where}: {len(names):,} classes are named; at most {MAX_CLASSES:,} can be told apart")
    if distinct[0] >= 0 and distinct[-1] < len(names):
        return Targets(values.astype(np.int64), tuple(names))
    numbers = [as_text(v) for v in distinct]
    if set(numbers) <= set(names):
        places = np.array([list(names).index(n) for n in numbers])
        return Targets(places[np.searchsorted(distinct, values)].astype(np.int64), tuple(names))
    wrong = distinct[0] if distinct[0] < 0 else distinct[-1]
    raise DataError(
        f"{where}: class number {as_text(wrong)} came, but {len(names)} classes are named, which are 0 to "
        f"{len(names) - 1}"
    )


def _check_words(where: str, words: Array, names: Sequence[str]) -> None:
    """Raises DataError where a word stands for a missing one and is no class that was named."""
    none = [w for w in np.unique(words).tolist() if w not in names and (not w.strip() or is_not_finite(w))]
    if none:
        places = np.flatnonzero(np.isin(words, none))
        first = quoted(str(words[places[0]]))
        raise DataError(
            f"{where} holds {first}, which names no class, in {len(places):,} places, first in row "
            f"{places[0]} (counted from 0); leave these samples out"
        )


def _check_count(where: str, classes: Sequence[str], what: str) -> None:
    if len(classes) > MAX_CLASSES:
        cure = "; if they are measured, use --task regression" if what == "numbers" else ""
        raise DataError(f"{where}: {len(classes):,} different {what}; at most {MAX_CLASSES:,} can be classes{cure}")
    if len(classes) < 2:
        raise DataError(f"{where}: all samples are of one class, {quoted(classes[0])}; at least two are needed")


def as_text(value: object) -> str:
    """The name of a class that is a number: whole ones without a point."""
    number = float(value)  # type: ignore[arg-type]
    return str(int(value)) if number == int(number) else repr(number)  # type: ignore[call-overload]
