"""Messages that no work depends on: where they cannot be written they are lost, and nothing is raised."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from typing import Any

STANDARD = (0, 1, 2)
"""The numbers of standard input, output and error."""


class Lossy:
    """A stream that loses what cannot be written: a full disk, a pipe that nobody reads, a stream that was closed.

    Args:
        stream: where to write; None loses everything, as where a process has no standard error.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:
        """The stream's encoding."""
        return getattr(self._stream, "encoding", None) or "ascii"

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return bool(self._try("isatty"))

    def write(self, text: str) -> int:
        """Writes what can be written."""
        self._try("write", text)
        return len(text)

    def flush(self) -> None:
        """Flushes what can be flushed."""
        self._try("flush")

    def _try(self, name: str, *arguments: Any) -> Any:
        if self._stream is None:
            return None
        try:
            return getattr(self._stream, name)(*arguments)
        except Exception:  # whatever a stream of the user's own raises
            self._stream = None  # nothing more is tried
            return None


def say(text: str) -> None:
    """Prints a line to standard output; the work continues if nobody can read it."""
    print(text, file=Lossy(sys.stdout), flush=True)
    let_go(sys.stdout)


def complain(text: str) -> None:
    """Prints a line to standard error, if there is one."""
    print(text, file=Lossy(sys.stderr), flush=True)


def let_go(stream: Any) -> None:
    """Flushes a stream of the process. What cannot be written is lost here, or Python would make it the exit code."""
    if stream is None:
        return
    try:
        stream.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def complete_streams() -> None:
    """Gives the process the standard streams that it was begun without (`2>&-`, a service, a window).

    Their numbers are taken, or the next file that is opened would have one of them, and get what is meant for a log.
    """
    for number in STANDARD:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the system gives the lowest number that is free
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def warn(text: str, category: type[Warning]) -> None:
    """Warns at the line that called chalkgrad, wherever inside it the reason was found.

    Raises:
        Warning: where the filters make errors of warnings; a standard error that was closed is none.
    """
    import inspect  # not quick to import, and rarely needed

    own = __name__.partition(".")[0]
    level, frame = 1, inspect.currentframe()
    while frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == own:
        level, frame = level + 1, frame.f_back
    level -= frame is None  # called by nobody outside
    with contextlib.suppress(ValueError):
        warnings.warn(text, category, stacklevel=level)
