"""Claims in files: .toml, .json, .csv, .npz or .safetensors, with the digits of their numbers."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from ...base.checks import as_table
from ...base.errors import DataError
from ...data.archive import read_npz_arrays
from ...files.safetensors import read_safetensors
from ...files.toml import parse_toml
from ...files.writing import MOST_TEXT, read_bounded


def read_claims_file(path: str | Path) -> dict[str, Any]:
    """Claimed numbers by name, address or label.

    A .toml or .json file holds names and numbers (nested lists for arrays), a .csv file two columns, address and
    number, an .npz or .safetensors file arrays by name.

    Raises:
        DataError: where the file is missing, of another kind, or holds something else; it says how to cure it.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in (".toml", ".json", ".csv", ".npz", ".safetensors"):
        raise DataError(f"{path} ends in {kind or 'nothing'}; answers are .toml, .json, .csv, .npz or .safetensors")
    if kind == ".npz":
        return dict(read_npz_arrays(path))
    if kind == ".safetensors":
        return dict(read_safetensors(path))
    content = read_bounded(path, MOST_TEXT, DataError)
    try:
        if kind == ".toml":
            document: Any = parse_toml(content, str(path), DataError, as_written=True)
        elif kind == ".json":
            document = json.loads(content.decode("utf-8-sig"), parse_float=str, object_pairs_hook=_once)
        else:
            document = _rows(content.decode("utf-8-sig"), path)
    except (ValueError, RecursionError, csv.Error) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} is no {kind[1:].upper()} file: {error}") from None
    claims = as_table(document)
    if not claims:
        raise DataError(f"{path} must hold names and numbers, such as dW1 = [[0.1, 0.2]]")
    return claims


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys stand once each."""
    entries = dict(pairs)
    if len(entries) < len(pairs):
        keys = [k for k, _ in pairs]
        raise DataError(f"{next(k for k in keys if keys.count(k) > 1)!r} is there twice")
    return entries


def _rows(text: str, path: Path) -> dict[str, str]:
    claims: dict[str, str] = {}
    for number, row in enumerate(csv.reader(io.StringIO(text)), start=1):
        cells = [c.strip() for c in row]
        if not any(cells) or (number == 1 and cells[:2] == ["address", "value"]):
            continue
        if len(cells) < 2:
            raise DataError(f"{path}, line {number}: two columns are needed, an address and its number")
        *address, value = cells
        key = ", ".join(address)  # dW1[0, 1] without quotes is two cells
        if key in claims:
            raise DataError(f"{path}, line {number}: {key} is there twice")
        claims[key] = value
    return claims
