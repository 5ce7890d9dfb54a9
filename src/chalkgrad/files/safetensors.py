"""Arrays in .safetensors files: eight bytes of length, a JSON table of names, and the numbers one after the other.

The format is that of https://github.com/huggingface/safetensors; nothing in it is run. As its authors have it, the
arrays lie without gaps and do not overlap, so that nothing can hide between them and no byte is read twice.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from ..base.checks import as_table, said
from ..base.errors import DataError
from ..base.half import as_half
from .writing import read_bounded, reason, write_named

Array = np.ndarray[Any, Any]
MOST = 2**31
"""A larger file is not read."""
MOST_HEADER = 100_000_000
"""Bytes: the format's own limit for its table of names."""
MOST_AXES = 32
METADATA = "__metadata__"
"""The name of the table of texts beside the arrays."""
KINDS = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U64": "<u8",
    "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
"""NumPy's kinds by the format's words; bfloat16, which NumPy lacks, is the upper half of a float32."""
WORDS = {np.dtype(kind): word for word, kind in KINDS.items()}


def read_safetensors(path: str | Path) -> dict[str, Array]:
    """The arrays of a file by name; bfloat16 as `base.half.Half`.

    Raises:
        DataError: where the file cannot be read or is damaged; it says what is wrong with it.
    """
    return read_with_metadata(path)[0]


def read_with_metadata(path: str | Path) -> tuple[dict[str, Array], dict[str, str]]:
    """The arrays of a file by name, and the texts that stand beside them.

    Raises:
        DataError: where the file cannot be read or is damaged; it says what is wrong with it.
    """
    path = Path(path)
    content = read_bounded(path, MOST, DataError)
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > len(content) - 8:
        raise DataError(f"{path} is no .safetensors file: it ends before its table of names does")
    if length > MOST_HEADER:
        raise DataError(f"{path}: its table of names has {length:,} bytes; the format allows {MOST_HEADER:,}")
    table = _table(path, content[8 : 8 + length])
    numbers = memoryview(content)[8 + length :]
    metadata = as_table(table.pop(METADATA, {}))
    if metadata is None or not all(isinstance(text, str) for text in metadata.values()):
        raise DataError(f"{path}: {METADATA} is damaged; it is a table of texts")
    arrays = {name: _array(path, name, entry, numbers) for name, entry in table.items()}
    _check_places(path, table, len(numbers))
    return arrays, metadata


def _table(path: Path, header: bytes) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(f"{path}: its table of names has {said(twice)} twice")
        return table

    try:
        table = as_table(json.loads(header.decode("utf-8"), object_pairs_hook=once))
    except DataError:
        raise
    except (ValueError, RecursionError):
        table = None
    if table is None or header[:1] != b"{":
        raise DataError(f"{path} is no .safetensors file: its table of names is no JSON")
    return table


def _array(path: Path, name: str, entry: Any, numbers: memoryview) -> Array:
    row = as_table(entry) or {}
    kind, shape, place = row.get("dtype"), row.get("shape"), row.get("data_offsets")
    if not _whole(shape) or not _whole(place) or len(cast("list[int]", place)) != 2:
        raise DataError(f"{path}: the entry of {name} is damaged: {said(entry)}")
    if not isinstance(kind, str) or (kind != "BF16" and kind not in KINDS):
        raise DataError(f"{path}: {name} has numbers of the kind {said(kind)}; known are BF16, {', '.join(KINDS)}")
    sizes = cast("list[int]", shape)
    start, end = cast("list[int]", place)
    item = 2 if kind == "BF16" else np.dtype(KINDS[kind]).itemsize
    if len(sizes) > MOST_AXES or max(sizes, default=0) > MOST:
        raise DataError(f"{path}: {name} has the shape {said(tuple(sizes))}, which no array of this file can have")
    if not start <= end <= len(numbers) or end - start != item * math.prod(sizes):
        raise DataError(f"{path}: {name} of shape {tuple(sizes)} does not fit the bytes {start} to {end} that it names")
    try:
        if kind == "BF16":
            upper = np.frombuffer(numbers[start:end], "<u2").astype(np.uint32) << 16
            return as_half(upper.view(np.float32).reshape(sizes))
        return np.frombuffer(numbers[start:end], KINDS[kind]).reshape(sizes)
    except ValueError:  # sizes beside a 0 whose product is too large
        raise DataError(f"{path}: {name} has the shape {tuple(sizes)}, which no array can have") from None


def _check_places(path: Path, table: Mapping[str, Any], size: int) -> None:
    """Raises DataError where arrays overlap, or bytes belong to none."""
    places = sorted((*cast("list[int]", entry["data_offsets"]), name) for name, entry in table.items())
    begin, before = 0, "the table of names"
    for start, end, name in places:
        if start != begin:
            what = "overlaps" if start < begin else f"begins {start - begin} bytes after"
            raise DataError(f"{path}: {name} {what} {before}; arrays lie one after the other")
        begin, before = end, name
    if begin != size:
        raise DataError(f"{path}: after {before} there are {size - begin:,} bytes that belong to no array")


def _whole(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(v, int) and not isinstance(v, bool) and v >= 0 for v in cast("list[Any]", value)
    )


def safetensors_parts(arrays: Mapping[str, Array], metadata: Mapping[str, str] | None = None) -> Sequence[Any]:
    """The content of a file, in parts: those of larger numbers first, so that every array is aligned.

    Raises:
        DataError: where an array has a kind of numbers, or a name, that the format has not.
    """
    table: dict[str, Any] = {METADATA: dict(metadata)} if metadata else {}
    parts: list[Array] = []
    begin = 0
    for name, array in sorted(arrays.items(), key=lambda pair: -pair[1].dtype.itemsize):
        small = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).reshape(array.shape)
        word = WORDS.get(small.dtype)
        if word is None or name == METADATA:
            raise DataError(f"a .safetensors file cannot hold {name}, {array.dtype}")
        table[name] = {"dtype": word, "shape": list(array.shape), "data_offsets": [begin, begin + small.nbytes]}
        begin += small.nbytes
        parts.append(small)
    header = json.dumps(table, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    if len(header) > MOST_HEADER:
        raise DataError(f"the names of the arrays have {len(header):,} bytes; the format allows {MOST_HEADER:,}")
    return [len(header).to_bytes(8, "little") + header, *parts]


def write_safetensors(path: str | Path, arrays: Mapping[str, Array], metadata: Mapping[str, str] | None = None) -> None:
    """Writes arrays into a file, in one step.

    Args:
        path: the file.
        arrays: by name, of the kinds that the format knows.
        metadata: texts by name.

    Raises:
        DataError: where an array does not fit into the format, or the file cannot be written.
    """
    if not str(path):
        raise DataError("the file's name is empty")
    parts = safetensors_parts(arrays, metadata)
    try:
        write_named(Path(path), parts)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be written: {reason(path, error)}") from None
