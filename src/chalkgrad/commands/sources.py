"""Data by name or path, as the commands take them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..data import Dataset, digits, mnist, read_csv, read_npz, spiral, vertical
from ..errors import CheckpointError, DataError, nearest
from ..network import Network

NAMES = ("digits", "mnist", "spiral", "vertical")


def open_recorded(source: Mapping[str, Any], network: Network, where: Path) -> Dataset:
    """The data that a run was trained on.

    Args:
        source: what the run says of them (`run_directory.checked_source`).
        network: the run's network, which must take them.
        where: the run, for messages.

    Raises:
        DataError: where the data are missing or damaged.
        CheckpointError: where the network does not take them.
    """
    data = open_data(
        source["source"],
        directory=source.get("directory"),
        target=source.get("target"),
        seed=source.get("seed", 0),
    )
    if data.input_shape != network.input_shape:
        raise CheckpointError(f"{where} takes {network.input_shape}, but {data.name} gives {data.input_shape}")
    return data


def open_data(source: str, *, directory: str | None, target: str | None, seed: int) -> Dataset:
    """The data of a name, or of a .csv or .npz file.

    Args:
        source: "digits", "mnist", "spiral", "vertical", or a path.
        directory: where MNIST's four files lie, if it was said.
        target: the target column of a CSV file, if it was said.
        seed: where the split of a file into training and test comes from.

    Raises:
        DataError: where the data are not known, missing or damaged.
    """
    if directory is not None and source != "mnist":
        raise DataError(
            f"--data says where MNIST lies, but the data are {source}; write: chalkgrad train mnist --data ..."
        )
    if target is not None and not source.endswith((".csv", ".tsv", ".txt")):
        raise DataError(f"--target names a column of a CSV file, but the data are {source}")
    match source:
        case "digits":
            return digits()
        case "mnist":
            return mnist(directory, as_bytes=True)
        case "spiral":
            return spiral()
        case "vertical":
            return vertical()
        case _:
            pass
    path = Path(source)
    if path.suffix in (".csv", ".tsv", ".txt"):
        return read_csv(path, target=target, seed=seed)
    if path.suffix == ".npz":
        return read_npz(path, seed=seed)
    raise DataError(f"there are no data {source!r}; {nearest(source, NAMES)} A file must end in .csv or .npz")
