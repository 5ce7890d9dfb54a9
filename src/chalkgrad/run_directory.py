"""The directory of one training: readable without chalkgrad, and never half-written.

network.toml, weights-.../*.npy   the network (see `chalkgrad.saved`)
run.toml                          data, recipe, results
history.jsonl                     a line of JSON for every epoch
*.png                             the pictures
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .checks import SEEDS, as_table
from .errors import CheckpointError, OptionError
from .files import make_directory, replace_file, temporary
from .saved import DESCRIPTION, read_toml

RUN = "run.toml"
HISTORY = "history.jsonl"


def prepare(path: Path) -> None:
    """Makes the directory and makes sure that it can be written into.

    Raises:
        OptionError: where that is not possible.
    """
    try:
        make_directory(path)
        tried = temporary(path / "try")
        tried.touch()
        tried.unlink()
    except OSError as error:
        raise OptionError(f"the directory {path} cannot be written into: {error.strerror or error}") from None


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
    import tomli_w

    def present(value: Any) -> Any:
        inner = as_table(value)
        return value if inner is None else {k: present(v) for k, v in inner.items() if v is not None}

    write(path, name, tomli_w.dumps(present(table)))


def read_run(path: Path) -> dict[str, Any]:
    """What run.toml says of the data: the table [data], with a source.

    Raises:
        CheckpointError: where this is no run directory.
    """
    try:
        whole = (path / DESCRIPTION).is_file() and (path / RUN).is_file()
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from None
    if not whole:
        raise CheckpointError(f"{path} is no run directory: it has no {DESCRIPTION} and {RUN}")
    table = read_toml(path / RUN)
    return checked_source(as_table(table.get("data")), str(path / RUN))


def checked_source(data: dict[str, Any] | None, where: str) -> dict[str, Any]:
    """A table [data], if it says on which data a network was trained.

    Raises:
        CheckpointError: where it does not.
    """
    data = None if data is None else {k: v for k, v in data.items() if v is not None}
    kinds = {"source": str, "directory": str, "target": str, "seed": int, "task": str, "header": str}
    good = data is not None and all(isinstance(v, kinds.get(k, object)) for k, v in data.items())
    if data is None or not good or "source" not in data or not 0 <= data.get("seed", 0) < SEEDS:
        raise CheckpointError(f"{where} does not say on which data the network was trained")
    return data


def newest(parent: Path) -> Path:
    """The run directory in `parent` that was written last.

    Raises:
        CheckpointError: where there is none.
    """
    runs = [d for d in parent.iterdir() if (d / RUN).is_file()] if parent.is_dir() else []
    if not runs:
        raise CheckpointError(f"there is no run in {parent}; train a network first: chalkgrad train")
    return max(runs, key=lambda d: (d / RUN).stat().st_mtime)
