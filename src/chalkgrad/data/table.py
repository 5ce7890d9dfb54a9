"""Data of the user's own: CSV tables and .npz archives."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection
from pathlib import Path

import numpy as np

from ..errors import DataError, nearest
from ..files import check_unpacked
from ..npy import read_npy
from .dataset import Array, Dataset
from .splits import split_indices

TEST_SHARE = 0.2
MAX_CLASSES = 1000
NPZ_NAMES = ("x", "y", "x_train", "y_train", "x_test", "y_test", "classes")


def read_csv(path: str | Path, *, target: str | int | None = None, seed: int = 0) -> Dataset:
    """A table of numbers with one target column, as a `Dataset` with a fifth set aside for testing.

    The first line is a header if any of its cells is no number. Targets that are not numbers, or are all whole
    numbers from 0 on with at least two samples of one kind, are classes; else it is regression, y (N, 1).

    Args:
        path: the file, UTF-8, comma separated (semicolons and tabs are recognised).
        target: the target column's name, or its number counted from 1; the last one if not given.
        seed: where the split comes from.

    Raises:
        DataError: where the file cannot be read, a row is longer or shorter, or a cell is no finite number.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            sample = file.readline()
            file.seek(0)
            separator = max((",", ";", "\t"), key=sample.count)
            rows = [(n, r) for n, r in enumerate(csv.reader(file, delimiter=separator), start=1) if r]
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, csv.Error) as error:
        raise DataError(f"{path} is no CSV file: {error}") from None
    if not rows:
        raise DataError(f"{path} is empty")
    head = [c.strip() for c in rows[0][1]]
    if _is_header(head, rows[1][1] if len(rows) > 1 else []):
        rows = rows[1:]
    else:
        head = [str(i + 1) for i in range(len(head))]
    column = _target_column(path, None if target is None else str(target), head)
    if len(head) < 2:
        raise DataError(f"{path} has one column; it needs at least one input and one target")
    if not rows:
        raise DataError(f"{path} holds a header but no samples")
    x = np.empty((len(rows), len(head) - 1))
    targets: list[str] = []
    for place, (line, row) in enumerate(rows):
        if len(row) != len(head):
            raise DataError(f"{path}, line {line}: {len(row)} cells, where the first line has {len(head)}")
        targets.append(row[column].strip())
        for i, cell in enumerate(c for j, c in enumerate(row) if j != column):
            value = _number(cell)
            if value is None:
                name = [h for j, h in enumerate(head) if j != column][i]
                raise DataError(f"{path}, line {line}, column {name}: {cell!r} is no finite number")
            x[place, i] = value
    y, classes = _targets(path, head[column], [line for line, _ in rows], targets)
    with np.errstate(over="ignore"):
        x = x.astype(np.float32)
    if not np.isfinite(x).all():
        line = rows[int(np.argwhere(~np.isfinite(x))[0][0])][0]
        raise DataError(f"{path}, line {line}: a number is too large for float32")
    return _split(path.stem, x, y, classes, str(path), seed)


def read_npz_arrays(path: Path, wanted: Collection[str] | None = None) -> dict[str, Array]:
    """The arrays of an .npz archive by name; those of other names than the wanted ones are left alone.

    Raises:
        DataError: where the file cannot be read.
    """
    import zipfile  # slow to import

    arrays: dict[str, Array] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            names = {m.filename.removesuffix(".npy"): m for m in archive.infolist() if m.filename.endswith(".npy")}
            chosen = {name: m for name, m in names.items() if wanted is None or name in wanted}
            check_unpacked(path, path.stat().st_size, sum(m.file_size for m in chosen.values()))
            for name, member in chosen.items():
                with archive.open(member) as stream:
                    arrays[name] = read_npy(stream, f"{path}, {name}", member.file_size)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return arrays


def read_npz(path: str | Path, *, seed: int = 0) -> Dataset:
    """An .npz archive with arrays x and y, or x_train, y_train, x_test, y_test (and class names `classes`).

    Integer targets (N,) are classes; others are regression targets (N, K). Bytes as inputs are divided by 255.

    Raises:
        DataError: where the file cannot be read, an array is missing, or the arrays do not belong together.
    """
    path = Path(path)
    arrays = read_npz_arrays(path, NPZ_NAMES)
    for name, array in arrays.items():
        if name != "classes" and array.dtype.kind not in "biuf":
            raise DataError(f"{path}: {name} must hold numbers, not {array.dtype}")
    labels = tuple(str(c) for c in arrays["classes"].ravel()) if "classes" in arrays else ()
    if "x" in arrays and "y" in arrays:
        x, y = _inputs(path, "x", arrays["x"]), arrays["y"]
        _same_length(path, x, y)
        return _split(path.stem, x, *_npz_targets(y, labels), str(path), seed)
    wanted = ("x_train", "y_train", "x_test", "y_test")
    if missing := [name for name in wanted if name not in arrays]:
        has = ", ".join(arrays) or "none of these"
        raise DataError(
            f"{path} needs the arrays x and y, or {', '.join(wanted)}; {missing[0]} is missing (it has {has})"
        )
    x_train, x_test = (_inputs(path, n, arrays[n]) for n in ("x_train", "x_test"))
    _same_length(path, x_train, arrays["y_train"])
    _same_length(path, x_test, arrays["y_test"])
    both = np.concatenate([arrays["y_train"].ravel(), arrays["y_test"].ravel()])
    y_train, classes = _npz_targets(arrays["y_train"], labels, both)
    y_test, _ = _npz_targets(arrays["y_test"], labels, both)
    if x_test.shape[1:] != x_train.shape[1:] or y_test.shape[1:] != y_train.shape[1:] or y_test.dtype != y_train.dtype:
        raise DataError(
            f"{path}: the test samples {x_test.shape}, {y_test.shape} are of another kind than the training samples "
            f"{x_train.shape}, {y_train.shape}"
        )
    return Dataset(path.stem, x_train, y_train, x_test, y_test, classes, str(path))


def _same_length(path: Path, x: Array, y: Array) -> None:
    if len(x) != (len(y) if y.ndim else 0):
        raise DataError(f"{path}: {len(x)} samples, but {len(y) if y.ndim else 0} targets")


def _inputs(path: Path, name: str, array: Array) -> Array:
    if array.ndim < 2 or not len(array):
        raise DataError(f"{path}: {name} must be (N, ...) with at least one sample; it is {array.shape}")
    with np.errstate(over="ignore"):
        scaled = array.astype(np.float32)
    if array.dtype == np.uint8:
        scaled /= 255
    if not np.isfinite(scaled).all():
        raise DataError(f"{path}: {name} holds NaN or infinity (or numbers too large for float32)")
    return scaled[:, None] if scaled.ndim == 3 else scaled


def _npz_targets(y: Array, labels: tuple[str, ...], both: Array | None = None) -> tuple[Array, tuple[str, ...]]:
    if y.ndim == 1 and y.dtype.kind in "biu":
        values = y if both is None else both
        if values.size and values.min() < 0:
            raise DataError(f"class numbers begin at 0; {values.min()} came")
        count = max(int(values.max()) + 1 if values.size else 0, len(labels), 2)
        if count > MAX_CLASSES:
            raise DataError(f"class number {count - 1} came; at most {MAX_CLASSES} classes can be told apart")
        names = labels if len(labels) == count else tuple(map(str, range(count)))
        return y.astype(np.int64), names
    with np.errstate(over="ignore"):
        y = y.astype(np.float32)
    if not np.isfinite(y).all():
        raise DataError("the targets hold NaN or infinity (or numbers too large for float32)")
    return (y[:, None] if y.ndim == 1 else y), ()


def _split(name: str, x: Array, y: Array, classes: tuple[str, ...], source: str, seed: int) -> Dataset:
    if len(x) < 5:
        raise DataError(f"{source}: {len(x)} samples are too few to set a fifth aside for testing; 5 are needed")
    stay, aside = split_indices(len(x), TEST_SHARE, seed, y if classes else None)
    return Dataset(name, x[stay], y[stay], x[aside], y[aside], classes, source)


def _target_column(path: Path, target: str | None, head: list[str]) -> int:
    if target is None:
        return len(head) - 1
    if target in head:
        return head.index(target)
    if target.isdecimal() and len(target) < 9 and 1 <= int(target) <= len(head):
        return int(target) - 1
    raise DataError(f"{path} has no column {target!r}; {nearest(target, head)}")


def _is_header(first: list[str], second: list[str]) -> bool:
    """Whether the first line holds titles: a cell that is no number stands above one that is."""
    if len(first) != len(second):
        return any(_number(c) is None for c in first)
    return any(_number(a) is None and _number(b) is not None for a, b in zip(first, second, strict=True))


def _targets(path: Path, title: str, lines: list[int], texts: list[str]) -> tuple[Array, tuple[str, ...]]:
    values = [_number(t) for t in texts]
    numbers = [v for v in values if v is not None]
    for line, text, value in zip(lines, texts, values, strict=True):
        if value is None and (not text or _is_not_finite(text) or len(numbers) > len(values) // 2):
            raise DataError(f"{path}, line {line}, column {title}: the target {text!r} is no finite number")
    if len(numbers) < len(values):
        names = sorted(set(texts))
        if len(names) > MAX_CLASSES:
            raise DataError(
                f"the target column holds {len(names)} different words; at most {MAX_CLASSES} can be classes"
            )
        place = {name: i for i, name in enumerate(names)}
        if len(names) < 2:
            raise DataError(f"{path}: the target column {title} holds one class only, {names[0]!r}")
        return np.array([place[t] for t in texts], dtype=np.int64), tuple(names)
    whole = all(v == int(v) and 0 <= v < MAX_CLASSES for v in numbers)
    if whole and len(set(numbers)) < len(numbers):
        y = np.array(numbers, dtype=np.int64)
        return y, tuple(map(str, range(max(int(y.max()) + 1, 2))))
    with np.errstate(over="ignore"):
        y = np.array(numbers).astype(np.float32)[:, None]
    if not np.isfinite(y).all():
        raise DataError(f"{path}, column {title}: a target is too large for float32")
    return y, ()


def _is_not_finite(text: str) -> bool:
    return text.lower().lstrip("+-") in ("nan", "inf", "infinity")


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
