"""Samples without targets, for a prediction: read as those that a network was trained on were read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..base.errors import DataError
from ..base.text import visible
from .archive import read_npz_arrays
from .cells import DECIMAL_COMMA, number, quoted
from .dataset import Array
from .folders import ENDINGS, common_size, load, look
from .idx import read_idx
from .images import as_images, divided, divisor
from .layout import SEPARATORS, cells, check_width, opened
from .pixels import Pixels

TABLES = (".csv", ".tsv", ".txt")
IDX = ("-ubyte", ".idx", ".gz")


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """Samples without targets.

    Attributes:
        x: the samples (N, ...).
        names: a name for each, such as its file's; empty where they are counted.
        notes: the choices made while reading, a sentence each.
    """

    x: Array | Pixels
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_unlabelled(
    path: Path, *, shape: tuple[int, ...], columns: Sequence[str], largest: int | None, size: tuple[int, int] | None
) -> Unlabelled:
    """Samples of a table, an archive, an IDX file, an image, or a folder of images (or of folders of them).

    Args:
        path: the file or folder.
        shape: the shape of a sample.
        columns: the names of the input columns that the network was trained on; "1", "2", ... where they had none.
        largest: what images of whole numbers in an archive were divided by; 0 for nothing, None where it is not known.
        size: the height and width that images in files are resized to, if they were.

    Raises:
        DataError: where they cannot be read, or are not of the kind that the network takes.
    """
    ending = path.suffix.lower()
    if path.is_dir():
        found = _of_images(path, _images_in(path), shape, size)
    elif ending in ENDINGS:
        found = _of_images(path, [path], shape, size)
    elif ending in TABLES:
        found = _of_table(path, columns, shape)
    elif ending == ".npz":
        found = _of_archive(path, shape, largest)
    elif path.name.lower().endswith(IDX):
        found = _of_idx(path)
    else:
        raise DataError(
            f"{visible(str(path))} is no data to predict: a .csv, .tsv, .txt, .npz, .png or .jpg file, an IDX file, or "
            "a folder of images"
        )
    if found.x.shape[1:] != shape:
        raise DataError(
            f"{visible(str(path))} holds samples of shape {found.x.shape[1:]}, but the network takes {shape}"
        )
    if not len(found.x):
        raise DataError(f"{visible(str(path))} holds no samples")
    if isinstance(found.x, np.ndarray) and not np.isfinite(found.x).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(found.x))[0])
        raise DataError(f"{visible(str(path))} holds NaN or infinity, first in sample {place[0]} (counted from 0)")
    return found


def _images_in(path: Path) -> list[Path]:
    """The images in a folder and in the folders in it, in order of their names."""
    files = [f for f in sorted(path.glob("*")) + sorted(path.glob("*/*")) if f.suffix.lower() in ENDINGS]
    files = [f for f in files if f.is_file() and not any(part.startswith(".") for part in f.relative_to(path).parts)]
    if not files:
        raise DataError(f"{visible(str(path))} holds no PNG or JPEG, nor do the folders in it")
    return files


def _of_images(path: Path, files: Sequence[Path], shape: tuple[int, ...], size: tuple[int, int] | None) -> Unlabelled:
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise DataError(f"{visible(str(path))} holds images, but the network takes samples of shape {shape}")
    pictures = [look(file) for file in files]
    names = tuple(str(f.relative_to(path)) if f != path else f.name for f in files)
    notes: list[str] = []
    if size is None:
        size = common_size(pictures)
    elif any(p.size != size for p in pictures):
        notes.append(f"the images are resized to {size[0]} x {size[1]}, as those that the network was trained on")
    if shape[0] == 1 and any(p.mode not in ("1", "L") for p in pictures):
        notes.append("images in colour are turned to grey")
    return Unlabelled(Pixels(load(pictures, size, shape[0])), names, tuple(notes))


def _of_archive(path: Path, shape: tuple[int, ...], largest: int | None) -> Unlabelled:
    arrays = read_npz_arrays(path)
    name = next((n for n in ("x", "x_test") if n in arrays), next(iter(arrays)) if len(arrays) == 1 else None)
    where = visible(str(path))
    if name is None:
        raise DataError(f"{where} needs an array x (it has {', '.join(map(visible, arrays)) or 'none'})")
    array = arrays[name]
    if array.dtype.kind not in "biuf":
        raise DataError(f"{where}: {name} must hold numbers, not {array.dtype}")
    if array.shape == shape:
        array = array[None]
    if array.ndim < 2:
        raise DataError(f"{where}: {name} must be (N, ...); it is {array.shape}")
    if not array.size:
        raise DataError(f"{where}: {name} holds no samples, {array.shape}")
    (images,), notes = as_images(f"{where}: {name}", [array]) if len(shape) > 1 else ([array], [])
    if len(shape) > 2:
        if largest is None and (largest := divisor([images])):
            notes.append(f"{name} is divided by {largest}, which its numbers look like; the run does not say by what")
        if largest:
            images = _divided(f"{where}: {name}", images, largest, notes)
    return Unlabelled(images if images.dtype.kind in "iu" and len(shape) == 1 else _real(images), (), tuple(notes))


def _divided(where: str, images: Array, largest: int, notes: list[str]) -> Array:
    """Images as those that were divided by `largest`: whole numbers are divided, numbers up to 1 are already."""
    highest = float(images.max())
    if images.dtype.kind in "biu" or (highest > 1 and divisor([images])):
        return divided(images, largest)
    if highest > 1 or float(images.min()) < 0:
        raise DataError(
            f"{where} goes from {float(images.min()):g} to {highest:g} with fractions, but the network was trained on "
            f"whole numbers divided by {largest}: give whole numbers, or numbers between 0 and 1"
        )
    notes.append(f"{where} lies between 0 and 1 and is taken as it is: the network was trained on pixels / {largest}")
    return images


def _real(array: Array) -> Array:
    return array.astype(np.float32 if np.can_cast(array.dtype, np.float32) else np.float64)


def _of_idx(path: Path) -> Unlabelled:
    images = read_idx(path)
    if images.ndim != 3 or images.dtype != np.uint8:
        raise DataError(f"{visible(str(path))} holds no images, bytes (N, H, W), but {images.dtype} {images.shape}")
    return Unlabelled(Pixels(images[:, None]))


def _of_table(path: Path, columns: Sequence[str], shape: tuple[int, ...]) -> Unlabelled:
    where = visible(str(path))
    if len(shape) != 1:
        raise DataError(f"{where} is a table, but the network takes samples of shape {shape}")
    names = list(columns) or [str(k + 1) for k in range(shape[0])]
    with opened(path) as file:
        lines = [(place, text) for place, text in enumerate(file, start=1) if text.strip()]
    if not lines:
        raise DataError(f"{where} is empty")
    separator = max(SEPARATORS, key=lambda s: (len(set(names) & set(cells(lines[0][1], s))), lines[0][1].count(s)))
    first = cells(lines[0][1], separator)
    titled = all(name in first for name in names)
    numbered = names == [str(k + 1) for k in range(len(names))] or all(name.isdecimal() for name in names)
    if titled and not numbered:
        places, lines = [first.index(name) for name in names], lines[1:]
    elif numbered:
        places = [int(name) - 1 for name in names]
        if len(first) == len(names):
            places = list(range(len(names)))
        elif len(first) <= max(places):
            raise DataError(f"{where} has {len(first)} columns; the network takes {len(names)}")
    else:
        missing = [name for name in names if name not in first]
        raise DataError(
            f"{where}: the first line must hold the names of the columns that the network was trained on; "
            f"{quoted(missing[0])} is missing"
        )
    others = [i for i in range(len(first)) if i not in places]
    notes = ()
    if others:
        title = visible(first[others[0]]) if titled and not numbered else str(others[0] + 1)
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        notes = (f"the network does not take the column {title}{more}",)
    commas = separator != "," and any(
        DECIMAL_COMMA.fullmatch(cell) for _, text in lines[:20] for cell in cells(text, separator)
    )
    rows: list[list[float]] = []
    for line, text in lines:
        row = cells(text, separator)
        check_width(where, line, row, len(first), separator)
        rows.append([_number(where, line, row[i], names[k], commas) for k, i in enumerate(places)])
    return Unlabelled(np.array(rows, dtype=np.float64).reshape(len(rows), len(names)), (), notes)


def _number(where: str, line: int, cell: str, name: str, commas: bool) -> float:
    value = number(cell, "," if commas else ".")
    if value is None:
        raise DataError(f"{where}, line {line}, column {visible(name)}: {quoted(cell)} is no number")
    return value


def sample_names(found: Unlabelled) -> Any:
    """The samples' names; else their numbers, counted from 1."""
    return found.names or range(1, len(found.x) + 1)
