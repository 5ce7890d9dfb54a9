"""What the docs show is what the commands print; pictures and pages that are generated are not stale."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import sys
from pathlib import Path

import pytest

import chalkgrad as cg
import house
from chalkgrad.cli.main import main
from chalkgrad.examples.example import examples

ROOT = Path(__file__).parent.parent
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DEEPER = [*sorted((ROOT / "docs" / "tutorial").glob("*.md")), *sorted((ROOT / "docs" / "reference").glob("*.md"))]
"""Pages of the site (tests/test_site.py): the tutorial's cells run when it is built."""
SHOWN = re.compile(
    r"```sh\n(chalkgrad (?:explain|derive|write|replay|check|rule)[^\n]*)\n```\n\n```(?:text|python)\n(.*?)```",
    re.DOTALL,
)


def shown() -> list[tuple[str, str, str]]:
    return [(f.name, *map(str, found)) for f in DOCS for found in SHOWN.findall(f.read_text("utf-8"))]


@pytest.mark.parametrize(("file", "command", "output"), shown())
def test_the_docs_show_what_the_commands_print(
    file: str, command: str, output: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(shlex.split(command)[1:]) in ((0, 1) if " check " in command or "--claimed" in command else (0,))
    assert output == capsys.readouterr().out, f"{file}: {command} (run python tests/test_docs.py)"


def test_something_is_shown() -> None:
    assert len(shown()) >= 6


def test_the_tables_are_those_of_the_figures() -> None:
    """What benchmarks/engines.py prints from docs/benchmarks.json."""
    place = ROOT / "benchmarks" / "engines.py"
    spec = importlib.util.spec_from_file_location("engines_benchmark", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    kept = json.loads((ROOT / "docs" / "benchmarks.json").read_text("utf-8"))
    assert module.markdown(kept["records"]) in (ROOT / "docs" / "engines.md").read_text("utf-8")
    assert module.markdown(module.of_readme(kept["records"])) in (ROOT / "README.md").read_text("utf-8")


def test_the_figures_of_the_faults_are_there() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    figures = text.partition("<!-- figures:")[2].partition("<!-- end of the figures -->")[0]
    for area in ("SIGKILL", "At once", "Stopped", "Disk", "Log", "Threads", "Damage", "Hostile files", "Fuzzing"):
        assert f"\n| {area} |" in figures, area


def test_the_worked_example_of_the_docs_is_one(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "worked-examples.md").read_text("utf-8")
    block = re.search(r"```toml\n(.*?)```", text, re.DOTALL)
    assert block is not None
    (tmp_path / "example.toml").write_text(block[1])
    example = cg.load_example(tmp_path / "example.toml")
    assert example.trace().explain("dw1", form="paths").check.agrees
    keys = set(re.findall(r"^\| `\[?(\w+)\]?`", text, re.MULTILINE)) | set(re.findall(r", `(\w+)` \|", text))
    keys |= {"text", "y", "l1", "l2"}
    from chalkgrad.examples.example import KEYS

    assert set(KEYS) <= keys, set(KEYS) - keys


@pytest.mark.parametrize(
    "command",
    re.findall(
        r"^chalkgrad (draw \S+.* --out docs/pictures/\S+)$", (ROOT / "docs" / "explain.md").read_text("utf-8"), re.M
    ),
)
def test_the_drawings_are_not_stale(command: str, tmp_path: Path) -> None:
    words = shlex.split(command)
    drawn = tmp_path / "drawn.svg"
    assert main([*words[:-1], str(drawn)]) == 0
    assert drawn.read_text("utf-8") == (ROOT / words[-1]).read_text("utf-8"), f"stale: run chalkgrad {command}"


PAGES = re.findall(r"`chalkgrad (page \S+ --out docs/pages/\S+)`", (ROOT / "docs" / "page.md").read_text("utf-8"))


@pytest.mark.parametrize("command", [*PAGES[:2], *(pytest.param(page, marks=pytest.mark.long) for page in PAGES[2:])])
def test_the_pages_are_not_stale(command: str, tmp_path: Path) -> None:
    words = shlex.split(command)
    written = tmp_path / "page.html"
    assert main([*words[:-1], str(written)]) == 0
    kept = (ROOT / words[-1]).read_text("utf-8")
    assert written.read_text("utf-8") == kept, "stale: run python tests/test_docs.py"


def test_every_worked_example_has_a_page() -> None:
    assert [shlex.split(command)[1] for command in PAGES] == list(examples())


def test_the_house_is_the_one_that_is_described() -> None:
    """Every room once, from the roof down as tests/house.py has them from the ground up; every file is there."""
    text = (ROOT / "docs" / "house.md").read_text("utf-8")
    assert re.findall(r"^\| .*\| `(\w+)` \|", text, re.MULTILINE) == list(reversed(house.FLOORS))
    files = re.findall(r"`([\w/]+/\w+\.py|\w+\.py)`", text)
    assert len(files) > len(house.FLOORS) // 2
    for file in files:
        assert (ROOT / "src" / "chalkgrad" / file).exists() or (ROOT / file).exists(), file


def test_links_lead_somewhere() -> None:
    for file in (*DOCS, *DEEPER):
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", file.read_text("utf-8")):
            if Path(link).parent.name != "catalogue":  # written when the site is built
                assert (file.parent / link).exists(), f"{file.name}: {link}"


def test_the_figures_that_are_gathered_stand_on_their_pages() -> None:
    """Each answer in docs/measured.md: its numbers, and its command's arguments, on the page that it leads to."""
    text = (ROOT / "docs" / "measured.md").read_text("utf-8")
    answers = re.findall(r"\| \[([^]]+)\]\((\w+\.md)[^)]*\) \| `python ([\w/]+\.py) ?([^`]*)`", text)
    assert len(answers) > 10
    for answer, page, file, arguments in answers:
        there = (ROOT / "docs" / page).read_text("utf-8")
        for number in re.findall(r"\d[\d,.]*(?<=\d)", answer):
            assert re.search(rf"(?<![\d,.]){re.escape(number)}(?![\d,]*\d)", there), f"{page}: {answer}"
        assert arguments in there, f"{page}: {file} {arguments}"
        assert (ROOT / file).exists(), file


def test_the_readme_is_short() -> None:
    assert (ROOT / "README.md").read_text("utf-8").count("\n") < 120


def rewrite() -> None:
    """Puts what the commands print now into the docs."""
    import contextlib
    import io

    for file in DOCS:
        text = file.read_text("utf-8")
        for command, output in SHOWN.findall(text):
            caught = io.StringIO()
            with contextlib.redirect_stdout(caught):
                main(shlex.split(command)[1:])
            head = text.index(f"```sh\n{command}\n```")
            at = text.index(output, head) if output else text.index("```text\n", head) + len("```text\n")
            text = text[:at] + caught.getvalue() + text[at + len(output) :]
        file.write_text(text, "utf-8")
    for command in PAGES:
        words = shlex.split(command)
        main([*words[:-1], str(ROOT / words[-1])])


if __name__ == "__main__":
    rewrite()
