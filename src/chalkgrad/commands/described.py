"""What a command is given to look at: a worked example, a worksheet, a network's description, or a run directory."""

from __future__ import annotations

from pathlib import Path

from ..errors import DataError
from ..example import Example, example, load_example
from ..network import Network
from ..saved import DESCRIPTION, load, read_toml


def read_described(text: str) -> Example | Network:
    """The worked example or worksheet in a TOML file; where the file has no samples, the network that it describes.

    Raises:
        ChalkgradError: where there is no such file or it is neither.
    """
    if not text:
        raise DataError("the file's name is empty")
    path = Path(text)
    if path.is_dir():
        return load(path)
    if not path.suffix and not path.exists():
        return load_example(text)
    table = read_toml(path)
    if path.name == DESCRIPTION or not {"x", "y", "title", "labels", "example"} & set(table):
        return load(path)
    return example(table, str(path))
