"""The user's own data in .npz archives."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import numpy as np

from ..base.errors import DataError, DataWarning
from ..base.messages import warn
from ..base.text import visible
from ..files.npy import read_npy
from ..files.writing import check_unpacked, open_plain
from .dataset import Array, Dataset
from .images import UNSCALED, as_images, as_numbers, divisor
from .splits import for_testing
from .targets import of_array, read_task, untrained

NAMES = ("x", "y", "x_train", "y_train", "x_test", "y_test", "classes")
LARGE = 1000.0
"""A note is given of a table's inputs beyond this,"""
MANY = 64
"""and pixels from 0 to 255 where a row has so many."""


def read_npz_arrays(path: Path, only: Collection[str] | None = None) -> dict[str, Array]:
    """The arrays of an .npz archive by name; with `only`, others are left alone, and a `DataWarning` names them.

    Raises:
        DataError: where the file cannot be read.
    """
    import zipfile  # slow to import

    arrays: dict[str, Array] = {}
    try:
        with open_plain(path) as file, zipfile.ZipFile(file) as archive:
            names = {m.filename.removesuffix(".npy"): m for m in archive.infolist() if m.filename.endswith(".npy")}
            members = {name: m for name, m in names.items() if only is None or name in only}
            if left := [visible(name) for name in names if name not in members]:
                known = ", ".join(only or ())
                warn(f"{visible(str(path))}: {', '.join(left[:5])} not read; known are {known}", DataWarning)
            check_unpacked(path, os.fstat(file.fileno()).st_size, sum(m.file_size for m in members.values()))
            for name, member in members.items():
                with archive.open(member) as stream:
                    arrays[name] = read_npy(stream, f"{path}, {name}", member.file_size)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return arrays


def read_npz(path: str | Path, *, seed: int = 0, task: str | None = None, loss: str | None = None) -> Dataset:
    """An .npz archive with arrays x and y, or x_train, y_train, x_test, y_test (and class names `classes`).

    Targets are classes where they are words, one-hot rows, or few different whole numbers, (N,) or (N, 1); the classes
    are named by the words and numbers that occur, in order. Others are regression targets, (N, K), float64. Images may
    be (N, H, W), (N, C, H, W) or (N, H, W, C); pixels, whole numbers that go beyond 1, are divided by the largest
    number of their bits (255). Inputs are float32 where that holds all numbers of their dtype, else float64. The data
    set's `notes` say what was decided; a `DataWarning` says what is likely to go wrong.

    Args:
        path: the file.
        seed: the seed of the split.
        task: "classes" or "regression"; None to find out.
        loss: the name of the loss that the network will have; it decides the task where the targets leave it open.

    Raises:
        DataError: where the file cannot be read, an array is missing, or the arrays do not belong together.
    """
    path, task = Path(path), read_task(task)
    where = visible(str(path))
    arrays = read_npz_arrays(path, NAMES)
    names = tuple(str(c) for c in arrays["classes"].ravel()) if "classes" in arrays else ()
    parts = parts_of(where, arrays)
    x_name, y_name = parts[0]
    inputs = [check_inputs(where, x, arrays[x], arrays[y], y) for x, y in parts]
    images, notes = as_images(f"{where}: {x_name}", inputs)
    numbers, changes, dangers = as_numbers(f"{where}: {x_name}", images)
    for text in dangers:
        warn(text, DataWarning)
    targets = of_array(f"{where}: {y_name}", joined(where, [arrays[y] for _, y in parts]), task, loss, names)
    notes = [*notes, *changes, *large(numbers), *targets.notes]
    x, y, classes = numbers[0], targets.y, targets.classes
    if len(parts) == 1:
        train, test = for_testing(len(x), seed, y if classes else None, where)
        split = x[train], y[train], x[test], y[test]
    else:
        split = x, y[: len(x)], numbers[1], y[len(x) :]
    notes += untrained(split[1], classes)
    largest = divisor(images) if images[0].ndim > 2 else 0
    return Dataset(path.stem, *split, classes, str(path), notes=tuple(notes), largest=largest)


def large(parts: list[Array], columns: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Notes on a table whose numbers are large, or are pixels in rows: nothing scales them but the network."""
    if parts[0].ndim != 2:
        return ()
    reach = np.max([np.maximum(p.max(axis=0), -p.min(axis=0)) for p in parts], axis=0)
    column = int(reach.argmax())
    if reach[column] <= LARGE and not (len(reach) >= MANY and reach[column] > UNSCALED and all(map(_pixels, parts))):
        return ()
    name = visible(columns[column]) if columns else str(column + 1)
    return (
        f"column {name} reaches {reach[column]:g}; the networks softmax and mlp scale a table's columns (BatchNorm); "
        "one of your own should too",
    )


def _pixels(rows: Array) -> bool:
    """Whether all numbers are whole and not negative."""
    return bool(rows.min() >= 0) and (rows.dtype.kind in "biu" or bool((rows == np.floor(rows)).all()))


def parts_of(where: str, arrays: dict[str, Array]) -> list[tuple[str, str]]:
    """The names of the arrays of samples and targets: of all, or of those to train on and those to test on."""
    if "x" in arrays and "y" in arrays:
        return [("x", "y")]
    names = ("x_train", "y_train", "x_test", "y_test")
    if missing := [name for name in names if name not in arrays]:
        has = ", ".join(arrays) or "none of these"
        raise DataError(
            f"{where} needs the arrays x and y, or {', '.join(names)}; {missing[0]} is missing (it has {has})"
        )
    return [("x_train", "y_train"), ("x_test", "y_test")]


def check_inputs(where: str, name: str, array: Array, targets: Array, of_targets: str) -> Array:
    """The samples, if they are finite numbers and have as many targets.

    Raises:
        DataError: where they do not.
    """
    if array.dtype.kind not in "biuf":
        raise DataError(f"{where}: {name} must hold numbers, not {array.dtype}")
    if array.ndim < 2 or not array.size:
        raise DataError(f"{where}: {name} must be (N, ...) with at least one sample; it is {array.shape}")
    if not np.isfinite(array).all():
        places = np.argwhere(~np.isfinite(array))
        place = ", ".join(str(int(i)) for i in places[0])
        raise DataError(f"{where}: {name} holds NaN or infinity in {len(places):,} places, first at {name}[{place}]")
    count = len(targets) if targets.ndim else 0
    if len(array) != count:
        raise DataError(f"{where}: {len(array)} samples, but {count} targets ({name}, {of_targets})")
    if targets.dtype.kind not in "biufUS":
        raise DataError(f"{where}: {of_targets} must hold numbers or words, not {targets.dtype}")
    return array


def joined(where: str, parts: list[Array]) -> Array:
    """The targets of all parts, one after another, as (N,) or (N, K); bytes are read as text in UTF-8."""
    flat = [p[:, 0] if p.ndim == 2 and p.shape[1] == 1 else p for p in parts]
    flat = [np.char.decode(p, "utf-8", "replace") if p.dtype.kind == "S" else p for p in flat]
    if len({(p.shape[1:], p.dtype.kind == "U") for p in flat}) > 1:
        kinds = " and ".join(f"{p.shape} of {p.dtype}" for p in parts)
        raise DataError(f"{where}: the targets to train on and to test on are of different kinds: {kinds}")
    return np.concatenate(flat)
