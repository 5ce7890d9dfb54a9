"""Data sets: digits and names that ship with chalkgrad, MNIST, toy data, IDX files, the user's own tables and texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .dataset import Dataset
from .digits import digits
from .idx import read_idx, write_idx
from .mnist import mnist
from .names import names
from .pixels import Pixels
from .splits import split_indices
from .texts import read_text
from .toy import spiral, spiral_data, vertical, vertical_data

if TYPE_CHECKING:
    from .archive import read_npz
    from .folders import read_folders
    from .sequences import read_sequences
    from .table import read_csv

__all__ = [
    "Dataset",
    "Pixels",
    "digits",
    "mnist",
    "names",
    "read_csv",
    "read_folders",
    "read_idx",
    "read_npz",
    "read_sequences",
    "read_text",
    "spiral",
    "spiral_data",
    "split_indices",
    "vertical",
    "vertical_data",
    "write_idx",
]


def __dir__() -> list[str]:
    return list(__all__)


def __getattr__(name: str) -> Any:  # readers of files wait until they are used
    if name == "read_csv":
        from .table import read_csv as reader
    elif name == "read_folders":
        from .folders import read_folders as reader
    elif name == "read_npz":
        from .archive import read_npz as reader
    elif name == "read_sequences":
        from .sequences import read_sequences as reader
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return reader
