"""The files of sheets and gradings, never written over one that somebody has filled in or changed since.

The SHA-256 of every file stands in a list, beside the solution or the reports, as `sha256sum -c` reads it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from ..base.errors import DataError, OptionError
from ..files.writing import MOST_TEXT, make_directory, read_bounded, reason, replace_file

LIST = "written.sha256"
_LINE = re.compile(r"(?P<digest>[0-9a-f]{64})  (?P<name>.+)")


class OutputFiles:
    """Files by path, and the list of what was written into their places before.

    Args:
        files: what is to be written.
        folder: where the list stands.
    """

    def __init__(self, files: Mapping[Path, str], folder: Path) -> None:
        self.files = {Path(os.path.normpath(path)): text.encode() for path, text in files.items()}
        self.list = folder / LIST
        self.before = self._entries()

    def check(self) -> None:
        """Raises OptionError where a file that is there is neither what was written nor what is to be."""
        for path, content in self.files.items():
            digest = _digest_of(path)
            if digest is not None and digest != _digest(content) and (digest, self._name(path)) not in self.before:
                raise OptionError(
                    f"{path} is not as chalkgrad wrote it, so somebody filled it in or changed it: nothing is written; "
                    "give another --out, or move that file away"
                )

    def write(self) -> None:
        """Writes the files; an interruption leaves each old or new, and the list knows both.

        Raises:
            OptionError: where that is not possible.
        """
        new = {(_digest(content), self._name(path)) for path, content in self.files.items()}
        self._write(self.list, self._lines(self.before | new))
        for path, content in self.files.items():
            self._write(path, content)
        others = {(digest, name) for digest, name in self.before if self._path(name) not in self.files}
        self._write(self.list, self._lines(others | new))

    def _lines(self, entries: set[tuple[str, str]]) -> bytes:
        return "".join(f"{digest}  {name}\n" for digest, name in sorted(entries, key=lambda k: k[::-1])).encode()

    def _write(self, path: Path, content: bytes) -> None:
        try:
            make_directory(path.parent)
            replace_file(path, content)
        except OSError as error:
            raise OptionError(f"{path} cannot be written: {reason(path, error)}") from None

    def _name(self, path: Path) -> str:
        return Path(os.path.relpath(path, self.list.parent)).as_posix()

    def _path(self, name: str) -> Path:
        return Path(os.path.normpath(self.list.parent / name))

    def _entries(self) -> set[tuple[str, str]]:
        if not self.list.is_file():
            return set()
        lines = read_bounded(self.list, MOST_TEXT, OptionError).decode("utf-8", "replace").splitlines()
        return {(m["digest"], m["name"]) for m in map(_LINE.fullmatch, lines) if m is not None}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _digest_of(path: Path) -> str | None:
    """A file's digest; None where there is none; what is no readable file counts as somebody's own."""
    try:
        if not os.path.lexists(path):
            return None
        return _digest(read_bounded(path, 2**26, DataError))
    except DataError:
        return ""
