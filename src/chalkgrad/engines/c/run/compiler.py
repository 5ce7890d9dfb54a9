"""Compiling what was printed: which compiler, with which flags.

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
from ....program import Loop, Program
from ..schedule.products import Machine
from .cache import cache_directory, own_directory, put, taken_from, user_directory, workplace
from .running import Ran, run

FLAGS = (
    "-std=gnu11", "-O3", "-fPIC", "-shared", "-fno-math-errno", "-fno-trapping-math", "-fopenmp-simd",
    "-fno-semantic-interposition",
)  # fmt: skip
"""Nothing that changes what a formula means: no -ffast-math, neither when compiling nor when linking."""
FURTHER = "CHALKGRAD_CFLAGS"
"""Names an environment variable with further flags: warnings as errors, sanitizers, another processor."""
PATIENCE = 120.0
"""Seconds after which a compiler is given up."""
ANSWER = 10.0
"""Seconds in which it says what it is."""

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


def _split(text: str, variable: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise CompilerError(f"{variable} is {visible(text)!r}, which cannot be split into words: {error}") from None


def _candidates(named: str | None) -> list[tuple[str, ...]]:
    if named and named.strip():
        return [_split(named, "CC")]
    found: list[tuple[str, ...]] = [(path,) for name in ("cc", "gcc", "clang") if (path := shutil.which(name))]
    if find_spec("ziglang") is not None:
        found.append((sys.executable, "-m", "ziglang", "cc"))
    return found


@cache
def _found(named: str | None, further: str, path: str | None) -> Compiler | str:
    """The compiler, or why there is none."""
    said = "no C compiler was found: install gcc or clang, or pip install 'chalkgrad[compiled]'"
    try:
        more, candidates = _split(further, FURTHER), _candidates(named)
    except CompilerError as error:
        return str(error)
    native = () if any(f.startswith(("-march", "-mcpu")) for f in more) else ("-march=native",)
    for command in candidates:
        if shutil.which(command[0]) is None:
            said = f"the compiler {visible(command[0])} cannot be run: there is no such program{_cure()}"
            continue
        try:
            ran = run([*command, *native, *more, "-dM", "-E", "-x", "c", os.devnull], ANSWER)
        except OSError as error:
            said = f"the compiler {visible(command[0])} cannot be run: {error}{_cure()}"
            continue
        if ran.status:
            said = f"the compiler {visible(command[0])} fails: {_first(ran)}{_cure()}"
        elif "#define __GNUC__ " not in ran.out:
            said = f"{visible(command[0])} is no C compiler of the kind that is needed, gcc or clang{_cure()}"
        else:
            return Compiler(command, (*FLAGS, *native, *tuning(ran.out), *more), ran.out)
    return said


def _cure() -> str:
    """Where what was called, and how, can be changed, at the end of a sentence."""
    given = [f"{name} ({visible(os.environ[name])})" for name in ("CC", FURTHER) if os.environ.get(name, "").strip()]
    return f"; it was called as the environment says, by {' and '.join(given)}: change or unset that" if given else ""


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


def _first(ran: Ran) -> str:
    """The first line that says what is wrong."""
    lines = [line.strip() for line in ran.err.splitlines() if line.strip()]
    said = next((line for line in lines if "error" in line), lines[0] if lines else f"it ends with status {ran.status}")
    return visible(said)


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
    return cache_directory() / _name(tool, text)


def _name(tool: Compiler, text: str) -> str:
    content = "\0".join([text, tool.macros, *tool.command, *tool.flags])
    return f"{hashlib.sha256(content.encode()).hexdigest()[:40]}.so"


def check_program(program: Program) -> None:
    """Raises CompilerError where a program has steps that the compiled engine does not know yet."""
    if any(isinstance(segment, Loop) for segment in program.segments):
        raise CompilerError("the compiled engine has no loops over time yet; take engine='numpy'")
    if program.values["x"].dtype == "int":
        raise CompilerError("the compiled engine takes no ids yet; take engine='numpy'")


def build(text: str, seconds: float = PATIENCE, names: tuple[str, ...] = ()) -> Built:
    """Compiles a C file, or takes what was kept of it, and loads it.

    Args:
        text: the C file.
        seconds: how long compiling may take.
        names: the functions that it must have.

    Raises:
        CompilerError: where it does not compile or cannot be loaded.
    """
    tool = compiler()
    name = _name(tool, text)
    if library := _kept(name):
        return Built(library, 0.0)
    started = time.perf_counter()
    try:
        place = cache_directory()
    except OSError as error:
        raise CompilerError(str(error)) from None
    try:
        _compile(tool, text, place, name, seconds)
        took = time.perf_counter() - started
        library = taken_from(place, name)
        if library is not None and not all(hasattr(library, n) for n in names):
            raise OSError("it is not what was to be compiled")
    except OSError as error:
        with suppress(OSError):
            (place / name).unlink()
        raise CompilerError(f"what {visible(tool.command[0])} compiled cannot be used: {error}{_cure()}") from None
    if library is None:
        raise CompilerError(f"what was compiled is not found again in {place}: something deletes or changes it there")
    return Built(library, took)


def _kept(name: str) -> ctypes.CDLL | None:
    """What was compiled before, by this process or another one; None where it is not there, or damaged."""
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
        source, made = work / "program.c", work / "program.so"
        source.write_text(text, encoding="utf-8")
        command = visible(tool.command[0])
        try:
            ran = run([*tool.command, *tool.flags, str(source), "-o", str(made), "-lm"], seconds, {"TMPDIR": str(work)})
        except OSError as error:
            raise CompilerError(f"{command} cannot be run: {error}{_cure()}") from None
        if ran.status:
            raise CompilerError(f"{command} does not compile the network: {_first(ran)}{_cure()}")
        if not made.is_file():
            raise CompilerError(f"{command} says that it compiled the network, and wrote nothing{_cure()}")
        put(place, name, made)
