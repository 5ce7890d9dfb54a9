"""Checkpoints of a training: when they are written, how many are kept, and which is the newest that is whole."""

from __future__ import annotations

import contextlib
import math
import os
import re
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.checks import number, whole
from ..base.errors import CheckpointError, OptionError
from ..base.messages import warn
from ..files.checkpoint import Array, Checkpoint, write_checkpoint
from ..files.writing import clear_stale, locked, make_directory

ENDING = ".checkpoint"
NAME = re.compile(r"(\d{20})-(\d{12,})\.checkpoint")
FOLDER = "checkpoints"
"""The folder of a run directory's checkpoints."""


class CheckpointWarning(UserWarning):
    """A checkpoint could not be written, or a damaged one was skipped; the training continues."""


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The settings of a training's checkpoints: where and when they are written.

    Attributes:
        directory: where to; it is made if it is not there. One training at a time writes there.
        seconds: one is written at least so often, also in the middle of an epoch.
        share: one is written after every epoch too, as long as writing takes no more than this share of the time
            (0.05: a twentieth; with 0 none is).
        keep: how many are kept.

    Raises:
        OptionError: where a setting is invalid.
    """

    directory: str | Path
    seconds: float = 60.0
    share: float = 0.05
    keep: int = 2

    def __post_init__(self) -> None:
        if not isinstance(self.directory, (str, Path)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise OptionError(f"Checkpoints: directory is a path, not {self.directory!r}")
        number("Checkpoints", "seconds", self.seconds, 0.0)
        number("Checkpoints", "share", self.share, 0.0)
        whole("Checkpoints", "keep", self.keep)


def read_checkpoints(checkpoints: Checkpoints | str | Path | None) -> Checkpoints | None:
    """The settings of checkpoints; None where none are written.

    Raises:
        OptionError: where it is neither that nor a directory.
    """
    if isinstance(checkpoints, (str, Path)):
        return Checkpoints(checkpoints)
    if checkpoints is not None and not isinstance(checkpoints, Checkpoints):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise OptionError(f"checkpoints is a directory or Checkpoints, not {checkpoints!r}")
    return checkpoints


class Keeper:
    """Writes one training's checkpoints. Held as a context, it holds the directory.

    Args:
        settings: where and when.

    Attributes:
        alone: whether the first one that is written takes the place of those of all other trainings. Where all that a
            training began with stands in its checkpoints, nobody would see that a damaged one was skipped in
            favour of another training's.

    Raises:
        CheckpointError: where the directory cannot be made, or another training writes into it.
    """

    def __init__(self, settings: Checkpoints) -> None:
        self.settings = settings
        self.directory = Path(settings.directory)
        self.alone = False
        self.began = 0  # the files' names begin with it
        self._written = time.monotonic()
        self._cost = 0.0
        self._steps = -1
        self._complained = False
        self._held = ExitStack()

    def __enter__(self) -> Keeper:
        try:
            make_directory(self.directory)
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{self.directory} cannot be made: {getattr(error, 'strerror', error)}") from None
        self._held.enter_context(locked(self.directory, "another training"))
        clear_stale(self.directory)
        earlier = [began for began, _, _ in checkpoint_files(self.directory)]  # this training's too
        self.began = max([time.time_ns(), *(b + 1 for b in earlier)])  # whatever the clock says
        return self

    def __exit__(self, *raised: object) -> None:
        self._held.close()

    def due(self, *, epoch_done: bool) -> bool:
        """Whether one should be written now."""
        seconds = time.monotonic() - self._written
        return seconds >= self.settings.seconds or (epoch_done and seconds * self.settings.share >= self._cost)

    def write(self, steps: int, table: Mapping[str, Any], arrays: Mapping[str, Array]) -> bool:
        """Writes one; a warning says if that was not possible, and the earlier ones stay. Returns whether it was."""
        start = time.monotonic()
        place = self.directory / f"{self.began:020d}-{steps:012d}{ENDING}"
        try:
            write_checkpoint(place, for_json(table), arrays)
        except OSError as error:
            if not self._complained:
                self._complained = True
                text = f"a checkpoint could not be written in {self.directory}: {error.strerror or error}"
                warn(f"{text}; the training continues", CheckpointWarning)
            self._written = time.monotonic()  # it is tried again when the next one is due
            return False
        self._complained = False
        self._prune()
        self._written = time.monotonic()
        self._cost = self._written - start
        return True

    def _prune(self) -> None:
        self.forget_others()
        for _, _, path in checkpoint_files(self.directory)[: -self.settings.keep]:
            with contextlib.suppress(OSError):
                os.unlink(path)

    def forget_others(self) -> None:
        """Deletes the checkpoints of other trainings, if this one is to stand alone."""
        if self.alone:
            forget(self.directory, but=self.began)


def checkpoint_files(directory: Path) -> list[tuple[int, int, Path]]:
    """The checkpoints in a directory, from the oldest to the newest: when their training began, steps, file."""
    files: list[tuple[int, int, Path]] = []
    try:
        for entry in os.scandir(directory):
            if (name := NAME.fullmatch(entry.name)) is not None and entry.is_file(follow_symlinks=False):
                files.append((int(name[1]), int(name[2]), directory / entry.name))
    except (OSError, ValueError):
        return []
    return sorted(files)


def forget(directory: Path, *, but: int = 0) -> None:
    """Deletes the checkpoints in a directory, but for those of the training that began then."""
    for began, _, path in checkpoint_files(directory):
        if began != but:
            with contextlib.suppress(OSError):
                os.unlink(path)


def newest(place: str | Path) -> Checkpoint:
    """The newest checkpoint that is whole.

    Args:
        place: a checkpoint file, a directory of them, or a run directory.

    Raises:
        CheckpointError: where there is none, or none is whole.
        OptionError: where `place` is no path.
    """
    if not isinstance(place, (str, Path)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise OptionError(f"a training is resumed from a path, not from {place!r}")
    place = Path(place)
    try:
        is_file, is_directory = place.is_file(), place.is_dir()
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{place} cannot be read: {error}") from None
    if is_file:
        return _whole(place)
    if not is_directory:
        raise CheckpointError(f"there is no training to resume in {place}: there is no such directory")
    faults: list[str] = []
    for directory in (place, place / FOLDER):
        visited: set[Path] = set()
        while paths := [
            path for _, _, path in checkpoint_files(directory) if path not in visited
        ]:  # some appear, some vanish
            visited.add(path := paths[-1])
            try:
                checkpoint = _whole(path)
            except CheckpointError as error:
                if path.exists():
                    faults.append(str(error))
                continue
            if faults:
                text = f"{faults[0]}; the training is resumed from {path.name}"
                warn(text, CheckpointWarning)
            return checkpoint
    if faults:
        raise CheckpointError(f"none of the checkpoints in {place} is whole: {faults[0]}")
    raise CheckpointError(f"there is no training to resume in {place}: it holds no checkpoint")


def _whole(path: Path) -> Checkpoint:
    """A checkpoint whose arrays were all read once, so that a damaged one is found here."""
    checkpoint = Checkpoint(path)
    for name, part in checkpoint.parts.items():
        checkpoint.read(name, part.dtype, part.shape)
    return checkpoint


def for_json(value: Any) -> Any:
    """A table that JSON can hold: numbers that are not finite become words."""
    if isinstance(value, Mapping):
        return {str(k): for_json(v) for k, v in value.items()}  # pyright: ignore
    if isinstance(value, (list, tuple)):
        return [for_json(v) for v in value]  # pyright: ignore
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
