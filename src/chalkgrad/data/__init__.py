"""Where samples come from: digits that ship with chalkgrad, MNIST, toy data, IDX files, tables of the user's."""

from __future__ import annotations

from ..pixels import Pixels
from .archive import read_npz
from .dataset import Dataset
from .digits import digits
from .idx import read_idx, write_idx
from .mnist import mnist
from .splits import split_indices
from .table import read_csv
from .toy import spiral, spiral_data, vertical, vertical_data

__all__ = [
    "Dataset",
    "Pixels",
    "digits",
    "mnist",
    "read_csv",
    "read_idx",
    "read_npz",
    "spiral",
    "spiral_data",
    "split_indices",
    "vertical",
    "vertical_data",
    "write_idx",
]
