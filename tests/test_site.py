"""The docs site builds without a warning, has every public name and every rule, and needs nothing from outside."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Mapping
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


@pytest.mark.long
def test_the_site_is_whole(tmp_path: Path) -> None:
    """One test, since several processes would build it several times."""
    for module in ("sphinx", "furo", "myst_nb"):
        pytest.importorskip(module)
    site = built(tmp_path)
    pages = {page: Links(page) for page in sorted(site.rglob("*.html")) if "pages" not in page.relative_to(site).parts}
    assert names_without_entry(site) == []
    assert rules_without_place(site) == []
    assert loaded_from_outside(site, pages) == []
    assert links_to_nowhere(site, pages) == []


def built(place: Path) -> Path:
    """The site, built from a copy of what it is made of."""
    ignored = shutil.ignore_patterns("_build", "catalogue", "jupyter_execute", "__pycache__")
    shutil.copytree(ROOT / "docs", place / "docs", ignore=ignored)
    for file in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"):
        shutil.copy(ROOT / file, place)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "docs", "docs/_build"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-10_000:]
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


def names_without_entry(site: Path) -> list[str]:
    """Public names that the reference lacks."""
    packed = (site / "objects.inv").read_bytes()
    inventory = zlib.decompress(packed.partition(b"zlib.\n")[2]).decode()
    found = set(re.findall(r"^chalkgrad\.(\w+) py:\w+ ", inventory, re.MULTILINE))
    return [name for name in cg.__all__ if name not in found]


def rules_without_place(site: Path) -> list[str]:
    """Rules that the catalogue lacks on the page of their file."""
    found = {page.stem: page.read_text("utf-8") for page in (site / "catalogue").glob("rule-*.html")}
    files = {rule: rule.function.__module__.rpartition(".")[2] for rule in rules.RULES}
    return [rule.name for rule, file in files.items() if f"<h3>{rule.name}<" not in found.get(f"rule-{file}", "")]


def loaded_from_outside(site: Path, pages: Mapping[Path, Links]) -> list[tuple[str, str]]:
    """What pages and style sheets would fetch: scripts, styles, pictures, fonts."""
    outside = re.compile(r"(https?:)?//")
    found = [(page.name, link) for page, links in pages.items() for link in links.loads if outside.match(link)]
    imported = re.compile(r"(?:url\(\s*|@import\s+)[\"']?((?:https?:)?//[^\"')]*)")
    return found + [(s.name, link) for s in site.rglob("*.css") for link in imported.findall(s.read_text("utf-8"))]


def links_to_nowhere(site: Path, pages: Mapping[Path, Links]) -> list[tuple[str, str]]:
    """Links within the site to a file, or a place in a page, that is not there."""
    broken: list[tuple[str, str]] = []
    for page, links in pages.items():
        for link in {*links.leads, *links.loads}:
            if re.match(r"[a-z]+:", link):
                continue
            path, _, place = link.partition("#")
            target = (page.parent / unquote(path.partition("?")[0])).resolve() if path else page
            there = target.exists() and (not place or target not in pages or unquote(place) in pages[target].places)
            if not there:
                broken.append((str(page.relative_to(site)), link))
    return broken
