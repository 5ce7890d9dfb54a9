"""Data by name or path, as the commands take them."""

from __future__ import annotations

import math
import shlex
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..base.checks import as_list, as_table, choice
from ..base.errors import CheckpointError, DataError, DataWarning, nearest
from ..base.messages import complain
from ..data import (
    Dataset,
    Pixels,
    digits,
    mnist,
    names,
    read_csv,
    read_npz,
    read_sequences,
    read_text,
    spiral,
    vertical,
)
from ..data.folders import read_folders, read_size
from ..data.record import difference, record
from ..data.texts import WINDOW
from ..data.unlabelled import Unlabelled, read_unlabelled
from ..network import Network

NAMES = ("digits", "mnist", "spiral", "vertical", "names")
TABLES = (".csv", ".tsv", ".txt")
TEXT = ".txt"
"""It ends the name of a text, where the network takes sequences; else of a table."""
DRAWN = ("spiral", "vertical")
"""Points that sines and logarithms give: their last digits differ from machine to machine."""

DIVIDED_BY = {"digits": 16, "mnist": 255}
"""The largest pixel of images that come with chalkgrad."""

OPTIONS = ("directory", "target", "task", "header", "window", "size", "seed")
"""The keys of a run's source that are options of the command."""


def with_record(source: Mapping[str, Any], data: Dataset) -> dict[str, Any]:
    """A run's source with a record of the data's content."""
    return {**source, "content": record(data, digests=source["source"] not in DRAWN)}


def open_recorded(source: Mapping[str, Any], network: Network, where: Path) -> Dataset:
    """The data that a run was trained on.

    Args:
        source: what the run says of them (`run_directory.checked_source`).
        network: the run's network, which must take them.
        where: the run, for messages.

    Raises:
        DataError: where the data are missing or damaged.
        CheckpointError: where they are not those that the run was trained on, or the network does not take them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # said when it was trained
        data = open_data(
            source["source"],
            directory=source.get("directory"),
            target=source.get("target"),
            seed=source.get("seed", 0),
            task=source.get("task"),
            header=source.get("header"),
            window=source.get("window"),
            sequences=source.get("sequences", False),
            size=source.get("size"),
        ).astype(network.dtype)
    content = source.get("content")
    if content is None:
        complain(
            f"chalkgrad: {where} does not say what was in {data.source} when the network was trained; samples of the "
            "test set may have been trained on"
        )
    elif change := difference(content, data):
        raise CheckpointError(
            f"{where} was trained on other data than {data.source} holds now: {change}. Put the earlier data back, "
            f"or train again with: {_command(source)}"
        )
    if suited(data, network).input_shape != network.layout.sample_shape:
        raise CheckpointError(f"{where} takes {network.input_shape}, but {data.name} gives {data.input_shape}")
    return data


def unlabelled(text: str, source: Mapping[str, Any], network: Network, directory: str | None) -> Unlabelled:
    """Samples to predict for, read as a run's were.

    Args:
        text: a name of data that come with chalkgrad, of which the test samples are taken, or a path.
        source: what the run says of the data that it was trained on (`run_directory.checked_source`).
        network: the run's network.
        directory: the folder of MNIST's four files, if it was given.

    Raises:
        DataError: where they cannot be read, or the network does not take them.
    """
    shape = network.layout.sample_shape
    if directory is not None and text != "mnist":
        raise DataError(f"--data says where MNIST is, but the data are {text}")
    if text in NAMES:
        data = suited(
            open_data(text, directory=directory or source.get("directory"), target=None, seed=0)
            if text == "mnist"
            else open_data(text, directory=None, target=None, seed=0),
            network,
        )
        if data.input_shape != shape:
            raise DataError(f"{text} gives samples of shape {data.input_shape}, but the network takes {shape}")
        return Unlabelled(data.x_test)
    path = Path(text)
    try:
        there = path.exists()
    except (OSError, ValueError):
        there = False
    if not there:
        raise DataError(f"there are no data {text!r}; {nearest(text, NAMES)}; or give a file, or a folder of images")
    content = as_table(source.get("content")) or {}
    columns = as_list(content.get("columns")) or []
    size = source.get("size")
    of = str(source.get("source"))
    known = DIVIDED_BY.get(of, 255 if size is not None or _is_folder(of) else None)
    rows = len(shape) == 2 and not network.layout.ids and path.suffix.lower() not in (".npz", *TABLES)
    found = read_unlabelled(
        path,
        shape=(1, *shape) if rows else shape,  # images of one channel, which the network reads row by row
        columns=[str(name) for name in columns] if len(columns) == math.prod(shape) else [],
        largest=source.get("divided_by", known),
        size=read_size(size) if isinstance(size, str) else None,
    )
    if not rows:
        return found
    x = found.x
    return replace(found, x=Pixels(x.stored[:, 0], x.dtype) if isinstance(x, Pixels) else x[:, 0])


def suited(data: Dataset, network: Network) -> Dataset:
    """The data as the network takes them: images of one channel as their rows, where it takes (H, W)."""
    return data.as_rows() if data.input_shape == (1, *network.layout.sample_shape) and data.is_image else data


def _command(source: Mapping[str, Any]) -> str:
    """The command that trains on a source, read as it was."""
    words = [str(source["source"])]
    for key in OPTIONS:
        if source.get(key) not in (None, 0):
            words += ["--data" if key == "directory" else f"--{key}", str(source[key])]
    if source.get("sequences"):
        words += ["--network", "NAME"]
    return f"chalkgrad train {shlex.join(words)}"


def open_data(
    source: str,
    *,
    directory: str | None,
    target: str | None,
    seed: int,
    task: str | None = None,
    header: str | None = None,
    loss: str | None = None,
    window: int | None = None,
    sequences: bool = False,
    size: str | None = None,
) -> Dataset:
    """The data of a name, of a .csv, .npz or .txt file, or of a folder of images.

    Args:
        source: "digits", "mnist", "spiral", "vertical", "names", or a path.
        directory: the folder of MNIST's four files, if it was given.
        target: the target column of a CSV file, if it was given.
        seed: where the split of a file into training and test comes from.
        task: "classes" or "regression" for the targets of a file, if it was given.
        header: "yes" or "no" for the first line of a CSV file, if it was given.
        loss: the loss that was asked for, if there was one; it decides the task where the targets leave it open.
        window: how many characters of a text are a sample, if that was given.
        sequences: whether the network takes sequences: a .txt file is then a text, and an .npz file has sequences.
        size: the height and width that images in folders are resized to, if that was given.

    Raises:
        DataError: where the data are not known, missing or damaged.
    """
    if directory is not None and source != "mnist":
        raise DataError(
            f"--data says where MNIST is, but the data are {source}; write: chalkgrad train mnist --data ..."
        )
    ending = "" if source in NAMES else Path(source).suffix.lower()
    text = sequences and ending == TEXT
    if window is not None and not text:
        cure = "; give a network that reads characters, such as --network rnn" if ending == TEXT else ""
        raise DataError(f"--window is about a text, but the data are {source}{cure}")
    for option, value in (("--target names a column", target), ("--header is about the first line", header)):
        if value is not None and (ending not in TABLES or text):
            raise DataError(f"{option} of a CSV file, but the data are {source}{' (a text)' * text}")
    if task is not None and (ending not in (*TABLES, ".npz") or text):
        raise DataError(f"--task says what the targets of a CSV or .npz file are, but the data are {source}")
    is_folder = source not in NAMES and _is_folder(source)
    if size is not None and not is_folder:
        raise DataError(f"--size is about images in folders, but the data are {source}")
    match source:
        case "digits":
            return digits()
        case "mnist":
            return mnist(directory, as_bytes=True)
        case "spiral":
            return spiral()
        case "vertical":
            return vertical()
        case "names":
            return names()
        case _:
            pass
    path = Path(source)
    if is_folder:
        return read_folders(path, size=None if size is None else read_size(size), seed=seed)
    if text:
        return read_text(path, window=WINDOW if window is None else window)
    if ending in TABLES:
        titled = None if header is None else choice("data", "header", header, ("yes", "no")) == "yes"
        return read_csv(path, target=target, seed=seed, header=titled, task=task, loss=loss)
    if ending == ".npz":
        return (read_sequences if sequences else read_npz)(path, seed=seed, task=task, loss=loss)
    raise DataError(
        f"there is no data set {source!r}; a file must end in .csv, .npz or .txt, and a folder holds images, one "
        f"folder a class; {nearest(source, NAMES)}"
    )


def _is_folder(source: str) -> bool:
    try:
        return Path(source).is_dir()
    except (OSError, ValueError):
        return False
