"""The subject of a command: a worked example, a worksheet, a network's description, or a run directory."""

from __future__ import annotations

import sys
from pathlib import Path

from ..base.errors import ChalkgradError, DataError
from ..examples.example import Example, example, examples, load_example
from ..model.saved import DESCRIPTION, read_toml
from ..network import Network, load


def read_example(text: str) -> Example:
    """The worked example of this name or in this file; where a name stands for something of the user's own too, a line
    on stderr says how to get that.

    Raises:
        ChalkgradError: where there is no such example.
    """
    if not text:
        raise DataError("the file's name is empty")
    worked = load_example(text)
    if text in examples() and _described(Path(text)):
        print(f"{text} is the worked example; for your own say ./{text}", file=sys.stderr)
    return worked


def _described(path: Path) -> bool:
    """Whether there is a run directory or a TOML file of this name."""
    try:
        return bool(read_toml(path / DESCRIPTION if path.is_dir() else path))
    except (ChalkgradError, OSError):
        return False


def read_subject(text: str) -> Example | Network:
    """The worked example or worksheet in a TOML file; where the file has no samples, the network that it describes.

    Raises:
        ChalkgradError: where there is no such file or it is neither.
    """
    if not text:
        raise DataError("the file's name is empty")
    if text in examples():
        return read_example(text)
    path = Path(text)
    if path.is_dir():
        return load(path)
    if not path.suffix and not path.exists():
        return load_example(text)  # which says what is known
    table = read_toml(path)
    if path.name == DESCRIPTION or not {"x", "y", "title", "labels", "example"} & set(table):
        return load(path)
    return example(table, str(path))
