"""What can be looked at in other Pythons; this one is looked at in the same way.

CHALKGRAD_PYODIDE names folders into which npm installed pyodide, 0.27.7 (Python 3.12), 0.28.3 (3.13) or 314.0.7 (3.14).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def looked(*command: str | Path) -> tuple[str, str]:
    """What look.py says of a Python: its version, and the digest of what the rules give."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, env=env, check=False)
    assert not done.returncode, done.stdout + done.stderr[-2000:]
    print(done.stdout)
    words = done.stdout.split()
    return words[1].rstrip(":"), words[-1]


@pytest.fixture(scope="module")
def ours() -> tuple[str, str]:
    return looked(sys.executable, HERE / "look.py")


@pytest.mark.long
def test_all_is_there_without_what_is_built_on_numpy(ours: tuple[str, str]) -> None:
    assert ours[0] == sys.version.split()[0]
    assert len(ours[1]) == 16


@pytest.mark.long
@pytest.mark.parametrize("folder", os.environ.get("CHALKGRAD_PYODIDE", "").split(os.pathsep))
def test_another_python_gives_the_same(folder: str, ours: tuple[str, str]) -> None:
    """Every file compiles and every module is imported without a warning, and every rule is derived alike."""
    if not folder:
        pytest.skip("CHALKGRAD_PYODIDE names no folders of other Pythons")
    version, digest = looked("node", HERE / "look.mjs", folder)
    assert version != ours[0]
    assert digest == ours[1]
