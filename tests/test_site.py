"""The docs site builds without a warning, has every public name and every rule, and needs nothing from outside."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zlib
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

import chalkgrad as cg
from chalkgrad import rules

ROOT = Path(__file__).parent.parent


def test_every_public_name_is_documented_once() -> None:
    pages = sorted((ROOT / "docs" / "reference").glob("*.md"))
    found = Counter(
        name
        for page in pages
        for name in re.findall(r"^\.\. auto\w+:: chalkgrad\.(\w+)$", page.read_text("utf-8"), re.MULTILINE)
    )
    wrong = {name: found[name] for name in {*cg.__all__, *found} if found[name] != (name in cg.__all__)}
    assert not wrong, f"entries in docs/reference by name, where there should be one for each of cg.__all__: {wrong}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built from a copy."""
    for module in ("sphinx", "furo", "myst_nb"):
        pytest.importorskip(module, exc_type=ImportError)
    place = tmp_path_factory.mktemp("site")
    ignored = shutil.ignore_patterns("_build", "catalogue", "jupyter_execute", "__pycache__")
    shutil.copytree(ROOT / "docs", place / "docs", ignore=ignored)
    for file in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"):
        shutil.copy(ROOT / file, place)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "docs", "docs/_build"]
    built = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[-10_000:]
    return place / "docs" / "_build"


class Links(HTMLParser):
    """What a page loads, where it leads, and the places in it."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.leads: list[str] = []
        self.places: set[str] = set()
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes what the tag has."""
        has = {key: value for key, value in attrs if value is not None}
        self.places |= {has[key] for key in ("id", "name") if key in has}
        if tag == "a":
            self.leads += [has["href"]] if "href" in has else []
        else:
            self.loads += [has[key] for key in ("src", "href", "data") if key in has and tag != "use"]


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Links]:
    return {page: Links(page) for page in sorted(site.rglob("*.html")) if "pages" not in page.relative_to(site).parts}


@pytest.mark.long
def test_every_public_name_has_an_entry(site: Path) -> None:
    packed = (site / "objects.inv").read_bytes()
    inventory = zlib.decompress(packed.partition(b"zlib.\n")[2]).decode()
    names = re.findall(r"^chalkgrad\.(\w+) py:\w+ ", inventory, re.MULTILINE)
    assert sorted(set(names) & set(cg.__all__)) == sorted(cg.__all__)


@pytest.mark.long
def test_every_rule_is_in_the_catalogue(site: Path) -> None:
    for rule in rules.RULES:
        file = rule.function.__module__.rpartition(".")[2]
        text = (site / "catalogue" / f"rule-{file}.html").read_text("utf-8")
        assert f"<h3>{rule.name}<" in text, (file, rule.name)


@pytest.mark.long
def test_nothing_is_loaded_from_outside(site: Path, pages: dict[Path, Links]) -> None:
    outside = re.compile(r"(https?:)?//")
    loaded = {(page.name, link) for page, found in pages.items() for link in found.loads if outside.match(link)}
    assert not loaded
    for sheet in site.rglob("*.css"):
        text = sheet.read_text("utf-8")
        assert not re.search(r"(?:url\(\s*|@import\s+)[\"']?(?:https?:)?//", text), sheet.name


@pytest.mark.long
def test_every_link_leads_somewhere(site: Path, pages: dict[Path, Links]) -> None:
    broken: list[tuple[str, str]] = []
    for page, found in pages.items():
        for link in {*found.leads, *found.loads}:
            if re.match(r"[a-z]+:", link):
                continue
            path, _, place = link.partition("#")
            target = (page.parent / unquote(path.partition("?")[0])).resolve() if path else page
            there = target.exists() and (not place or target not in pages or unquote(place) in pages[target].places)
            if not there:
                broken.append((str(page.relative_to(site)), link))
    assert not broken
