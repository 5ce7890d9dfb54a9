"""The directory of one training: readable without chalkgrad, and never half-written.

network.toml, weights-.../*.npy   the network (see `chalkgrad.model.saved`)
run.toml                          data, recipe, results
history.jsonl                     a line of JSON for every epoch
test.json                         what the test set gave
*.png, *.svg                      the pictures

All of it is of one training, whenever one looks. While a training takes another's place, files of either lie with the
weights that they belong to; `location` finds them, and the next training there puts them in their place. run.toml and
test.json name the weights that they are about, so that another network that is saved there is not taken for theirs.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from ..base.checks import as_table
from ..base.errors import ChalkgradError, CheckpointError, OptionError, UnknownNameError
from ..base.seeds import SEEDS
from ..base.text import as_toml
from ..describe.optimizers import OPTIMIZERS, Optimizer
from ..describe.settings import from_table
from ..files.writing import clear_stale, make_directory, replace_file, temporary
from ..model.named import metric_names
from ..model.saved import (
    DESCRIPTION,
    check_replaceable,
    clear_weights,
    current_weights,
    read_toml,
    settle,
    unchanged,
)
from ..model.saved import save as save_network
from ..network import Network, load

RUN = "run.toml"
HISTORY = "history.jsonl"
TEST = "test.json"
BOUNDARY = "decision_boundary.png"
CONFUSION, MISREAD, CURVES, FIRST_LAYER = (
    "confusion_matrix.png",
    "misread.png",
    "learning_curves.png",
    "first_layer.png",
)
ATTENTION, GRADIENTS = "attention.svg", "gradients.svg"
NAMES = (RUN, HISTORY, TEST, CONFUSION, MISREAD, CURVES, FIRST_LAYER, ATTENTION, GRADIENTS, BOUNDARY)
MOVES = 4
"""So often a file is looked for that is on its way from one place to the other."""
WEIGHTS = "weights"
"""The key under which run.toml and test.json have the weights that they are about."""


def prepare(path: Path) -> None:
    """Makes the directory and makes sure that it can be written into.

    Raises:
        OptionError: where that is not possible.
        CheckpointError: where a description of the user's own would be written over.
    """
    check_replaceable(path)
    try:
        make_directory(path)
        trial = temporary(path / "try")
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise OptionError(f"the directory {path} cannot be written into: {error.strerror or error}") from None


def tidy(path: Path) -> None:
    """Puts in order what a process that was killed left there; nobody may be training there (`files.locked`)."""
    with contextlib.suppress(OSError):
        settle(path, NAMES)
    clear_stale(path)
    clear_weights(path, NAMES)


def save(path: Path, network: Network, run: dict[str, Any], history: str) -> None:
    """Saves a training in place of the one that was there: the directory holds the one or the other, whole.

    Args:
        path: the directory.
        network: the network.
        run: what run.toml says.
        history: what history.jsonl says.

    Raises:
        CheckpointError: where that is not possible; the earlier training is then as it was.
    """

    def further(folder: Path) -> None:
        write(folder, HISTORY, history)
        write_table(folder, RUN, {WEIGHTS: folder.name, **run})

    save_network(network, path, further=further, names=NAMES)


def write(path: Path, name: str, content: bytes | str) -> Path:
    """Writes one file of the run in one step.

    Raises:
        CheckpointError: where that is not possible.
    """
    try:
        replace_file(path / name, content)
    except OSError as error:
        raise CheckpointError(f"{path / name} cannot be written: {error.strerror or error}") from None
    return path / name


def write_table(path: Path, name: str, table: dict[str, Any]) -> None:
    """Writes a TOML file of the run; what is None is left out."""

    def present(value: Any) -> Any:
        inner = as_table(value)
        return value if inner is None else {k: present(v) for k, v in inner.items() if v is not None}

    write(path, name, as_toml(present(table)))


def location(path: Path, name: str) -> Path:
    """The path of a file of the run: beside network.toml, or still (or again) with its weights."""
    with_weights = path / (current_weights(path) or "") / name
    return with_weights if with_weights.is_file() else path / name


def read_run(path: Path) -> dict[str, Any]:
    """The table [data] of run.toml, which has a source.

    Raises:
        CheckpointError: where this is no run directory, or the network there is not the one of run.toml.
    """
    file, table = _read(path)
    if not read_toml(path / DESCRIPTION):
        raise CheckpointError(f"{path / DESCRIPTION} is empty: put it back from a copy, or train again")
    weights, current = table.get(WEIGHTS), current_weights(path)
    if weights is not None and weights != current:
        raise CheckpointError(
            f"{path / RUN} is about {str(weights)[:40]}, but the network that is saved there has {current}: it was "
            f'saved by something else. If it is of the same data, delete the line "{WEIGHTS} = ..." from {RUN}'
        )
    return checked_source(as_table(table.get("data")), str(file))


def metrics_of(path: Path) -> tuple[str, ...]:
    """The names of the metrics that a run was trained with.

    Raises:
        CheckpointError: where run.toml cannot be read, or names others than there are.
    """
    file, table = _read(path)
    try:
        return metric_names(str(file), (as_table(table.get("training")) or {}).get("metrics", ()))
    except (OptionError, UnknownNameError) as error:
        raise CheckpointError(f"{file}: {error}") from None


def optimizer_of(path: Path) -> Optimizer:
    """The optimizer that a run was trained by, with the learning rate that it began with; SGD where it does not say.

    Raises:
        CheckpointError: where run.toml cannot be read, or names another one than there are.
    """
    file, table = _read(path)
    stated = (as_table(table.get("training")) or {}).get("optimizer", "SGD")
    try:
        return from_table("optimizer", stated, OPTIMIZERS)
    except ChalkgradError as error:
        raise CheckpointError(f"{file}: {error}") from None


def _read(path: Path) -> tuple[Path, dict[str, Any]]:
    """run.toml and what it says."""
    for _ in range(MOVES):
        try:
            file = location(path, RUN)
            whole = (path / DESCRIPTION).is_file() and file.is_file()
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{path} cannot be read: {error}") from None
        try:
            if whole:
                return file, read_toml(file)
        except CheckpointError:
            if file.is_file():
                raise
    raise CheckpointError(f"{path} is no run directory: it has no {DESCRIPTION} and {RUN}")


def open_run(path: Path) -> tuple[Network, dict[str, Any], str]:
    """A run's network, what its run.toml says of the data, and the name of its weights: all of the same run.

    Raises:
        CheckpointError: as `read_run` and `load`.
    """

    def read() -> tuple[Network, dict[str, Any], str]:
        current = current_weights(path)
        source, network = read_run(path), load(path)
        if current is None or current_weights(path) != current:
            raise CheckpointError(f"other networks are saved in {path} all the time")
        return network, source, current

    return unchanged(path / DESCRIPTION, read)


def checked_source(data: dict[str, Any] | None, where: str) -> dict[str, Any]:
    """A table [data], if it says on which data a network was trained.

    Raises:
        CheckpointError: where it does not.
    """
    data = None if data is None else {k: v for k, v in data.items() if v is not None}
    kinds = {"source": str, "directory": str, "target": str, "seed": int, "task": str, "header": str, "content": dict}
    kinds |= {"divided_by": int, "size": str, "window": int, "sequences": bool, "vocabulary": dict}
    good = data is not None and all(isinstance(v, kinds.get(k, object)) for k, v in data.items())
    if data is None or not good or "source" not in data or not 0 <= data.get("seed", 0) < SEEDS:
        raise CheckpointError(f"{where} does not say on which data the network was trained")
    return data


def newest(parent: Path) -> Path:
    """The run directory in `parent` that was written last.

    Raises:
        CheckpointError: where there is none.
    """
    runs = {d: file for d in parent.iterdir() if (file := location(d, RUN)).is_file()} if parent.is_dir() else {}
    if not runs:
        raise CheckpointError(f"there is no run in {parent}; train a network first: chalkgrad train")
    return max(runs, key=lambda d: runs[d].stat().st_mtime)
