"""The C compiler: finding it, and compiling a program with it.

A compiled file is kept under a name made of everything that went into it: the source, the compiler's own macros
(version and processor among them) and the flags.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shlex
import shutil
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from ....base.errors import OptionError
from ....base.text import visible
from ..schedule.products import Machine
from .cache import cache_directory, own_directory, put, taken_from, user_directory, workplace
from .running import Ran, run

FLAGS = (
    "-std=gnu11", "-O3", "-fPIC", "-shared", "-fno-math-errno", "-fno-trapping-math", "-fopenmp-simd",
    "-fno-semantic-interposition",
)  # fmt: skip
"""Nothing that changes what a formula means: no -ffast-math, neither when compiling nor when linking."""
FURTHER = "CHALKGRAD_CFLAGS"
"""The environment variable with further flags: warnings as errors, sanitizers, another processor."""
PATIENCE = 120.0
"""Seconds after which a compiler is stopped."""
ANSWER = 10.0
"""Seconds after which a question to a compiler is stopped."""

SHORTEST = 10.0
"""Seconds that compiling may take in any case."""


def patience(engine: str, expected: float = 0.0) -> float:
    """Seconds that compiling may take.

    Args:
        engine: "compiled", or "auto": then no longer than the work itself without it.
        expected: about how many seconds the reference engine would take for it.
    """
    return PATIENCE if engine == "compiled" else min(max(SHORTEST, expected), PATIENCE)


class CompilerError(OptionError):
    """There is no compiler, or it does not compile."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """A C compiler.

    Attributes:
        command: the command that calls it.
        flags: the flags.
        macros: the macros that it defines by itself: version, processor, widths.
    """

    command: tuple[str, ...]
    flags: tuple[str, ...]
    macros: str

    def defines(self, macro: str) -> bool:
        """Whether a macro is defined."""
        return f"#define {macro} " in self.macros

    def machine(self, real: int) -> Machine:
        """The machine that it compiles for, with numbers of so many bytes."""
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
        prefix = "" if version.lower().startswith(("clang", "gcc")) or "Clang" in version else "gcc "
        return f"{prefix}{version}"

    @property
    def vectors(self) -> str:
        """The vectors' name."""
        names = {64: "AVX-512", 32: "AVX2" if self.defines("__AVX2__") else "AVX"}
        return names.get(self.machine(4).bytes, "NEON" if self.defines("__aarch64__") else "SSE")


def _split(text: str, variable: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise CompilerError(f"{variable} is {visible(text)!r}, which cannot be split into words: {error}") from None


def _candidates(choice: str | None) -> list[tuple[str, ...]]:
    if choice and choice.strip():
        return [_split(choice, "CC")]
    commands: list[tuple[str, ...]] = [(path,) for name in ("cc", "gcc", "clang") if (path := shutil.which(name))]
    if find_spec("ziglang") is not None:
        commands.append((sys.executable, "-m", "ziglang", "cc"))
    return commands


@cache
def _find(choice: str | None, further: str, path: str | None) -> Compiler | str:
    """The compiler, or why there is none."""
    reason = "no C compiler was found: install gcc or clang, or pip install 'chalkgrad[compiled]'"
    try:
        more, candidates = _split(further, FURTHER), _candidates(choice)
    except CompilerError as error:
        return str(error)
    native = () if any(f.startswith(("-march", "-mcpu")) for f in more) else ("-march=native",)
    for command in candidates:
        if shutil.which(command[0]) is None:
            reason = f"the compiler {visible(command[0])} cannot be run: there is no such program{_cure()}"
            continue
        try:
            result = run([*command, *native, *more, "-dM", "-E", "-x", "c", os.devnull], ANSWER)
        except OSError as error:
            reason = f"the compiler {visible(command[0])} cannot be run: {error}{_cure()}"
            continue
        if result.status:
            reason = f"the compiler {visible(command[0])} fails: {_first(result)}{_cure()}"
        elif "#define __GNUC__ " not in result.out:
            reason = f"{visible(command[0])} is no C compiler of the kind that is needed, gcc or clang{_cure()}"
        else:
            return Compiler(command, (*FLAGS, *native, *tuning(result.out), *more), result.out)
    return reason


def _cure() -> str:
    """The end of a sentence: which environment variables name the compiler and its flags."""
    causes = [f"{name} ({visible(os.environ[name])})" for name in ("CC", FURTHER) if os.environ.get(name, "").strip()]
    return f"; it was called as the environment says, by {' and '.join(causes)}: change or unset that" if causes else ""


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
    result = _find(os.environ.get("CC"), os.environ.get(FURTHER, ""), os.environ.get("PATH"))
    if isinstance(result, str):
        raise CompilerError(result)
    return result


def available() -> bool:
    """Whether there is a C compiler."""
    try:
        compiler()
    except CompilerError:
        return False
    return True


def _first(result: Ran) -> str:
    """The first line of a compiler's output that says what is wrong."""
    lines = [line.strip() for line in result.err.splitlines() if line.strip()]
    text = next(
        (line for line in lines if "error" in line), lines[0] if lines else f"it ends with status {result.status}"
    )
    return visible(text)


@dataclass(frozen=True, slots=True)
class Built:
    """A compiled file, loaded.

    Attributes:
        library: the loaded library.
        seconds: the time that compiling took; 0 where it was in the cache.
    """

    library: ctypes.CDLL
    seconds: float


def kept_under(tool: Compiler, text: str) -> Path:
    """The path of a C file's compiled form in the cache."""
    return cache_directory() / _name(tool, text)


def _name(tool: Compiler, text: str) -> str:
    content = "\0".join([text, tool.macros, *tool.command, *tool.flags])
    return f"{hashlib.sha256(content.encode()).hexdigest()[:40]}.so"


def build(text: str, seconds: float = PATIENCE, names: tuple[str, ...] = ()) -> Built:
    """The compiled form of a C file, from the cache or compiled now, loaded.

    Args:
        text: the C file.
        seconds: the most seconds that compiling may take.
        names: the functions that it must have.

    Raises:
        CompilerError: where it does not compile or cannot be loaded.
    """
    tool = compiler()
    name = _name(tool, text)
    if library := _cached(name):
        return Built(library, 0.0)
    start = time.perf_counter()
    try:
        place = cache_directory()
    except OSError as error:
        raise CompilerError(str(error)) from None
    try:
        _compile(tool, text, place, name, seconds)
        duration = time.perf_counter() - start
        library = taken_from(place, name)
        if library is not None and not all(hasattr(library, n) for n in names):
            raise OSError("it is not what was to be compiled")
    except OSError as error:
        with suppress(OSError):
            (place / name).unlink()
        raise CompilerError(f"what {visible(tool.command[0])} compiled cannot be used: {error}{_cure()}") from None
    if library is None:
        raise CompilerError(f"what was compiled is not found again in {place}: something deletes or changes it there")
    return Built(library, duration)


def _cached(name: str) -> ctypes.CDLL | None:
    """The library of this name in the cache, by this process or another one; None where it is missing or damaged."""
    for where in (user_directory, lambda: own_directory(make=False)):
        try:
            if library := taken_from(where(), name):
                return library
        except OSError:
            continue
    return None


def _compile(tool: Compiler, text: str, place: Path, name: str, seconds: float) -> None:
    """Compiles into a directory of its own; the file takes its place when it is whole, and flushed to disk."""
    with workplace(place) as work:
        source, target = work / "program.c", work / "program.so"
        source.write_text(text, encoding="utf-8")
        command = visible(tool.command[0])
        try:
            result = run(
                [*tool.command, *tool.flags, str(source), "-o", str(target), "-lm"], seconds, {"TMPDIR": str(work)}
            )
        except OSError as error:
            raise CompilerError(f"{command} cannot be run: {error}{_cure()}") from None
        if result.status:
            raise CompilerError(f"{command} does not compile the network: {_first(result)}{_cure()}")
        if not target.is_file():
            raise CompilerError(f"{command} says that it compiled the network, and wrote nothing{_cure()}")
        put(place, name, target)
