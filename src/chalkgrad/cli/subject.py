"""The subject of a command: a worked example, a worksheet, a network's description, or a run directory."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

import numpy as np

from ..base.errors import ChalkgradError, DataError, OptionError
from ..base.text import visible
from ..examples.example import Example, example, examples, load_example
from ..model.saved import DESCRIPTION, read_toml
from ..network import Network, load
from ..runs.directory import RUN, location, open_run, optimizer_of
from .sources import open_recorded, suited

SAMPLES = 4
"""So many samples of a run are taken where nothing is said."""


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


def is_run(text: str) -> bool:
    """Whether a subject is a run directory: a worked example of this name comes first."""
    try:
        return bool(text) and text not in examples() and location(Path(text), RUN).is_file()
    except (ChalkgradError, OSError, ValueError):
        return False


def read_run(text: str, samples: int, directory: str | None = None) -> Example:
    """A run's network with samples of its test set, as a worked example, which says which samples they are.

    The optimizer is that of the training, at the rate that it began with; what it remembered is not in a run.

    Args:
        text: the run directory.
        samples: how many samples; the first ones of the test set.
        directory: the folder of MNIST's four files, if it was given.

    Raises:
        CheckpointError: where it is no run directory, or its data are others by now.
        DataError: where its data cannot be read.
    """
    if samples < 1:
        raise OptionError(f"--samples is a number of samples, 1 or more, not {samples}")
    path = Path(text)
    network, source, _ = open_run(path)
    if directory:
        source["directory"] = directory
    data = suited(open_recorded(source, network, path), network)
    count = min(samples, len(data.y_test))
    x, y = network.pair(np.asarray(data.x_test[:count]), np.asarray(data.y_test[:count]))
    first = "the first" if count == 1 else f"the first {count}"
    about = f"Run {visible(text)} on {first} of the {len(data.y_test):,} test samples of {visible(data.name)}."
    return Example(
        title=f"{visible(data.name)}: {network!r}".replace("<", "").replace(">", ""), text=about, network=network,
        x=x, y=y, optimizer=optimizer_of(path), steps=1, labels={},
    )  # fmt: skip


def read_worked(arguments: Namespace) -> Example:
    """The worked example that a command is about, or a run with its samples (see `options.add_run`)."""
    if is_run(arguments.file):
        return read_run(arguments.file, SAMPLES if arguments.samples is None else arguments.samples, arguments.data)
    for option in ("samples", "data"):
        if getattr(arguments, option) is not None:
            raise OptionError(f"--{option} is about a run directory, but {arguments.file} is none")
    return read_example(arguments.file)


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
        if not (path / DESCRIPTION).exists():
            raise DataError(f"{visible(text)} is no run directory: it has no {DESCRIPTION}; chalkgrad train writes one")
        return load(path)
    if not path.suffix and not path.exists():
        return load_example(text)  # which says what is known
    table = read_toml(path)
    if path.name == DESCRIPTION or not {"x", "y", "title", "labels", "example"} & set(table):
        return load(path)
    return example(table, str(path))
