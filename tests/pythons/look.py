"""Read by other Pythons that have no NumPy: every file is compiled, every module imported, every rule derived.

It runs in the Python of a pyodide (see look.mjs), with the repository at /repository, or as a script. Warnings are errors. In place of
NumPy and of what is built on it stands a module whose names are empty classes: what runs at import runs, arrays do not.
What the rules' formulas give is printed as one digest, which is that of any other Python.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.machinery
import sys
import traceback
import types
import warnings
from pathlib import Path
from typing import Any, ClassVar

ROOT = Path(__file__).parents[2] if "__file__" in globals() else Path("/repository")
ABSENT = (
    "numpy",
    "matplotlib",
    "platformdirs",
    "threadpoolctl",
    "tomli_w",
    "tqdm",
    "onnx",
    "safetensors",
    "sklearn",
    "_multiprocessing",
)


class Thing:
    """What an empty class makes: its attributes are numbers, as those of `numpy.finfo` are."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __class_getitem__(cls, _: Any) -> Any:
        return cls

    def __getattr__(self, name: str) -> float:
        if name.startswith("__"):
            raise AttributeError(name)
        return sys.float_info.epsilon


class Empty(type):
    """The class of the empty classes: any attribute of one is another."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Empty(name, (Thing,), {})


class StandIn(types.ModuleType):
    """A module that has any name."""

    __path__: ClassVar[list[str]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(Empty("of", (), {}), name)
        setattr(self, name, found)
        return found


class Absent:
    """Finds a stand-in for what is not there, whatever module of it is asked for."""

    def find_spec(self, name: str, *_: Any) -> Any:
        return importlib.machinery.ModuleSpec(name, self) if name.partition(".")[0] in ABSENT else None  # type: ignore[arg-type]

    def create_module(self, spec: Any) -> Any:
        return StandIn(spec.name)

    def exec_module(self, module: Any) -> None: ...


def compiled() -> int:
    """How many files compile, with warnings as errors."""
    files = [f for place in ("src", "tests", "benchmarks") for f in sorted((ROOT / place).rglob("*.py"))]
    for file in files:
        compile(file.read_text("utf-8"), str(file), "exec")
    return len(files)


def imported() -> tuple[int, list[str]]:
    """How many modules can be imported, and what the others say."""
    source = ROOT / "src"
    done, failed = 0, []
    for file in sorted((source / "chalkgrad").rglob("*.py")):
        parts = file.relative_to(source).with_suffix("").parts
        if parts[-1] == "__main__":
            continue
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        try:
            importlib.import_module(name)
            done += 1
        except Exception:
            failed.append(f"{name}: {traceback.format_exc().splitlines()[-1]}")
    return done, failed


def derived() -> tuple[int, str]:
    """How many backward formulas the forward ones give, and the digest of all of them."""
    from chalkgrad.rules import OPERATIONS

    digest, count = hashlib.sha256(), 0
    for operation in OPERATIONS:
        for rule in operation.forward:
            if rule.formula is None:
                continue
            digest.update(repr(rule.formula).encode())
            digest.update(str(rule.derivation()).encode())
            count += 1
    return count, digest.hexdigest()[:16]


def main() -> str:
    """Looks, says what it saw, and gives the digest."""
    warnings.simplefilter("error")
    sys.meta_path.insert(0, Absent())  # type: ignore[arg-type]
    sys.path.insert(0, str(ROOT / "src"))
    print(f"Python {sys.version.split()[0]}: {compiled()} files compiled")
    done, failed = imported()
    print(f"  {done} modules imported, {len(failed)} not")
    for line in failed:
        print(f"    {line}")
    count, digest = derived()
    print(f"  {count} rules derived, digest {digest}")
    if failed:
        raise SystemExit(1)
    return digest


main()
