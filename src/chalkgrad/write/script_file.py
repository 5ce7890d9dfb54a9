"""A script and what it reads, written to files."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..base.errors import OptionError
from ..files.writing import MOST_TEXT, read_bounded, reason, write_named
from .literals import Array, string_text


def write_script(path: Path, script: str, beside: Mapping[str, Mapping[str, Array]]) -> None:
    """Writes a script, and before it the files that it reads, each in one step.

    Args:
        path: the script's file.
        script: its text.
        beside: the files beside it by name, each with arrays by name.

    Raises:
        OptionError: where a file cannot be written, or would take the place of one that is not this script's; the
            script is then not written either.
    """
    for name in beside:
        _check_own(path, name)
    contents: dict[Path, bytes | str] = {}
    for name, arrays in beside.items():
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # pyright: ignore[reportArgumentType]
        contents[path.parent / name] = buffer.getvalue()
    contents[path] = script
    for file, content in contents.items():
        try:
            write_named(file, content)
        except (OSError, ValueError) as error:
            raise OptionError(f"{file} cannot be written: {reason(file, error)}") from None


def _check_own(path: Path, name: str) -> None:
    """Refuses to replace a file beside a script that no script there reads: nobody named it."""
    if not os.path.lexists(path.parent / name):
        return
    try:
        script = read_bounded(path, MOST_TEXT, OptionError).decode("utf-8", "replace")
    except OptionError:
        script = ""
    if f"({string_text(name)})" not in script:
        raise OptionError(
            f"{path.parent / name} is there, and {path.name} would be written with a file of that name beside it; "
            "give the script another name, or move that file away"
        )
