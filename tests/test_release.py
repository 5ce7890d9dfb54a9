"""What is released: the same bytes whoever builds it, and a citation that says what the package says."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import chalkgrad as cg

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LEFT_BEHIND = shutil.ignore_patterns(
    ".git",
    ".ci",
    "node_modules",
    "__pycache__",
    "*.egg-info",
    "_build",
    "build",
    "dist",
    ".*_cache",
    ".hypothesis",
    "runs",
)
needs_hatchling = pytest.mark.skipif(importlib.util.find_spec("hatchling") is None, reason="hatchling is not installed")


def built(source: Path, to: Path, *, umask: int = 0o022, **env: str) -> dict[str, bytes]:
    """The wheel and the sdist of a source tree, by their names."""
    environment = {k: v for k, v in os.environ.items() if k != "SOURCE_DATE_EPOCH"} | env
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(to)],
        cwd=source,
        env=environment,
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stdout + done.stderr
    return {file.name: file.read_bytes() for file in to.iterdir()}


@needs_hatchling
@pytest.mark.long
def test_two_builds_are_the_same_bytes(tmp_path: Path) -> None:
    """In another folder, at another time, with other rights of the files, another umask, time zone and language."""
    one, other = tmp_path / "chalkgrad", tmp_path / "another folder" / "chalkgrad-main"
    shutil.copytree(ROOT, one, ignore=LEFT_BEHIND)
    shutil.copytree(ROOT, other, ignore=LEFT_BEHIND)
    for k, file in enumerate(sorted(other.rglob("*"), reverse=True)):
        os.utime(file, (1e9 + k, 1e9 + k))
        if file.is_file():
            file.chmod(0o600)
    first = built(one, tmp_path / "first", TZ="UTC", PYTHONHASHSEED="1")
    second = built(other, tmp_path / "second", umask=0o077, TZ="Asia/Kathmandu", LC_ALL="C", PYTHONHASHSEED="2")
    assert sorted(first) == [f"chalkgrad-{cg.__version__}-py3-none-any.whl", f"chalkgrad-{cg.__version__}.tar.gz"]
    assert first == second
    with tarfile.open(tmp_path / "first" / f"chalkgrad-{cg.__version__}.tar.gz") as archive:
        archive.extractall(
            tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {})
        )  # from 3.11.4 on
    unpacked = tmp_path / f"chalkgrad-{cg.__version__}"
    assert {"CITATION.cff", "LICENSE", "PKG-INFO", "pyproject.toml"} <= {file.name for file in unpacked.iterdir()}
    assert built(unpacked, tmp_path / "third") == first  # and what is built from the sdist
    changing = one / "src" / "chalkgrad" / "base" / "errors.py"
    changing.write_text(changing.read_text("utf-8") + "\n", "utf-8")
    changed = built(one, tmp_path / "fourth")
    assert all(changed[name] != first[name] for name in first)


@needs_hatchling
@pytest.mark.long
def test_the_wheel_holds_the_package_and_nothing_else(tmp_path: Path) -> None:
    """Every file of the source that is kept, the licences, and the note that it is typed."""
    source = tmp_path / "chalkgrad"
    shutil.copytree(ROOT, source, ignore=LEFT_BEHIND)
    built(source, tmp_path / "built")
    with zipfile.ZipFile(next((tmp_path / "built").glob("*.whl"))) as wheel:
        names = {name for name in wheel.namelist() if not name.endswith("/")}
    inside = {f.relative_to(source / "src").as_posix() for f in (source / "src").rglob("*") if f.is_file()}
    info = f"chalkgrad-{cg.__version__}.dist-info"
    assert {name for name in names if not name.startswith(info)} == inside
    assert "chalkgrad/py.typed" in inside
    assert {f"{info}/licenses/{place}" for place in PROJECT["project"]["license-files"]} <= names


def test_the_citation_is_the_packages() -> None:
    """Its format was checked by cffconvert; the names of people are those of the licence, none."""
    text = (ROOT / "CITATION.cff").read_text("utf-8")
    assert re.search(r"^version: (\S+)$", text, re.MULTILINE)[1] == cg.__version__  # type: ignore[index]
    lists = {
        key: re.findall(r"^  - (.+)$", found, re.MULTILINE)
        for key, found in re.findall(r"^(\w+):\n((?:  .+\n)+)", text, re.M)
    }
    project = PROJECT["project"]
    assert lists["authors"] == [f"name: {author['name']}" for author in project["authors"]]
    assert lists["license"] == project["license"].split(" AND ")
    assert set(lists["keywords"]) <= set(project["keywords"])
    assert project["authors"][0]["name"] in (ROOT / "LICENSE").read_text("utf-8")
