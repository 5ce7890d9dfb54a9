"""Reading .npy arrays without pickle, and without allocating more than the bytes that are there."""

from __future__ import annotations

import io
import math
import warnings
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format

from ..base.errors import DataError

Array = np.ndarray[Any, Any]
LONGEST_HEADER = 10_000
MOST_AXES = 64
"""NumPy's own limit."""


def read_npy(stream: IO[bytes], where: str, size: int, shape: tuple[int, ...] | None = None) -> Array:
    """The array of an .npy file.

    Args:
        stream: the file, at its beginning.
        where: its name, for messages.
        size: how many bytes it has.
        shape: the shape that it must have, if that is known.

    Raises:
        DataError: where it is no .npy file, holds Python objects, has another shape, or where the header
            declares more or fewer bytes than there are.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # headers written by Python 2
            dimensions, fortran, dtype = _header(stream)
    except Exception as error:  # NumPy's parser of headers fails in many ways
        raise DataError(f"{where} is no .npy file: {str(error).splitlines()[0] if str(error) else 'cut off'}") from None
    if dtype.hasobject:
        raise DataError(f"{where} holds Python objects; only plain numbers and texts are read")
    if not dtype.itemsize or dtype.subdtype is not None or any(isinstance(d, bool) for d in dimensions):
        raise DataError(f"{where} has the type {dtype} and the shape {dimensions}, which hold no numbers")
    if shape is not None and dimensions != shape:
        raise DataError(f"{where} has shape {dimensions}, expected {shape}")
    length = math.prod(dimensions) * dtype.itemsize
    if any(d < 0 for d in dimensions) or length > size:
        raise DataError(f"{where}: the header declares {dimensions} values of {dtype}, more than the file holds")
    try:
        content = stream.read(length + 1)
    except Exception as error:  # a damaged zip member fails in many ways
        raise DataError(f"{where} is damaged: {error}") from None
    if len(content) != length:
        what = "cut off" if len(content) < length else "longer than its header says"
        raise DataError(f"{where} is {what}: {length:,} bytes are declared")
    try:
        flat = np.frombuffer(content, dtype=dtype)
        return flat.reshape(dimensions, order="F" if fortran else "C").copy()
    except ValueError as error:  # no values, but sizes beyond what NumPy can count
        raise DataError(f"{where} cannot have the shape {dimensions}: {error}") from None


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy_format.read_magic(stream)
    width = 2 if version == (1, 0) else 4
    length = stream.read(width)
    if int.from_bytes(length, "little") > LONGEST_HEADER:  # NumPy would make room for it first
        raise ValueError(f"its header is longer than {LONGEST_HEADER:,} bytes")
    header = io.BytesIO(length + stream.read(int.from_bytes(length, "little")))
    parse = npy_format.read_array_header_1_0 if width == 2 else npy_format.read_array_header_2_0
    shape, fortran, dtype = parse(header)
    if len(shape) > MOST_AXES:
        raise ValueError(f"it has {len(shape):,} axes; {MOST_AXES} are the most")
    return shape, fortran, dtype
