"""Images in folders, one folder a class: PNG and JPEG files, read by Pillow, which comes with matplotlib."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..base.errors import DataError
from ..base.text import visible
from ..files.writing import check_unpacked, open_plain
from .dataset import Array, Dataset
from .pixels import Pixels
from .splits import for_testing
from .targets import MAX_CLASSES, untrained

ENDINGS = (".png", ".jpg", ".jpeg")
FORMATS = ("PNG", "JPEG")
GREY = ("1", "L", "LA")
MODES = (*GREY, "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
"""Pillow's names of pixels of 8 bits a channel."""
OPACITY = ("LA", "PA", "RGBA")
TRAINING, TEST, ASIDE = ("train", "training"), ("test", "testing"), ("val", "valid", "validation")
LARGEST_SIDE = 4096
"""The largest height and width that images are resized to."""
SIZE = re.compile(r"([1-9][0-9]{0,3})(?:x([1-9][0-9]{0,3}))?\Z")


@dataclass(frozen=True, slots=True)
class Picture:
    """An image file, of which only the head was read.

    Attributes:
        path: the file.
        size: height and width.
        mode: Pillow's name for its pixels.
    """

    path: Path
    size: tuple[int, int]
    mode: str

    @property
    def name(self) -> str:
        """Its folder and its name, for messages."""
        return visible(f"{self.path.parent.name}/{self.path.name}")


def read_size(text: str) -> tuple[int, int]:
    """Height and width: "32", or "24x32".

    Raises:
        DataError: where the text says none.
    """
    found = SIZE.match(text)
    size = (0, 0) if found is None else (int(found[1]), int(found[2] or found[1]))
    if not all(0 < side <= LARGEST_SIDE for side in size):
        raise DataError(f"a size is a height and a width up to {LARGEST_SIDE}, 32 or 24x32, not {text[:40]!r}")
    return size


def read_folders(path: str | Path, *, size: tuple[int, int] | None = None, seed: int = 0) -> Dataset:
    """Images in folders, one folder a class, which gives the class its name.

    The folders stand in `path`, or in `train` and `test` (or `val`) inside it; without these a fifth of the images of
    each class is set aside for testing. Images are grey, (N, 1, H, W), where all are, else (N, 3, H, W); bytes are read
    as numbers between 0 and 1.

    Args:
        path: the folder.
        size: the height and width that all are resized to (bilinear); None where all are of one size.
        seed: the seed of the split.

    Raises:
        DataError: where there are no such folders, an image cannot be read or is of another size (it is named), or
            claims more pixels than its file can mean.
    """
    path = Path(path)
    where = visible(str(path))
    notes: list[str] = []
    training, test = _parts(path, notes)
    classes = tuple(folder.name for folder in _folders(training))
    if not 2 <= len(classes) <= MAX_CLASSES:
        raise DataError(
            f"{visible(str(training))} has {len(classes)} folders; one folder a class, 2 to {MAX_CLASSES:,} of them, "
            "is needed"
        )
    skipped: list[Path] = []
    parts: list[list[list[Path]]] = [[_files(training / name, skipped) for name in classes]]
    if test is not None:
        others = [folder.name for folder in _folders(test) if folder.name not in classes]
        if others:
            raise DataError(f"{visible(str(test / others[0]))} is of a class that {training.name} has no folder for")
        parts.append([_files(test / name, skipped) if (test / name).is_dir() else [] for name in classes])
    if skipped:
        first = visible(f"{skipped[0].parent.name}/{skipped[0].name}")
        notes.append(f"{len(skipped)} files that are no PNG or JPEG are left out, the first {first}")
    pictures = [[look(file) for files in part for file in files] for part in parts]
    labels = [np.repeat(np.arange(len(classes)), [len(files) for files in part]) for part in parts]
    every = [picture for part in pictures for picture in part]
    if any(not part for part in pictures):
        empty = training if not pictures[0] else test
        raise DataError(f"{visible(str(empty))}: there is no PNG or JPEG in its folders")
    if size is None:
        size = common_size(every)
    channels = 1 if all(p.mode in GREY for p in every) else 3
    if any(p.mode in OPACITY for p in every):
        notes.append("some images have an opacity, which is left out")
    images = [load(part, size, channels) for part in pictures]
    if test is None:
        rows, aside = for_testing(len(every), seed, labels[0], where)
        x, y = images[0], labels[0]
        split = Pixels(x[rows]), y[rows], Pixels(x[aside]), y[aside]
    else:
        split = Pixels(images[0]), labels[0], Pixels(images[1]), labels[1]
    notes += untrained(split[1], classes)
    return Dataset(path.resolve().name, *split, classes, str(path), notes=tuple(notes))


def _parts(path: Path, notes: list[str]) -> tuple[Path, Path | None]:
    """The folder of the images to train on, and that of those to test on, if they are apart."""
    by_name = {folder.name.lower(): folder for folder in _folders(path)}
    training, test, aside = (
        next((by_name[n] for n in names if n in by_name), None) for names in (TRAINING, TEST, ASIDE)
    )
    if training is None or not set(by_name) <= {*TRAINING, *TEST, *ASIDE}:
        return path, None
    if test is not None and aside is not None:
        notes.append(
            f"{visible(aside.name)} is left aside: the images to validate on are taken from {visible(training.name)}, "
            "as --validation says"
        )
    return training, test or aside


def _entries(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
    except (OSError, ValueError) as error:
        raise DataError(f"{visible(str(path))} cannot be read: {getattr(error, 'strerror', error)}") from None


def _folders(path: Path) -> list[Path]:
    """The folders in a folder, in order of their names."""
    return [path / entry.name for entry in _entries(path) if entry.is_dir()]


def _files(folder: Path, skipped: list[Path]) -> list[Path]:
    """The images in the folder of a class, in order of their names; what is none is added to `skipped`."""
    files: list[Path] = []
    for entry in _entries(folder):
        file = folder / entry.name
        if entry.is_dir():
            raise DataError(f"{visible(str(file))} is a folder in the folder of a class; the images lie there directly")
        (files if file.suffix.lower() in ENDINGS else skipped).append(file)
    return files


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise DataError("images are read by Pillow, which comes with matplotlib: pip install pillow") from None
    return Image


def look(path: Path) -> Picture:
    """An image's size and kind, from its head.

    Raises:
        DataError: where it cannot be read, or claims more pixels than its file can mean.
    """
    with _opened(path) as image:
        width, height = image.size
        return Picture(path, (height, width), str(image.mode))


class _opened:  # noqa: N801 - used as a function
    """An image, open; whatever Pillow raises becomes a DataError with the file's name."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Any:
        pillow = _pillow()
        self._quiet = warnings.catch_warnings()
        self._quiet.__enter__()
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", pillow.DecompressionBombWarning)
        try:
            self._file = open_plain(self._path)
            image = pillow.open(self._file, formats=FORMATS)
            packed = os.fstat(self._file.fileno()).st_size
            check_unpacked(self._path, packed, image.size[0] * image.size[1] * max(len(image.getbands()), 1))
            if image.mode not in MODES:
                raise DataError(
                    f"{visible(str(self._path))} has pixels of the kind {image.mode}; save it with 8 bits a channel"
                )
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return image

    def __exit__(self, kind: Any, error: BaseException | None, _: Any) -> None:
        self._quiet.__exit__(kind, error, _)
        if hasattr(self, "_file"):
            self._file.close()
        if error is None or isinstance(error, (DataError, MemoryError)) or not isinstance(error, Exception):
            return
        where = visible(str(self._path))
        if type(error).__name__.startswith("DecompressionBomb"):
            raise DataError(f"{where} claims far more pixels than an image has: it is not read") from None
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).splitlines()[0:1]
        text = reason if isinstance(reason, str) else "".join(reason)
        if type(error).__name__ == "UnidentifiedImageError":
            text = "it is no PNG or JPEG, whatever its name says"
        raise DataError(f"{where} cannot be read: {visible(text) or type(error).__name__}") from None


def common_size(pictures: Sequence[Picture]) -> tuple[int, int]:
    """The height and width of all of them.

    Raises:
        DataError: where one is of another size than the first.
    """
    first = pictures[0]
    for picture in pictures:
        if picture.size != first.size:
            one, other = (f"{h} x {w}" for h, w in (picture.size, first.size))
            raise DataError(
                f"{picture.name} is {one} (height x width), but {first.name} is {other}: give a size that all are "
                f"resized to, --size {first.size[0]}x{first.size[1]}, or resize them before"
            )
    return first.size


def load(pictures: Iterable[Picture], size: tuple[int, int], channels: int) -> Array:
    """The images as bytes (N, channels, *size).

    Raises:
        DataError: where one cannot be read.
    """
    pictures = list(pictures)
    images = np.empty((len(pictures), channels, *size), np.uint8)
    for place, picture in enumerate(pictures):
        with _opened(picture.path) as opened:
            image = opened.convert("L" if channels == 1 else "RGB")
            if image.size != (size[1], size[0]):
                image = image.resize((size[1], size[0]), _pillow().Resampling.BILINEAR)
            pixels = np.asarray(image)
        images[place] = pixels if channels == 1 else pixels.transpose(2, 0, 1)
    return images
