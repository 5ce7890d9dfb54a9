"""A script and what it reads, written to files."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..errors import OptionError
from ..files import write_named
from .literals import Array


def write_script(path: Path, script: str, beside: Mapping[str, Mapping[str, Array]]) -> None:
    """Writes a script, and before it the files that it reads, each in one step.

    Args:
        path: the script's file.
        script: its text.
        beside: the files beside it by name, each with arrays by name.

    Raises:
        OptionError: where a file cannot be written; the script is then not written either.
    """
    contents: dict[Path, bytes | str] = {}
    for name, arrays in beside.items():
        packed = io.BytesIO()
        np.savez(packed, **arrays)  # pyright: ignore[reportArgumentType]
        contents[path.parent / name] = packed.getvalue()
    contents[path] = script
    for file, content in contents.items():
        try:
            write_named(file, content)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise OptionError(f"{file} cannot be written: {reason}") from None
