"""Saved networks: a directory that can be read without chalkgrad, and is never half-written.

    run/network.toml             the description, and under [parameters] the files with shape and SHA-256; its own
                                 SHA-256 stands in its second line
    run/weights-3fa9c2d1/W1.npy  one .npy file for every weight and bias

The weights of every save stand in a directory of their own, under a name that no other save has. Writing network.toml,
which happens in one step, is what makes them the current ones; the old directory is deleted after that. So an
interruption leaves either the old network or the new one, whole, and of several that save at once the last one wins.

Whoever saves holds the directory of its weights until it is done: what nobody holds and network.toml does not name was
left behind by a save that was killed. A reader whose weights were replaced meanwhile begins again.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
import os
import re
import secrets
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..base.checks import as_list, as_table, said
from ..base.errors import CheckpointError, DataError
from ..base.text import as_toml
from ..describe.layers.registry import check_loadable
from ..files.npy import read_npy
from ..files.toml import parse_toml
from ..files.writing import (
    MOST_TEXT,
    clear_stale,
    locked,
    make_directory,
    open_plain,
    read_bounded,
    reason,
    replace_file,
    sync_directory,
)
from .arguments import beginning
from .model import Array, Model

DESCRIPTION = "network.toml"
WEIGHTS = "weights-"
WEIGHTS_FOLDER = re.compile(r"weights-[0-9a-f]{12}")
READS = 100
"""So often a directory is read again into which others save meanwhile."""
SEAL = "# SHA-256 of all that follows: "
T = TypeVar("T")
M = TypeVar("M", bound=Model)


def save(
    network: Model, path: str | Path, *, further: Callable[[Path], None] | None = None, names: Sequence[str] = ()
) -> None:
    """Saves a network into the directory `path`, which is made if it is not there.

    Args:
        network: the network.
        path: the directory.
        further: writes more files, which belong to the network, into the directory that it is given. Each comes to
            stand beside network.toml when the network does.
        names: the names that such files have. Those of the network before go with it.

    Raises:
        CheckpointError: where that is not possible; what was saved there before is then as it was.
    """
    path = _named(path)
    check_loadable(network.layers)
    arrays = {**network.parameters, **network.states}
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise CheckpointError(f"{name} holds NaN or infinity, so the network is not saved")
    check_replaceable(path)
    contents = {name: _npy(array) for name, array in arrays.items()}
    try:
        make_directory(path)
        with ExitStack() as held:
            before, folder = current_weights(path), _new_folder(path, held)
            aside = path / (before or _new_name())
            table = network.to_table()
            table["steps_taken"] = network.steps_taken
            table["parameters"] = {
                name: {
                    "file": f"{folder.name}/{name}.npy",
                    "shape": list(arrays[name].shape),
                    "sha256": hashlib.sha256(content).hexdigest(),
                }
                for name, content in contents.items()
            }
            body = as_toml(table)
            digest = hashlib.sha256(body.encode()).hexdigest()
            head = f"# A network saved by chalkgrad; the weights are the .npy files named below.\n{SEAL}{digest}\n"
            try:
                for name, content in contents.items():
                    replace_file(folder / f"{name}.npy", content)
                if further is not None:
                    further(folder)
                _move(names, path, aside)  # to the weights that they belong to: none is ever beside others
                replace_file(path / DESCRIPTION, head + body, workplace=folder)  # this is the step
            except BaseException:
                done = current_weights(path) == folder.name
                with contextlib.suppress(OSError):
                    _move(names, folder if done else aside, path)
                if not done:
                    shutil.rmtree(folder, ignore_errors=True)
                raise
            _move(names, folder, path)
        clear_weights(path, names, replaced=before)
    except OSError as error:
        raise CheckpointError(f"the network cannot be saved in {path}: {reason(path, error)}") from None


def check_replaceable(path: Path) -> None:
    """Raises CheckpointError where the directory's network.toml was written by a person: it is not written over."""
    text = (_content(path / DESCRIPTION) or b"").decode("utf-8", "replace")
    if text.strip() and SEAL not in text and "[parameters" not in text:
        raise CheckpointError(
            f"{path / DESCRIPTION} is a description that chalkgrad did not write, so it is not written over; name "
            "another directory"
        )


def current_weights(path: Path) -> str | None:
    """The name of the directory that holds the weights of the network in `path`; "" where there is none.

    None where network.toml is there and cannot be read: nothing is known about what belongs to it.
    """
    try:
        table = read_toml(path / DESCRIPTION)
    except CheckpointError:
        return None if (path / DESCRIPTION).exists() else ""
    files = [as_table(entry) or {} for entry in (as_table(table.get("parameters")) or {}).values()]
    folder = str(files[0].get("file", "")).partition("/")[0] if files else ""
    return folder if WEIGHTS_FOLDER.fullmatch(folder) else ""


def settle(path: Path, names: Sequence[str]) -> None:
    """Puts the files that came with the current weights beside network.toml, if that was not done yet.

    Raises:
        OSError: where that is not possible.
    """
    if current := current_weights(path):
        _move(names, path / current, path)


def _move(names: Sequence[str], source: Path, target: Path) -> None:
    there = [name for name in names if (source / name).is_file()]
    if there:
        make_directory(target)
        for name in there:
            os.replace(source / name, target / name)
        sync_directory(target)
        sync_directory(source)


def clear_weights(path: Path, names: Sequence[str] = (), *, replaced: str | None = None) -> None:
    """Deletes the weights that are not current and that nobody is saving, and nothing that `save` did not make.

    Args:
        path: the directory of a saved network.
        names: the names of further files that may lie with the weights.
        replaced: weights that are known to be nobody's; on systems without locks no others are deleted.
    """
    with contextlib.suppress(OSError):
        for entry in path.iterdir():
            if not WEIGHTS_FOLDER.fullmatch(entry.name) or entry.is_symlink() or not entry.is_dir():
                continue
            with contextlib.suppress(CheckpointError, OSError), locked(entry, "another save") as held:
                current = current_weights(path)  # now that nobody can make these the current ones
                if entry.name == current:
                    clear_stale(entry)
                    continue
                nobodys = current is not None and (held or entry.name == replaced)
                if nobodys and all(f.suffix in (".npy", ".part") or f.name in names for f in entry.iterdir()):
                    shutil.rmtree(entry, ignore_errors=True)
        sync_directory(path)


def _new_folder(path: Path, held: ExitStack) -> Path:
    """A new directory for weights, held so that nobody takes it for one that was left behind."""
    for _ in range(READS):
        folder = path / _new_name()
        make_directory(folder)
        with contextlib.suppress(CheckpointError):  # somebody was quicker, and is deleting it
            held.enter_context(locked(folder, "another save"))
            if folder.is_dir():
                return folder
    raise CheckpointError(f"no directory for the weights can be held in {path}")


def _new_name() -> str:
    return f"{WEIGHTS}{secrets.token_hex(6)}"


def _npy(array: Array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as a table.

    Raises:
        CheckpointError: where it is missing, no TOML, or larger than people write.
    """
    content = read_bounded(path, MOST_TEXT, CheckpointError)
    table = parse_toml(content, str(path), CheckpointError)
    _check_seal(path, content.decode("utf-8-sig"))
    return table


def _check_seal(path: Path, text: str) -> None:
    """Raises CheckpointError where a saved file is not as it was saved; a file of the user's own has no seal."""
    _, mark, rest = text.partition(SEAL)
    sealed, _, body = rest.partition("\n")
    if mark and hashlib.sha256(body.encode()).hexdigest() != sealed.strip():
        raise CheckpointError(
            f"{path} is not as it was saved: the SHA-256 is another; if it was changed on purpose, delete the line "
            f'"{SEAL.strip()} ..."'
        )


def load(kind: type[M], path: str | Path) -> M:
    """A saved network: the directory it was saved in, or its network.toml. Nothing is unpickled or run.

    A description without [parameters] gives the network with its initial weights.

    Args:
        kind: the class that it becomes.
        path: the directory or file.

    Raises:
        CheckpointError: where anything is missing, damaged, or does not fit the description.
    """
    path = _named(path)
    try:
        file = path / DESCRIPTION if path.is_dir() else path
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from None
    return unchanged(file, lambda: _load(kind, file))


def _named(path: str | Path) -> Path:
    """A path that was given. Raises CheckpointError where it is empty, which would be the current directory."""
    if not os.fspath(path):
        raise CheckpointError('the path is empty; name the directory, "." for the current one')
    return Path(path)


def unchanged(file: Path, read: Callable[[], T]) -> T:
    """What `read` gives, which is called again where it fails because `file` was replaced meanwhile.

    Raises:
        CheckpointError: that of `read`.
    """
    for _ in range(READS):
        before = _content(file)
        try:
            return read()
        except CheckpointError:
            if _content(file) == before:
                raise
    return read()


def _content(file: Path) -> bytes | None:
    try:
        return read_bounded(file, MOST_TEXT, CheckpointError)
    except CheckpointError:
        return None


def _load(kind: type[M], file: Path) -> M:
    table = read_toml(file)
    if "parameters" not in table:
        return kind.described(table, str(file))
    stored = as_table(table["parameters"])
    if stored is None:
        raise CheckpointError(f"{file}: the parameters are {beginning(table['parameters'])}; they must be tables")
    network = kind.described(table, str(file), {name: _shape(file, name, entry) for name, entry in stored.items()})
    targets = {**network.parameters, **network.states}
    if set(stored) != set(targets):
        raise CheckpointError(f"{file}: the parameters are {', '.join(stored)}; the layers need {', '.join(targets)}")
    ready = {name: _stored(file, name, stored[name], target) for name, target in targets.items()}
    network.set_parameters(ready)
    steps = table.get("steps_taken", 0)
    if isinstance(steps, bool) or not isinstance(steps, int) or not 0 <= steps < 2**63:
        raise CheckpointError(f"{file}: steps_taken must be a whole number, not {said(steps)}")
    network.steps_taken = steps
    return network


def _shape(file: Path, name: str, given: object) -> tuple[int, ...]:
    """The shape that a parameter's file is said to have, if the file can hold as much."""
    place, entry = _place(file, name, given)
    shape = as_list(entry.get("shape"))
    if shape is None or not all(type(s) is int and s >= 0 for s in shape):
        raise CheckpointError(f"{file}: the parameter {name} needs a shape")
    try:
        size = place.stat().st_size
    except OSError as error:
        raise CheckpointError(f"{place} cannot be read: {error.strerror or error}") from None
    if 4 * math.prod(shape) > size:
        raise CheckpointError(f"{place} is damaged: it is too short to hold {tuple(shape)} numbers")
    return tuple(shape)


def _place(file: Path, name: str, given: object) -> tuple[Path, dict[str, Any]]:
    """Where a parameter's file lies, and its entry. Raises CheckpointError where that is nowhere."""
    entry = as_table(given)
    if entry is None or not isinstance(entry.get("file"), str):
        raise CheckpointError(f"{file}: the parameter {name} needs a file, a shape and a sha256")
    try:
        root = file.parent.resolve()
        place = (root / entry["file"]).resolve()
        inside, there = place.is_relative_to(root), place.is_file()
    except (OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{file}: {entry['file']!r} of parameter {name} is no file name: {error}") from None
    if not inside:
        raise CheckpointError(f"{file}: {entry['file']} of parameter {name} lies outside {root.name}")
    if not there:
        raise CheckpointError(f"{place} cannot be read: there is no such file")
    return place, entry


def _stored(file: Path, name: str, given: object, target: Array) -> Array:
    """One parameter's array, checked against its entry and against the network."""
    place, entry = _place(file, name, given)
    try:
        with open_plain(place) as stream:
            size = os.fstat(stream.fileno()).st_size
            most = target.nbytes + 4096
            if size > most:
                raise CheckpointError(f"{place} has {size:,} bytes, more than {name} {target.shape} needs")
            content = stream.read(most)
    except OSError as error:
        raise CheckpointError(f"{place} cannot be read: {error.strerror or error}") from None
    if hashlib.sha256(content).hexdigest() != entry.get("sha256"):
        raise CheckpointError(f"{place} is damaged: its SHA-256 is not the one in {file.name}")
    try:
        array = read_npy(io.BytesIO(content), str(place), len(content), target.shape)
    except DataError as error:
        raise CheckpointError(f"{error}: it does not fit the network in {file.name}") from None
    if array.dtype.kind != "f" or not np.isfinite(array).all():
        raise CheckpointError(f"{place} must hold finite floating point numbers")
    return array
