"""Compiling what was printed: which compiler, with which flags, and where the result is kept.

A compiled file is kept under a name made of everything that went into it: the source, the compiler's own macros
(version and processor among them) and the flags. A directory that others can write to is not trusted.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import secrets
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from ...errors import OptionError
from .products import Machine

FLAGS = (
    "-std=gnu11", "-O3", "-fPIC", "-shared", "-fno-math-errno", "-fno-trapping-math", "-fopenmp-simd",
    "-fno-semantic-interposition",
)  # fmt: skip
"""Nothing that changes what a formula means: no -ffast-math, neither when compiling nor when linking."""
FURTHER = "CHALKGRAD_CFLAGS"
"""Names an environment variable with further flags: warnings as errors, sanitizers, another processor."""
PATIENCE = 120
"""Seconds after which a compiler is given up."""


class CompilerError(OptionError):
    """There is no compiler, or it does not compile."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """A C compiler that was found.

    Attributes:
        command: how it is called.
        flags: the flags.
        macros: what it defines by itself: version, processor, widths.
    """

    command: tuple[str, ...]
    flags: tuple[str, ...]
    macros: str

    def defines(self, macro: str) -> bool:
        """Whether a macro is defined."""
        return f"#define {macro} " in self.macros

    def machine(self, real: int) -> Machine:
        """What it compiles for, with numbers of so many bytes."""
        width = 64 if self.defines("__AVX512F__") else 32 if self.defines("__AVX__") else 16
        many = self.defines("__AVX512F__") or self.defines("__aarch64__")
        # Zen 4, which older compilers call Zen 3, takes 64 bytes in two halves
        halves = width == 64 and (self.defines("__znver3__") or self.defines("__znver4__"))
        return Machine(width, 32 if many else 16, real, width // 2 if halves else width)

    @property
    def name(self) -> str:
        """The compiler with its version, and the vectors that it compiles for."""
        value = next((m for m in self.macros.splitlines() if m.startswith("#define __VERSION__ ")), "")
        version = value.partition('"')[2].rstrip('"')
        known = "" if version.lower().startswith(("clang", "gcc")) or "Clang" in version else "gcc "
        return f"{known}{version}"

    @property
    def vectors(self) -> str:
        """The vectors' name."""
        names = {64: "AVX-512", 32: "AVX2" if self.defines("__AVX2__") else "AVX"}
        return names.get(self.machine(4).bytes, "NEON" if self.defines("__aarch64__") else "SSE")


def _candidates() -> list[tuple[str, ...]]:
    if named := os.environ.get("CC"):
        return [tuple(shlex.split(named))]
    found: list[tuple[str, ...]] = [(path,) for name in ("cc", "gcc", "clang") if (path := shutil.which(name))]
    if find_spec("ziglang") is not None:
        found.append((sys.executable, "-m", "ziglang", "cc"))
    return found


@cache
def _found(named: str | None, further: str, path: str | None) -> Compiler | str:
    """The compiler, or why there is none."""
    said = "no C compiler was found: install gcc or clang, or pip install 'chalkgrad[compiled]'"
    for command in _candidates():
        more = tuple(shlex.split(further))
        native = () if any(f.startswith(("-march", "-mcpu")) for f in more) else ("-march=native",)
        try:
            run = subprocess.run(
                [*command, *native, *more, "-dM", "-E", "-x", "c", os.devnull],
                capture_output=True, text=True, timeout=PATIENCE, check=False,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            said = f"the compiler {command[0]} cannot be run: {error}"
            continue
        if run.returncode:
            said = f"the compiler {command[0]} fails: {_first(run.stderr)}"
            continue
        return Compiler(command, (*FLAGS, *native, *tuning(run.stdout), *more), run.stdout)
    return said


def tuning(macros: str) -> tuple[str, ...]:
    """Flags that make a compiler use the widest vectors well."""
    if "#define __AVX512F__ " not in macros:
        return ()
    wide = "-mprefer-vector-width=512"
    # Older compilers take Zen 4 for Zen 3, which has no such vectors, and load a vector again for every product
    return (wide, "-mtune=skylake-avx512") if "#define __znver3__ " in macros else (wide,)


def compiler() -> Compiler:
    """The C compiler: $CC, else cc, gcc or clang, else the package ziglang.

    Raises:
        CompilerError: where there is none.
    """
    found = _found(os.environ.get("CC"), os.environ.get(FURTHER, ""), os.environ.get("PATH"))
    if isinstance(found, str):
        raise CompilerError(found)
    return found


def available() -> bool:
    """Whether there is a C compiler."""
    try:
        compiler()
    except CompilerError:
        return False
    return True


def _first(text: str) -> str:
    """The first line that says what is wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line), lines[0] if lines else "it says nothing")


def cache_directory() -> Path:
    """Where compiled files are kept; made if it is not there.

    Returns:
        The user's cache, or a directory of this process alone where others can write to that.
    """
    from platformdirs import user_cache_path

    path = user_cache_path("chalkgrad", appauthor=False) / "compiled"
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if _trusted(path) and os.access(path, os.W_OK):
            return path
    except OSError:
        pass
    return _own_directory()


@cache
def _own_directory() -> Path:
    import atexit

    path = tempfile.mkdtemp(prefix="chalkgrad-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return Path(path)


def _trusted(path: Path) -> bool:
    """Whether nobody but this user can have written there."""
    found = path.lstat()
    own = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    return own and not stat.S_ISLNK(found.st_mode) and not found.st_mode & 0o022


@dataclass(frozen=True, slots=True)
class Built:
    """A compiled file that was loaded.

    Attributes:
        library: the loaded library.
        seconds: how long compiling took; 0 where it was kept from before.
    """

    library: ctypes.CDLL
    seconds: float


def kept_under(tool: Compiler, text: str) -> Path:
    """Where what a compiler makes of a C file is kept."""
    content = "\0".join([text, tool.macros, *tool.command, *tool.flags])
    return cache_directory() / f"{hashlib.sha256(content.encode()).hexdigest()[:40]}.so"


def build(text: str) -> Built:
    """Compiles a C file, or takes what was kept of it, and loads it.

    Raises:
        CompilerError: where it does not compile or cannot be loaded.
    """
    tool = compiler()
    path = kept_under(tool, text)
    if _usable(path):
        with contextlib.suppress(OSError):  # damaged: it is compiled again
            return Built(ctypes.CDLL(str(path)), 0.0)
    started = time.perf_counter()
    _compile(tool, text, path)
    seconds = time.perf_counter() - started
    try:
        return Built(ctypes.CDLL(str(path)), seconds)
    except OSError as error:
        raise CompilerError(f"what {tool.command[0]} compiled cannot be loaded: {error}") from None


def _usable(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode) and _trusted(path)
    except OSError:
        return False


def _compile(tool: Compiler, text: str, path: Path) -> None:
    """Compiles into a file beside the final one, which takes its place when it is whole."""
    stem = f".{secrets.token_hex(8)}"
    source, made = path.with_name(f"{stem}.c"), path.with_name(f"{stem}.so")
    try:
        source.write_text(text, encoding="utf-8")
        run = subprocess.run(
            [*tool.command, *tool.flags, str(source), "-o", str(made), "-lm"],
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        if run.returncode:
            raise CompilerError(f"{tool.command[0]} does not compile the network: {_first(run.stderr)}")
        os.chmod(made, 0o700)
        os.replace(made, path)
    except (OSError, subprocess.SubprocessError) as error:
        raise CompilerError(f"{tool.command[0]} cannot be run: {error}") from None
    finally:
        for left in (source, made):
            with contextlib.suppress(OSError):
                left.unlink()
