"""Arrays in .safetensors files: read as they are, damaged ones refused with what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chalkgrad.base.errors import DataError
from chalkgrad.base.half import Half, coarseness
from chalkgrad.files.safetensors import read_safetensors, read_with_metadata, write_safetensors


def written(path: Path, table: dict[str, Any], numbers: bytes) -> Path:
    head = json.dumps(table).encode()
    path.write_bytes(len(head).to_bytes(8, "little") + head + numbers)
    return path


def test_arrays_by_name(tmp_path: Path) -> None:
    W, b = np.arange(6, dtype="<f8").reshape(2, 3), np.array([1.5, -2.0], dtype="<f4")
    upper = (np.array([3.140625, -1.0], dtype="<f4").view("<u4") >> 16).astype("<u2")
    table = {
        "__metadata__": {"made": "by hand"},
        "W": {"dtype": "F64", "shape": [2, 3], "data_offsets": [0, 48]},
        "b": {"dtype": "F32", "shape": [2], "data_offsets": [48, 56]},
        "half": {"dtype": "BF16", "shape": [2], "data_offsets": [56, 60]},
        "none": {"dtype": "I64", "shape": [0, 4], "data_offsets": [60, 60]},
    }
    file = written(tmp_path / "a.safetensors", table, W.tobytes() + b.tobytes() + upper.tobytes())
    found = read_safetensors(file)
    assert list(found) == ["W", "b", "half", "none"]
    np.testing.assert_array_equal(found["W"], W)
    np.testing.assert_array_equal(found["b"], b)
    np.testing.assert_array_equal(found["half"], [3.140625, -1.0])
    assert isinstance(found["half"], Half)
    assert coarseness(found["half"]) > 0 == coarseness(found["b"])
    assert found["none"].shape == (0, 4)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"dtype": "F64", "shape": [2], "data_offsets": [0, 8]}, "does not fit the bytes"),
        ({"dtype": "F64", "shape": [2**62, 2**62], "data_offsets": [0, 8]}, "which no array"),
        ({"dtype": "F64", "shape": [0, 2**80], "data_offsets": [0, 0]}, "which no array"),
        ({"dtype": "F64", "shape": [1] * 65, "data_offsets": [0, 8]}, "which no array"),
        ({"dtype": ["F64"], "shape": [1], "data_offsets": [0, 8]}, "of the kind"),
        ({"dtype": "F64", "shape": [1.0], "data_offsets": [0, 8]}, "damaged"),
        ({"dtype": "F64", "shape": [True], "data_offsets": [0, 8]}, "damaged"),
        ({"dtype": "F64", "shape": [0], "data_offsets": [0, 0]}, "belong to no array"),
        ({"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}, "begins 4 bytes after"),
        ({"dtype": "F64", "shape": [1], "data_offsets": [8, 16]}, "does not fit the bytes"),
        ({"dtype": "F64", "shape": [-1], "data_offsets": [0, 8]}, "damaged"),
        ({"dtype": "C64", "shape": [1], "data_offsets": [0, 8]}, "kind 'C64'"),
        (["F64"], "damaged"),
    ],
)
def test_damaged_entries(entry: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=said):
        read_safetensors(written(tmp_path / "a.safetensors", {"W": entry}, bytes(8)))


@pytest.mark.parametrize(
    ("content", "said"), [(b"123", "ends before"), (bytes(8), "no JSON"), (b"\xff" * 16, "ends before")]
)
def test_other_files(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        read_safetensors(path)


def test_overlaps_and_names_that_come_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    entry = {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}
    with pytest.raises(DataError, match="W2 overlaps W"):
        read_safetensors(written(path, {"W": entry, "W2": entry}, bytes(8)))
    head = b'{"W": %s, "W": %s}' % (json.dumps(entry).encode(), json.dumps(entry).encode())
    path.write_bytes(len(head).to_bytes(8, "little") + head + bytes(8))
    with pytest.raises(DataError, match="has 'W' twice"):
        read_safetensors(path)
    with pytest.raises(DataError, match="__metadata__ is damaged"):
        read_safetensors(written(path, {"__metadata__": {"a": 1}, "W": entry}, bytes(8)))


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, 100_000_001])
def test_tables_longer_than_the_file(length: int, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(length.to_bytes(8, "little") + b"{}")
    with pytest.raises(DataError, match="ends before"):
        read_safetensors(path)


@pytest.mark.parametrize("header", [b"[" * 10**6, b'{"a":' * 10**5, b" {}", b"{} x", b"\xff{}"])
def test_headers_that_are_no_table(header: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(DataError, match="no JSON"):
        read_safetensors(path)


def test_a_link_a_pipe_or_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_safetensors(tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        read_safetensors("/dev/zero")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    arrays = {
        "half": np.arange(3, dtype=np.float16), "W": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big": np.arange(2, dtype=">f4"), "n": np.array(7, np.int64), "none": np.zeros((0, 3)), "yes": np.array([True]),
    }  # fmt: skip
    write_safetensors(path, arrays, {"made": "here"})
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    assert length % 8 == 0
    found, metadata = read_with_metadata(path)
    assert metadata == {"made": "here"}
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
    numpy_library = pytest.importorskip("safetensors.numpy")
    for name, array in numpy_library.load_file(path).items():
        np.testing.assert_array_equal(array, arrays[name])
    with pytest.raises(DataError, match="cannot hold z, complex128"):
        write_safetensors(path, {"z": np.zeros(2, complex)})
    with pytest.raises(DataError, match="cannot hold __metadata__"):
        write_safetensors(path, {"__metadata__": np.zeros(2)})
    assert path.read_bytes() == content
