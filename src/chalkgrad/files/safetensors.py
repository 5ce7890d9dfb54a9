"""Arrays in .safetensors files: eight bytes of length, a JSON table of names, and the numbers one after the other.

The format is that of https://github.com/huggingface/safetensors; nothing in it is run.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, cast

import numpy as np

from ..base.checks import as_table
from ..base.errors import DataError
from ..base.half import as_half
from .writing import read_bounded

Array = np.ndarray[Any, Any]
MOST = 2**31
"""A larger file is not read."""
KINDS = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U64": "<u8",
    "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
"""NumPy's kinds by the format's words; bfloat16, which NumPy lacks, is the upper half of a float32."""


def read_safetensors(path: str | Path) -> dict[str, Array]:
    """The arrays of a file by name; bfloat16 as `base.half.Half`.

    Raises:
        DataError: where the file cannot be read or is damaged; it says what is wrong with it.
    """
    path = Path(path)
    content = read_bounded(path, MOST, DataError)
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > len(content) - 8:
        raise DataError(f"{path} is no .safetensors file: it ends before its table of names does")
    try:
        table = as_table(json.loads(content[8 : 8 + length].decode("utf-8")))
    except (ValueError, RecursionError):
        table = None
    if table is None:
        raise DataError(f"{path} is no .safetensors file: its table of names is no JSON")
    numbers = memoryview(content)[8 + length :]
    return {name: _array(path, name, entry, numbers) for name, entry in table.items() if name != "__metadata__"}


def _array(path: Path, name: str, entry: Any, numbers: memoryview) -> Array:
    row = as_table(entry) or {}
    kind, shape, place = row.get("dtype"), row.get("shape"), row.get("data_offsets")
    if not _whole(shape) or not _whole(place) or len(cast("list[int]", place)) != 2:
        raise DataError(f"{path}: the entry of {name} is damaged: {entry!r}")
    if kind != "BF16" and kind not in KINDS:
        raise DataError(f"{path}: {name} has numbers of the kind {kind!r}; known are BF16, {', '.join(KINDS)}")
    sizes = cast("list[int]", shape)
    start, end = cast("list[int]", place)
    item = 2 if kind == "BF16" else np.dtype(KINDS[str(kind)]).itemsize
    if not start <= end <= len(numbers) or end - start != item * math.prod(sizes):
        raise DataError(f"{path}: {name} of shape {tuple(sizes)} does not fit the bytes {start} to {end} that it names")
    if kind == "BF16":
        upper = np.frombuffer(numbers[start:end], "<u2").astype(np.uint32) << 16
        return as_half(upper.view(np.float32).reshape(sizes))
    return np.frombuffer(numbers[start:end], KINDS[str(kind)]).reshape(sizes)


def _whole(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(v, int) and not isinstance(v, bool) and v >= 0 for v in cast("list[Any]", value)
    )
