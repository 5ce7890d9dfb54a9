"""Headers of .npy files that were made to do harm."""

from __future__ import annotations

import io
import struct

import pytest

import chalkgrad as cg
from chalkgrad.files.npy import read_npy

HEADERS = [
    ("|V0", "(0,)"),
    ("<U0", "(0,)"),
    ("<f4", "(True, 2)"),
    ("<f4", f"(0, {2**70})"),
    ("|O", "(1,)"),
    ("<f4", "(9,)"),
]


@pytest.mark.parametrize(("kind", "shape"), HEADERS)
def test_crafted_npy_headers(kind: str, shape: str) -> None:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + bytes(8)
    with pytest.raises(cg.DataError):
        read_npy(io.BytesIO(content), "file", len(content))
