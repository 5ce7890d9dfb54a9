"""MNIST: 60,000 and 10,000 handwritten digits of 28 x 28 (LeCun, Cortes and Burges), from four IDX files.

They are looked for in the directory that the user names, else in the user's cache; if they are nowhere, they
are downloaded once into the cache, each checked against its size and SHA-256. Files that the user puts into
a directory are read without a checksum.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from ..base.errors import DataError
from ..files.writing import replace_file
from .dataset import Dataset, check_labels
from .idx import Array, read_idx
from .pixels import Pixels

FILES: dict[str, tuple[int, str]] = {
    "train-images-idx3-ubyte": (9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
    "train-labels-idx1-ubyte": (28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
    "t10k-images-idx3-ubyte": (1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
    "t10k-labels-idx1-ubyte": (4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
}
"""Size in bytes and SHA-256 of the four gzipped files."""

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)
TIMEOUT = 20.0


def spellings(name: str) -> tuple[str, ...]:
    """The names that a file may have: with - or . before idx, gzipped or not."""
    dotted = name.replace("-idx", ".idx")
    return name, dotted, f"{name}.gz", f"{dotted}.gz"


def find(directory: Path) -> dict[str, Path]:
    """Those of the four files that lie in `directory`, by their names."""
    files: dict[str, Path] = {}
    for name in FILES:
        for spelling in spellings(name):
            try:
                exists = (directory / spelling).is_file()
            except (OSError, ValueError) as error:
                raise DataError(f"{directory} cannot be read: {error}") from None
            if exists:
                files[name] = directory / spelling
                break
    return files


def cache_directory() -> Path:
    """The directory of downloaded files."""
    from platformdirs import user_cache_path

    return user_cache_path("chalkgrad") / "mnist"


def mnist(directory: str | Path | None = None, *, download: bool = True, as_bytes: bool = False) -> Dataset:
    """MNIST as a `Dataset`: x (N, 1, 28, 28), float32 between 0 and 1, and class numbers (N,).

    Args:
        directory: the directory with the four files, gzipped or not. Without it: `data`, then the user's cache, then a
            download into the cache.
        download: whether it may be downloaded.
        as_bytes: keeps x as `Pixels`, in a quarter of the memory.

    Raises:
        DataError: where a file is missing or damaged, or the files do not belong together.
    """
    files = _locate(None if directory is None else Path(directory), download)
    arrays = {name: read_idx(path, 3 if "images" in name else 1) for name, path in files.items()}
    y_train, y_test = _labels(arrays, files, "train"), _labels(arrays, files, "t10k")
    x_train, x_test = (Pixels(arrays[f"{part}-images-idx3-ubyte"][:, None]) for part in ("train", "t10k"))
    if x_train.shape[1:] != x_test.shape[1:]:
        raise DataError(f"training images are {x_train.shape[1:]}, but test images {x_test.shape[1:]}")
    x = (x_train, x_test) if as_bytes else (np.asarray(x_train), np.asarray(x_test))
    return Dataset("mnist", x[0], y_train, x[1], y_test, tuple("0123456789"), "MNIST (LeCun, Cortes and Burges)")


def _labels(arrays: dict[str, Array], files: dict[str, Path], part: str) -> Array:
    """A part's class numbers, checked to belong to its images."""
    images, labels = arrays[f"{part}-images-idx3-ubyte"], arrays[f"{part}-labels-idx1-ubyte"]
    where = str(files[f"{part}-labels-idx1-ubyte"])
    if images.dtype != np.uint8 or labels.dtype != np.uint8:
        raise DataError(f"{where}: images and labels must be bytes, not {images.dtype} and {labels.dtype}")
    check_labels(labels, len(images), 10, where)
    return labels.astype(np.int64)


def _locate(directory: Path | None, download: bool) -> dict[str, Path]:
    if directory is not None:
        files = find(directory)
        if not files and not directory.is_dir():
            raise DataError(f"there is no directory {directory}; it should hold {_listing()}")
        if missing := [name for name in FILES if name not in files]:
            raise DataError(f"{directory} lacks {', '.join(missing)}; it should hold {_listing()}")
        return files
    for place in (Path("data"), cache_directory()):
        files = find(place)
        if len(files) == len(FILES):
            return files
    if not download:
        raise DataError(f"MNIST is not there: put {_listing()} into the directory data")
    return _download(cache_directory())


def _listing() -> str:
    return "the four files " + ", ".join(f"{name}[.gz]" for name in FILES)


def _download(cache: Path) -> dict[str, Path]:
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"MNIST cannot be kept in {cache}: {error.strerror or error}") from None
    return {name: _download_one(cache, f"{name}.gz", *FILES[name]) for name in FILES}


def _download_one(cache: Path, file: str, size: int, sha256: str) -> Path:
    """One file from the first mirror that has it whole. Raises DataError where none does."""
    import urllib.error  # slow to import, and rarely needed
    import urllib.request

    target = cache / file
    if target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == sha256:
        return target
    reasons: list[str] = []
    for mirror in MIRRORS:
        host = mirror.split("/")[2]
        try:
            with urllib.request.urlopen(mirror + file, timeout=TIMEOUT) as answer:
                content = answer.read(size + 1)
        except (urllib.error.URLError, OSError, ValueError) as error:
            reasons.append(f"{host}: {getattr(error, 'reason', None) or error}")
            continue
        if len(content) != size or hashlib.sha256(content).hexdigest() != sha256:
            reasons.append(f"{host}: what came is not the file (its size or SHA-256 differs)")
            continue
        try:
            replace_file(target, content)
        except OSError as error:
            raise DataError(f"{target} cannot be written: {error.strerror or error}") from None
        return target
    raise DataError(
        f"MNIST could not be downloaded ({'; '.join(reasons)}). Put {_listing()} into a directory and name it "
        "with --data (in Python: cg.data.mnist(directory)); without --data the directory data is looked into"
    )
