"""The package is typed for mypy as it is for pyright, which .ci/run runs on all of the source."""

from __future__ import annotations

import importlib.util
import os
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import chalkgrad as cg

PROGRAM = Path(__file__).parent / "program.py"
SOURCE = Path(cg.__file__).parents[1]
needs_mypy = pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")


def mypy(program: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    """What mypy says of a program that uses this package, where it is installed or from its source."""
    env = dict(os.environ)
    if SOURCE.name != "site-packages":
        env["MYPYPATH"] = str(SOURCE)
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports", "silent", "--cache-dir", str(cache)]
    return subprocess.run([*command, str(program)], capture_output=True, text=True, env=env, cwd=cache, check=False)


@needs_mypy
@pytest.mark.long
def test_mypy_finds_nothing_in_a_program_and_finds_what_is_wrong(tmp_path: Path) -> None:
    done = mypy(PROGRAM, tmp_path)
    assert not done.returncode, done.stdout + done.stderr
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "import chalkgrad as cg\n"
        "net: int = cg.load('net')\n"
        "cg.Dense(units='three')\n"
        "cg.nothing\n"
        "cg.Network([cg.Dense(1)], input_shape=2, los='SquaredError')\n",
        "utf-8",
    )
    found = mypy(wrong, tmp_path).stdout
    for line, kind in [(2, "assignment"), (3, "arg-type"), (4, "attr-defined"), (5, "call-arg")]:
        assert any(f"wrong.py:{line}: error" in said and kind in said for said in found.splitlines()), found


def test_no_public_name_hides_a_module_or_is_hidden_by_one() -> None:
    """mypy takes a module for what it has the name of, whatever `__init__.py` says of it."""
    modules = {m.name for m in pkgutil.iter_modules(cg.__path__)}
    for name in modules & set(cg.__all__):
        assert isinstance(getattr(cg, name), ModuleType), name


def test_what_is_public_is_what_dir_gives() -> None:
    assert dir(cg) == sorted(cg.__all__) == sorted(set(cg.__all__))
    for name in ("fit", "nothing", "__wrapped__"):
        assert not hasattr(cg, name)


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(cg.__file__).parent / "py.typed").is_file()
