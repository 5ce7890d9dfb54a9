"""IDX files (the format of MNIST): reading and writing, gzipped or not.

An IDX file is two zero bytes, a byte for the type, a byte for the number of dimensions, the dimensions as
32-bit big-endian numbers, and the values row by row, big-endian. Nothing is allocated on the word of a header:
the sizes it declares are first compared with the bytes that are there.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..base.checks import as_array
from ..base.errors import DataError
from ..files.writing import check_unpacked, open_plain, replace_file

Array = np.ndarray[Any, Any]

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MAX_DIMENSIONS = 8
GZIP_MAGIC = b"\x1f\x8b"
CHUNK = 1 << 20


def read_idx(path: str | Path, dimensions: int | None = None) -> Array:
    """The array in an IDX file.

    Args:
        path: the file; gzipped files are recognised by their content.
        dimensions: the number of dimensions that it must have (3 for images, 1 for labels).

    Raises:
        DataError: where it is missing, cannot be read, is no IDX file, has other dimensions, or where the
            header declares more or fewer bytes than there are.
    """
    path = Path(path)
    try:
        with open_plain(path) as raw:
            size = os.fstat(raw.fileno()).st_size
            is_gzip = raw.read(2) == GZIP_MAGIC
            raw.seek(0)
            if not is_gzip:
                return _read(raw, path, size, dimensions)
            with gzip.GzipFile(fileobj=raw) as content:
                stream: Any = content
                return _read(stream, path, size, dimensions, gzipped=True)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: the gzip data is damaged or cut off ({error})") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None


def _read(stream: BinaryIO, path: Path, size: int, dimensions: int | None, *, gzipped: bool = False) -> Array:
    """The array of an open file of `size` bytes; `gzipped` says whether its bytes are compressed."""
    head = stream.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in TYPES:
        raise DataError(f"{path} is no IDX file: it begins with {head.hex(' ') or 'nothing'}")
    rank = head[3]
    if not 1 <= rank <= MAX_DIMENSIONS:
        raise DataError(f"{path}: {rank} dimensions are declared; 1 to {MAX_DIMENSIONS} can be read")
    if dimensions is not None and rank != dimensions:
        rule = {1: "labels have 1", 3: "images have 3"}.get(dimensions, f"expected {dimensions}")
        raise DataError(f"{path} has {rank} dimension{'s' * (rank > 1)}, but {rule}; is it the right file?")
    sizes = stream.read(4 * rank)
    if len(sizes) < 4 * rank:
        raise DataError(f"{path} is cut off inside its header")
    shape = struct.unpack(f">{rank}I", sizes)
    dtype = np.dtype(TYPES[head[2]])
    length = math.prod(shape) * dtype.itemsize
    header = f"{path}: the header declares {' x '.join(map(str, shape))} values ({length:,} bytes)"
    if gzipped:
        check_unpacked(path, size, length)
    elif length + 4 + 4 * rank > size:
        raise DataError(f"{header}, more than the file can hold")
    content = bytearray()  # it grows with what is there
    while len(content) < length:
        part = stream.read(min(length - len(content), CHUNK))
        if not part:
            raise DataError(f"{header}, but only {len(content):,} bytes are there: the file is cut off")
        content += part
    if stream.read(1):
        raise DataError(f"{header}, but more bytes than that are there")
    flat = np.frombuffer(content, dtype=dtype)
    try:
        return flat.reshape(shape).astype(dtype.newbyteorder("="), copy=False)
    except ValueError:  # no values, but sizes beyond what NumPy can count
        raise DataError(f"{header}, which no array can have") from None


def write_idx(path: str | Path, array: Any) -> None:
    """Writes an array as an IDX file, gzipped where the name ends in .gz; an interrupted write leaves no file.

    Args:
        path: the file.
        array: uint8, int8, int16, int32, float32 or float64, with 1 to 8 dimensions.

    Raises:
        DataError: where the array cannot be written as IDX, or the file cannot be written.
    """
    array = as_array("what is to be written", array)
    codes = {np.dtype(t).newbyteorder("="): code for code, t in TYPES.items()}
    code = codes.get(array.dtype.newbyteorder("="))
    if code is None:
        raise DataError(f"IDX holds {', '.join(str(d) for d in codes)}; not {array.dtype}")
    if not 1 <= array.ndim <= MAX_DIMENSIONS or any(s >= 2**32 for s in array.shape):
        raise DataError(f"IDX holds 1 to {MAX_DIMENSIONS} dimensions of less than 2**32; not {array.shape}")
    body = bytes((0, 0, code, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    body += array.astype(array.dtype.newbyteorder(">")).tobytes()
    path = Path(path)
    if path.suffix == ".gz":
        body = gzip.compress(body, mtime=0)
    try:
        replace_file(path, body)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from None
