"""Sequences of the user's own in .npz archives: values (N, T, I) or ids (N, T)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ..base.errors import DataError, DataWarning
from ..base.messages import warn
from ..base.text import visible
from .archive import NAMES, check_inputs, joined, parts_of, read_npz_arrays
from .dataset import IGNORED, Array, Dataset
from .images import UNSCALED
from .splits import for_testing
from .targets import Targets, of_array, read_task, untrained

IDS = {"ids": "x", "ids_train": "x_train", "ids_test": "x_test"}
"""Other names of the arrays of samples."""
MASKS = ("mask", "mask_train", "mask_test")
"""Arrays that say which steps count."""
MOST_IDS = 1_000_000


def read_sequences(path: str | Path, *, seed: int = 0, task: str | None = None, loss: str | None = None) -> Dataset:
    """An .npz archive with arrays x and y, or x_train, y_train, x_test, y_test (and class names `classes`).

    x is values (N, T, I), or whole numbers (N, T), which are ids from 0 on; it may be called ids. y is a target for
    each sequence or for each of its steps: classes (N,) or (N, T), numbers (N,), (N, K), (N, T) or (N, T, K), one-hot
    rows. (N, T) is read as a target for each step; the class number -1 is a step that does not count, and so is a 0 in
    an array mask (N, T), or mask_train and mask_test.

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
    arrays = read_npz_arrays(path, (*NAMES, *IDS, *MASKS))
    masks = {name: arrays.pop(name) for name in MASKS if name in arrays}
    for other, name in IDS.items():
        if other in arrays:
            arrays.setdefault(name, arrays.pop(other))
    names = tuple(str(c) for c in arrays["classes"].ravel()) if "classes" in arrays else ()
    parts = parts_of(where, arrays)
    x_name, y_name = parts[0]
    inputs = [check_inputs(where, x, arrays[x], arrays[y], y) for x, y in parts]
    if len({x.shape[1:] for x in inputs}) > 1:
        shapes = " and ".join(str(x.shape[1:]) for x in inputs)
        raise DataError(f"{where}: the sequences to train on and to test on have the shapes {shapes}")
    inputs, ids = _ids(f"{where}: {x_name}", inputs)
    goals = joined(where, [arrays[y] for _, y in parts])
    padding = _padding(
        where, masks, [(x.replace("x", "mask", 1), a.shape[:2]) for (x, _), a in zip(parts, inputs, strict=True)]
    )
    if padding is not None and goals.shape == padding.shape and goals.dtype.kind in "iu" and task != "regression":
        goals = np.where(padding, IGNORED, goals.astype(np.int64))
    targets = _targets(f"{where}: {y_name}", goals, inputs[0].shape[1], task, loss, names)
    y, classes = targets.y, targets.classes
    if padding is not None:
        if not classes or y.shape != padding.shape:
            raise DataError(
                f"{where}: a mask goes with a class for every step, {padding.shape}; in Python layers take one, "
                'Attention(mask="keep") and GlobalAvgPool1D(mask="keep"), and fit takes sample_weight'
            )
        y = np.where(padding, IGNORED, y)
    if len(parts) == 1:
        train, test = for_testing(len(y), seed, y if classes and y.ndim == 1 else None, where)
        split = inputs[0][train], y[train], inputs[0][test], y[test]
    else:
        split = inputs[0], y[: len(inputs[0])], inputs[1], y[len(inputs[0]) :]
    trained = split[1][split[1] != IGNORED] if classes else split[1]
    notes = (*targets.notes, *untrained(trained, classes))
    return Dataset(path.stem, *split, classes, str(path), notes=notes, ids=ids)


def _padding(where: str, masks: dict[str, Array], wanted: list[tuple[str, tuple[int, ...]]]) -> Array | None:
    """Which steps do not count, (N, T), of all parts together; None where there are no masks.

    Args:
        where: what the file is called.
        masks: the masks by name, 1 for a step that counts and 0 for padding.
        wanted: the name and the shape of each part's.
    """
    if not masks:
        return None
    names = [name for name, _ in wanted]
    if set(masks) != set(names):
        raise DataError(f"{where} needs {' and '.join(names)} for its masks; it has {', '.join(masks)}")
    for name, shape in wanted:
        mask = masks[name]
        if mask.shape != shape or mask.dtype.kind not in "biuf":
            raise DataError(
                f"{where}: {name} must be a number for every step, {shape}; it is {mask.dtype} {mask.shape}"
            )
        wrong = np.argwhere((mask != 0) & (mask != 1))
        if len(wrong):
            n, t = map(int, wrong[0])
            raise DataError(f"{where}: {name}[{n}, {t}] is {mask[n, t]:g}; 1 is a step that counts, 0 padding")
        empty = np.flatnonzero((mask == 0).all(axis=1))
        if len(empty):
            raise DataError(f"{where}: {name}[{empty[0]}] is 0 everywhere, so no step counts; leave the sequence out")
    return np.concatenate([masks[name] == 0 for name in names])


def _ids(where: str, parts: list[Array]) -> tuple[list[Array], int]:
    """Samples as ids and how many ids there are, or as values and 0."""
    first = parts[0]
    if first.ndim == 2 and all(p.dtype.kind in "iu" for p in parts):
        for part in parts:
            if part.min() < 0:
                place = ", ".join(str(int(i)) for i in np.argwhere(part < 0)[0])
                raise DataError(f"{where} holds ids, which are 0 or more, but {part.min()} came at [{place}]")
        largest = max(int(p.max()) for p in parts)
        if largest >= MOST_IDS:
            raise DataError(
                f"{where} holds the id {largest:,}; each id below it takes a row of weights, so number those that "
                "occur: ids = np.unique(ids, return_inverse=True)[1].reshape(ids.shape)"
            )
        return [p.astype(np.int64) for p in parts], largest + 1
    if first.ndim != 3:
        cure = "; use x[:, :, None] for one value a step" if first.ndim == 2 else ""
        raise DataError(
            f"{where} must be sequences of values, (N, T, I), or ids, whole numbers (N, T); it is {first.dtype} "
            f"{first.shape}{cure}"
        )
    reach = max(float(np.abs(p).max()) for p in parts)
    if reach > UNSCALED:
        warn(f"{where} reaches {reach:g}; divide it by {reach:g} before, or training is likely to fail", DataWarning)
    return [p.astype(np.float32 if np.can_cast(p.dtype, np.float32) else np.float64) for p in parts], 0


def _targets(where: str, y: Array, steps: int, task: str | None, loss: str | None, names: tuple[str, ...]) -> Targets:
    """The targets of sequences, or of all their steps."""
    if y.ndim == 3 and y.shape[1] != steps:
        raise DataError(f"{where} has targets for {y.shape[1]} steps, {y.shape}, but the sequences have {steps}")
    if y.ndim < 2 or y.shape[1] != steps or (y.ndim == 2 and steps == 1):
        return of_array(where, y, task, loss, names)
    flat = y.reshape(-1, *y.shape[2:])
    counting = np.ones(len(flat), dtype=bool)
    if flat.ndim == 1 and flat.dtype.kind in "iu" and flat.min() == IGNORED and task != "regression":
        counting = flat != IGNORED
        task = "classes"
        if not counting.any():
            raise DataError(f"{where}: every step is {IGNORED}, which does not count")
    found = of_array(where, flat[counting], task, loss, names)
    whole = np.full((len(flat), *found.y.shape[1:]), IGNORED, dtype=found.y.dtype)
    whole[counting] = found.y
    return replace(found, y=whole.reshape(len(y), steps, *found.y.shape[1:]))
