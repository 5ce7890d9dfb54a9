"""Writing files so that an interruption leaves the old one whole."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def replace_file(path: Path, content: bytes | str) -> None:
    """Writes `content` to `path` in one step: a temporary file beside it, flushed to disk, takes its place.

    Raises:
        OSError: where that is not possible; the old file is then as it was, and nothing is left beside it.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    name = path.parent / f".{path.name}.{secrets.token_hex(8)}.part"
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)  # the umask applies
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Flushes a directory's entries to disk, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
