"""Checkpoint files: a table and named arrays in one file, of which every bit is checked before it is used.

    chalkgrad checkpoint 1 LENGTH SHA256     one line: the manifest's bytes, and their digest
    {"table": ..., "parts": [...]}           the manifest, JSON: name, dtype, shape and SHA-256 of every array
    ...                                      the arrays, one after another, row by row, little-endian, with no gaps

The sizes that the manifest declares must add up to the file's own, so nothing is allocated on the word of a file that
does not hold it, and there is no byte that no digest covers. Nothing is unpickled or run.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..base.checks import as_list, as_table
from ..base.errors import CheckpointError
from .npy import MOST_AXES
from .writing import open_plain, replace_file

Array = np.ndarray[Any, Any]
MAGIC = "chalkgrad checkpoint"
VERSION = 1
HEAD = re.compile(rb"chalkgrad checkpoint ([1-9]\d{0,8}) ([1-9]\d{0,9}) ([0-9a-f]{64})\n")
LONGEST_HEAD = 128
LARGEST_MANIFEST = 4 * 2**20
DTYPES = {"<f4", "<f8", "<i8"}
MOST_NUMBERS = 2**48


@dataclass(frozen=True, slots=True)
class Part:
    """An array's place in the file, its type, shape and digest."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    begin: int
    size: int
    digest: str


def write_checkpoint(path: Path, table: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """Writes a checkpoint in one step.

    Args:
        path: the file; an older one is replaced.
        table: names and values that JSON can hold; numbers are finite.
        arrays: float32, float64 or int64, of any shape.

    Raises:
        OSError: where it cannot be written; the old file is then as it was.
        CheckpointError: where there are more arrays than could be read again.
    """
    buffers = {name: np.ascontiguousarray(a, a.dtype.newbyteorder("<")) for name, a in arrays.items()}
    parts: list[dict[str, Any]] = []
    for name, array in buffers.items():
        assert array.dtype.str in DTYPES, f"{name} is {array.dtype}"
        digest = hashlib.sha256(array.data).hexdigest()
        parts.append({"name": name, "dtype": array.dtype.str, "shape": list(arrays[name].shape), "sha256": digest})
    manifest = json.dumps({"table": table, "parts": parts}, allow_nan=False).encode()
    if len(manifest) > LARGEST_MANIFEST:
        raise CheckpointError(f"{path}: the network has too many layers for a checkpoint ({len(parts):,} arrays)")
    head = f"{MAGIC} {VERSION} {len(manifest)} {hashlib.sha256(manifest).hexdigest()}\n".encode()
    replace_file(path, [head, manifest, *(a.data for a in buffers.values())])


class Checkpoint:
    """A checkpoint file whose manifest was read and checked; the arrays are read when asked for.

    Args:
        path: the file.

    Attributes:
        path: the file.
        table: the names and values in it beside the arrays.
        parts: the arrays' places, by name.

    Raises:
        CheckpointError: where it is missing, no checkpoint, damaged or cut off.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parts: dict[str, Part] = {}
        try:
            with open_plain(path) as file:
                size = os.fstat(file.fileno()).st_size
                head = file.readline(LONGEST_HEAD)
                match = HEAD.fullmatch(head)
                if match is None:
                    raise self._wrong("it does not begin like a checkpoint")
                if int(match[1]) != VERSION:
                    raise self._wrong(f"it has the form {int(match[1])}, and this chalkgrad reads form {VERSION}")
                length = int(match[2])
                if length > min(size - len(head), LARGEST_MANIFEST):
                    raise self._wrong("it is cut off: the manifest is longer than the file")
                manifest = file.read(length)
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from None
        if hashlib.sha256(manifest).hexdigest().encode() != match[3]:
            raise self._wrong("its manifest is damaged: the SHA-256 is another")
        self.table = self._read_manifest(manifest, len(head) + length, size)

    def _wrong(self, what: str) -> CheckpointError:
        return CheckpointError(f"{self.path} is no whole checkpoint: {what}")

    def _read_manifest(self, manifest: bytes, begin: int, size: int) -> dict[str, Any]:
        try:
            whole = as_table(json.loads(manifest)) or {}
        except (ValueError, RecursionError) as error:
            raise self._wrong(f"its manifest is no JSON ({error})") from None
        table, parts = as_table(whole.get("table")), as_list(whole.get("parts"))
        if table is None or parts is None:
            raise self._wrong("its manifest lacks the table or the parts")
        for entry in parts:
            name, part = self._part(as_table(entry) or {}, begin)
            if name in self.parts or part.size > size - begin:
                raise self._wrong(f"{name[:80]} stands there twice, or is larger than the file")
            self.parts[name] = part
            begin += part.size
        if begin != size:
            raise self._wrong(f"it has {size:,} bytes, and its manifest declares {begin:,}")
        return table

    def _part(self, entry: dict[str, Any], begin: int) -> tuple[str, Part]:
        name, dtype, digest = entry.get("name"), entry.get("dtype"), entry.get("sha256")
        shape = as_list(entry.get("shape"))
        if not (isinstance(name, str) and isinstance(dtype, str) and isinstance(digest, str)):
            raise self._wrong("an array lacks a name, a type or a SHA-256")
        if dtype not in DTYPES or shape is None:
            raise self._wrong(f"{name[:80]} has no known type, or no shape")
        valid = len(shape) <= MOST_AXES and all(type(s) is int and 0 <= s < MOST_NUMBERS for s in shape)
        if not valid or math.prod(max(s, 1) for s in shape) >= MOST_NUMBERS:
            raise self._wrong(f"{name[:80]} cannot have the shape {str(shape)[:80]}")
        kind = np.dtype(dtype)
        return name, Part(kind, tuple(shape), begin, math.prod(shape) * kind.itemsize, digest)

    def read(self, name: str, dtype: Any, shape: tuple[int | None, ...]) -> Array:
        """One array, checked against its digest.

        Args:
            name: its name.
            dtype: the type that it must have.
            shape: the shape that it must have; None for a size that is not known before.

        Raises:
            CheckpointError: where it is missing, of another type or shape (before anything is allocated), or damaged.
        """
        part = self.parts.get(name)
        if part is None:
            raise self._wrong(f"{name} is missing")
        fits = len(part.shape) == len(shape) and all(w in (None, s) for s, w in zip(part.shape, shape, strict=True))
        if not fits or part.dtype != np.dtype(dtype):
            sizes = ", ".join("any" if s is None else str(s) for s in shape)
            raise CheckpointError(
                f"{self.path}: {name} is {part.dtype} {part.shape}, but the network needs {np.dtype(dtype)} ({sizes})"
            )
        content = np.empty(part.shape, part.dtype)
        try:
            with open_plain(self.path) as file:
                file.seek(part.begin)
                count = file.readinto(content.reshape(-1).view(np.uint8).data) if part.size else 0
        except OSError as error:
            raise CheckpointError(f"{self.path} cannot be read: {error.strerror or error}") from None
        if count != part.size or hashlib.sha256(content.data).hexdigest() != part.digest:
            raise self._wrong(f"{name} is damaged: its SHA-256 is another")
        return content.astype(part.dtype.newbyteorder("="), copy=False)
