from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from chalkgrad import DataError
from chalkgrad.data import read_idx, write_idx


def header(code: int, *sizes: int) -> bytes:
    return bytes((0, 0, code, len(sizes))) + struct.pack(f">{len(sizes)}I", *sizes)


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("name", ["a-idx3-ubyte", "a-idx3-ubyte.gz"])
def test_what_is_written_is_read_again(tmp_path: Path, dtype: str, name: str) -> None:
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    write_idx(tmp_path / name, array)
    found = read_idx(tmp_path / name, 3)
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)
    assert [p.name for p in tmp_path.iterdir()] == [name]


BAD = {
    "empty": (b"", "is no IDX file"),
    "text": (b"hello there", "is no IDX file"),
    "unknown type": (bytes((0, 0, 7, 1, 0, 0, 0, 1, 0)), "is no IDX file"),
    "no dimensions": (bytes((0, 0, 8, 0)), "0 dimensions"),
    "labels": (header(8, 3) + b"abc", "images have 3"),
    "short header": (header(8, 1, 2, 3)[:-2], "inside its header"),
    "truncated": (header(8, 2, 2, 2) + b"1234567", "more than the file can hold|only 7 bytes"),
    "too long": (header(8, 2, 2, 2) + b"123456789", "more bytes than that"),
    "lying": (header(8, 60000, 28, 28) + b"12345678", "more than the file can hold|more than 100 times"),
    "huge": (header(14, 2**32 - 1, 2**32 - 1, 2**32 - 1), "more than the file can hold|more than 100 times"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("zipped", [False, True])
def test_bad_files_are_named_and_nothing_is_allocated(tmp_path: Path, name: str, zipped: bool) -> None:
    content, message = BAD[name]
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(content) if zipped else content)
    tracemalloc.start()
    with pytest.raises(DataError, match=message if not zipped else f"{message}|bytes are there") as caught:
        read_idx(path, 3)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()
    assert str(path) in str(caught.value)


def test_damaged_gzip(tmp_path: Path) -> None:
    whole = gzip.compress(header(8, 100, 10, 10) + bytes(10000))
    (tmp_path / "cut").write_bytes(whole[:-20])
    with pytest.raises(DataError, match="damaged or cut off"):
        read_idx(tmp_path / "cut")
    (tmp_path / "flipped").write_bytes(whole[:-6] + b"\1" + whole[-5:])
    with pytest.raises(DataError, match="damaged or cut off"):
        read_idx(tmp_path / "flipped")


def test_missing_file_and_directory(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_idx(tmp_path / "nothing")
    with pytest.raises(DataError, match="directory"):
        read_idx(tmp_path)


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not complex128"):
        write_idx(tmp_path / "a", np.zeros(3, complex))
    with pytest.raises(DataError, match="dimensions"):
        write_idx(tmp_path / "a", np.float32(1))
    with pytest.raises(DataError, match="cannot be written"):
        write_idx(tmp_path / "no" / "a", np.zeros(3))
    assert list(tmp_path.iterdir()) == []


def test_an_idx_of_no_values_and_huge_sizes(tmp_path: Path) -> None:
    (tmp_path / "z").write_bytes(b"\0\0\x08\x04" + struct.pack(">4I", 0, 2**32 - 1, 2**32 - 1, 2**32 - 1))
    with pytest.raises(DataError, match="no array can have"):
        read_idx(tmp_path / "z")
