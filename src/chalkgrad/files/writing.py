"""Writing files so that an interruption leaves the old one whole, and one process at a time."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

from ..base.errors import ChalkgradError, CheckpointError, DataError

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there
    fcntl = None

STALE = re.compile(r"\..+\.[0-9a-f]{16}\.part")
"""Names of temporary files, which only a process that was killed leaves behind."""
DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/(\d{1,9})")
LONGEST_WAIT = 10
"""Seconds."""
CHUNK = 65536
MOST_TEXT = 2 * 2**20
"""Text files are written by people, or hold no more than they would; larger ones (in bytes) are refused."""
MOST_RATIO = 100
MOST_UNPACKED = 16 * 2**20
"""A compressed file may unpack to so many bytes, or to so many times its size."""
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
NOT_SYNCED = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EPERM, errno.EISDIR)
"""The errors of systems that cannot flush a directory."""


def replace_file(path: Path, content: bytes | str | Iterable[Any], *, workplace: Path | None = None) -> None:
    """Writes `content` to `path` in one step: a temporary file, flushed to disk, takes its place.

    A file that was there keeps its permissions, and its owner where that is allowed.

    Args:
        path: the file.
        content: text, bytes, or several buffers (arrays too) that are written one after another.
        workplace: the directory of the temporary file, on the same disk; beside `path` if not given.

    Raises:
        OSError: where that is not possible; the old file is then as it was (only where the directory's own entry
            could not be flushed is the new one in its place), and nothing is left beside it.
    """
    name = temporary(path if workplace is None else workplace / path.name)
    handle = os.open(name, NEW, 0o666)  # the umask applies
    try:
        try:
            _keep_owner(handle, path)
            for part in _parts(content):
                _write(handle, part)
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    sync_directory(path.parent)


def write_named(path: Path, content: bytes | str | Iterable[Any]) -> None:
    """Writes `content` to a path that the user named: a file in one step (`replace_file`), for a link the file that it
    leads to; a device or a pipe is written to, and stays what it is.

    Raises:
        OSError: where that is not possible, where nobody reads from a pipe, or where the file is write-protected.
    """
    stream = descriptor(path)
    if stream is not None:
        for part in _parts(content):
            _write(stream, part)
        return
    target = Path(os.path.realpath(path))
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:  # a link too may lead to a file that is not there yet
        replace_file(target, content)
        return
    if stat.S_ISREG(mode):
        if not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, "it is write-protected")
        replace_file(target, content)
        return
    handle = _open_stream(path, stat.S_ISFIFO(mode))
    try:
        for part in _parts(content):
            _write(handle, part)
    finally:
        os.close(handle)


def reason(path: str | Path, error: Exception) -> str:
    """Why a path could not be written, as the end of a sentence: which folder is missing, or is no folder."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError, FileExistsError)):
        for folder in reversed(Path(path).parents):
            if not folder.exists():
                return f"there is no folder {folder}"
            if not folder.is_dir():
                return f"{folder} is a file, not a folder"
        if isinstance(error, FileExistsError) and Path(path).is_file():
            return "it is a file, not a folder"
    return str((isinstance(error, OSError) and error.strerror) or error)


def descriptor(path: Path) -> int | None:
    """The number of the open file that a name such as /dev/stdout stands for; None for other names."""
    name = os.path.abspath(path)
    match = DESCRIPTOR.fullmatch(name)
    return int(match[1]) if match else {"/dev/stdout": 1, "/dev/stderr": 2}.get(name)


def is_stream(path: Path) -> bool:
    """Whether this is a device or a pipe: what is written to it lies nowhere, and nothing can lie beside it."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return descriptor(path) is not None or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _open_stream(path: Path, pipe: bool) -> int:
    """A device or a pipe, open for writing; a pipe is waited for until somebody reads from it, but not for ever."""
    if not pipe:
        return os.open(path, os.O_WRONLY)
    end = time.monotonic() + LONGEST_WAIT
    while True:
        try:
            handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() > end:
                raise OSError(errno.ENXIO, f"nobody has read from this pipe for {LONGEST_WAIT} seconds") from None
            time.sleep(0.02)
        else:
            os.set_blocking(handle, True)
            return handle


def _parts(content: bytes | str | Iterable[Any]) -> Iterable[Any]:
    data = content.encode("utf-8") if isinstance(content, str) else content
    return [data] if isinstance(data, bytes) else data


def _keep_owner(handle: int, path: Path) -> None:
    """Gives a new file the permissions, and where that is allowed the owner, of the one whose place it will take."""
    try:
        old = os.lstat(path)
    except OSError:
        return
    if not stat.S_ISREG(old.st_mode) or not hasattr(os, "fchmod"):
        return
    mode = stat.S_IMODE(old.st_mode)
    with contextlib.suppress(OSError):
        new = os.fstat(handle)
        if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
            mode &= 0o777  # nothing runs as another user's
            os.fchown(handle, old.st_uid, old.st_gid)
    with contextlib.suppress(OSError):
        os.fchmod(handle, mode)


def make_directory(path: Path) -> None:
    """Makes a directory, and those above it; their entries are flushed to disk.

    Raises:
        OSError: where that is not possible.
    """
    directories = [p for p in (path, *path.parents) if not p.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for directory in reversed(directories):
        sync_directory(directory.parent)


def open_plain(path: Path) -> BufferedReader:
    """A plain file, open for reading. What is none (a pipe, a device) might be waited for, or read from, for ever.

    Raises:
        OSError: where it cannot be opened, or is no plain file.
    """
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode):
            raise OSError("it is no plain file")
        return open(path, "rb")
    except ValueError as error:  # a zero byte in the name
        raise OSError(str(error)) from None


def temporary(path: Path) -> Path:
    """A new name beside `path`, which `clear_stale` knows."""
    return path.parent / f".{path.name}.{secrets.token_hex(8)}.part"


def _write(handle: int, part: Any) -> None:
    rest = memoryview(part)
    rest = rest.cast("B") if rest.nbytes else rest[:0]
    while rest.nbytes:
        rest = rest[os.write(handle, rest) :]


def read_bounded(path: Path, most: int, raises: type[ChalkgradError]) -> bytes:
    """A file's content, if it has at most so many bytes; no more than it holds is allocated.

    Raises:
        ChalkgradError: of the given kind, where it cannot be read or is larger.
    """
    try:
        with open_plain(path) as file:
            size = os.fstat(file.fileno()).st_size
            content = bytearray()
            while len(content) <= most and (part := file.read(min(max(size - len(content), CHUNK), most) + 1)):
                content += part
    except OSError as error:
        raise raises(f"{path} cannot be read: {error.strerror or error}") from None
    if len(content) > most:
        raise raises(f"{path} is larger than {most:,} bytes")
    return bytes(content)


def check_unpacked(path: Path, packed: int, unpacked: int) -> None:
    """Raises DataError where a compressed file claims to hold far more than data are ever packed to."""
    if unpacked > MOST_UNPACKED and unpacked > MOST_RATIO * packed:
        raise DataError(
            f"{path}: {packed:,} bytes unpack to {unpacked:,}, more than {MOST_RATIO} times as many, so it is not "
            "read; if they are meant, save the array without compression"
        )


def sync_directory(path: Path) -> None:
    """Flushes a directory's entries to disk, where the system can.

    Raises:
        OSError: where it can and does not.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in NOT_SYNCED:
            raise


def clear_stale(path: Path) -> None:
    """Deletes what processes that were killed left in a directory; nobody may be writing into it (`locked`)."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(path):
            if STALE.fullmatch(entry.name) and not entry.is_dir(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)


@contextmanager
def locked(path: Path, what: str) -> Generator[bool]:
    """Holds a directory for this process alone, until the end of the block or of the process, however it ends.

    Yields whether it is held: on Windows, and on file systems that know no locks, nothing is.

    Args:
        path: the directory.
        what: what else is going on if it is held already, for the message.

    Raises:
        CheckpointError: where another process holds it.
    """
    if fcntl is None:
        yield False
        return
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be opened: {error.strerror or error}") from None
    held = True
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CheckpointError(
                f"{what} is writing into {path}; wait for its end, or name another directory"
            ) from None
        except OSError:
            held = False  # a file system without locks
        yield held
    finally:
        os.close(handle)
