from __future__ import annotations

from pathlib import Path

import pytest

from chalkgrad.cli import main


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """What a command prints, and its one line on stderr."""
    assert main(list(words)) == code
    found = capsys.readouterr()
    if code == 2:
        assert found.err.count("\n") == 1
        assert "Traceback" not in found.err
    return found.out + found.err


@pytest.mark.parametrize(
    "words",
    [
        ["explain", "dw1", "--form", "paths"],
        ["explain"],
        ["derive", "--numbers", "--update"],
        ["draw"],
        ["write"],
        ["check"],
    ],
)
def test_a_worksheets_own_file_is_opened_as_the_example_on_it(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "worksheet", "web", "--seed", "3", "--out", "sheet", "--format", "markdown")
    command, *options = words
    shown = said(capsys, command, "sheet/worksheet.toml", *options)
    assert shown != said(capsys, command, "web", *options)  # the sheet's numbers, not the example's own


def contents(folder: str) -> dict[str, bytes]:
    return {str(f): f.read_bytes() for f in Path(folder).rglob("*") if f.is_file()}


@pytest.mark.parametrize("file", ["answers.toml", "worksheet.ipynb", "worksheet.toml", "solution/solution.md"])
def test_what_somebody_filled_in_is_never_overwritten(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "worksheet", "web", "--seed", "1", "--out", "sheet")
    said(capsys, "worksheet", "web", "--seed", "2", "--out", "sheet")  # nobody has written anything yet
    said(capsys, "worksheet", "web", "--seed", "2", "--out", "sheet", "--format", "html")
    said(capsys, "worksheet", "web", "--seed", "1", "--out", "sheet")
    own = Path("sheet") / file
    own.write_text(own.read_text("utf-8").replace("Sheet", "My sheet") + "\n# mine", "utf-8")
    before = contents("sheet")
    for seed in ("1", "3"):
        told = said(capsys, "worksheet", "web", "--seed", seed, "--out", "sheet", code=2)
        assert f"{own} is not as chalkgrad wrote it" in told
        assert "another --out" in told
    assert contents("sheet") == before
    said(capsys, "worksheet", "web", "--seed", "3", "--out", "other")
    own.rename("mine")
    said(capsys, "worksheet", "web", "--seed", "3", "--out", "sheet")
    assert contents("sheet").keys() == before.keys()


def test_of_a_class_nothing_is_written_where_one_sheet_is_filled_in(capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "worksheet", "web", "--seed", "5", "--count", "2", "--out", "class", "--format", "markdown")
    assert {f.name for f in Path("class/sheet-5").iterdir()} == {"worksheet.md", "worksheet.toml", "answers.toml"}
    filled = Path("class/sheet-6/answers.toml")
    filled.write_text('name = "Eve"\n')
    before = contents("class")
    told = said(capsys, "worksheet", "web", "--seed", "4", "--count", "4", "--out", "class", code=2)
    assert str(filled) in told
    assert contents("class") == before


def test_answers_in_a_folder_that_chalkgrad_did_not_write_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    Path("own").mkdir()
    Path("own/answers.toml").write_text('dw1 = "1"\n')
    said(capsys, "worksheet", "web", "--out", "own", code=2)
    assert contents("own") == {"own/answers.toml": b'dw1 = "1"\n'}
