"""The cache of compiled files, which loads a file only if it is as it was put there.

After each file stands a digest of its name and its content, and what is loaded is the very file that was read for it.
A directory is used if nobody else can write to it, or put another in its place by writing to one above it.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Generator
from itertools import count
from pathlib import Path

from ....files.writing import sync_directory

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there
    fcntl = None

MOST_FILES = 1000
MOST_BYTES = 256 * 2**20
"""The cache holds no more; what was used last stays."""
LARGEST = 256 * 2**20
"""No compiled file is larger."""
DIGEST = hashlib.sha256().digest_size
LIBRARY = re.compile(r"[0-9a-f]{40}\.so")
WORK, OWN = ".compiling-", "chalkgrad-compiled-"
"""Prefixes of directories in which something is compiled, and of those of one process alone."""
LEFT = re.compile(r"\.compiling-.*|chalkgrad-compiled-.*|\.[0-9a-f]{16}\.(c|so)")
"""Names of what processes leave when they are killed; the last by versions up to 0.1."""
OLD = 3600.0
"""Seconds after which it is deleted where no lock says that its process has ended."""
_loaded = count(1)


# -- directories that nobody else can write to -------------------------------------------------------------------------


def trusted(path: Path) -> bool:
    """Whether nobody but this user (and root) can have written there, or put another directory in its place."""
    if not hasattr(os, "getuid"):
        return True
    try:
        status = os.lstat(path)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o022:
            return False
        return all(_safe(p) for p in Path(os.path.realpath(path)).parents)
    except OSError:
        return False


def _safe(path: Path) -> bool:
    """Whether nobody else can replace this user's entries of a directory."""
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (0, os.getuid()):
        return False
    others = status.st_mode & stat.S_IWOTH or (status.st_mode & stat.S_IWGRP and not _private_group(status.st_gid))
    return not others or bool(status.st_mode & stat.S_ISVTX)


def _private_group(group: int) -> bool:
    """Whether a group is this user's alone, as many systems give everybody one, and let it write."""
    import grp
    import pwd

    try:
        user, entry = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(group)
    except KeyError:
        return False
    return entry.gr_name == user and set(entry.gr_mem) <= {user}


def user_directory() -> Path:
    """The user's cache; made if it is not there.

    Raises:
        OSError: where it cannot be made, or others can write to it.
    """
    from platformdirs import user_cache_path

    path = user_cache_path("chalkgrad", appauthor=False) / "compiled"
    if not path.is_absolute():
        raise OSError("there is no home directory")
    for directory in reversed([p for p in (path, *path.parents) if not p.exists()]):
        directory.mkdir(exist_ok=True, mode=0o700)  # whatever the umask lets others do
    if not trusted(path):
        raise OSError(f"others can write to {path}, or to a directory above it")
    return path


def cache_directory() -> Path:
    """The directory of compiled files: the user's cache, or one of this process alone.

    Raises:
        OSError: where there is neither.
    """
    try:
        path = user_directory()
        if os.access(path, os.W_OK):
            return path
        why = f"{path} cannot be written to"
    except OSError as error:
        why = _text(error)
    try:
        return own_directory()
    except OSError as error:
        raise OSError(
            f"there is no directory for what is compiled: {why}; {_text(error)}; set XDG_CACHE_HOME to a directory "
            "that only you can write to"
        ) from None


def _text(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)


_own: list[tuple[int, Path, int]] = []
"""This process's number, its own directory, and the handle that locks it."""


def own_directory(*, make: bool = True) -> Path:
    """A directory of this process alone, deleted at its end, or by a later process.

    Args:
        make: whether it is made if there is none.

    Raises:
        OSError: where there is none, and none can be made.
    """
    if _own and _own[0][0] == os.getpid() and _own[0][1].exists():
        return _own[0][1]
    if not make:
        raise FileNotFoundError("there is none")
    import atexit

    place = Path(tempfile.gettempdir())
    clear_left(place)
    path, handle = _lock_new(place, OWN)
    if not trusted(path):
        _release(path, handle)
        raise OSError(f"others can write to {place}, or to a directory above it")
    _own[:] = [(os.getpid(), path, handle)]

    def remove(process: int = os.getpid()) -> None:
        if process == os.getpid():  # not in a process that was forked
            shutil.rmtree(path, ignore_errors=True)

    atexit.register(remove)
    return path


# -- what killed processes leave ---------------------------------------------------------------------------------------


def _lock_new(place: Path, prefix: str) -> tuple[Path, int]:
    """A new directory, and a handle; it is locked as long as the handle is open."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
        if fcntl is None:
            return path, -1
        handle = os.open(path, os.O_RDONLY)
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        if path.exists():  # nobody took it for a leftover before it was locked
            return path, handle
        os.close(handle)


def _release(path: Path, handle: int) -> None:
    shutil.rmtree(path, ignore_errors=True)
    if handle >= 0:
        os.close(handle)


@contextlib.contextmanager
def workplace(place: Path) -> Generator[Path]:
    """A directory inside another one, for the time of a compilation; those of killed processes are deleted before."""
    clear_left(place)
    path, handle = _lock_new(place, WORK)
    try:
        yield path
    finally:
        _release(path, handle)


def clear_left(place: Path) -> None:
    """Deletes what killed processes left in a directory."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(place):
            if LEFT.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    _delete_left(entry)


def _delete_left(entry: os.DirEntry[str]) -> None:
    status = entry.stat(follow_symlinks=False)
    if hasattr(os, "getuid") and status.st_uid != os.getuid():
        return
    old = time.time() - status.st_mtime > OLD
    if not stat.S_ISDIR(status.st_mode):
        if old:
            os.unlink(entry.path)
    elif fcntl is None:
        if old:
            shutil.rmtree(entry.path, ignore_errors=True)
    else:
        handle = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # its process has ended, or this raises
            shutil.rmtree(entry.path, ignore_errors=True)
        finally:
            os.close(handle)


# -- files -------------------------------------------------------------------------------------------------------------


def _digest(name: str, content: bytes | memoryview) -> bytes:
    digest = hashlib.sha256(name.encode())
    digest.update(content)
    return digest.digest()


def put(place: Path, name: str, file: Path) -> None:
    """Takes a compiled file into a directory, in place of one of the same name.

    Args:
        place: the directory.
        name: its name there.
        file: the compiled file, in a directory inside `place`.

    Raises:
        OSError: where that is not possible, or the file is not whole.
    """
    content = file.read_bytes()
    if not _whole(content):
        raise OSError(f"the compiled file has {len(content):,} bytes, fewer than its own header says")
    handle = os.open(file, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(handle, _digest(name, content))
        os.chmod(file, 0o700)
        os.fsync(handle)
    finally:
        os.close(handle)
    os.replace(file, place / name)
    sync_directory(place)
    _bound(place, name)


def _whole(content: bytes) -> bool:
    """Whether an ELF file ends where its header says: loading one that was cut short kills the process."""
    if content[:4] != b"\x7fELF" or len(content) < 64:
        return bool(content)  # what loads it will see what it is
    order = "little" if content[5] == 1 else "big"
    at, size, number = (slice(40, 48), 58, 60) if content[4] == 2 else (slice(32, 36), 46, 48)
    sections = int.from_bytes(content[size : size + 2], order) * int.from_bytes(content[number : number + 2], order)
    return int.from_bytes(content[at], order) + sections <= len(content)


def _bound(place: Path, newest: str) -> None:
    """Deletes what was not used for longest, where there is too much. Whoever has it loaded keeps it."""
    with contextlib.suppress(OSError):
        files = [(e.stat(follow_symlinks=False), e) for e in os.scandir(place) if LIBRARY.fullmatch(e.name)]
        files.sort(key=lambda f: (f[1].name != newest, -f[0].st_mtime))
        size = 0
        for number, (status, entry) in enumerate(files, 1):
            size += status.st_size
            if number > 1 and (number > MOST_FILES or size > MOST_BYTES):
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)


def taken_from(place: Path, name: str) -> ctypes.CDLL | None:
    """The library that was put into a directory; None where it is missing, or not as it was put there.

    Raises:
        OSError: where it is as it was put there, and cannot be loaded.
    """
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(place / name, os.O_RDONLY | flags)
    except OSError:
        return None
    try:
        if not _as_put(handle, name):
            return None
        with contextlib.suppress(OSError):
            os.utime(handle if os.utime in os.supports_fd else place / name)
        path = _path_of(handle, place / name)
        try:
            return ctypes.CDLL(path)
        except OSError as error:
            raise OSError(f"it cannot be loaded: {str(error).removeprefix(f'{path}: ')}") from None
    finally:
        os.close(handle)


def _as_put(handle: int, name: str) -> bool:
    """Whether an open file is this user's, and what was put under the name."""
    status = os.fstat(handle)
    own = not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o022)
    if not (own and stat.S_ISREG(status.st_mode) and DIGEST < status.st_size <= LARGEST):
        return False
    with open(handle, "rb", closefd=False) as file:
        content = memoryview(file.read())
    return _digest(name, content[:-DIGEST]) == bytes(content[-DIGEST:])


def _path_of(handle: int, path: Path) -> str:
    """A path by which an open file can be loaded: of this very file where the system has one.

    What loads libraries knows them by their paths, and takes one that it has loaded for the next with the same path;
    so each time the path is spelled in another way.
    """
    if not os.path.exists(f"/proc/self/fd/{handle}"):
        return str(path)
    slashes = "".join("./" if bit == "1" else "/" for bit in f"{next(_loaded):b}")
    return f"/proc/self/fd/{slashes}{handle}"
