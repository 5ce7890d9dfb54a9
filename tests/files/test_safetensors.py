"""Arrays in .safetensors files: read as they are, damaged ones refused with what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chalkgrad.base.errors import DataError
from chalkgrad.base.half import Half, coarseness
from chalkgrad.files.safetensors import read_safetensors


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
